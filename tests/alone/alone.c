/* SPDX-License-Identifier: MIT */
#include "tests/alone/alone.h"

#include "base/assert.h"
#include "base/mem.h"
#include "control/control.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_BYTES = 64 * 1024 * 1024,
    PASS_US = 1000,
    LEAD_PASSES = 50,
    LOAD_PASSES = 1000,
};

#define START_US      INT64_C(1000000)
#define START_UNIX_MS INT64_C(1700000000000)
#define HISTORY       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct moment now(void *context)
{
    const struct alone *a = context;

    return (struct moment){.mono = {.us = a->now_us},
                           .unix_ms = START_UNIX_MS + a->now_us / 1000 + a->wall_jump_ms};
}

static int64_t mono_ns(void *context)
{
    return ((const struct alone *)context)->now_us * 1000;
}

/* ---- links ------------------------------------------------------------------------------------ */

static void link_open(void *context, uint64_t link, enum env_link_kind kind, const char *host,
                      uint16_t port)
{
    struct alone *a = context;

    (void)host;
    (void)port;
    if (kind == ENV_LINK_PRIMARY) {
        a->primary_link = link;
        a->is_primary_link_up = false;
        buf_clear(&a->to_primary);
    }
}

static void link_send(void *context, uint64_t link, struct bytes bytes)
{
    struct alone *a = context;

    if (link == a->primary_link) {
        buf_append_bytes(&a->to_primary, bytes);
    }
}

static size_t link_queued(void *context, uint64_t link)
{
    (void)context;
    (void)link;
    return 0;
}

static void link_close(void *context, uint64_t link)
{
    struct alone *a = context;

    if (link == a->primary_link) {
        a->primary_link = 0;
        a->is_primary_link_up = false;
    }
}

/* ---- the rest of the world ---------------------------------------------------------------------- */

static void session_touched(void *context, struct session *s)
{
    struct alone_client *client = s->shell;

    (void)context;
    client->is_touched = true;
}

static void env_exit(void *context, int code)
{
    struct alone *a = context;

    a->has_exited = true;
    a->exit_code = code;
}

static void stand_still(void *context, int64_t us)
{
    ((struct alone *)context)->now_us += us;
}

static size_t resident_bytes(void *context)
{
    (void)context;
    return 0;
}

static void memory(void *context, struct env_memory *out)
{
    (void)context;
    *out = (struct env_memory){0};
}

static void release_memory(void *context)
{
    (void)context;
}

static void on_log_line(void *context, enum log_level level, const char *line)
{
    struct alone *a = context;

    (void)level;
    buf_append_text(&a->warnings, line);
    buf_append_byte(&a->warnings, '\n');
}

/* ---- the disk ----------------------------------------------------------------------------------- */

static void perform(struct alone *a, uint64_t number)
{
    struct fs_completion completion;

    if (disk_perform(&a->disk, number, &completion)) {
        VEC_PUSH(&a->done, completion);
    }
}

/* It happens at once, or when it is let; the node is told in a pass. */
static void on_queued(void *owner, uint64_t number)
{
    struct alone *a = owner;

    if (a->is_disk_held) {
        VEC_PUSH(&a->queued, number);
    } else {
        perform(a, number);
    }
}

bool alone_disk_step(struct alone *a)
{
    uint64_t number;

    if (a->queued.count == 0) {
        return false;
    }
    number = a->queued.items[0];
    a->queued.count--;
    memmove(a->queued.items, a->queued.items + 1, a->queued.count * sizeof(*a->queued.items));
    perform(a, number);
    return true;
}

/* ---- a node's life ---------------------------------------------------------------------------- */

