/* SPDX-License-Identifier: MIT */
/* Each node has a connection and a queue of what was sent and not answered.  A redirection sends the
 * request on to another node; until everything under way has been answered, nothing new is sent:
 * a later request for the same slot might overtake one that is still being redirected. */
#include "cli/pipe_cluster.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "cli/connect.h"
#include "cli/execute.h"
#include "io/clock.h"
#include "resp/request.h"
#include "resp/writer.h"
#include "spec/command.h"
#include "spec/slot.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_STEP = 64 * 1024,
    POLL_MS = 250,
    UNDER_WAY_MAX = 10000, /* requests */
    UNDER_WAY_BYTES = 32 * 1024 * 1024,
    REDIRECTIONS_MAX = 16,
    NO_NODE = UINT16_MAX,
};

struct pending {
    struct buf request; /* as it went out, to be sent again */
    int redirections;
    bool is_asking; /* the reply to ASKING comes first */
};

struct node {
    char host[ADDR_HOST_TEXT];
    uint16_t port;
    struct client *client; /* NULL: not needed yet */
    VEC(struct pending) queue;
    size_t head; /* of the queue: the first that is not answered */
};

struct pipe_cluster {
    const struct options *options;
    const struct pipe_source *source; /* NULL: standard input */
    struct pipe_counts *counts;
    VEC(struct node) nodes;
    VEC(struct pollfd) watched;
    uint16_t owners[SLOT_COUNT]; /* indexes into nodes */
    struct buf in;
    struct resp_reader reader;
    struct resp_words words;
    size_t under_way;
    size_t under_way_bytes;
    bool is_input_over;
    bool is_held; /* after a redirection, until nothing is under way */
    struct mono_time last_reply_at;
};

/* ---- what a request says ------------------------------------------------------------------------ */

uint32_t pipe_cluster_slot(const struct bytes *words, size_t word_count)
{
    const struct command_spec *spec = command_find(words[0]);
    struct command_keys keys;

    if (spec == NULL) {
        return word_count > 1 ? slot_of_key(words[1]) : SLOT_COUNT;
    }
    if (command_has_subcommands(spec)) {
        const struct command_spec *sub = word_count > 1 ? command_find_sub(spec, words[1]) : NULL;

        spec = sub != NULL ? sub : spec;
    }
    keys = command_keys(spec, words, word_count);
    return keys.count > 0 ? slot_of_key(words[keys.first]) : SLOT_COUNT;
}

