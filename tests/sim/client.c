/* SPDX-License-Identifier: MIT */
/* Clients that write rising versions to keys of their own, of all types, and now and then ask by WAIT whether a replica
 * has what they wrote.  Between that they push to queues of one another and wait for what comes out of their own.
 *
 * They know of each shard who its primary is: MOVED tells when they are wrong; after any other error, a timeout or a broken
 * connection they ask somebody, who sends them on. */
#include "tests/sim/world.h"

#include "base/assert.h"
#include "base/num.h"
#include "cluster/report.h"
#include "cluster/state.h"
#include "node/inside.h"
#include "resp/value.h"
#include "resp/writer.h"

#include <stdio.h>

enum {
    THINK_US = 6000,
    ANSWER_TIMEOUT_US = 2000000,
    HASTY_TIMEOUT_US = 60000,
    HASTY_PART = 3,   /* of so many times that the hasty one could ask it asks once */
    WATCHED_PART = 4, /* one of so many requests is for the key that all readers keep */
    ADMIN_TIMEOUT_US = 5000000,
    QUEUE_PART = 12, /* one of so many requests */
    SHARED_PART = 3,
    PAIR_PART = 8,
    FILL_PART = 4,
    PUBLISH_PART = 10,
    BRIEF_PART = 8,
    MOVING_PART = 8,
    FLEETING_PART = 6,
    BRIEF_KEYS = 5,
    BRIEF_MS = 3000,
    FILL_BYTES = 4000,
    FAMILIES_PART = 4,
    TEXTS_MAX = 6,
};

static void think(struct world *world, struct sim_event *event);

static void schedule_think(struct world *world, struct sim_client *client)
{
    struct sim_event *event = world_schedule(
        world, world->now_us + 500 + (int64_t)rng_below(&world->rng, THINK_US), think);

    event->node = client->index;
}

/* A node that serves the slot besides has passed it on, perhaps on a way that is blocked: it may come to the owner when later
 * versions have been acknowledged, as what any client has given up may. */
static void give_up_write(struct world *world, struct sim_client *client)
{
    struct sim_key *key = &client->keys[client->pending_key];

    if (client->request == REQUEST_WRITE && world->options.has_copies) {
        key->adrift[key->adrift_count++ % SIM_ADRIFT] = key->version;
    }
}

bool key_shows(const struct sim_key *key, uint64_t found, uint64_t wanted)
{
    for (size_t i = 0; found < wanted && i < SIM_ADRIFT && i < key->adrift_count; i++) {
        if (key->adrift[i] == found) {
            return true;
        }
    }
    return found >= wanted;
}

/* What is not answered yet never will be. */
static void drop_conn(struct world *world, struct sim_client *client)
{
    struct sim_conn *conn = network_find(world, client->conns[client->node]);

    give_up_write(world, client);
    shared_give_up(world, client);
    moves_give_up(world, client);
    if (conn != NULL) {
        network_break(world, conn, 0);
    }
    client->conns[client->node] = 0;
    client->request = REQUEST_NONE;
    buf_clear(&client->in);
}

static void ask_somebody(struct world *world, struct sim_client *client)
{
    drop_conn(world, client);
    client->primaries[client->shard] = (int)rng_below(&world->rng, (uint64_t)world->node_count);
}

void client_turn_to(struct world *world, struct sim_client *client, const char *key)
{
    client->shard = check_shard_of(world, key);
    client->node = client->primaries[client->shard];
    client->is_passed_on = false;
    if (client->conns[client->node] == 0) {
        struct sim_end from = {.kind = END_CLIENT, .node = client->index};

        client->conns[client->node] = network_open(world, from, client->node, false);
    }
}

void client_send_words(struct world *world, struct sim_client *client, const struct bytes *words,
                       size_t count)
{
    struct buf request = {0};
    struct sim_conn *conn = network_find(world, client->conns[client->node]);

    resp_write_request(&request, words, count);
    if (conn != NULL) {
        network_send(world, conn, 0, buf_bytes(&request));
    }
    buf_deinit(&request);
    client->sent_at_us = world->now_us;
}