static void make_world(struct alone *a)
{
    a->logger = (struct logger){.threshold = LOG_WARNING, .sink = on_log_line, .sink_context = a};
    disk_init(&a->disk, on_queued, a);
    a->env = (struct env){
        .context = a,
        .logger = &a->logger,
        .fs = &a->disk.fs,
        .now = now,
        .mono_ns = mono_ns,
        .link_open = link_open,
        .link_send = link_send,
        .link_queued = link_queued,
        .link_close = link_close,
        .session_touched = session_touched,
        .exit = env_exit,
        .sleep = stand_still,
        .resident_bytes = resident_bytes,
        .memory = memory,
        .release_memory = release_memory,
    };
}

struct alone *alone_new(const struct alone_option *options, size_t count)
{
    return alone_new_after(options, count, &(struct alone_past){.seed = 1, .now_us = START_US});
}

struct alone *alone_new_after(const struct alone_option *options, size_t count,
                              const struct alone_past *past)
{
    struct alone *a = mem_alloc_zeroed(MEM_TEST, sizeof(*a));
    struct config config;
    struct errmsg error;
    bool is_set;

    make_world(a);
    a->now_us = past->now_us;
    if (past->disk != NULL) {
        disk_copy(&a->disk, past->disk);
        disk_kill(&a->disk, NULL);
    }
    config_init(&config);
    is_set = config_set(&config, "save", (struct bytes){0}, CONFIG_FROM_START, &error) &&
             config_set(&config, "appendonly", BYTES_LITERAL("no"), CONFIG_FROM_START, &error);
    for (size_t i = 0; is_set && i < count; i++) {
        is_set = config_set(&config, options[i].name, bytes_from_text(options[i].value),
                            CONFIG_FROM_START, &error);
    }
    ASSERT(is_set);
    a->node = node_new(&(struct node_options){.config = &config,
                                              .controls = &control_table,
                                              .env = &a->env,
                                              .now = now(a),
                                              .seed = past->seed,
                                              .pid = 1,
                                              .arena_bytes = ARENA_BYTES,
                                              .until = past->until},
                       &error);
    ASSERT(a->node != NULL || past->disk != NULL);
    if (a->node == NULL) {
        a->has_exited = true;
        buf_append_text(&a->warnings, error.text);
    }
    return a;
}

void alone_free(struct alone *a)
{
    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        alone_disconnect(a, i);
        buf_deinit(&a->clients[i].out);
    }
    if (a->node != NULL) {
        node_check(a->node);
        node_free(a->node);
    }
    disk_deinit(&a->disk);
    VEC_DEINIT(&a->done);
    VEC_DEINIT(&a->queued);
    buf_deinit(&a->to_primary);
    buf_deinit(&a->warnings);
    mem_free(MEM_TEST, a);
}

void alone_connect(struct alone *a, size_t client)
{
    struct session_peer peer = {.is_loopback = true, .fd = (int)client};

    alone_disconnect(a, client);
    snprintf(peer.address, sizeof(peer.address), "127.0.0.1:%zu", 5000 + client);
    a->clients[client].session = node_session_open(a->node, &peer, NULL);
    ASSERT(a->clients[client].session != NULL);
    a->clients[client].session->shell = &a->clients[client];
    buf_clear(&a->clients[client].out);
}

void alone_disconnect(struct alone *a, size_t client)
{
    if (a->clients[client].session != NULL) {
        node_session_closed(a->node, a->clients[client].session);
        a->clients[client].session = NULL;
        a->clients[client].is_touched = false;
    }
}

/* As the shell does after a pass. */
static void flush(struct alone *a, size_t client)
{
    struct alone_client *c = &a->clients[client];
    struct bytes output;

    c->is_touched = false;
    while (!(c->session->flags & SESSION_CLOSE_NOW) &&
           session_output(c->session, &output, 1) == 1) {
        buf_append_bytes(&c->out, output);
        node_session_written(a->node, c->session, output.len);
    }
    if (session_is_closing(c->session)) {
        alone_disconnect(a, client);
    }
}

