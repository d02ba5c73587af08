/* SPDX-License-Identifier: MIT */
/* What there is to know of streams, groups and consumers: XINFO. */
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_iid.h"
#include "store/stream_group.h"

enum {
    KEY_WORD = 2,
    GROUP_WORD = 3,
    FULL_COUNT = 10, /* entries, and pending ones, that FULL shows without COUNT */
};

static void reply_field(struct exec *x, const char *name, int64_t value)
{
    resp_write_bulk_text(x->reply, name);
    resp_write_integer(x->reply, value);
}

static void reply_id_field(struct exec *x, const char *name, struct stream_id id)
{
    resp_write_bulk_text(x->reply, name);
    reply_stream_id(x, id);
}

/* The stream under the key; false after an error reply. */
static bool find(struct exec *x, const struct stream **out)
{
    struct key_ref ref = lookup_ref(x, KEY_WORD);

    if (!stream_lookup(x, &ref, out)) {
        return false;
    }
    if (*out == NULL) {
        resp_write_error(x->reply, "ERR no such key");
        return false;
    }
    return true;
}

/* ---- STREAM ------------------------------------------------------------------------------------------ */

static void reply_marks(struct exec *x, const struct stream *s)
{
    struct stream_marks marks = stream_marks(s);

    reply_field(x, "length", (int64_t)stream_count(s));
    /* Stock servers keep nodes in a radix tree; ours have the same number of them, in an index. */
    reply_field(x, "radix-tree-keys", (int64_t)stream_node_count(s));
    reply_field(x, "radix-tree-nodes", (int64_t)stream_node_count(s) + 1);
    reply_id_field(x, "last-generated-id", marks.last_id);
    reply_id_field(x, "max-deleted-entry-id", marks.max_deleted_id);
    reply_field(x, "entries-added", (int64_t)marks.entries_added);
    reply_id_field(x, "recorded-first-entry-id", stream_first_id(s));
}

static void reply_producers(struct exec *x, const struct stream *s)
{
    struct stream_producers_settings otherwise = stream_iid_default_settings(x);
    struct stream_producers_facts facts = stream_producers_facts(s, &otherwise);

    reply_field(x, "idmp-duration", facts.settings.duration_s);
    reply_field(x, "idmp-maxsize", facts.settings.max_count);
    reply_field(x, "pids-tracked", (int64_t)facts.producer_count);
    reply_field(x, "iids-tracked", (int64_t)facts.iid_count);
    reply_field(x, "iids-added", (int64_t)facts.added);
    reply_field(x, "iids-duplicates", (int64_t)facts.duplicates);
}

/* The first entry, or the last; null of an empty stream. */
static void reply_edge(struct exec *x, const struct stream *s, bool is_last)
{
    const struct stream_range range = {.last = STREAM_ID_MAX, .is_reverse = is_last};
    struct stream_reader reader;
    struct stream_entry entry;

    resp_write_bulk_text(x->reply, is_last ? "last-entry" : "first-entry");
    stream_read(s, &range, &reader);
    if (stream_next(&reader, &entry)) {
        reply_stream_entry(x, &entry);
    } else {
        resp_write_null(x->reply);
    }
}

static void reply_read(struct exec *x, const struct stream *s, const struct stream_group *group)
{
    uint64_t read = stream_group_entries_read(group);
    int64_t lag;

    resp_write_bulk_text(x->reply, "entries-read");
    if (read != STREAM_READ_UNKNOWN) {
        resp_write_integer(x->reply, (int64_t)read);
    } else {
        resp_write_null(x->reply);
    }
    resp_write_bulk_text(x->reply, "lag");
    if (stream_group_lag(s, group, &lag)) {
        resp_write_integer(x->reply, lag);
    } else {
        resp_write_null(x->reply);
    }
}

/* Pending entries of the group, with their consumers, or (consumer is not NULL) of one consumer. */
static void reply_pending(struct exec *x, const struct stream_group *group,
                          const struct stream_consumer *consumer, uint64_t limit)
{
    uint64_t total = consumer != NULL ? stream_consumer_pending_count(consumer)
                                      : stream_group_pending_count(group);
    struct stream_pending_reader reader;
    struct stream_pending pending;

    resp_write_bulk_text(x->reply, "pending");
    resp_write_array(x->reply, (size_t)(total < limit ? total : limit));
    stream_pending_read(group, consumer, STREAM_ID_MIN, STREAM_ID_MAX, &reader);
    for (uint64_t i = 0; i < limit && stream_pending_next(&reader, &pending); i++) {
        resp_write_array(x->reply, consumer != NULL ? 3 : 4);
        reply_stream_id(x, pending.id);
        if (consumer == NULL) {
            reply_stream_owner(x, &pending);
        }
        resp_write_integer(x->reply, pending.consumer != NULL ? pending.delivered_at_ms : 0);
        resp_write_integer(x->reply, (int64_t)pending.delivery_count);
    }
}