void client_send(struct world *world, struct sim_client *client, size_t count, ...)
{
    struct bytes words[TEXTS_MAX];
    va_list args;

    ASSERT(count <= TEXTS_MAX);
    va_start(args, count);
    for (size_t i = 0; i < count; i++) {
        words[i] = bytes_from_text(va_arg(args, const char *));
    }
    va_end(args);
    client_send_words(world, client, words, count);
}

static void key_name(const struct sim_client *client, int key, char out[32])
{
    snprintf(out, 32, "c%d:k%d", client->index, key);
}

static uint64_t memory_of(const struct world *world, int node)
{
    return world->nodes[node].node != NULL ? world->nodes[node].node->data.memory : 0;
}

static void note_memories(const struct world *world, struct sim_client *client)
{
    for (int i = 0; i < world->node_count; i++) {
        client->write_memories[i] = memory_of(world, i);
    }
}

/* The next version of a key, in the way of its type. */
static void write_something(struct world *world, struct sim_client *client)
{
    char name[32];
    char version[32];

    client->pending_key = (int)rng_below(&world->rng, SIM_KEYS);
    if (world->options.has_hasty_client && client->index == SIM_WATCHED_CLIENT &&
        rng_one_in(&world->rng, WATCHED_PART)) {
        client->pending_key = SIM_WATCHED_KEY;
    }
    client->request = REQUEST_WRITE;
    client->write_losses = world->memory_losses;
    note_memories(world, client);
    client->keys[client->pending_key].version++;
    key_name(client, client->pending_key, name);
    client_turn_to(world, client, name);
    client->write_conn = client->conns[client->node];
    snprintf(version, sizeof(version), "%llu",
             (unsigned long long)client->keys[client->pending_key].version);
    switch (sim_kind_of_key(client->pending_key)) {
    case SIM_STRING:
        client_send(world, client, 3, "SET", name, version);
        break;
    case SIM_HASH:
        client_send(world, client, 4, "HSET", name, "version", version);
        break;
    case SIM_LIST:
        client_send(world, client, 3, "LPUSH", name, version);
        break;
    case SIM_ZSET:
        client_send(world, client, 4, "ZADD", name, version, "version");
        break;
    case SIM_STREAM:
        client_send(world, client, 5, "XADD", name, version, "version", version);
        break;
    case SIM_SET:
        client_send(world, client, 3, "SADD", name, version);
        break;
    case SIM_BITS:
        client_send(world, client, 6, "BITFIELD", name, "SET", "u56", "8", version);
        break;
    case SIM_PLACES:
        client_send(world, client, 5, "GEOADD", name, "13.5", "52.5", version);
        break;
    }
}

static void use_queue(struct world *world, struct sim_client *client)
{
    char name[32];

    if (rng_one_in(&world->rng, 2)) {
        client->request = REQUEST_POP;
        snprintf(name, sizeof(name), "c%d:queue", client->index);
        client_turn_to(world, client, name);
        client_send(world, client, 3, "BLPOP", name, "0.5");
    } else {
        client->request = REQUEST_PUSH;
        snprintf(name, sizeof(name), "c%d:queue",
                 (int)rng_below(&world->rng, (uint64_t)world->options.clients));
        client_turn_to(world, client, name);
        client_send(world, client, 3, "RPUSH", name, "element");
    }
}

void client_pair_name(int client, char letter, char out[32])
{
    snprintf(out, 32, "{both:%d}%c", client,
             letter); /* slots of the first four lie in all shards */
}

/* Two keys of one slot get the same version, in one transaction: nobody may ever see them differ (check_pairs). */
static void write_pair(struct world *world, struct sim_client *client)
{
    char version[32];
    char a[32];
    char b[32];

    client->request = REQUEST_PAIR;
    client->replies_left = 4;
    client->pair_version++;
    client_pair_name(client->index, 'a', a);
    client_pair_name(client->index, 'b', b);
    client_turn_to(world, client, a);
    snprintf(version, sizeof(version), "%llu", (unsigned long long)client->pair_version);
    client_send(world, client, 1, "MULTI");
    client_send(world, client, 3, "SET", a, version);
    client_send(world, client, 3, "SET", b, version);
    client_send(world, client, 1, "EXEC");
}

