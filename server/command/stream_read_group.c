/* SPDX-License-Identifier: MIT */
/* XREADGROUP: new entries (">"), which become pending, before them with CLAIM what others have had pending for long; or
 * what is pending of the consumer already. */
#include "base/assert.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"
#include "command/stream_read.h"
#include "store/stream_idle.h"

/* One stream that is asked for. */
struct source {
    struct stream_group_found found; /* of which nothing is removed before the end of the request */
    bool is_new;             /* ">": what was never delivered, and with CLAIM what is idle */
    struct stream_id behind; /* else what is pending behind this id */
};

struct sources {
    VEC(struct source) items;
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
        struct source source = {0};

        if (!find(x, options, i, &source.found) ||
            !read_id(x, options->first_key + options->key_count + i, &source)) {
            return false;
        }
        VEC_PUSH(&out->items, source);
    }
    return true;
}

/* ---- serving ----------------------------------------------------------------------------------------- */

/* What one consumer of one group is served. */
struct serving {
    const struct stream_group_found *found;
    struct value_edit edit;
    struct stream_consumer *consumer;
    const struct stream_read_options *options;
    struct stream_idle idle;   /* CLAIM: what is pending, is idle enough and has an entry */
    struct stream_range range; /* what was never delivered, */
    uint64_t count;            /* and how much of it is delivered */
    struct stream_budget *budget;
};

/* With CLAIM every entry tells how long it was idle, and how often it was delivered before. */
static void reply_entry_for(struct exec *x, const struct serving *s,
                            const struct stream_entry *entry, int64_t idle_ms, uint64_t deliveries)
{
    if (!s->options->has_claim) {
        reply_stream_entry(x, entry);
        return;
    }
    resp_write_array(x->reply, 4);
    reply_stream_id_and_pairs(x, entry);
    resp_write_integer(x->reply, idle_ms);
    resp_write_integer(x->reply, (int64_t)deliveries);
}

/* It is delivered to the consumer once more. */
static void deliver_pending(struct exec *x, struct serving *s, struct stream_pending *pending)
{
    pending->consumer = s->consumer;
    pending->delivered_at_ms = x->now.unix_ms;
    pending->delivery_count += pending->delivery_count < STREAM_COUNTER_MAX ? 1 : 0;
    stream_pending_put(&s->edit.draft, s->found->group, pending);
    effect_pending(x, s->found, pending);
}

/* What is pending but was deleted from the stream is acknowledged: others may be found in its place. */
static void find_idle(struct exec *x, struct serving *s)
{
    bool has_dropped = s->options->has_claim;

    while (has_dropped) {
        size_t kept = 0;

        s->idle.count = 0;
        stream_idle_collect(s->found->group, x->now.unix_ms - s->options->min_idle_ms,
                            s->options->limit, &s->idle);
        for (size_t i = 0; i < s->idle.count; i++) {
            struct stream_id id = s->idle.items[i].id;

            if (stream_find(s->found->stream, id, NULL)) {
                s->idle.items[kept++] = s->idle.items[i];
            } else {
                (void)stream_pending_remove(&s->edit.draft, s->found->group, id);
                effect_acknowledged(x, s->found->ref.bytes, s->found->group, id);
            }
        }
        has_dropped = kept < s->idle.count;
        s->idle.count = kept;
    }
}

static void deliver_idle(struct exec *x, struct serving *s)
{
    for (size_t i = 0; i < s->idle.count; i++) {
        struct stream_pending *item = &s->idle.items[i];
        int64_t idle_ms = item->consumer != NULL ? stream_elapsed_ms(x, item->delivered_at_ms) : -1;
        struct stream_entry entry;
        bool is_there = stream_find(s->found->stream, item->id, &entry);

        ASSERT(is_there);
        reply_entry_for(x, s, &entry, idle_ms, item->delivery_count);
        deliver_pending(x, s, item);
    }
}

/* What is to be delivered, within the limits; false when that is nothing. */
static bool find_deliveries(struct exec *x, struct serving *s)
{
    size_t kept = 0;

    find_idle(x, s);
    for (; kept < s->idle.count; kept++) {
        struct stream_entry entry;
        bool is_there = stream_find(s->found->stream, s->idle.items[kept].id, &entry);

        ASSERT(is_there);
        if (!stream_budget_take(s->budget, &entry)) {
            break;
        }
    }
    s->idle.count = kept;
    s->range = undelivered(s->found->group);
    s->count = stream_budget_take_range(s->budget, s->found->stream, &s->range,
                                        s->options->limit - s->idle.count);
    return s->idle.count + s->count > 0;
}

