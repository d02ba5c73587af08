/* SPDX-License-Identifier: MIT */
/* A primary is stopped under hundreds of clients, replaced, and goes on: does anybody hear from it what is no longer so?
 *
 * Half of the clients set a key each to 1, 2, 3 and so on, the others read these keys; each asks again as soon as it is
 * answered.  At some moment the primary is stopped (SIGSTOP), and what lies in sockets is read.  When another node serves, each key
 * must hold there what its writer was told, and is set to a number beyond all.  Then the primary goes on (SIGCONT): an
 * answer from it, other than an error, tells of a time that is over. */
#include "tests/demo/demo.h"

#include "base/attr.h"
#include "base/mem.h"
#include "base/num.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    ASKERS = 400,
    RUN_MIN_MS = 300, /* before the stop */
    RUN_MORE_MS = 700,
    DRAIN_MS = 300, /* what lies in sockets is read long before */
    AFTER_MS = 1000,
    POLL_MS = 20,
    TIMEOUT_MS = 3000,
    BEYOND = 1000000000,
};

struct asker {
    struct client *client; /* NULL: closed */
    size_t key;            /* of two askers */
    bool is_writer;
    int64_t asked; /* what a writer sets now; the least that a reader may see */
};

struct stops {
    struct demo *demo;
    char tag[32];
    int round;
    struct asker askers[ASKERS];
    int64_t acked[ASKERS / 2]; /* of each key */
    bool asks_again;
    bool is_over; /* the primary is none any more */
    uint64_t answers, errors, late, older, lost;
};

static void name_key(const struct stops *s, size_t key, char out[64])
{
    snprintf(out, 64, "{%s}:%d:%zu", s->tag, s->round, key);
}

static void ask(struct stops *s, struct asker *a)
{
    char key[64];
    char value[32];

    name_key(s, a->key, key);
    if (a->is_writer) {
        snprintf(value, sizeof(value), "%lld", (long long)++a->asked);
        client_send_texts(a->client, 3, "SET", key, value);
    } else {
        a->asked = s->acked[a->key];
        client_send_texts(a->client, 2, "GET", key);
    }
}

static void note_answer(struct stops *s, struct asker *a, const struct resp_value *reply)
{
    int64_t seen = 0;

    s->answers++;
    if (reply->type == RESP_FAILURE) {
        s->errors++;
        return;
    }
    s->late += s->is_over ? 1 : 0;
    if (a->is_writer) {
        s->acked[a->key] = a->asked;
    } else {
        bool is_number = num_parse_i64(resp_value_bytes(reply), &seen);

        s->older += seen < a->asked || (a->asked > 0 && !is_number) ? 1 : 0;
    }
}

static void hear(struct stops *s, struct asker *a)
{
    struct resp_value reply;
    bool is_open = client_pump(a->client, NULL) == CLIENT_OK;

    while (client_try_read(a->client, &reply, NULL) == CLIENT_OK) {
        note_answer(s, a, &reply);
        resp_value_deinit(&reply);
        if (s->asks_again && is_open) {
            ask(s, a);
            is_open = client_pump(a->client, NULL) == CLIENT_OK;
        }
    }
    if (!is_open) {
        client_close(a->client);
        a->client = NULL;
    }
}

static void hear_all(struct stops *s, int64_t ms)
{
    struct pollfd fds[ASKERS];
    int64_t until = support_now_ms() + ms;

    while (support_now_ms() < until) {
        for (size_t i = 0; i < ASKERS; i++) {
            const struct client *client = s->askers[i].client;

            fds[i] =
                (struct pollfd){.fd = client != NULL ? client_fd(client) : -1, .events = POLLIN};
        }
        if (poll(fds, ASKERS, POLL_MS) <= 0) {
            continue;
        }
        for (size_t i = 0; i < ASKERS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0) {
                hear(s, &s->askers[i]);
            }
        }
    }
}

static bool open_askers(struct stops *s, size_t node)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = s->demo->servers[node].port, .timeout_ms = TIMEOUT_MS};

    memset(s->acked, 0, sizeof(s->acked));
    for (size_t i = 0; i < ASKERS; i++) {
        s->askers[i] = (struct asker){.key = i / 2, .is_writer = i % 2 == 0};
        s->askers[i].client = client_open(&options, &s->demo->error);
        if (s->askers[i].client == NULL) {
            return false;
        }
    }
    return true;
}