static void fill_memory(struct world *world, struct sim_client *client)
{
    static char value[FILL_BYTES + 1];
    char name[32];

    memset(value, 'x', FILL_BYTES);
    client->request = REQUEST_FILL;
    snprintf(name, sizeof(name), "c%d:fill%llu", client->index,
             (unsigned long long)rng_below(&world->rng, 1000));
    client_turn_to(world, client, name);
    client_send(world, client, 5, "SET", name, value, "PX", "3600000");
}

/* What is read of such a key tells nothing; replicas have to hold the same, also when what comes next speaks of a key
 * that has expired meanwhile. */
static void use_brief_keys(struct world *world, struct sim_client *client)
{
    char name[32];
    char other[32];
    char ms[32];

    client->request = REQUEST_BRIEF;
    snprintf(name, sizeof(name), "{c%d}brief%d", client->index,
             (int)rng_below(&world->rng, BRIEF_KEYS));
    snprintf(other, sizeof(other), "{c%d}brief%d", client->index,
             (int)rng_below(&world->rng, BRIEF_KEYS));
    snprintf(ms, sizeof(ms), "%d", 1 + (int)rng_below(&world->rng, BRIEF_MS));
    client_turn_to(world, client, name);
    switch (rng_below(&world->rng, 5)) {
    case 0:
        client_send(world, client, 5, "SET", name, "x", "PX", ms);
        break;
    case 1:
        client_send(world, client, 3, "APPEND", name, "y");
        break;
    case 2:
        client_send(world, client, 4, "COPY", name, other, "REPLACE");
        break;
    case 3:
        client_send(world, client, 2, "PERSIST", name);
        break;
    default:
        client_send(world, client, 3, "PEXPIRE", name, ms);
        break;
    }
}

static void publish(struct world *world, struct sim_client *client)
{
    char message[64];

    client->request = REQUEST_PUBLISH;
    snprintf(message, sizeof(message), "%d:%llu", client->index,
             (unsigned long long)++client->published);
    client_turn_to(world, client, message); /* any node will do */
    client_send(world, client, 3, "PUBLISH", "news", message);
}

bool client_is_hasty(const struct world *world, const struct sim_client *client)
{
    return world->options.has_hasty_client && client->index == world->options.clients - 1;
}

/* At any node, so that it is copied there.  What it has is looked at by readers. */
static void read_watched(struct world *world, struct sim_client *client)
{
    char name[32];

    key_name(&world->clients[SIM_WATCHED_CLIENT], SIM_WATCHED_KEY, name);
    client->primaries[check_shard_of(world, name)] =
        (int)rng_below(&world->rng, (uint64_t)world->node_count);
    client_turn_to(world, client, name);
    client->request = REQUEST_BRIEF;
    client->is_hasty = true;
    client_send(world, client, 2, "GET", name);
}

static void ask_hastily(struct world *world, struct sim_client *client)
{
    if (!rng_one_in(&world->rng, HASTY_PART)) {
        return;
    }
    if (rng_one_in(&world->rng, WATCHED_PART)) {
        read_watched(world, client);
    } else {
        shared_ask(world, client);
    }
}

