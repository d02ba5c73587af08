/* SPDX-License-Identifier: MIT */
/* Background traffic: one thread per shard sets keys and waits for a replica to acknowledge each.
 *
 * Key n of a writer is "{tag}:n" with value n.  It counts as acknowledged when SET answered OK and
 * WAIT 1 answered at least 1, on the same connection.  Whatever goes wrong, the writer looks for
 * its primary again and goes on with the next key: no key is written twice.
 *
 * A writer's arrays are read by the main thread only after traffic_stop. */
#include "tests/demo/demo.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum {
    WAIT_MS = 200, /* for the replica's acknowledgement */
    CALL_TIMEOUT_MS = 2000,
    RETRY_MS = 2,
    CHECK_PIPELINE = 200,
};

static void drop_connection(struct writer *w)
{
    if (w->client != NULL) {
        client_close(w->client);
        w->client = NULL;
    }
}

/* The next server round the table: a MOVED of any of them leads to the right one. */
static void try_next_port(struct writer *w)
{
    size_t i = 0;

    while (i < DEMO_NODES && w->ports[i] != w->port) {
        i++;
    }
    w->port = w->ports[(i + 1) % DEMO_NODES];
}

static bool connect_writer(struct writer *w)
{
    struct client_options options = {
        .host = "127.0.0.1", .port = w->port, .timeout_ms = CALL_TIMEOUT_MS};

    if (w->client == NULL) {
        w->client = client_open(&options, NULL);
    }
    return w->client != NULL;
}

/* "MOVED 1234 127.0.0.1:7002" */
static bool parse_moved(struct bytes text, uint16_t *port)
{
    int64_t number;

    if (!bytes_has_prefix(text, "MOVED ")) {
        return false;
    }
    for (size_t colon = bytes_find_byte(text, ':'); colon != SIZE_MAX;
         colon = bytes_find_byte(text, ':')) {
        text = bytes_from(text, colon + 1);
    }
    if (!num_parse_i64(text, &number) || number < 1 || number > UINT16_MAX) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

enum outcome {
    WROTE,
    REFUSED, /* answered, not accepted: ask again soon */
    MOVED,   /* w->port is the one to ask */
    LOST,    /* the connection is of no use any more */
};

static enum outcome set_key(struct writer *w, const char *key, const char *value)
{
    struct resp_value reply;
    enum outcome outcome = REFUSED;
    uint16_t port;

    client_send_texts(w->client, 3, "SET", key, value);
    if (client_read(w->client, &reply, NULL) != CLIENT_OK) {
        return LOST;
    }
    if (resp_value_is_text(&reply, "OK")) {
        outcome = WROTE;
    } else if (parse_moved(resp_value_bytes(&reply), &port) && port != w->port) {
        w->port = port;
        outcome = MOVED;
    }
    resp_value_deinit(&reply);
    return outcome;
}

static bool is_acknowledged(struct writer *w)
{
    struct resp_value reply;
    char wait_ms[16];
    bool is_there;

    snprintf(wait_ms, sizeof(wait_ms), "%d", WAIT_MS);
    client_send_texts(w->client, 3, "WAIT", "1", wait_ms);
    if (client_read(w->client, &reply, NULL) != CLIENT_OK) {
        return false;
    }
    is_there = reply.type == RESP_INTEGER && reply.integer >= 1;
    resp_value_deinit(&reply);
    return is_there;
}

static void write_one(struct writer *w)
{
    char key[64];
    char value[16];
    int number = w->write_count;
    enum outcome outcome;

    if (!connect_writer(w)) {
        try_next_port(w);
        w->refused_count++;
        support_pause_ms(RETRY_MS);
        return;
    }
    snprintf(key, sizeof(key), "{%s}:%d", w->tag, number);
    snprintf(value, sizeof(value), "%d", number);
    outcome = set_key(w, key, value);
    if (outcome == REFUSED) {
        w->refused_count++;
        support_pause_ms(RETRY_MS);
        return;
    }
    if (outcome == MOVED) {
        drop_connection(w);
        return;
    }
    /* After a lost connection nobody knows whether it was written: the next key is another one. */
    w->write_count++;
    if (outcome == LOST) {
        w->refused_count++;
        drop_connection(w);
    } else if (is_acknowledged(w)) {
        w->acknowledged[number] = true;
        atomic_fetch_add(&w->acknowledged_count, 1);
    }
}

static void *run_writer(void *context)
{
    struct writer *w = context;

    while (!atomic_load(&w->is_to_stop) && w->write_count < TRAFFIC_WRITES_MAX) {
        write_one(w);
    }
    drop_connection(w);
    return NULL;
}

bool traffic_start(struct demo *demo, struct traffic *traffic,
                   const struct demo_range *shards[DEMO_PRIMARIES])
{
    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        struct writer *w = &traffic->writers[i];

        for (size_t node = 0; node < DEMO_NODES; node++) {
            w->ports[node] = demo->servers[node].port;
        }
        w->port = demo->servers[shards[i]->primary].port;
        demo_tag_in(shards[i], w->tag);
        if (pthread_create(&w->thread, NULL, run_writer, w) != 0) {
            errmsg_set(&demo->error, "cannot start a thread");
            traffic_stop(traffic);
            return false;
        }
        traffic->started_count++;
    }
    return true;
}