static void begin_pass(struct alone *a, int64_t later_us)
{
    a->now_us += later_us;
    node_begin_pass(a->node, now(a));
    /* What the node is told may make more come. */
    for (size_t i = 0; i < a->done.count && !a->is_disk_slow; i++) {
        struct fs_completion done = a->done.items[i];

        if (done.durable_bytes > 0) {
            node_file_synced(a->node, done.id, done.durable_bytes);
        } else {
            node_file_done(a->node, done.id, done.status == FS_OK, &done.error);
        }
    }
    if (!a->is_disk_slow) {
        a->done.count = 0;
    }
}

static void end_pass(struct alone *a)
{
    node_end_pass(a->node);
    for (size_t i = 0; i < ALONE_CLIENTS; i++) {
        if (a->clients[i].session != NULL && a->clients[i].is_touched) {
            flush(a, i);
        }
    }
}

void alone_pass(struct alone *a, int64_t later_us, size_t client, struct bytes input)
{
    begin_pass(a, later_us);
    if (client < ALONE_CLIENTS && a->clients[client].session != NULL) {
        node_session_input(a->node, a->clients[client].session, input);
    }
    end_pass(a);
}

void alone_settle(struct alone *a, int max)
{
    for (int i = 0; i < max && (node_wake_at(a->node).us <= a->now_us || a->done.count > 0); i++) {
        alone_pass(a, PASS_US, ALONE_CLIENTS, (struct bytes){0});
    }
}

bool alone_load(struct alone *a)
{
    for (int i = 0; i < LOAD_PASSES && !a->has_exited && node_is_loading(a->node); i++) {
        alone_pass(a, PASS_US, ALONE_CLIENTS, (struct bytes){0});
    }
    return !a->has_exited && !node_is_loading(a->node);
}

struct buf alone_take(struct alone *a, size_t client)
{
    struct buf out = a->clients[client].out;

    a->clients[client].out = (struct buf){0};
    return out;
}

/* ---- a primary -------------------------------------------------------------------------------- */

void alone_primary_sends(struct alone *a, struct bytes input)
{
    ASSERT(a->is_primary_link_up);
    begin_pass(a, PASS_US);
    node_link_input(a->node, a->primary_link, input);
    end_pass(a);
}

/* One answer for each request that the node has sent. */
static void answer(struct alone *a, struct buf *answers)
{
    struct bytes sent = buf_bytes(&a->to_primary);

    buf_clear(answers);
    for (size_t i = 0; i < sent.len; i++) {
        struct bytes at = bytes_from(sent, i);

        if (bytes_has_prefix(at, "\r\nPSYNC\r\n")) {
            bytes_to_text(at, a->asked, sizeof(a->asked));
            buf_append_text(answers, "+CONTINUE " HISTORY "\r\n");
        } else if (bytes_has_prefix(at, "\r\nREPLCONF\r\n") ||
                   bytes_has_prefix(at, "\r\nAUTH\r\n")) {
            buf_append_text(answers, "+OK\r\n");
        } else if (bytes_has_prefix(at, "\r\nPING\r\n")) {
            buf_append_text(answers, "+PONG\r\n");
        }
    }
    buf_clear(&a->to_primary);
}

bool alone_lead(struct alone *a)
{
    struct buf answers = {0};
    struct node_facts facts;

    for (int i = 0; i < LEAD_PASSES; i++) {
        node_facts(a->node, &facts);
        if (facts.link_up) {
            break;
        }
        if (a->primary_link != 0 && !a->is_primary_link_up) {
            begin_pass(a, PASS_US);
            a->is_primary_link_up = true;
            node_link_up(a->node, a->primary_link, "127.0.0.1");
            end_pass(a);
        } else if (a->to_primary.len > 0 && a->is_primary_link_up) {
            answer(a, &answers);
            alone_primary_sends(a, buf_bytes(&answers));
        } else {
            alone_pass(a, PASS_US * 1000, ALONE_CLIENTS, (struct bytes){0});
        }
    }
    buf_deinit(&answers);
    return facts.link_up;
}