static void think(struct world *world, struct sim_event *event)
{
    struct sim_client *client = &world->clients[event->node];

    if (!world->clients_run) {
        return;
    }
    if (client->request == REQUEST_NONE && client_is_hasty(world, client)) {
        ask_hastily(world, client);
    } else if (client->request == REQUEST_NONE) {
        if (rng_one_in(&world->rng, MOVING_PART)) {
            moves_ask(world, client);
        } else if (world->options.has_copies && rng_one_in(&world->rng, FLEETING_PART)) {
            fleeting_ask(world, client);
        } else if (!world->only_shared && rng_one_in(&world->rng, FAMILIES_PART)) {
            families_ask(world, client);
        } else if (world->only_shared || rng_one_in(&world->rng, SHARED_PART)) {
            shared_ask(world, client);
        } else if (world->options.is_memory_limited && rng_one_in(&world->rng, FILL_PART)) {
            fill_memory(world, client);
        } else if (rng_one_in(&world->rng, QUEUE_PART)) {
            use_queue(world, client);
        } else if (rng_one_in(&world->rng, PAIR_PART)) {
            write_pair(world, client);
        } else if (rng_one_in(&world->rng, PUBLISH_PART)) {
            publish(world, client);
        } else if (rng_one_in(&world->rng, BRIEF_PART)) {
            use_brief_keys(world, client);
        } else {
            write_something(world, client);
        }
    } else if (world->now_us - client->sent_at_us >
               (client->is_hasty ? HASTY_TIMEOUT_US : ANSWER_TIMEOUT_US)) {
        ask_somebody(world, client);
    }
    schedule_think(world, client);
}

void clients_start(struct world *world)
{
    world->clients_run = true;
    for (int i = 0; i < world->options.clients; i++) {
        world->clients[i].index = i;
        schedule_think(world, &world->clients[i]);
    }
}

void client_conn_lost(struct world *world, int index, uint64_t conn)
{
    struct sim_client *client = &world->clients[index];

    if (client->conns[client->node] == conn && client->request != REQUEST_NONE) {
        ask_somebody(world, client);
    }
    for (int i = 0; i < world->node_count; i++) {
        if (client->conns[i] == conn) {
            client->conns[i] = 0;
        }
    }
}

/* "MOVED 1234 10.0.0.3:7000" leads to node 2. */
static void follow_moved(struct world *world, struct sim_client *client, struct bytes text)
{
    struct bytes rest = text;
    struct bytes address;
    struct bytes host;
    int node;

    bytes_next_word(&rest, ' ');
    bytes_next_word(&rest, ' ');
    address = bytes_next_word(&rest, ' ');
    host = bytes_next_word(&address, ':');
    world->redirections++;
    if (client->request == REQUEST_PAIR ||
        (client->request == REQUEST_SHARED && client->replies_left > 1)) {
        drop_conn(world, client); /* the rest of the transaction has failed, too */
    }
    client->request = REQUEST_NONE;
    node = network_node_at(world, host);
    if (node < 0) {
        world_fail(world, "a client is sent to nowhere: %.*s", BYTES_ARGS(text));
        return;
    }
    client->primaries[client->shard] = node;
}

/* Those that are down included: they come back, and may take over.  One that was forgotten follows for a while, and does not. */
static int known_replicas(const struct sim_node *primary)
{
    const struct cluster *c = primary->node != NULL ? primary->node->cluster : NULL;
    int count = 0;

    for (size_t i = 1; c != NULL && i < c->nodes.count; i++) {
        count += cluster_id_equal(&c->nodes.items[i]->primary, cluster_my_id(c));
    }
    return count;
}

/* Which nodes hold the version now; 0 unless all replicas do: an operator can have made more than there were. */
static uint32_t holders(struct world *world, int primary, const char *name, uint64_t version)
{
    uint32_t mask = 0;
    int count = 0;

    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *n = &world->nodes[i];
        uint64_t found;

        if (n->node != NULL && !n->is_clone && check_peek(n, name, &found) && found >= version) {
            mask |= 1U << i;
            count++;
        }
    }
    return count > world->options.replicas_each &&
                   count == 1 + known_replicas(&world->nodes[primary]) &&
                   (check_replicas_of(world, primary) & ~mask) == 0
               ? mask
               : 0;
}

/* Whoever WAIT counts has the write in its memory, unless it has lost that since.  On another connection than that of the write
 * it counts for nothing. */