bool traffic_wait_for(struct demo *demo, struct traffic *traffic, unsigned which_mask, int more)
{
    int64_t until = support_now_ms() + DEMO_HEAL_MS;
    int wanted[DEMO_PRIMARIES];

    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        int now = atomic_load(&traffic->writers[i].acknowledged_count);

        wanted[i] = (which_mask >> i & 1) != 0 ? now + more : 0;
    }
    for (size_t i = 0; i < DEMO_PRIMARIES;) {
        if (atomic_load(&traffic->writers[i].acknowledged_count) >= wanted[i]) {
            i++;
        } else if (support_now_ms() > until) {
            errmsg_set(&demo->error, "the writes to shard %zu are not acknowledged", i + 1);
            return false;
        } else {
            support_pause_ms(RETRY_MS);
        }
    }
    return true;
}

void traffic_stop(struct traffic *traffic)
{
    for (size_t i = 0; i < traffic->started_count; i++) {
        atomic_store(&traffic->writers[i].is_to_stop, true);
    }
    for (size_t i = 0; i < traffic->started_count; i++) {
        pthread_join(traffic->writers[i].thread, NULL);
    }
    traffic->started_count = 0;
}

/* ---- afterwards ------------------------------------------------------------------------------- */

/* Ask for up to CHECK_PIPELINE acknowledged keys from *number on; *missing counts those that are
 * not there as written. */
static bool check_some(struct client *client, const struct writer *w, int *number, int *missing)
{
    int asked[CHECK_PIPELINE];
    size_t count = 0;

    for (; *number < w->write_count && count < CHECK_PIPELINE; ++*number) {
        char key[64];

        if (w->acknowledged[*number]) {
            snprintf(key, sizeof(key), "{%s}:%d", w->tag, *number);
            client_send_texts(client, 2, "GET", key);
            asked[count++] = *number;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct resp_value reply;
        char expected[16];

        if (client_read(client, &reply, NULL) != CLIENT_OK) {
            return false;
        }
        snprintf(expected, sizeof(expected), "%d", asked[i]);
        *missing += !resp_value_is_text(&reply, expected);
        resp_value_deinit(&reply);
    }
    return true;
}

static bool check_writer(struct demo *demo, const struct writer *w, const struct demo_map *map)
{
    const struct demo_range *range = demo_find_range(map, demo_slot(w->tag));
    struct client *client;
    int number = 0;
    int missing = 0;
    bool is_ok = true;

    if (range == NULL) {
        errmsg_set(&demo->error, "nobody serves the slot of {%s}", w->tag);
        return false;
    }
    client = server_connect(&demo->servers[range->primary], &demo->error);
    if (client == NULL) {
        return false;
    }
    while (is_ok && number < w->write_count) {
        is_ok = check_some(client, w, &number, &missing);
    }
    client_close(client);
    if (!is_ok) {
        errmsg_set(&demo->error, "the connection broke while the keys of {%s} were read", w->tag);
    } else if (missing > 0) {
        errmsg_set(&demo->error, "%d acknowledged writes to {%s} are lost", missing, w->tag);
    }
    return is_ok && missing == 0;
}

bool traffic_check(struct demo *demo, const struct traffic *traffic, const struct demo_map *map)
{
    for (size_t i = 0; i < DEMO_PRIMARIES; i++) {
        if (!check_writer(demo, &traffic->writers[i], map)) {
            return false;
        }
    }
    return true;
}
