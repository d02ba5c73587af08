/* SPDX-License-Identifier: MIT */
/* Readers: each has one connection on which it is told what changed of what it has read, and of messages.
 *
 * A cache is right up to what is still under way to it.  So a reader that wants to know sends a PING first,
 * whose answer comes behind all that it was told before: what was acknowledged to a writer before the PING
 * left must be in the cache when the answer has come, or the key must not be there. */
#include "tests/sim/world.h"

#include "base/num.h"
#include "resp/value.h"
#include "resp/writer.h"

#include <stdio.h>

enum {
    THINK_US = 40000,
    ANSWER_TIMEOUT_US = 2000000,
    FENCE_PART = 3,   /* one of so many requests */
    WATCHED_PART = 2, /* one of so many reads is of the same key, where that is copied */
    MOVE_PART = 6,    /* of so many keys that another node has, one makes a reader go there */
    COME_MS = 5000,   /* all have to be there when nothing fails */
    ROUND_TRIP_US = 4 * SIM_ONE_WAY_US,
};

#define NODES_PUBLISH                                                                              \
    UINT64_C(1000) /* publisher of what is published at node 0 when nothing fails */

static void think(struct world *world, struct sim_event *event);

static void schedule_think(struct world *world, struct sim_reader *reader)
{
    struct sim_event *event = world_schedule(
        world, world->now_us + 1000 + (int64_t)rng_below(&world->rng, THINK_US), think);

    event->node = reader->index;
}

/* Nothing of what it knew is sure any more. */
static void leave(struct world *world, struct sim_reader *reader)
{
    struct sim_conn *conn = network_find(world, reader->conn);

    if (conn != NULL) {
        network_break(world, conn, 0);
    }
    reader->conn = 0;
    reader->phase = READER_AWAY;
    buf_clear(&reader->in);
    memset(reader->cache, 0, sizeof(reader->cache));
    reader->messages.count = 0;
}

static void send_line(struct world *world, struct sim_reader *reader, const char *line)
{
    struct sim_conn *conn = network_find(world, reader->conn);

    if (conn != NULL) {
        network_send(world, conn, 0, bytes_from_text(line));
    }
    reader->sent_at_us = world->now_us;
}

static void come(struct world *world, struct sim_reader *reader)
{
    struct sim_end from = {.kind = END_READER, .node = reader->index};

    reader->conn = network_open(world, from, reader->node, false);
    reader->phase = READER_COMES;
    reader->replies_left = 3;
    send_line(world, reader,
              world->options.has_caches ? "HELLO 3\r\nCLIENT TRACKING ON\r\nSUBSCRIBE news\r\n"
                                        : "HELLO 3\r\nPING\r\nSUBSCRIBE news\r\n");
}

/* A string, or a field of a hash. */
static void choose_key(struct world *world, struct sim_reader *reader)
{
    reader->client = (int)rng_below(&world->rng, (uint64_t)world->options.clients);
    do {
        reader->key = (int)rng_below(&world->rng, SIM_KEYS);
    } while (sim_kind_of_key(reader->key) > SIM_HASH);
}

static void read_something(struct world *world, struct sim_reader *reader)
{
    char line[64];

    if (world->options.has_hasty_client && rng_one_in(&world->rng, WATCHED_PART)) {
        reader->client = SIM_WATCHED_CLIENT;
        reader->key = SIM_WATCHED_KEY;
    } else {
        choose_key(world, reader);
    }
    if (reader->cache[reader->client][reader->key].is_cached) {
        return;
    }
    reader->phase = READER_READS;
    snprintf(line, sizeof(line),
             sim_kind_of_key(reader->key) == SIM_HASH ? "HGET c%d:k%d version\r\n"
                                                      : "GET c%d:k%d\r\n",
             reader->client, reader->key);
    send_line(world, reader, line);
}

static void fence(struct world *world, struct sim_reader *reader)
{
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            const struct sim_key *key = &world->clients[c].keys[k];

            reader->known[c][k] = (struct sim_known){
                .acked_version = key->acked_version,
                .acked_upsets = key->acked_upsets,
                .waited_version = key->acked_by != 0 ? key->waited_version : 0,
            };
        }
    }
    reader->phase = READER_FENCES;
    send_line(world, reader, "PING\r\n");
}

