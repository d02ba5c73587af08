/* SPDX-License-Identifier: MIT */
#include "tests/bench/celebrity_clients.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "io/clock.h"
#include "resp/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define LIBRARY "starling-bench"

enum {
    INPUT = 64 * 1024,
    SILENCE_MS = 30000,
    HEAD = 5,                           /* "$64\r\n" */
    REPLY = HEAD + CELEBRITY_VALUE + 2, /* bytes of each */
    OTHERS_PART = 4,                    /* of the reads of the key */
};

struct connection {
    struct client *client; /* NULL: there is none */
    size_t due;            /* replies to come */
    char last[CELEBRITY_VALUE];
};

struct reader {
    size_t node;
    size_t next; /* where it was sent */
    struct connection connections[CELEBRITY_NODES];
};

struct celebrity_thread {
    struct celebrity_readers *owner;
    pthread_t thread;
    bool is_running;
    size_t first; /* number of its first reader */
    size_t count;
    struct reader *readers;
    struct connection others[CELEBRITY_NODES];
    struct buf hot_text;
    struct buf cold_text[CELEBRITY_NODES];
    size_t cold_count; /* in each of those */
    char input[INPUT];
    bool has_lost_node; /* it has ended, or is silent */
    struct errmsg error;
};

/* ---- connections ---------------------------------------------------------------------------------- */

static bool open_connection(const struct celebrity_cluster *c, size_t node, struct connection *out,
                            struct errmsg *error)
{
    struct resp_value reply;

    out->client = server_connect(&c->servers[node], error);
    if (out->client == NULL) {
        return false;
    }
    client_send_texts(out->client, 4, "CLIENT", "SETINFO", "LIB-NAME", LIBRARY);
    if (client_read(out->client, &reply, error) != CLIENT_OK) {
        return false;
    }
    resp_value_deinit(&reply);
    return true;
}

static bool lose(struct celebrity_thread *t, const char *how)
{
    t->has_lost_node = true;
    errmsg_set(&t->error, "%s", how);
    return false;
}

static bool await(struct celebrity_thread *t, const struct connection *c, short events)
{
    struct pollfd fd = {.fd = client_fd(c->client), .events = events};

    return poll(&fd, 1, SILENCE_MS) > 0 || lose(t, "a node is silent");
}

static bool send_text(struct celebrity_thread *t, struct connection *c, struct bytes text,
                      size_t replies)
{
    c->due += replies;
    while (text.len > 0) {
        ssize_t sent = send(client_fd(c->client), text.data, text.len, MSG_NOSIGNAL);

        if (sent > 0) {
            text = bytes_from(text, (size_t)sent);
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return lose(t, "a connection is gone");
        } else if (!await(t, c, POLLOUT)) {
            return false;
        }
    }
    return true;
}

/* What was answered with MOVED. */
struct moves {
    size_t count;
    size_t node; /* of the last */
};

/* "MOVED slot host:port": the node; count when it is another error. */
static size_t node_of_moved(const struct celebrity_cluster *c, struct bytes line)
{
    size_t colon = line.len;
    int64_t port = 0;

    while (colon > 0 && line.data[colon - 1] != ':') {
        colon--;
    }
    if (!bytes_has_prefix(line, "-MOVED ") || !num_parse_i64(bytes_from(line, colon), &port)) {
        return c->count;
    }
    return celebrity_node_at(c, (unsigned)port);
}

/* One reply at the front of the input: its length, 0 when it is not whole, SIZE_MAX when it is wrong. */
static size_t take_reply(struct celebrity_thread *t, struct connection *connection, struct bytes in,
                         struct moves *moves)
{
    const struct celebrity_cluster *c = t->owner->cluster;
    size_t end;

    if (in.data[0] == '-') {
        end = bytes_find_byte(in, '\n');
        if (end >= in.len) {
            return 0;
        }
        moves->count++;
        moves->node = node_of_moved(c, bytes_trim(bytes_prefix(in, end)));
        errmsg_set(&t->error, "%.*s", (int)end, in.data);
        return moves->node < c->count ? end + 1 : SIZE_MAX;
    }
    if (in.len < REPLY) {
        return 0;
    }
    if (memcmp(in.data, "$64\r\n", HEAD) != 0 ||
        memcmp(in.data + HEAD, connection->last, CELEBRITY_VALUE) < 0) {
        errmsg_set(&t->error, "the value goes back, or is none: %.*s after %.*s", REPLY - 2,
                   in.data, CELEBRITY_VALUE, connection->last);
        return SIZE_MAX;
    }
    memcpy(connection->last, in.data + HEAD, CELEBRITY_VALUE);
    return REPLY;
}

