/* SPDX-License-Identifier: MIT */
/* A ring of pointers that grows up to its limit; an entry is one block with its text behind it. */
#include "stats/slowlog.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"

enum {
    RING_START = 16
};

/* The parts of an entry while they are collected, in the order of its args, peer and name. */
struct parts {
    struct buf text;
    size_t lengths[SLOWLOG_ARGS + 2];
    size_t count;
};

static size_t place(const struct slowlog *log, size_t age_rank)
{
    return (log->first + age_rank) % log->cap;
}

static void drop_oldest(struct slowlog *log)
{
    ASSERT(log->count > 0);
    mem_free(MEM_NODE, log->ring[log->first]);
    log->first = place(log, 1);
    log->count--;
}

static void grow(struct slowlog *log)
{
    size_t cap = log->cap == 0 ? RING_START : log->cap * 2;
    struct slowlog_entry **ring = mem_alloc(MEM_NODE, cap * sizeof(struct slowlog_entry *));

    for (size_t i = 0; i < log->count; i++) {
        ring[i] = log->ring[place(log, i)];
    }
    mem_free(MEM_NODE, log->ring);
    log->ring = ring;
    log->cap = cap;
    log->first = 0;
}

static void end_part(struct parts *parts, size_t start)
{
    ASSERT(parts->count < ARRAY_COUNT(parts->lengths));
    parts->lengths[parts->count++] = parts->text.len - start;
}

static void add_part(struct parts *parts, struct bytes part)
{
    size_t start = parts->text.len;

    buf_append_bytes(&parts->text, part);
    end_part(parts, start);
}

static void add_arg(struct parts *parts, struct bytes arg)
{
    size_t start = parts->text.len;

    if (arg.len <= SLOWLOG_ARG_BYTES) {
        buf_append_bytes(&parts->text, arg);
    } else {
        buf_append_bytes(&parts->text, bytes_prefix(arg, SLOWLOG_ARG_BYTES));
        buf_printf(&parts->text, "... (%zu more bytes)", arg.len - SLOWLOG_ARG_BYTES);
    }
    end_part(parts, start);
}

static void add_args(struct parts *parts, const struct slowlog_note *note)
{
    size_t room = note->suspects > 0 ? SLOWLOG_ARGS - 1 : SLOWLOG_ARGS;
    size_t shown = note->arg_count <= room ? note->arg_count : room - 1;
    size_t start;

    for (size_t i = 0; i < shown; i++) {
        add_arg(parts, note->args[i]);
    }
    if (shown < note->arg_count) {
        start = parts->text.len;
        buf_printf(&parts->text, "... (%zu more arguments)", note->arg_count - shown);
        end_part(parts, start);
    }
    if (note->suspects > 0) {
        start = parts->text.len;
        buf_printf(&parts->text, "... (or one of %zu other commands)", note->suspects);
        end_part(parts, start);
    }
}

/* The parts as one block; text and parts stay the caller's. */
static struct slowlog_entry *entry_new(const struct slowlog_note *note, const struct parts *parts)
{
    size_t arg_count = parts->count - 2;
    struct slowlog_entry *entry =
        mem_alloc(MEM_NODE, sizeof(*entry) + arg_count * sizeof(struct bytes) + parts->text.len);
    char *at = (char *)&entry->args[arg_count];

    *entry = (struct slowlog_entry){
        .unix_ms = note->unix_ms, .amount = note->amount, .arg_count = arg_count};
    if (parts->text.len > 0) {
        memcpy(at, parts->text.data, parts->text.len);
    }
    for (size_t i = 0; i < arg_count; i++) {
        entry->args[i] = bytes_make(at, parts->lengths[i]);
        at += parts->lengths[i];
    }
    entry->peer = bytes_make(at, parts->lengths[arg_count]);
    entry->name = bytes_make(at + entry->peer.len, parts->lengths[arg_count + 1]);
    return entry;
}

void slowlog_set_limit(struct slowlog *log, size_t limit)
{
    log->limit = limit;
    while (log->count > limit) {
        drop_oldest(log);
    }
}

void slowlog_add(struct slowlog *log, const struct slowlog_note *note)
{
    struct parts parts = {0};
    uint64_t id = log->next_id++;
    struct slowlog_entry *entry;

    if (log->limit == 0) {
        return;
    }
    if (log->count == log->limit) {
        drop_oldest(log);
    }
    if (log->count == log->cap) {
        grow(log);
    }
    add_args(&parts, note);
    add_part(&parts, note->peer);
    add_part(&parts, note->name);
    entry = entry_new(note, &parts);
    entry->id = id;
    log->ring[place(log, log->count)] = entry;
    log->count++;
    buf_deinit(&parts.text);
}

const struct slowlog_entry *slowlog_at(const struct slowlog *log, size_t index)
{
    ASSERT(index < log->count);
    return log->ring[place(log, log->count - 1 - index)];
}

void slowlog_clear(struct slowlog *log)
{
    while (log->count > 0) {
        drop_oldest(log);
    }
}

void slowlog_deinit(struct slowlog *log)
{
    slowlog_clear(log);
    mem_free(MEM_NODE, log->ring);
    *log = (struct slowlog){0};
}