void client_note_answer(struct world *world, struct sim_node *n, int client, struct bytes answer)
{
    struct sim_client *c = &world->clients[client];
    const struct sim_key *key = &c->keys[c->pending_key];
    uint64_t version = key->acked_version;
    char name[32];
    int64_t counted = 0;
    int64_t held = 0;

    c->answer_upsets = world_upsets(world);
    if (c->request != REQUEST_WAIT || !bytes_has_prefix(answer, ":") || answer.len < 4 ||
        !num_parse_i64(bytes_make(answer.data + 1, answer.len - 3), &counted) ||
        c->write_losses != world->memory_losses || c->write_conn != c->conns[n->index]) {
        return;
    }
    key_name(c, c->pending_key, name);
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *other = &world->nodes[i];
        uint64_t found;
        /* One that came to an orderly end has it on disk. */
        bool may_hold = other->node == NULL || node_is_loading(other->node) ||
                        memory_of(world, i) != c->write_memories[i] ||
                        (check_peek(other, name, &found) && key_shows(key, found, version));

        held += other != n && may_hold;
    }
    if (held < counted) {
        world_fail(world, "node %d counts %lld replicas that have version %llu of %s, and %lld do",
                   n->index, (long long)counted, (unsigned long long)version, name,
                   (long long)held);
    }
}

static void take_ok(struct world *world, struct sim_client *client)
{
    struct sim_key *key = &client->keys[client->pending_key];
    char wanted[16];

    client->ok_count++;
    key->acked_version = key->version;
    sync_note_ok(client, key);
    key->acked_upsets = client->answer_upsets; /* who was replaced since had answered before */
    if (rng_one_in(&world->rng, 3)) {
        snprintf(wanted, sizeof(wanted), "%d", world->options.replicas_each);
        client->request = REQUEST_WAIT;
        client_send(world, client, 3, "WAIT", wanted, "500");
    } else {
        client->request = REQUEST_NONE;
    }
}

static void take_waited(struct world *world, struct sim_client *client, int64_t count)
{
    struct sim_key *key = &client->keys[client->pending_key];
    char name[32];

    key_name(client, client->pending_key, name);
    if (count >= world->options.replicas_each) {
        uint32_t mask = holders(world, client->node, name, key->acked_version);

        if (mask != 0) {
            key->waited_version = key->acked_version;
            key->acked_by = mask;
            world->waits_checked++;
        }
    }
    client->request = REQUEST_NONE;
}

static void take_error(struct world *world, struct sim_client *client, struct bytes text)
{
    client->error_count++;
    shared_take_refusal(world, client);
    if (world->options.is_verbose) {
        printf("%10.4f  client %d at node %d: %.*s\n", (double)world->now_us / 1e6, client->index,
               client->node, BYTES_ARGS(text));
    }
    if (bytes_has_prefix(text, "MOVED")) {
        follow_moved(world, client, text);
    } else {
        ask_somebody(world, client);
    }
}

static void take_value(struct world *world, struct sim_client *client,
                       const struct resp_value *value)
{
    if (client->request == REQUEST_NONE) {
        return;
    }
    if (client->request == REQUEST_FAMILY &&
        (value->type != RESP_FAILURE || families_is_answer(resp_value_bytes(value)))) {
        families_take_answer(world, client);
    } else if (value->type == RESP_FAILURE) {
        take_error(world, client, resp_value_bytes(value));
    } else if (client->request == REQUEST_SHARED && client->replies_left > 1) {
        client->replies_left--; /* to what was queued, which any node may do */
    } else if ((client->request == REQUEST_WRITE || client->request == REQUEST_SHARED) &&
               client->answer_reign == SIM_NO_REIGN) {
        world_fail(world, "client %d is answered by node %d, which does not serve shard %d",
                   client->index, client->node, client->shard);
    } else if (client->request == REQUEST_WRITE) {
        take_ok(world, client);
    } else if (client->request == REQUEST_SHARED) {
        shared_take_answer(world, client, value);
    } else if (client->request == REQUEST_FLEETING) {
        fleeting_take_answer(world, client, value);
    } else if (client->request == REQUEST_SHARED_WAIT) {
        shared_take_waited(world, client, value->integer);
    } else if (client->request == REQUEST_WAIT) {
        take_waited(world, client, value->integer);
    } else if (client->request == REQUEST_MOVING) {
        moves_take_sum(world, client, (uint64_t)value->integer);
    } else if (client->request == REQUEST_PAIR && --client->replies_left > 0) {
        return; /* of what was queued */
    } else {
        world->pairs_written += client->request == REQUEST_PAIR ? 1 : 0;
        client->request = REQUEST_NONE;
    }
}