/* What is idle, and what was never delivered. */
static void deliver(struct exec *x, struct serving *s)
{
    struct stream_reader reader;
    struct stream_entry entry;

    resp_write_array(x->reply, s->idle.count + (size_t)s->count);
    deliver_idle(x, s);
    stream_read(s->found->stream, &s->range, &reader);
    for (uint64_t i = 0; i < s->count && stream_next(&reader, &entry); i++) {
        struct stream_pending pending = {.id = entry.id,
                                         .consumer = s->consumer,
                                         .delivered_at_ms = x->now.unix_ms,
                                         .delivery_count = 1};

        reply_entry_for(x, s, &entry, 0, 0);
        stream_group_advance(&s->edit.draft, s->found->group, entry.id);
        if (!s->options->has_no_ack) {
            stream_pending_put(&s->edit.draft, s->found->group, &pending);
            effect_pending(x, s->found, &pending);
        }
    }
    stream_consumer_note_active(x, s->consumer);
    if (s->count > 0) {
        effect_group(x, s->found);
    }
}

/* What is pending behind the id; it counts as delivered again. */
static void deliver_again(struct exec *x, struct serving *s, struct stream_id behind)
{
    VEC(struct stream_pending) items = {0};
    struct stream_pending_reader reader;
    struct stream_pending pending;

    if (stream_id_next(&behind)) {
        stream_pending_read(s->found->group, s->consumer, behind, STREAM_ID_MAX, &reader);
        while (items.count < s->options->limit && stream_pending_next(&reader, &pending)) {
            struct stream_entry entry;
            bool is_sized = s->options->max_bytes != UINT64_MAX &&
                            stream_find(s->found->stream, pending.id, &entry);

            if (!stream_budget_take(s->budget, is_sized ? &entry : NULL)) {
                break;
            }
            VEC_PUSH(&items, pending);
        }
    }
    resp_write_array(x->reply, items.count);
    for (size_t i = 0; i < items.count; i++) {
        struct stream_entry entry;

        if (!stream_find(s->found->stream, items.items[i].id, &entry)) {
            resp_write_array(x->reply, 2);
            reply_stream_id(x, items.items[i].id);
            resp_write_null_array(x->reply);
            continue;
        }
        reply_stream_entry(x, &entry);
        deliver_pending(x, s, &items.items[i]);
    }
    VEC_DEINIT(&items);
}

/* False when this stream has nothing for the consumer. */
static bool serve(struct exec *x, const struct stream_read_options *options,
                  const struct source *source, struct stream_budget *budget)
{
    struct serving s = {.found = &source->found, .options = options, .budget = budget};
    bool has_some;

    stream_group_open(x, s.found, &s.edit);
    s.consumer = stream_consumer_see(x, &s.edit, s.found, options->consumer);
    has_some = source->is_new ? find_deliveries(x, &s) : budget->count > 0;
    if (has_some) {
        if (x->reply->version < 3) {
            resp_write_array(x->reply, 2);
        }
        resp_write_bulk(x->reply, s.found->ref.bytes);
        if (source->is_new) {
            deliver(x, &s);
        } else {
            deliver_again(x, &s, source->behind);
        }
    }
    (void)keyspace_close(x->keyspace, &s.edit);
    VEC_DEINIT(&s.idle);
    return has_some;
}

/* How many streams there are to reply is known afterwards: one that is named twice may be empty by then.  False, and
 * nothing was replied, when none has anything. */
static bool serve_all(struct exec *x, const struct stream_read_options *options,
                      const struct sources *sources)
{
    struct resp_writer *reply = x->reply;
    struct resp_writer aside = *reply;
    struct stream_budget budget = stream_budget_of(options);
    struct buf text = {0};
    size_t count = 0;

    aside.out = &text;
    x->reply = &aside;
    for (size_t i = 0; i < sources->items.count; i++) {
        count += serve(x, options, &sources->items.items[i], &budget) ? 1 : 0;
    }
    x->reply = reply;
    if (count > 0) {
        if (reply->version >= 3) {
            resp_write_map(reply, count);
        } else {
            resp_write_array(reply, count);
        }
        buf_append_bytes(reply->out, buf_bytes(&text));
    }
    buf_deinit(&text);
    return count > 0;
}

/* With CLAIM: when what is pending now may be idle enough; 0 when nothing will be. */
static int64_t next_idle_unix_ms(const struct stream_read_options *options,
                                 const struct sources *sources)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; options->has_claim && i < sources->items.count; i++) {
        const struct source *source = &sources->items.items[i];
        int64_t since_ms = stream_idle_since_ms(source->found.group);

        if (source->is_new && since_ms < INT64_MAX - options->min_idle_ms) {
            int64_t at_ms = since_ms + options->min_idle_ms;

            next = at_ms < next ? at_ms : next;
        }
    }
    return next == INT64_MAX ? 0 : next;
}

enum exec_result cmd_xreadgroup(struct exec *x)
{
    struct stream_read_options options;
    struct sources sources = {0};
    enum exec_result result = EXEC_DONE;

    if (!stream_read_options(x, true, &options)) {
        return EXEC_DONE;
    }
    if (find_sources(x, &options, &sources) && !serve_all(x, &options, &sources)) {
        result = stream_read_wait(x, &options, NULL, next_idle_unix_ms(&options, &sources));
    }
    VEC_DEINIT(&sources.items);
    return result;
}