bool pipe_cluster_is_bound(struct bytes name)
{
    static const char *const names[] = {
        "multi",       "exec",       "discard",      "watch",      "unwatch",      "subscribe",
        "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe", "monitor",
        "asking",      "sync",       "psync",        "hello",      "reset",        "quit",
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* ---- nodes -------------------------------------------------------------------------------------- */

static uint16_t find_node(struct pipe_cluster *pipe, const char *host, uint16_t port)
{
    struct node node = {.port = port};

    for (size_t i = 0; i < pipe->nodes.count; i++) {
        if (pipe->nodes.items[i].port == port && strcmp(pipe->nodes.items[i].host, host) == 0) {
            return (uint16_t)i;
        }
    }
    ASSERT(pipe->nodes.count < NO_NODE);
    bytes_to_text(bytes_from_text(host), node.host, sizeof(node.host));
    VEC_PUSH(&pipe->nodes, node);
    return (uint16_t)(pipe->nodes.count - 1);
}

static void take_map(struct pipe_cluster *pipe, const struct cluster_map *map,
                     const char *asked_host)
{
    for (size_t i = 0; i < map->nodes.count; i++) {
        const struct map_node *from = &map->nodes.items[i];
        uint16_t index;

        if (from->slot_count == 0) {
            continue;
        }
        index = find_node(pipe, from->host[0] != '\0' ? from->host : asked_host, from->port);
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            if (bitset_has(from->slots, slot)) {
                pipe->owners[slot] = index;
            }
        }
    }
}

/* Send a request to a node; adopts it. */
static bool send_take(struct pipe_cluster *pipe, uint16_t index, struct pending *pending,
                      struct errmsg *error)
{
    struct node *node = &pipe->nodes.items[index];

    if (node->client == NULL) {
        node->client = connect_node(pipe->options, node->host, node->port, error);
        if (node->client == NULL) {
            buf_deinit(&pending->request);
            return false;
        }
    }
    if (pending->is_asking) {
        client_send_texts(node->client, 1, "ASKING");
    }
    client_send_raw(node->client, buf_bytes(&pending->request));
    pipe->under_way++;
    pipe->under_way_bytes += pending->request.len;
    VEC_PUSH(&node->queue, *pending);
    return true;
}

/* The oldest request of a node was answered: it is the caller's now. */
static struct pending pop(struct pipe_cluster *pipe, struct node *node)
{
    struct pending pending = node->queue.items[node->head++];

    pipe->under_way--;
    pipe->under_way_bytes -= pending.request.len;
    if (node->head == node->queue.count) {
        node->head = 0;
        node->queue.count = 0;
    } else if (node->head >= UNDER_WAY_MAX) {
        node->queue.count -= node->head;
        memmove(node->queue.items, node->queue.items + node->head,
                node->queue.count * sizeof(node->queue.items[0]));
        node->head = 0;
    }
    return pending;
}

/* ---- input -------------------------------------------------------------------------------------- */

static bool send_request(struct pipe_cluster *pipe, const struct resp_request *request,
                         struct errmsg *error)
{
    const struct bytes *words = pipe->words.items + request->first_word;
    struct pending pending = {0};
    uint32_t slot;
    uint16_t owner;

    if (pipe_cluster_is_bound(words[0])) {
        errmsg_set(error, "%.*s is for one connection: it cannot be sent to a cluster by --pipe -c",
                   words[0].len < 40 ? (int)words[0].len : 40, words[0].data);
        return false;
    }
    slot = pipe_cluster_slot(words, request->word_count);
    owner = slot < SLOT_COUNT ? pipe->owners[slot] : NO_NODE;
    resp_write_request(&pending.request, words, request->word_count);
    /* Nobody's slot: any node knows better, or says so. */
    return send_take(pipe, owner != NO_NODE ? owner : 0, &pending, error);
}

static bool can_send(const struct pipe_cluster *pipe)
{
    return !pipe->is_held && pipe->under_way < UNDER_WAY_MAX &&
           pipe->under_way_bytes < UNDER_WAY_BYTES;
}

/* Requests that have been read, as many as may be under way. */
static bool send_requests(struct pipe_cluster *pipe, struct errmsg *error)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    enum resp_status status = RESP_OK;
    bool is_ok = true;
    size_t at = 0;

    while (is_ok && status == RESP_OK && can_send(pipe) && at < pipe->in.len) {
        struct resp_request request;

        pipe->words.count = 0;
        status = resp_read_request(&pipe->reader, bytes_from(buf_bytes(&pipe->in), at), &limits,
                                   &pipe->words, &request, error);
        if (status == RESP_OK) {
            at += request.raw.len;
            is_ok = request.word_count == 0 || send_request(pipe, &request, error);
            resp_reader_recycle(&pipe->reader);
        }
    }
    buf_consume(&pipe->in, at);
    if (is_ok && status == RESP_ERROR) {
        errmsg_wrap(error, "The input is no request");
    } else if (is_ok && status == RESP_MORE && pipe->is_input_over) {
        errmsg_set(error, "The input ends inside a request");
        return false;
    }
    return is_ok && status != RESP_ERROR;
}

static void take_from_source(struct pipe_cluster *pipe)
{
    if (pipe->in.len < READ_STEP && !pipe->source->next(pipe->source->context, &pipe->in)) {
        pipe->is_input_over = true;
        pipe->last_reply_at = clock_mono_now();
    }
    pipe->source->on_pass(pipe->source->context);
}

