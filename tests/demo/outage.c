/* SPDX-License-Identifier: MIT */
/* How long a client goes without an answer when a primary ends, and what it is told meanwhile.
 *
 * One connection sets a key of the victim's slots, again and again, and follows MOVED as cluster clients do; when it
 * breaks, the next node is asked.  An outage is the longest time between two answers of OK.  An error
 * is what a client library would hand on: an error reply other than MOVED, or a connection that broke under a request.
 *
 * The counters of a probe are written by its thread, and read by the main thread when that has stopped. */
#include "tests/demo/demo.h"

#include "base/attr.h"
#include "io/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUTAGES_MAX = 1000,
    CALL_TIMEOUT_MS = 500, /* a stopped server does not answer */
    BEFORE_WRITES = 100,
    AFTER_WRITES = 200,
    SETTLE_MS =
        1100, /* who was started grants no lease for a node timeout: an outage for each round, not one for two */
    PAUSE_MAX_MS = 1000, /* it comes at any moment of the heartbeat */
    RETRY_MS = 1,
};

struct probe {
    pthread_t thread;
    const struct demo *demo;
    char key[64];
    size_t node; /* whom it asks */
    struct client *client;
    atomic_bool is_to_stop;
    atomic_int writes;
    atomic_size_t served_by; /* the node that answered last */
    int64_t answered_us;
    int64_t longest_us;
    int refused;
    int broken;
};

static void drop_client(struct probe *p)
{
    if (p->client != NULL) {
        client_close(p->client);
        p->client = NULL;
    }
}

static void ask_next(struct probe *p)
{
    drop_client(p);
    p->node = (p->node + 1) % p->demo->node_count;
    support_pause_ms(RETRY_MS);
}

static bool open_client(struct probe *p)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = p->demo->servers[p->node].port, .timeout_ms = CALL_TIMEOUT_MS};

    if (p->client == NULL) {
        p->client = client_open(&options, NULL);
    }
    return p->client != NULL;
}

static void note_answer(struct probe *p)
{
    int64_t now_us = clock_mono_now().us;

    if (p->answered_us != 0 && now_us - p->answered_us > p->longest_us) {
        p->longest_us = now_us - p->answered_us;
    }
    p->answered_us = now_us;
    atomic_store(&p->served_by, p->node);
    atomic_fetch_add(&p->writes, 1);
}

static void take_reply(struct probe *p, const struct resp_value *reply)
{
    size_t target;

    if (resp_value_is_text(reply, "OK")) {
        note_answer(p);
        return;
    }
    target = demo_moved_to(p->demo, resp_value_bytes(reply));
    if (target < DEMO_NODES && target != p->node) {
        drop_client(p);
        p->node = target;
        return;
    }
    p->refused++;
    ask_next(p);
}

static void write_once(struct probe *p)
{
    struct resp_value reply;

    if (!open_client(p)) {
        ask_next(p); /* libraries keep that to themselves */
        return;
    }
    client_send_texts(p->client, 3, "SET", p->key, "x");
    if (client_read(p->client, &reply, NULL) != CLIENT_OK) {
        p->broken++;
        ask_next(p);
        return;
    }
    take_reply(p, &reply);
    resp_value_deinit(&reply);
}

static void *run_probe(void *context)
{
    struct probe *p = context;

    while (!atomic_load(&p->is_to_stop)) {
        write_once(p);
    }
    drop_client(p);
    return NULL;
}

/* ---- a round ---------------------------------------------------------------------------------- */

enum way {
    WAY_KILL,
    WAY_STOP,
    WAY_TERM,
    WAY_PLANNED,
    WAY_COUNT
};

static const char *const way_names[WAY_COUNT] = {"KILL", "STOP", "TERM", "CLUSTER FAILOVER"};

struct outcomes {
    int64_t outage_us[OUTAGES_MAX];
    int refused;
    int broken;
};

static bool wait_writes(struct demo *demo, struct probe *p, int more, size_t other_than)
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;
    int wanted = atomic_load(&p->writes) + more;

    while (atomic_load(&p->writes) < wanted || atomic_load(&p->served_by) == other_than) {
        if (support_now_ms() > until) {
            errmsg_set(&demo->error, "%d more writes to {%s} are not answered by another node",
                       more, p->key);
            return false;
        }
        if (atomic_load(&p->served_by) == other_than) {
            wanted = atomic_load(&p->writes) + more;
        }
        support_pause_ms(RETRY_MS);
    }
    return true;
}

static bool end_primary(struct demo *demo, const struct demo_range *range, enum way way)
{
    static const int signals[WAY_PLANNED] = {SIGKILL, SIGSTOP, SIGTERM};
    struct server *victim = &demo->servers[range->primary];
    char reply[DEMO_TEXT];

    if (way == WAY_PLANNED) {
        return demo_ask_text(demo, range->replica, reply, 2, "CLUSTER", "FAILOVER") &&
               strcmp(reply, "OK") == 0;
    }
    demo_disconnect(demo, range->primary);
    if (way == WAY_TERM) {
        return kill(victim->pid, SIGTERM) == 0;
    }
    server_signal(victim, signals[way]);
    return true;
}