/* Wait for all replies that are due. */
static bool read_replies(struct celebrity_thread *t, struct connection *c, struct moves *moves)
{
    size_t have = 0;

    while (c->due > 0) {
        ssize_t got = recv(client_fd(c->client), t->input + have, INPUT - have, 0);
        size_t at = 0;

        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!await(t, c, POLLIN)) {
                return false;
            }
            continue;
        }
        if (got <= 0) {
            return lose(t, "a connection is gone");
        }
        have += (size_t)got;
        while (c->due > 0 && at < have) {
            size_t len = take_reply(t, c, bytes_make(t->input + at, have - at), moves);

            if (len == SIZE_MAX) {
                return false;
            }
            if (len == 0) {
                break;
            }
            at += len;
            c->due--;
        }
        memmove(t->input, t->input + at, have - at);
        have -= at;
    }
    return true;
}

/* ---- readers -------------------------------------------------------------------------------------- */

/* What CLUSTER SLOTS says on the connection. */
static bool find_node(struct celebrity_thread *t, struct reader *reader)
{
    const struct celebrity_cluster *c = t->owner->cluster;
    struct resp_value map;
    struct client *client = reader->connections[reader->node].client;

    client_send_texts(client, 2, "CLUSTER", "SLOTS");
    if (client_read(client, &map, &t->error) != CLIENT_OK) {
        return false;
    }
    for (size_t i = 0; i < map.child_count; i++) {
        const struct resp_value *row = &map.children[i];

        if (row->child_count > 2 && row->children[0].integer <= (int64_t)c->slot &&
            row->children[1].integer >= (int64_t)c->slot && row->children[2].child_count > 1) {
            reader->next = celebrity_node_at(c, (unsigned)row->children[2].children[1].integer);
        }
    }
    resp_value_deinit(&map);
    errmsg_set(&t->error, "the map has no node for the key");
    return reader->next < c->count;
}

/* It goes where it was sent. */
static bool go(struct celebrity_thread *t, struct reader *reader)
{
    struct celebrity_readers *r = t->owner;

    if (reader->next != reader->node) {
        memcpy(reader->connections[reader->next].last, reader->connections[reader->node].last,
               CELEBRITY_VALUE);
        atomic_fetch_sub(&r->placed[reader->node], 1);
        atomic_fetch_add(&r->placed[reader->next], 1);
        reader->node = reader->next;
    }
    return reader->connections[reader->node].client != NULL ||
           open_connection(r->cluster, reader->node, &reader->connections[reader->node], &t->error);
}

static bool open_reader(struct celebrity_thread *t, size_t index)
{
    struct celebrity_readers *r = t->owner;
    struct reader *reader = &t->readers[index];

    ASSERT(r->options.node_count > 0);
    reader->node = r->options.first_node + (t->first + index) % r->options.node_count;
    reader->next = reader->node;
    atomic_fetch_add(&r->placed[reader->node], 1);
    return go(t, reader) && (r->options.is_placed || (find_node(t, reader) && go(t, reader)));
}

static bool read_reader(struct celebrity_thread *t, struct reader *reader)
{
    struct celebrity_readers *r = t->owner;
    struct connection *c = &reader->connections[reader->node];
    size_t due = c->due;
    struct moves moves = {.node = reader->node};

    if (!read_replies(t, c, &moves)) {
        return false;
    }
    atomic_fetch_add(&r->hot[reader->node], due - moves.count);
    atomic_fetch_add(&r->moved, moves.count);
    if (!r->options.is_placed) {
        reader->next = moves.node;
    }
    return go(t, reader);
}

