/* SPDX-License-Identifier: MIT */
#include "tests/bench/acked.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/client.h"
#include "tests/support/server.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
    WRITERS = 8,
    SLOTS = 1000, /* keys of each */
    PIPELINE = 8,
    TIMEOUT_MS = 20000,
    AGAIN_MS = 10,
    PAUSE_MS = 2, /* between pipelines: no disk is slower than all of them together */
};

/* Of one key: numbers of writes, 0 for none. */
struct slot {
    uint64_t sent;
    uint64_t acknowledged;
};

struct writer {
    struct acked *acked;
    size_t index;
    pthread_t thread;
    struct client *client;
    uint64_t number; /* of the newest write */
    uint64_t acknowledged;
    uint64_t refused;
    struct slot counter; /* as it may be, and as it must be at least */
    struct slot slots[SLOTS];
};

struct acked {
    uint16_t port;
    bool is_running;
    atomic_bool is_over;
    struct acked_facts found; /* by checks */
    struct writer writers[WRITERS];
};

static struct client *connect_to(const struct acked *acked, struct errmsg *error)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = acked->port, .timeout_ms = TIMEOUT_MS};

    return client_open(&options, error);
}

/* ---- writing ----------------------------------------------------------------------------------*/

static void send_one(struct writer *w)
{
    uint64_t number = ++w->number;
    size_t slot = number % SLOTS;
    char key[48];
    char value[32];

    snprintf(key, sizeof(key), "w:%zu:%zu", w->index, slot);
    snprintf(value, sizeof(value), "%" PRIu64, number);
    w->slots[slot].sent = number;
    client_send_texts(w->client, 3, "SET", key, value);
}

static void send_all(struct writer *w)
{
    char key[32];

    for (int i = 0; i < PIPELINE; i++) {
        send_one(w);
    }
    snprintf(key, sizeof(key), "n:%zu", w->index);
    w->counter.sent++;
    client_send_texts(w->client, 2, "INCR", key);
}

/* False when the connection is lost. */
static bool read_all(struct writer *w)
{
    for (uint64_t i = 0; i <= PIPELINE; i++) {
        uint64_t number = w->number - PIPELINE + 1 + i;
        struct resp_value value;

        if (client_read(w->client, &value, NULL) != CLIENT_OK) {
            return false;
        }
        if (value.type == RESP_INTEGER) {
            w->counter.acknowledged = (uint64_t)value.integer;
            w->acknowledged++;
        } else if (value.type == RESP_SIMPLE && i < PIPELINE) {
            w->slots[number % SLOTS].acknowledged = number;
            w->acknowledged++;
        } else {
            w->refused++;
        }
        resp_value_deinit(&value);
    }
    return true;
}

static void *write_until_over(void *context)
{
    struct writer *w = context;

    while (!atomic_load(&w->acked->is_over)) {
        if (w->client == NULL) {
            w->client = connect_to(w->acked, NULL);
        }
        if (w->client != NULL) {
            send_all(w);
        }
        if (w->client == NULL || !read_all(w)) {
            client_close(w->client);
            w->client = NULL;
            support_pause_ms(AGAIN_MS);
        } else {
            support_pause_ms(PAUSE_MS);
        }
    }
    client_close(w->client);
    w->client = NULL;
    return NULL;
}

bool acked_start(struct acked *acked, struct errmsg *error)
{
    ASSERT(!acked->is_running);
    atomic_store(&acked->is_over, false);
    acked->is_running = true;
    for (size_t i = 0; i < WRITERS; i++) {
        if (pthread_create(&acked->writers[i].thread, NULL, write_until_over, &acked->writers[i]) !=
            0) {
            errmsg_set(error, "no thread for a writer");
            return false;
        }
    }
    return true;
}

void acked_stop(struct acked *acked)
{
    ASSERT(acked->is_running);
    atomic_store(&acked->is_over, true);
    for (size_t i = 0; i < WRITERS; i++) {
        pthread_join(acked->writers[i].thread, NULL);
    }
    acked->is_running = false;
}

/* ---- checking ---------------------------------------------------------------------------------*/

static bool check_key(struct acked *acked, struct client *client, const struct slot *slot,
                      struct errmsg *error)
{
    struct resp_value value;
    uint64_t number = 0;

    if (client_read(client, &value, error) != CLIENT_OK) {
        return false;
    }
    if (value.type == RESP_BULK && !num_parse_u64(resp_value_bytes(&value), &number)) {
        resp_value_deinit(&value);
        errmsg_set(error, "a key holds what nobody wrote");
        return false;
    }
    acked->found.missing += number < slot->acknowledged ? 1 : 0;
    acked->found.invented += number > slot->sent ? 1 : 0;
    resp_value_deinit(&value);
    return true;
}

static bool check_writer(struct acked *acked, struct client *client, const struct writer *w,
                         struct errmsg *error)
{
    char key[48];
    bool is_ok = true;

    for (size_t i = 0; i < SLOTS; i++) {
        snprintf(key, sizeof(key), "w:%zu:%zu", w->index, i);
        client_send_texts(client, 2, "GET", key);
    }
    snprintf(key, sizeof(key), "n:%zu", w->index);
    client_send_texts(client, 2, "GET", key);
    for (size_t i = 0; i < SLOTS && is_ok; i++) {
        is_ok = check_key(acked, client, &w->slots[i], error);
    }
    return is_ok && check_key(acked, client, &w->counter, error);
}

bool acked_check(struct acked *acked, struct errmsg *error)
{
    struct client *client = connect_to(acked, error);
    bool is_ok = client != NULL;

    ASSERT(!acked->is_running);
    for (size_t i = 0; i < WRITERS && is_ok; i++) {
        is_ok = check_writer(acked, client, &acked->writers[i], error);
    }
    client_close(client);
    return is_ok;
}

struct acked_facts acked_facts(const struct acked *acked)
{
    struct acked_facts facts = acked->found;

    for (size_t i = 0; i < WRITERS; i++) {
        facts.acknowledged += acked->writers[i].acknowledged;
        facts.refused += acked->writers[i].refused;
    }
    return facts;
}

struct acked *acked_new(uint16_t port)
{
    struct acked *acked = mem_alloc_zeroed(MEM_TEST, sizeof(*acked));

    acked->port = port;
    for (size_t i = 0; i < WRITERS; i++) {
        acked->writers[i].acked = acked;
        acked->writers[i].index = i;
    }
    return acked;
}

void acked_free(struct acked *acked)
{
    if (acked != NULL && acked->is_running) {
        acked_stop(acked);
    }
    mem_free(MEM_TEST, acked);
}