static bool bring_back(struct demo *demo, size_t node, enum way way)
{
    struct server *victim = &demo->servers[node];
    int status;

    switch (way) {
    case WAY_STOP:
        server_signal(victim, SIGCONT);
        return true;
    case WAY_TERM:
        if (!server_wait_end(victim, DEMO_HEAL_MS, &status) || status != 0) {
            errmsg_set(&demo->error, "a server that was asked to end did not, or not well");
            return false;
        }
        return server_start(victim, &demo->error);
    case WAY_KILL:
        return server_start(victim, &demo->error);
    case WAY_PLANNED:
    case WAY_COUNT:
        break;
    }
    return true;
}

static bool run_round(struct demo *demo, const struct demo_range *range, enum way way,
                      struct probe *p)
{
    char tag[32];

    *p = (struct probe){.demo = demo, .node = range->primary};
    demo_tag_in(range, tag);
    snprintf(p->key, sizeof(p->key), "{%s}:outage", tag);
    atomic_store(&p->served_by, range->primary);
    if (pthread_create(&p->thread, NULL, run_probe, p) != 0) {
        errmsg_set(&demo->error, "cannot start a thread");
        return false;
    }
    support_pause_ms(SETTLE_MS + (int64_t)rng_below(&demo->rng, PAUSE_MAX_MS));
    if (!wait_writes(demo, p, BEFORE_WRITES, DEMO_NODES) || !end_primary(demo, range, way) ||
        !wait_writes(demo, p, AFTER_WRITES, range->primary)) {
        atomic_store(&p->is_to_stop, true);
        pthread_join(p->thread, NULL);
        return false;
    }
    atomic_store(&p->is_to_stop, true);
    pthread_join(p->thread, NULL);
    return bring_back(demo, range->primary, way);
}

/* ---- the table -------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;

    return left < right ? -1 : left > right;
}

static void print_row(const char *shape, enum way way, struct outcomes *o, size_t rounds)
{
    size_t middle = rounds / 2;
    size_t late = (rounds * 99 + 99) / 100 - 1;

    qsort(o->outage_us, rounds, sizeof(o->outage_us[0]), compare_times);
    printf("%-12s %-17s %6zu %8.1f %8.1f %8.1f %9d %9d\n", shape, way_names[way], rounds,
           (double)o->outage_us[middle] / 1000, (double)o->outage_us[late] / 1000,
           (double)o->outage_us[rounds - 1] / 1000, o->refused, o->broken);
    fflush(stdout);
}

static bool measure_way(struct demo *demo, const char *shape, enum way way, int rounds)
{
    struct outcomes outcomes = {.refused = 0};
    struct demo_map map;
    struct probe p;

    for (int i = 0; i < rounds; i++) {
        if (!demo_wait_healthy(demo) || !demo_wait_map(demo, 0, &map) ||
            !run_round(demo, &map.ranges[(size_t)i % map.count], way, &p)) {
            errmsg_wrap(&demo->error, "%s, %s, round %d", shape, way_names[way], i + 1);
            return false;
        }
        outcomes.outage_us[i] = p.longest_us;
        outcomes.refused += p.refused;
        outcomes.broken += p.broken;
    }
    print_row(shape, way, &outcomes, (size_t)rounds);
    return true;
}

struct shape {
    const char *name;
    size_t nodes;
    size_t primaries;
    size_t arbiters;
};

static bool measure_shape(struct demo *demo, const struct shape *shape, int rounds)
{
    bool is_ok;

    demo->node_count = shape->nodes;
    demo->primary_count = shape->primaries;
    demo->arbiter_count = shape->arbiters;
    is_ok = demo_start_servers(demo) && demo_form_cluster(demo);
    for (int way = 0; way < WAY_COUNT && is_ok; way++) {
        is_ok = measure_way(demo, shape->name, (enum way)way, rounds);
    }
    if (is_ok) {
        demo_clean_up(demo);
    }
    return is_ok;
}

bool outage_measure(struct demo *demo, const char *shape, int rounds)
{
    static const struct shape shapes[] = {
        {"3+3",         6, 3, 0},
        {"1+2",         3, 1, 0},
        {"1+1+arbiter", 3, 1, 1},
    };
    bool is_known = false;

    printf("%-12s %-17s %6s %8s %8s %8s %9s %9s\n", "cluster", "primary ended by", "rounds",
           "median", "p99", "worst ms", "refusals", "broken");
    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        if (strcmp(shape, "all") == 0 || strcmp(shape, shapes[i].name) == 0) {
            is_known = true;
            if (!measure_shape(demo, &shapes[i], rounds)) {
                return false;
            }
        }
    }
    if (!is_known) {
        errmsg_set(&demo->error, "there is no shape '%s'", shape);
    }
    return is_known;
}