static void think(struct world *world, struct sim_event *event)
{
    struct sim_reader *reader = &world->readers[event->node];

    if (!world->clients_run) {
        return;
    }
    if (reader->phase == READER_AWAY) {
        come(world, reader);
    } else if (reader->phase != READER_IDLE) {
        if (world->now_us - reader->sent_at_us > ANSWER_TIMEOUT_US) {
            leave(world, reader);
            reader->node = (int)rng_below(&world->rng, (uint64_t)world->node_count);
        }
    } else if (rng_one_in(&world->rng, FENCE_PART)) {
        fence(world, reader);
    } else {
        read_something(world, reader);
    }
    schedule_think(world, reader);
}

void readers_start(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        world->readers[i].index = i;
        world->readers[i].node = i;
        schedule_think(world, &world->readers[i]);
    }
}

void readers_deinit(struct world *world)
{
    for (int i = 0; i < SIM_READERS_MAX; i++) {
        buf_deinit(&world->readers[i].in);
        VEC_DEINIT(&world->readers[i].messages);
    }
}

void reader_conn_lost(struct world *world, int index, uint64_t conn)
{
    struct sim_reader *reader = &world->readers[index];

    if (reader->conn == conn) {
        leave(world, reader);
        reader->node = (int)rng_below(&world->rng, (uint64_t)world->node_count);
    }
}

/* ---- what it is told --------------------------------------------------------------------------- */

static void forget_key(struct sim_reader *reader, struct bytes name)
{
    for (int c = 0; c < SIM_CLIENTS_MAX; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            char text[32];

            snprintf(text, sizeof(text), "c%d:k%d", c, k);
            if (bytes_equal_text(name, text)) {
                reader->cache[c][k].is_cached = false;
            }
        }
    }
}

static void take_invalidation(struct sim_reader *reader, const struct resp_value *keys)
{
    if (keys->type == RESP_NULL) {
        memset(reader->cache, 0, sizeof(reader->cache));
        return;
    }
    for (size_t i = 0; i < keys->child_count; i++) {
        forget_key(reader, resp_value_bytes(&keys->children[i]));
    }
}

static size_t count_message(const struct sim_reader *reader, struct sim_message message)
{
    size_t count = 0;

    for (size_t i = 0; i < reader->messages.count; i++) {
        count += reader->messages.items[i].publisher == message.publisher &&
                 reader->messages.items[i].number == message.number;
    }
    return count;
}

static void take_message(struct world *world, struct sim_reader *reader, struct bytes text)
{
    struct bytes rest = text;
    struct sim_message message;

    if (!num_parse_u64(bytes_next_word(&rest, ':'), &message.publisher) ||
        !num_parse_u64(bytes_next_word(&rest, ':'), &message.number)) {
        world_fail(world, "reader %d gets a message that nobody published: %.*s", reader->index,
                   BYTES_ARGS(text));
        return;
    }
    if (count_message(reader, message) > 0) {
        world_fail(world, "reader %d at node %d gets message %llu of publisher %llu twice",
                   reader->index, reader->node, (unsigned long long)message.number,
                   (unsigned long long)message.publisher);
    }
    VEC_PUSH(&reader->messages, message);
    world->messages_taken++;
}

/* Returns whether it answers what was asked: that one listens now. */
static bool take_push(struct world *world, struct sim_reader *reader, const struct resp_value *push)
{
    struct bytes what = resp_value_bytes(&push->children[0]);

    if (bytes_equal_text(what, "invalidate")) {
        take_invalidation(reader, &push->children[1]);
    } else if (bytes_equal_text(what, "message")) {
        take_message(world, reader, resp_value_bytes(&push->children[2]));
    }
    return bytes_equal_text(what, "subscribe");
}

/* ---- what it has asked for --------------------------------------------------------------------- */

static void check_cache(struct world *world, struct sim_reader *reader)
{
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            const struct sim_cached *cached = &reader->cache[c][k];
            const struct sim_known *known = &reader->known[c][k];
            uint64_t wanted = 0;

            if (!cached->is_cached) {
                continue;
            }
            if (known->acked_upsets == world_upsets(world)) {
                wanted = known->acked_version;
            } else if (world->clients[c].keys[k].acked_by != 0) {
                wanted = known->waited_version;
            }
            if (!key_shows(&world->clients[c].keys[k], cached->version, wanted)) {
                world_fail(
                    world,
                    "reader %d at node %d keeps version %llu of c%d:k%d, and was not told of "
                    "version %llu",
                    reader->index, reader->node, (unsigned long long)cached->version, c, k,
                    (unsigned long long)wanted);
            }
            world->caches_checked++;
        }
    }
}