static void close_askers(struct stops *s)
{
    for (size_t i = 0; i < ASKERS; i++) {
        if (s->askers[i].client != NULL) {
            client_close(s->askers[i].client);
            s->askers[i].client = NULL;
        }
    }
}

static bool wait_for_other(struct stops *s, size_t node, int64_t *took_ms)
{
    int64_t began = support_now_ms();
    char key[64];
    char reply[DEMO_TEXT];

    snprintf(key, sizeof(key), "{%s}:new", s->tag);
    while (support_now_ms() < began + DEMO_HEAL_MS) {
        if (demo_ask_text(s->demo, node, reply, 3, "SET", key, "1") && strcmp(reply, "OK") == 0) {
            *took_ms = support_now_ms() - began;
            return true;
        }
        hear_all(s, POLL_MS);
    }
    errmsg_set(&s->demo->error, "nobody took over from a stopped primary");
    return false;
}

/* What was acknowledged is there, and is something else from now on. */
static bool go_on_at(struct stops *s, size_t node)
{
    char beyond[32];

    snprintf(beyond, sizeof(beyond), "%d", BEYOND);
    for (size_t key = 0; key < ASKERS / 2; key++) {
        char name[64];
        char reply[DEMO_TEXT];
        int64_t has = 0;

        name_key(s, key, name);
        if (!demo_ask_text(s->demo, node, reply, 2, "GET", name)) {
            return false;
        }
        if (s->acked[key] > 0) {
            bool is_number = num_parse_i64(bytes_from_text(reply), &has);

            s->lost += !is_number || has < s->acked[key] ? 1 : 0;
        }
        if (!demo_ask_text(s->demo, node, reply, 3, "SET", name, beyond)) {
            return false;
        }
    }
    return true;
}

static bool run_round(struct stops *s, const struct demo_range *range, int round)
{
    struct demo *demo = s->demo;
    int64_t took_ms = 0;
    bool is_ok;

    demo_tag_in(range, s->tag);
    s->round = round;
    s->is_over = false;
    s->asks_again = true;
    if (!open_askers(s, range->primary)) {
        return false;
    }
    for (size_t i = 0; i < ASKERS; i++) {
        ask(s, &s->askers[i]);
        hear(s, &s->askers[i]);
    }
    hear_all(s, RUN_MIN_MS + (int64_t)rng_below(&demo->rng, RUN_MORE_MS));
    demo_disconnect(demo, range->primary);
    server_signal(&demo->servers[range->primary], SIGSTOP);
    s->asks_again = false;
    hear_all(s, DRAIN_MS);
    is_ok = wait_for_other(s, range->replica, &took_ms) && go_on_at(s, range->replica);
    s->is_over = true;
    server_signal(&demo->servers[range->primary], SIGCONT);
    hear_all(s, is_ok ? AFTER_MS : 0);
    close_askers(s);
    printf("%5d %8lld %12llu %8llu %8llu %8llu %8llu\n", round, (long long)took_ms + DRAIN_MS,
           (unsigned long long)s->answers, (unsigned long long)s->errors,
           (unsigned long long)s->late, (unsigned long long)s->older, (unsigned long long)s->lost);
    fflush(stdout);
    return is_ok;
}

bool stops_run(struct demo *demo, int rounds)
{
    struct stops *s = mem_alloc_zeroed(MEM_TEST, sizeof(*s));
    struct demo_map map;
    bool is_ok = demo_start_servers(demo) && demo_form_cluster(demo);

    s->demo = demo;
    printf("%5s %8s %12s %8s %8s %8s %8s\n", "round", "ms until", "answers", "errors", "late",
           "older", "lost");
    for (int i = 0; i < rounds && is_ok; i++) {
        is_ok = demo_wait_healthy(demo) && demo_wait_map(demo, 0, &map) &&
                run_round(s, &map.ranges[rng_below(&demo->rng, map.count)], i + 1);
    }
    if (is_ok && (s->late > 0 || s->older > 0 || s->lost > 0)) {
        errmsg_set(&demo->error, "a client was told what is no longer so, or what nobody knows of");
        is_ok = false;
    }
    mem_free(MEM_TEST, s);
    return is_ok;
}