static bool read_input(struct pipe_cluster *pipe, struct errmsg *error)
{
    ssize_t got = read(STDIN_FILENO, buf_reserve(&pipe->in, READ_STEP), READ_STEP);

    if (got < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return true;
        }
        errmsg_set(error, "cannot read standard input: %s", strerror(errno));
        return false;
    }
    pipe->in.len += (size_t)got;
    if (got == 0) {
        pipe->is_input_over = true;
        pipe->last_reply_at = clock_mono_now();
        if (pipe->in.len > 0 && pipe->in.data[0] != '*') {
            buf_append_byte(&pipe->in, '\n'); /* the last line may lack its end */
        }
        puts("All data transferred. Waiting for the last reply...");
        fflush(stdout);
    }
    return true;
}

/* ---- replies ------------------------------------------------------------------------------------ */

/* Send it on to where the redirection points. */
static bool redirect(struct pipe_cluster *pipe, const struct node *from,
                     const struct redirection *to, struct pending *pending, struct errmsg *error)
{
    char host[ADDR_HOST_TEXT]; /* from may move when a node is added */
    uint16_t index;

    bytes_to_text(bytes_from_text(to->host[0] != '\0' ? to->host : from->host), host, sizeof(host));
    index = find_node(pipe, host, to->port);
    if (!to->is_ask) {
        pipe->owners[to->slot] = index;
    }
    pipe->is_held = true;
    pending->is_asking = to->is_ask;
    pending->redirections++;
    return send_take(pipe, index, pending, error);
}

static bool take_reply(struct pipe_cluster *pipe, size_t index, const struct resp_value *reply,
                       struct errmsg *error)
{
    struct node *node = &pipe->nodes.items[index];
    struct pending pending;
    struct redirection to;

    if (reply->type == RESP_PUSH) {
        return true;
    }
    if (node->head == node->queue.count) {
        errmsg_set(error, "%s:%u sent a reply to no request", node->host, node->port);
        return false;
    }
    pipe->last_reply_at = clock_mono_now();
    if (node->queue.items[node->head].is_asking) {
        node->queue.items[node->head].is_asking = false;
        return true;
    }
    pending = pop(pipe, node);
    if (reply->type == RESP_FAILURE && pending.redirections < REDIRECTIONS_MAX &&
        execute_parse_redirection(resp_value_bytes(reply), &to)) {
        return redirect(pipe, node, &to, &pending, error);
    }
    buf_deinit(&pending.request);
    pipe->counts->replies++;
    if (reply->type == RESP_FAILURE) {
        pipe->counts->errors++;
        fprintf(stderr, "%.*s\n", (int)reply->text.len, reply->text.data);
    }
    return true;
}

static bool serve_node(struct pipe_cluster *pipe, size_t index, struct errmsg *error)
{
    struct client *client = pipe->nodes.items[index].client;
    enum client_status pumped;
    enum client_status status;
    struct resp_value reply;
    bool is_ok = true;

    if (client == NULL) {
        return true;
    }
    pumped = client_pump(client, error);
    while (is_ok && (status = client_try_read(client, &reply, error)) == CLIENT_OK) {
        is_ok = take_reply(pipe, index, &reply, error);
        resp_value_deinit(&reply);
    }
    if (is_ok && pumped != CLIENT_OK) {
        if (pumped == CLIENT_CLOSED) {
            errmsg_set(error, "%s:%u closed the connection", pipe->nodes.items[index].host,
                       pipe->nodes.items[index].port);
        }
        return false;
    }
    return is_ok && status == CLIENT_TIMEOUT;
}

/* ---- from pass to pass -------------------------------------------------------------------------- */