static void take_read(struct world *world, struct sim_reader *reader,
                      const struct resp_value *value)
{
    struct sim_cached *cached = &reader->cache[reader->client][reader->key];
    struct bytes text = resp_value_bytes(value);

    if (value->type == RESP_FAILURE) {
        struct bytes rest = text;
        struct bytes address;
        int node;

        if (bytes_has_prefix(text, "MOVED") && rng_one_in(&world->rng, MOVE_PART)) {
            bytes_next_word(&rest, ' ');
            bytes_next_word(&rest, ' ');
            address = bytes_next_word(&rest, ' ');
            node = network_node_at(world, bytes_next_word(&address, ':'));
            if (node >= 0) {
                leave(world, reader);
                reader->node = node;
            }
        }
        return;
    }
    cached->is_cached = world->options.has_caches;
    if (value->type == RESP_NULL || !num_parse_u64(text, &cached->version)) {
        cached->version = 0;
    }
}

static void take_reply(struct world *world, struct sim_reader *reader,
                       const struct resp_value *value)
{
    enum sim_reader_phase phase = reader->phase;

    if (phase == READER_COMES) {
        if (value->type == RESP_FAILURE) {
            leave(world, reader);
        } else if (--reader->replies_left == 0) {
            reader->phase = READER_IDLE;
        }
        return;
    }
    reader->phase = READER_IDLE;
    if (phase == READER_READS) {
        take_read(world, reader, value);
    } else if (phase == READER_FENCES && value->type != RESP_FAILURE) {
        check_cache(world, reader);
    }
}

void reader_input(struct world *world, int index, struct bytes bytes)
{
    struct sim_reader *reader = &world->readers[index];
    struct resp_limits limits = RESP_LIMITS_DEFAULT;

    buf_append_bytes(&reader->in, bytes);
    while (reader->in.len > 0) {
        struct resp_value value;
        struct errmsg error;
        size_t consumed;
        enum resp_status status =
            resp_value_read(buf_bytes(&reader->in), &limits, &value, &consumed, &error);

        if (status == RESP_MORE) {
            return;
        }
        if (status == RESP_ERROR) {
            world_fail(world, "reader %d cannot read a reply: %s", index, error.text);
            return;
        }
        buf_consume(&reader->in, consumed);
        if (value.type != RESP_PUSH || take_push(world, reader, &value)) {
            take_reply(world, reader, &value);
        }
        resp_value_deinit(&value);
    }
}

/* ---- when nothing fails ------------------------------------------------------------------------ */

static bool listens(const struct sim_reader *reader)
{
    return reader->phase != READER_AWAY && reader->phase != READER_COMES;
}

static bool are_all_there(const struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        if (!listens(&world->readers[i])) {
            return false;
        }
    }
    return true;
}

void readers_check_messages(struct world *world)
{
    int64_t until_us = world->now_us + COME_MS * 1000;
    uint64_t conns[SIM_READERS_MAX] = {0};
    char reply[64];

    for (int i = 0; i < world->node_count; i++) {
        leave(world, &world->readers[i]);
        world->readers[i].node = i;
        come(world, &world->readers[i]);
    }
    while (!are_all_there(world) && world->now_us < until_us && world->failure[0] == '\0') {
        world_run_until(world, world->now_us + 1000);
    }
    for (int i = 0; i < world->node_count; i++) {
        conns[i] = listens(&world->readers[i]) ? world->readers[i].conn : 0;
    }
    for (int i = 0; i < world->node_count; i++) {
        char command[64];

        snprintf(command, sizeof(command), "PUBLISH news %llu:1",
                 (unsigned long long)(NODES_PUBLISH + (uint64_t)i));
        if (!admin_command(world, i, command, reply, sizeof(reply))) {
            world_fail(world, "node %d answers %s with %s", i, command, reply);
        }
    }
    /* A reply before it may have to wait until copies are called back. */
    world_run_until(world, world->now_us + (world->options.has_copies ? 2 : 1) * ROUND_TRIP_US);
    for (int i = 0; i < world->node_count && world->failure[0] == '\0'; i++) {
        for (int from = 0; from < world->node_count; from++) {
            struct sim_message message = {.publisher = NODES_PUBLISH + (uint64_t)from, .number = 1};

            /* One that has left since, for whoever has what it read, is told of nothing there. */
            if (conns[i] != 0 && world->readers[i].conn == conns[i] &&
                count_message(&world->readers[i], message) != 1) {
                world_fail(world, "what is published at node %d does not come to node %d", from, i);
            }
        }
    }
}