/* All send, then all are read. */
static bool run_round(struct celebrity_thread *t)
{
    struct celebrity_readers *r = t->owner;
    bool reads_others = atomic_load(&r->reads_others);
    struct moves moves = {0};

    for (size_t i = 0; i < t->count; i++) {
        struct reader *reader = &t->readers[i];

        if (!send_text(t, &reader->connections[reader->node], buf_bytes(&t->hot_text),
                       r->options.pipeline)) {
            return false;
        }
    }
    for (size_t n = 0; reads_others && n < r->cluster->count; n++) {
        if (!send_text(t, &t->others[n], buf_bytes(&t->cold_text[n]), t->cold_count)) {
            return false;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        if (!read_reader(t, &t->readers[i])) {
            return false;
        }
    }
    for (size_t n = 0; reads_others && n < r->cluster->count; n++) {
        if (!read_replies(t, &t->others[n], &moves)) {
            return false;
        }
    }
    return true;
}

static void render(struct celebrity_thread *t)
{
    const struct celebrity_cluster *c = t->owner->cluster;
    size_t hot = t->count * t->owner->options.pipeline;
    size_t cold = hot / OTHERS_PART / c->count;

    for (size_t i = 0; i < t->owner->options.pipeline; i++) {
        const struct bytes words[] = {BYTES_LITERAL("GET"), bytes_from_text(c->key)};

        resp_write_request(&t->hot_text, words, ARRAY_COUNT(words));
    }
    t->cold_count = cold > 0 ? cold : 1;
    for (size_t n = 0; n < c->count; n++) {
        for (size_t i = 0; i < t->cold_count; i++) {
            const struct bytes words[] = {BYTES_LITERAL("GET"),
                                          bytes_from_text(c->cold[n][i % CELEBRITY_COLD_KEYS])};

            resp_write_request(&t->cold_text[n], words, ARRAY_COUNT(words));
        }
    }
}

static bool open_thread(struct celebrity_thread *t)
{
    render(t);
    for (size_t n = 0; n < t->owner->cluster->count; n++) {
        if (!open_connection(t->owner->cluster, n, &t->others[n], &t->error)) {
            return false;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        if (!open_reader(t, i)) {
            return false;
        }
    }
    return true;
}

/* Wait until it is time for the next round; the time of the one behind it. */
static int64_t pace(int64_t due_us, uint64_t rate)
{
    int64_t now_us = clock_mono_now().us;
    int64_t gap_us = rate > 0 ? (int64_t)(1000000 / rate) : 0;

    if (rate == 0 || now_us - due_us > 1000000) {
        return now_us; /* what was missed is not made up for */
    }
    while (now_us < due_us) {
        support_pause_ms(1);
        now_us = clock_mono_now().us;
    }
    return due_us + gap_us;
}

static void *run_thread(void *context)
{
    struct celebrity_thread *t = context;
    struct celebrity_readers *r = t->owner;
    bool is_ok = open_thread(t);
    int64_t due_us = clock_mono_now().us;

    while (is_ok && !atomic_load(&r->is_to_stop)) {
        int64_t began_us;

        due_us = pace(due_us, r->options.rounds_a_second);
        began_us = clock_mono_now().us;
        is_ok = run_round(t);
        pthread_mutex_lock(&r->lock);
        hist_add(&r->round_us, clock_mono_now().us - began_us);
        pthread_mutex_unlock(&r->lock);
    }
    if (!is_ok && !(t->has_lost_node && r->options.is_placed)) {
        pthread_mutex_lock(&r->lock);
        r->error = t->error;
        pthread_mutex_unlock(&r->lock);
        atomic_store(&r->is_broken, true);
    }
    return NULL;
}

static void free_thread(struct celebrity_thread *t)
{
    for (size_t n = 0; n < CELEBRITY_NODES; n++) {
        client_close(t->others[n].client);
        buf_deinit(&t->cold_text[n]);
        for (size_t i = 0; i < t->count; i++) {
            client_close(t->readers[i].connections[n].client);
        }
    }
    buf_deinit(&t->hot_text);
    mem_free(MEM_TEST, t->readers);
    mem_free(MEM_TEST, t);
}

bool celebrity_read(struct celebrity_readers *r, const struct celebrity_cluster *cluster,
                    const struct celebrity_readers_options *options, struct errmsg *error)
{
    *r = (struct celebrity_readers){.cluster = cluster, .options = *options};
    pthread_mutex_init(&r->lock, NULL);
    for (size_t i = 0; i < options->threads; i++) {
        struct celebrity_thread *t = mem_alloc_zeroed(MEM_TEST, sizeof(*t));

        t->owner = r;
        t->count = options->readers / options->threads;
        t->first = i * t->count;
        t->readers = mem_alloc_zeroed(MEM_TEST, t->count * sizeof(*t->readers));
        r->threads[r->thread_count++] = t;
        t->is_running = pthread_create(&t->thread, NULL, run_thread, t) == 0;
        if (!t->is_running) {
            errmsg_set(error, "cannot start a thread");
            return false;
        }
    }
    return true;
}

bool celebrity_end_reading(struct celebrity_readers *r, struct errmsg *error)
{
    atomic_store(&r->is_to_stop, true);
    for (size_t i = 0; i < r->thread_count; i++) {
        if (r->threads[i]->is_running) {
            pthread_join(r->threads[i]->thread, NULL);
        }
        free_thread(r->threads[i]);
    }
    r->thread_count = 0;
    if (atomic_load(&r->is_broken)) {
        *error = r->error;
        errmsg_wrap(error, "reader");
        return false;
    }
    return true;
}

static void take(pthread_mutex_t *lock, struct hist *from, struct hist *out)
{
    pthread_mutex_lock(lock);
    *out = *from;
    *from = (struct hist){0};
    pthread_mutex_unlock(lock);
}

void celebrity_take_rounds(struct celebrity_readers *r, struct hist *out)
{
    take(&r->lock, &r->round_us, out);
}

/* ---- the writer ----------------------------------------------------------------------------------- */

static bool write_round(struct celebrity_writer *w, struct client *client, uint64_t *number,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char value[CELEBRITY_VALUE + 1];

        snprintf(value, sizeof(value), "%0*llu", CELEBRITY_VALUE, (unsigned long long)++*number);
        client_send_texts(client, 3, "SET", w->cluster->key, value);
    }
    for (size_t i = 0; i < count; i++) {
        struct resp_value reply;
        bool is_ok;

        if (client_read(client, &reply, &w->error) != CLIENT_OK) {
            return false;
        }
        is_ok = resp_value_is_text(&reply, "OK");
        errmsg_set(&w->error, "a write is answered %.100s", buf_text(&reply.text));
        resp_value_deinit(&reply);
        if (!is_ok) {
            return false;
        }
    }
    return true;
}

static void *run_writer(void *context)
{
    struct celebrity_writer *w = context;
    size_t count = w->rate > 1000 ? w->rate / 1000 : 1;
    struct client *client = server_connect(&w->cluster->servers[0], &w->error);
    int64_t due_us = clock_mono_now().us;
    uint64_t number = (uint64_t)due_us; /* greater than those of a writer before */
    bool is_ok = client != NULL;

    while (is_ok && !atomic_load(&w->is_to_stop)) {
        int64_t began_us;

        due_us = pace(due_us, w->rate / count);
        began_us = clock_mono_now().us;
        is_ok = write_round(w, client, &number, count);
        pthread_mutex_lock(&w->lock);
        hist_add(&w->round_us, clock_mono_now().us - began_us);
        pthread_mutex_unlock(&w->lock);
        atomic_fetch_add(&w->written, count);
    }
    atomic_store(&w->is_broken, !is_ok);
    client_close(client);
    return NULL;
}

bool celebrity_write(struct celebrity_writer *w, const struct celebrity_cluster *cluster,
                     uint64_t rate, struct errmsg *error)
{
    *w = (struct celebrity_writer){.cluster = cluster, .rate = rate};
    pthread_mutex_init(&w->lock, NULL);
    if (pthread_create(&w->thread, NULL, run_writer, w) != 0) {
        errmsg_set(error, "cannot start a thread");
        w->cluster = NULL;
        return false;
    }
    return true;
}

bool celebrity_end_writing(struct celebrity_writer *w, struct errmsg *error)
{
    if (w->cluster == NULL) {
        return true;
    }
    atomic_store(&w->is_to_stop, true);
    pthread_join(w->thread, NULL);
    w->cluster = NULL;
    if (atomic_load(&w->is_broken)) {
        *error = w->error;
        errmsg_wrap(error, "writer");
        return false;
    }
    return true;
}

void celebrity_take_writes(struct celebrity_writer *w, struct hist *out)
{
    take(&w->lock, &w->round_us, out);
}