static void wait_for_events(struct pipe_cluster *pipe)
{
    bool wants_input = !pipe->is_input_over && can_send(pipe);
    bool has_source = pipe->source != NULL;

    pipe->watched.count = 0;
    VEC_PUSH(&pipe->watched, ((struct pollfd){.fd = wants_input && !has_source ? STDIN_FILENO : -1,
                                              .events = POLLIN}));
    for (size_t i = 0; i < pipe->nodes.count; i++) {
        struct client *client = pipe->nodes.items[i].client;

        if (client != NULL) {
            bool has_output = client_has_output(client);

            VEC_PUSH(&pipe->watched,
                     ((struct pollfd){.fd = client_fd(client),
                                      .events = (short)(has_output ? POLLIN | POLLOUT : POLLIN)}));
        }
    }
    (void)poll(pipe->watched.items, pipe->watched.count, wants_input && has_source ? 0 : POLL_MS);
}

static bool step(struct pipe_cluster *pipe, struct errmsg *error)
{
    int64_t timeout_ms = pipe->options->pipe_timeout_ms;

    wait_for_events(pipe);
    if (pipe->watched.items[0].revents != 0 && !read_input(pipe, error)) {
        return false;
    }
    if (pipe->source != NULL && !pipe->is_input_over && can_send(pipe)) {
        take_from_source(pipe);
    }
    for (size_t i = 0; i < pipe->nodes.count; i++) {
        if (!serve_node(pipe, i, error)) {
            return false;
        }
    }
    pipe->is_held = pipe->is_held && pipe->under_way > 0;
    if (!send_requests(pipe, error)) {
        return false;
    }
    if (pipe->is_input_over && pipe->under_way > 0 && timeout_ms > 0 &&
        mono_ms_between(pipe->last_reply_at, clock_mono_now()) >= timeout_ms) {
        errmsg_set(error, "No replies for %" PRId64 " seconds: exiting.", timeout_ms / 1000);
        return false;
    }
    return true;
}

static void deinit(struct pipe_cluster *pipe)
{
    for (size_t i = 0; i < pipe->nodes.count; i++) {
        struct node *node = &pipe->nodes.items[i];

        for (size_t at = node->head; at < node->queue.count; at++) {
            buf_deinit(&node->queue.items[at].request);
        }
        VEC_DEINIT(&node->queue);
        client_close(node->client);
    }
    VEC_DEINIT(&pipe->nodes);
    VEC_DEINIT(&pipe->watched);
    VEC_DEINIT(&pipe->words);
    resp_reader_deinit(&pipe->reader);
    buf_deinit(&pipe->in);
}

bool pipe_cluster_ask_map(struct connection *connection, struct cluster_map *map, bool *is_cluster,
                          struct errmsg *error)
{
    const struct bytes words[] = {BYTES_LITERAL("CLUSTER"), BYTES_LITERAL("SLOTS")};
    struct resp_value reply;
    bool is_ok = true;

    *is_cluster = false;
    if (connection_call(connection, words, ARRAY_COUNT(words), &reply, error) != CONNECTION_OK) {
        return false;
    }
    if (reply.type != RESP_FAILURE) { /* else a server on its own */
        is_ok = cluster_map_parse_slots(map, &reply, error);
        *is_cluster = is_ok && cluster_map_count_covered(map) > 0;
    }
    resp_value_deinit(&reply);
    return is_ok;
}

bool pipe_cluster_run(const struct options *options, const struct pipe_source *source,
                      const struct cluster_map *map, const char *asked_host,
                      struct pipe_counts *counts, struct errmsg *error)
{
    struct pipe_cluster *pipe = mem_alloc_zeroed(MEM_CLI, sizeof(*pipe));
    bool is_ok = true;

    pipe->options = options;
    pipe->source = source;
    pipe->counts = counts;
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        pipe->owners[slot] = NO_NODE;
    }
    take_map(pipe, map, asked_host);
    ASSERT(pipe->nodes.count > 0);
    while (is_ok && !(pipe->is_input_over && pipe->in.len == 0 && pipe->under_way == 0)) {
        is_ok = step(pipe, error);
    }
    if (is_ok && source == NULL) {
        puts("Last reply received from server.");
    }
    deinit(pipe);
    mem_free(MEM_CLI, pipe);
    return is_ok;
}