static void reply_group_full(struct exec *x, const struct stream *s,
                             const struct stream_group *group, uint64_t limit)
{
    size_t consumers = stream_group_consumer_count(group);

    resp_write_map(x->reply, 8);
    resp_write_bulk_text(x->reply, "name");
    resp_write_bulk(x->reply, stream_group_name(group));
    reply_id_field(x, "last-delivered-id", stream_group_last_id(group));
    reply_read(x, s, group);
    reply_field(x, "pel-count", (int64_t)stream_group_pending_count(group));
    reply_field(x, "nacked-count", (int64_t)stream_group_released_count(group));
    reply_pending(x, group, NULL, limit);
    resp_write_bulk_text(x->reply, "consumers");
    resp_write_array(x->reply, consumers);
    for (size_t i = 0; i < consumers; i++) {
        const struct stream_consumer *c = stream_consumer_at(group, i);

        resp_write_map(x->reply, 5);
        resp_write_bulk_text(x->reply, "name");
        resp_write_bulk(x->reply, stream_consumer_name(c));
        reply_field(x, "seen-time", stream_consumer_seen_at_ms(c));
        reply_field(x, "active-time", stream_consumer_active_at_ms(c));
        reply_field(x, "pel-count", (int64_t)stream_consumer_pending_count(c));
        reply_pending(x, group, c, limit);
    }
}

static void reply_full(struct exec *x, const struct stream *s, uint64_t limit)
{
    const struct stream_range range = {.last = STREAM_ID_MAX};

    resp_write_map(x->reply, 15);
    reply_marks(x, s);
    reply_producers(x, s);
    resp_write_bulk_text(x->reply, "entries");
    reply_stream_range(x, s, &range, limit);
    resp_write_bulk_text(x->reply, "groups");
    resp_write_array(x->reply, stream_group_count(s));
    for (size_t i = 0; i < stream_group_count(s); i++) {
        reply_group_full(x, s, stream_group_at(s, i), limit);
    }
}

/* FULL [COUNT count]; 0 are all. */
static bool read_full(struct exec *x, uint64_t *limit)
{
    int64_t count = FULL_COUNT;
    bool has_count = x->arg_count == KEY_WORD + 4 && argument_is(x, KEY_WORD + 2, "COUNT");

    if (!argument_is(x, KEY_WORD + 1, "FULL") || (x->arg_count != KEY_WORD + 2 && !has_count)) {
        resp_write_error(x->reply,
                         "ERR unknown subcommand or wrong number of arguments for '%.*s'. "
                         "Try XINFO HELP.",
                         BYTES_ARGS(x->args[1]));
        return false;
    }
    if (has_count && !argument_i64(x, KEY_WORD + 3, &count)) {
        return false;
    }
    count = count < 0 ? FULL_COUNT : count;
    *limit = count == 0 ? UINT64_MAX : (uint64_t)count;
    return true;
}

enum exec_result cmd_xinfo_stream(struct exec *x)
{
    const struct stream *s;
    uint64_t limit;

    if (!find(x, &s)) {
        return EXEC_DONE;
    }
    if (x->arg_count > KEY_WORD + 1) {
        if (read_full(x, &limit)) {
            reply_full(x, s, limit);
        }
        return EXEC_DONE;
    }
    resp_write_map(x->reply, 16);
    reply_marks(x, s);
    reply_producers(x, s);
    reply_field(x, "groups", (int64_t)stream_group_count(s));
    reply_edge(x, s, false);
    reply_edge(x, s, true);
    return EXEC_DONE;
}

/* ---- GROUPS, CONSUMERS ------------------------------------------------------------------------------- */

enum exec_result cmd_xinfo_groups(struct exec *x)
{
    const struct stream *s;

    if (!find(x, &s)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, stream_group_count(s));
    for (size_t i = 0; i < stream_group_count(s); i++) {
        const struct stream_group *group = stream_group_at(s, i);

        resp_write_map(x->reply, 6);
        resp_write_bulk_text(x->reply, "name");
        resp_write_bulk(x->reply, stream_group_name(group));
        reply_field(x, "consumers", (int64_t)stream_group_consumer_count(group));
        reply_field(x, "pending", (int64_t)stream_group_pending_count(group));
        reply_id_field(x, "last-delivered-id", stream_group_last_id(group));
        reply_read(x, s, group);
    }
    return EXEC_DONE;
}

static void reply_consumer(struct exec *x, const struct stream_consumer *c)
{
    int64_t active_at_ms = stream_consumer_active_at_ms(c);

    resp_write_map(x->reply, 4);
    resp_write_bulk_text(x->reply, "name");
    resp_write_bulk(x->reply, stream_consumer_name(c));
    reply_field(x, "pending", (int64_t)stream_consumer_pending_count(c));
    reply_field(x, "idle", stream_elapsed_ms(x, stream_consumer_seen_at_ms(c)));
    reply_field(x, "inactive",
                active_at_ms == STREAM_NEVER ? -1 : stream_elapsed_ms(x, active_at_ms));
}

enum exec_result cmd_xinfo_consumers(struct exec *x)
{
    const struct stream_group *group;
    const struct stream *s;

    if (!find(x, &s)) {
        return EXEC_DONE;
    }
    group = stream_group_find(s, x->args[GROUP_WORD]);
    if (group == NULL) {
        resp_write_error(x->reply, "NOGROUP No such consumer group '%.*s' for key name '%.*s'",
                         BYTES_ARGS(x->args[GROUP_WORD]), BYTES_ARGS(x->args[KEY_WORD]));
        return EXEC_DONE;
    }
    resp_write_array(x->reply, stream_group_consumer_count(group));
    for (size_t i = 0; i < stream_group_consumer_count(group); i++) {
        reply_consumer(x, stream_consumer_at(group, i));
    }
    return EXEC_DONE;
}