bool client_listens(const struct world *world, const struct sim_conn *conn)
{
    const struct sim_client *client = &world->clients[conn->ends[0].node];

    return conn->id == client->conns[client->node];
}

void client_input(struct world *world, int index, uint64_t conn, struct bytes bytes)
{
    struct sim_client *client = &world->clients[index];
    struct resp_limits limits = RESP_LIMITS_DEFAULT;

    if (conn != client->conns[client->node]) {
        return;
    }
    buf_append_bytes(&client->in, bytes);
    while (client->in.len > 0) {
        struct resp_value value;
        struct errmsg error;
        size_t consumed;
        enum resp_status status =
            resp_value_read(buf_bytes(&client->in), &limits, &value, &consumed, &error);

        if (status == RESP_MORE) {
            return;
        }
        if (status == RESP_ERROR) {
            world_fail(world, "client %d cannot read a reply: %s", index, error.text);
            return;
        }
        buf_consume(&client->in, consumed);
        take_value(world, client, &value);
        resp_value_deinit(&value);
    }
}

/* ---- the administrator ------------------------------------------------------------------------ */

static bool take_reply(struct world *world, struct sim_node *n, struct session *s, char *reply,
                       size_t size)
{
    int64_t until_us = world->now_us + ADMIN_TIMEOUT_US;
    struct bytes answer;

    /* A reply may wait for the nodes file. */
    while (session_output(s, &answer, 1) == 0) {
        if (world->now_us >= until_us || world->failure[0] != '\0') {
            return false;
        }
        world_run_until(world, world->now_us + 100);
    }
    bytes_to_text(answer, reply, size);
    node_session_written(n->node, s, answer.len);
    return reply[0] != '-';
}

static size_t split_words(const char *command, struct bytes *words, size_t limit)
{
    struct bytes rest = bytes_from_text(command);
    size_t count = 0;

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0 && count < limit;
         word = bytes_next_word(&rest, ' ')) {
        words[count++] = word;
    }
    return count;
}

/* Hand the command to the node; *session is where the answer comes. */
static void give_command(struct sim_node *n, const char *command, struct session **session)
{
    struct session_peer peer = {.is_loopback = true, .address = "administrator"};
    struct buf request = {0};
    struct bytes words[16];

    resp_write_request(&request, words, split_words(command, words, ARRAY_COUNT(words)));
    sim_node_close_pass(n->world, n);
    node_begin_pass(n->node, sim_node_clock(n));
    *session = node_session_open(n->node, &peer, NULL);
    ASSERT(*session != NULL);
    node_session_input(n->node, *session, buf_bytes(&request));
    node_end_pass(n->node);
    buf_deinit(&request);
    network_flush_sessions(n->world, n);
    sim_node_pass(n->world, n, NULL, NULL);
}

bool admin_command(struct world *world, int node, const char *command, char *reply, size_t size)
{
    struct sim_node *n = &world->nodes[node];
    struct session *s;
    bool is_ok;

    reply[0] = '\0';
    give_command(n, command, &s);
    is_ok = take_reply(world, n, s, reply, size);
    node_session_closed(n->node, s);
    return is_ok;
}

void admin_tell(struct world *world, int node, const char *command)
{
    struct sim_node *n = &world->nodes[node];
    struct session *s;
    struct bytes answer;

    give_command(n, command, &s);
    if (world->options.is_verbose && session_output(s, &answer, 1) > 0) {
        printf("%10.4f  node %d answers %s with %.*s\n", (double)world->now_us / 1e6, node, command,
               BYTES_ARGS(bytes_trim(answer)));
    }
    node_session_closed(n->node, s);
}
