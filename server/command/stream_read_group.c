/* SPDX-License-Identifier: MIT */
/* XREADGROUP: new entries (">"), which become pending, or what is pending of the consumer already. */
#include "base/assert.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_read.h"

/* One stream that is asked for. */
struct source {
    bool is_new;             /* ">": what was never delivered */
    struct stream_id behind; /* else what is pending behind this id */
};

struct sources {
    VEC(struct source) items;
    bool has_any; /* to be replied */
};

/* Entries that were never delivered to the group. */
static struct stream_range undelivered(const struct stream_group *group)
{
    struct stream_range range = {.first = stream_group_last_id(group), .last = STREAM_ID_MAX};

    if (!stream_id_next(&range.first)) {
        range.first = STREAM_ID_MAX;
        range.last = STREAM_ID_MIN;
    }
    return range;
}

static bool has_undelivered(const struct stream_group_found *found)
{
    struct stream_range range = undelivered(found->group);
    struct stream_reader reader;

    if (stream_id_compare(range.first, range.last) > 0) {
        return false;
    }
    stream_read(found->stream, &range, &reader);
    return stream_next(&reader, &(struct stream_entry){0});
}

static bool find(struct exec *x, const struct stream_read_options *options, size_t i,
                 struct stream_group_found *out)
{
    if (!stream_group_lookup(x, options->first_key + i, options->group, out)) {
        return false;
    }
    if (out->group == NULL) {
        resp_write_error(x->reply,
                         "NOGROUP No such key '%.*s' or consumer group '%.*s' in XREADGROUP with "
                         "GROUP option",
                         BYTES_ARGS(out->ref.bytes), BYTES_ARGS(options->group));
        return false;
    }
    return true;
}

static bool read_id(struct exec *x, size_t index, struct source *out)
{
    struct bytes text = x->args[index];

    if (bytes_equal_text(text, ">")) {
        out->is_new = true;
        return true;
    }
    if (bytes_equal_text(text, "$") || bytes_equal_text(text, "+")) {
        resp_write_error(
            x->reply,
            "ERR The %c ID is meaningless in the context of XREADGROUP: you want to "
            "read the history of this consumer by specifying a proper ID, or use the > "
            "ID to get new messages. The %c ID would just return an empty result set.",
            text.data[0], text.data[0]);
        return false;
    }
    return argument_stream_id(x, index, 0, &out->behind);
}

static bool find_sources(struct exec *x, const struct stream_read_options *options,
                         struct sources *out)
{
    for (size_t i = 0; i < options->key_count; i++) {
        struct stream_group_found found;
        struct source source = {0};

        if (!find(x, options, i, &found) ||
            !read_id(x, options->first_key + options->key_count + i, &source)) {
            return false;
        }
        out->has_any = out->has_any || !source.is_new || has_undelivered(&found);
        VEC_PUSH(&out->items, source);
    }
    return true;
}

/* ---- serving ----------------------------------------------------------------------------------------- */

/* What one consumer of one group is served. */
struct serving {
    struct stream_group_found found;
    struct value_edit edit;
    struct stream_consumer *consumer;
    const struct stream_read_options *options;
};

static void deliver(struct exec *x, struct serving *s)
{
    struct stream_range range = undelivered(s->found.group);
    struct stream_reader reader;
    struct stream_entry entry;

    reply_stream_range(x, s->found.stream, &range, s->options->limit);
    stream_read(s->found.stream, &range, &reader);
    for (uint64_t i = 0; i < s->options->limit && stream_next(&reader, &entry); i++) {
        struct stream_pending pending = {.id = entry.id,
                                         .consumer = s->consumer,
                                         .delivered_at_ms = x->now.unix_ms,
                                         .delivery_count = 1};

        stream_group_advance(&s->edit.draft, s->found.group, entry.id);
        if (!s->options->has_no_ack) {
            stream_pending_put(&s->edit.draft, s->found.group, &pending);
            effect_pending(x, &s->found, &pending);
        }
    }
    stream_consumer_note_active(x, &s->edit, s->consumer);
    effect_group(x, &s->found);
}

/* What is pending behind the id; it counts as delivered again. */
static void deliver_again(struct exec *x, struct serving *s, struct stream_id behind)
{
    VEC(struct stream_pending) items = {0};
    struct stream_pending_reader reader;
    struct stream_pending pending;

    if (stream_id_next(&behind)) {
        stream_pending_read(s->found.group, s->consumer, behind, STREAM_ID_MAX, &reader);
        while (items.count < s->options->limit && stream_pending_next(&reader, &pending)) {
            VEC_PUSH(&items, pending);
        }
    }
    resp_write_array(x->reply, items.count);
    for (size_t i = 0; i < items.count; i++) {
        struct stream_pending *item = &items.items[i];
        struct stream_entry entry;

        if (!stream_find(s->found.stream, item->id, &entry)) {
            resp_write_array(x->reply, 2);
            reply_stream_id(x, item->id);
            resp_write_null_array(x->reply);
            continue;
        }
        reply_stream_entry(x, &entry);
        item->delivered_at_ms = x->now.unix_ms;
        item->delivery_count += item->delivery_count < STREAM_COUNTER_MAX ? 1 : 0;
        stream_pending_put(&s->edit.draft, s->found.group, item);
        effect_pending(x, &s->found, item);
    }
    VEC_DEINIT(&items);
}

/* False when this stream has nothing for the consumer. */
static bool serve(struct exec *x, const struct stream_read_options *options, size_t i,
                  const struct source *source)
{
    struct serving s = {.options = options};
    bool is_there = find(x, options, i, &s.found);
    bool has_some = !source->is_new || has_undelivered(&s.found);

    ASSERT(is_there);
    stream_group_open(x, &s.found, &s.edit);
    s.consumer = stream_consumer_see(x, &s.edit, &s.found, options->consumer);
    if (has_some) {
        if (x->reply->version < 3) {
            resp_write_array(x->reply, 2);
        }
        resp_write_bulk(x->reply, s.found.ref.bytes);
        if (source->is_new) {
            deliver(x, &s);
        } else {
            deliver_again(x, &s, source->behind);
        }
    }
    (void)keyspace_close(x->keyspace, &s.edit);
    return has_some;
}

/* How many streams there are to reply is known afterwards: one that is named twice may be empty by then. */
static void serve_all(struct exec *x, const struct stream_read_options *options,
                      const struct sources *sources)
{
    struct resp_writer *reply = x->reply;
    struct resp_writer aside = *reply;
    struct buf text = {0};
    size_t count = 0;

    aside.out = &text;
    x->reply = &aside;
    for (size_t i = 0; i < sources->items.count; i++) {
        count += serve(x, options, i, &sources->items.items[i]) ? 1 : 0;
    }
    x->reply = reply;
    if (count == 0) {
        resp_write_null_array(reply);
    } else if (reply->version >= 3) {
        resp_write_map(reply, count);
    } else {
        resp_write_array(reply, count);
    }
    buf_append_bytes(reply->out, buf_bytes(&text));
    buf_deinit(&text);
}

enum exec_result cmd_xreadgroup(struct exec *x)
{
    struct stream_read_options options;
    struct sources sources = {0};
    enum exec_result result = EXEC_DONE;

    if (!stream_read_options(x, true, &options)) {
        return EXEC_DONE;
    }
    if (find_sources(x, &options, &sources)) {
        if (sources.has_any || !options.has_block) {
            serve_all(x, &options, &sources);
        } else {
            result = stream_read_wait(x, &options, NULL);
        }
    }
    VEC_DEINIT(&sources.items);
    return result;
}
