/* SPDX-License-Identifier: MIT */
#include "node/monitor.h"

#include "base/assert.h"
#include "base/split.h"
#include "node/inside.h"
#include "stats/secrets.h"

enum {
    LINE_KEPT = 16 * 1024, /* a longer buffer is given back */
    WORDS_KEPT = 1024,
};

void monitor_init(struct node *node)
{
    list_init(&node->monitors.all);
}

void monitor_deinit(struct node *node)
{
    struct monitors *monitors = &node->monitors;

    ASSERT(monitors->count == 0);
    ASSERT(list_is_empty(&monitors->all));
    buf_deinit(&monitors->line);
    VEC_DEINIT(&monitors->words);
}

void monitor_begin(struct node *node, struct session *s)
{
    ASSERT(!(s->flags & (SESSION_MONITOR | SESSION_REPLICA)));
    s->flags |= SESSION_MONITOR;
    list_add_tail(&node->monitors.all, &s->monitoring);
    node->monitors.count++;
}

void monitor_end(struct node *node, struct session *s)
{
    if (s->flags & SESSION_MONITOR) {
        ASSERT(node->monitors.count > 0);
        s->flags &= ~(uint32_t)SESSION_MONITOR;
        list_remove(&s->monitoring);
        node->monitors.count--;
    }
}

/* ---- lines ------------------------------------------------------------------------------------ */

static void begin_line(struct node *node)
{
    int64_t unix_us = moment_unix_us(node->env.now(node->env.context));

    ASSERT(node->monitors.line.len == 0);
    buf_printf(&node->monitors.line, "+%lld.%06lld ", (long long)(unix_us / 1000000),
               (long long)(unix_us % 1000000));
}

static void add_words(struct monitors *monitors, const struct bytes *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_append_byte(&monitors->line, ' ');
        split_append_quoted(&monitors->line, words[i]);
    }
}

static void send_line(struct node *node)
{
    struct buf *line = &node->monitors.line;

    buf_append_text(line, "\r\n");
    LIST_FOR_EACH (item, &node->monitors.all) {
        publish_push(node, CONTAINER_OF(item, struct session, monitoring), buf_bytes(line));
    }
    buf_clear(line);
    buf_shrink_when_empty(line, LINE_KEPT);
}

static void show_client(struct buf *line, const struct session *s)
{
    if (s->flags & SESSION_UNIX) {
        /* Its address ends with ":0" in place of a port. */
        struct bytes path = bytes_from_text(s->peer.address);

        ASSERT(path.len >= 2);
        buf_printf(line, "[%u unix:", s->db);
        buf_append_bytes(line, bytes_prefix(path, path.len - 2));
    } else {
        buf_printf(line, "[%u %s", s->db, s->peer.address);
    }
    buf_append_byte(line, ']');
}

static void add_without_secrets(struct monitors *monitors, const struct request *request)
{
    ASSERT(monitors->words.count == 0);
    for (size_t i = 0; i < request->arg_count; i++) {
        VEC_PUSH(&monitors->words, request->args[i]);
    }
    secrets_redact(request->spec, monitors->words.items, monitors->words.count);
    add_words(monitors, monitors->words.items, monitors->words.count);
    monitors->words.count = 0;
    if (monitors->words.cap > WORDS_KEPT) {
        VEC_DEINIT(&monitors->words);
    }
}

void monitor_show(struct node *node, const struct request *request)
{
    struct monitors *monitors = &node->monitors;

    ASSERT(monitors->count > 0);
    if (request->spec->flags & COMMAND_FLAG_ADMIN) {
        return;
    }
    begin_line(node);
    show_client(&monitors->line, request->session);
    if (secrets_may_be_in(request->spec)) {
        add_without_secrets(monitors, request);
    } else {
        add_words(monitors, request->args, request->arg_count);
    }
    send_line(node);
}

void monitor_show_streamed(struct node *node, const struct streamed_command *command)
{
    struct monitors *monitors = &node->monitors;
    struct replica_report primary = replica_get_report(node->upstream.replica);

    ASSERT(monitors->count > 0);
    if (command->spec != NULL && (command->spec->flags & COMMAND_FLAG_ADMIN)) {
        return; /* REPLCONF */
    }
    begin_line(node);
    buf_printf(&monitors->line, "[%u %s:%u]", command->db, primary.host, (unsigned)primary.port);
    add_words(monitors, command->args, command->arg_count);
    send_line(node);
}

void monitor_check(const struct node *node)
{
    const struct monitors *monitors = &node->monitors;
    size_t count = 0;

    LIST_FOR_EACH (item, &monitors->all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, monitoring);

        ASSERT(s->flags & SESSION_MONITOR);    /* (1) */
        ASSERT(!(s->flags & SESSION_REPLICA)); /* (2) */
        count++;
    }
    ASSERT(count == monitors->count);
    ASSERT(monitors->line.len == 0);
    ASSERT(monitors->words.count == 0);
}
