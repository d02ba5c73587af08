/* SPDX-License-Identifier: MIT */
/* What is pending in groups of streams: XPENDING. */
#include "base/num.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"

enum {
    KEY_WORD = 1,
    GROUP_WORD = 2,
    FIRST_WORD = 3,
    RANGE_WORDS = 3, /* start end count */
};

struct pending_options {
    bool is_summary;
    int64_t min_idle_ms;
    struct stream_id first;
    struct stream_id last;
    uint64_t limit;
    bool has_consumer;
    struct bytes consumer;
};

static bool read_options(struct exec *x, struct pending_options *out)
{
    size_t at = FIRST_WORD;
    int64_t limit;

    *out = (struct pending_options){.is_summary = x->arg_count == FIRST_WORD};
    if (out->is_summary) {
        return true;
    }
    if (x->arg_count < FIRST_WORD + RANGE_WORDS ||
        x->arg_count > FIRST_WORD + 2 + RANGE_WORDS + 1) {
        reply_syntax_error(x);
        return false;
    }
    if (argument_is(x, at, "IDLE")) {
        if (!argument_i64(x, at + 1, &out->min_idle_ms)) {
            return false;
        }
        at += 2;
        if (x->arg_count < at + RANGE_WORDS) {
            reply_syntax_error(x);
            return false;
        }
    }
    if (!argument_i64(x, at + 2, &limit) || !argument_stream_first(x, at, &out->first) ||
        !argument_stream_last(x, at + 1, &out->last)) {
        return false;
    }
    out->limit = limit > 0 ? (uint64_t)limit : 0;
    at += RANGE_WORDS;
    if (at + 1 < x->arg_count) {
        reply_syntax_error(x);
        return false;
    }
    out->has_consumer = at < x->arg_count;
    out->consumer = out->has_consumer ? x->args[at] : (struct bytes){0};
    return true;
}

static void reply_summary(struct exec *x, const struct stream_group *group)
{
    struct stream_id first;
    struct stream_id last;
    size_t consumers = stream_group_consumer_count(group);
    size_t count = 0;

    resp_write_array(x->reply, 4);
    resp_write_integer(x->reply, (int64_t)stream_group_pending_count(group));
    if (!stream_pending_edges(group, &first, &last)) {
        resp_write_null(x->reply);
        resp_write_null(x->reply);
        resp_write_null_array(x->reply);
        return;
    }
    reply_stream_id(x, first);
    reply_stream_id(x, last);
    for (size_t i = 0; i < consumers; i++) {
        count += stream_consumer_pending_count(stream_consumer_at(group, i)) > 0 ? 1 : 0;
    }
    resp_write_array(x->reply, count);
    for (size_t i = 0; i < consumers; i++) {
        const struct stream_consumer *c = stream_consumer_at(group, i);
        uint64_t pending = stream_consumer_pending_count(c);

        if (pending > 0) {
            char text[NUM_I64_TEXT];

            resp_write_array(x->reply, 2);
            resp_write_bulk(x->reply, stream_consumer_name(c));
            resp_write_bulk(x->reply, bytes_make(text, num_format_u64(text, pending)));
        }
    }
}

static void reply_pending(struct exec *x, const struct stream_group *group,
                          const struct pending_options *options)
{
    const struct stream_consumer *consumer = NULL;
    VEC(struct stream_pending) items = {0};
    struct stream_pending_reader reader;
    struct stream_pending pending;

    if (options->has_consumer) {
        consumer = stream_consumer_find(group, options->consumer);
    }
    if (!options->has_consumer || consumer != NULL) {
        stream_pending_read(group, consumer, options->first, options->last, &reader);
        while (items.count < options->limit && stream_pending_next(&reader, &pending)) {
            if (pending.consumer == NULL ||
                stream_elapsed_ms(x, pending.delivered_at_ms) >= options->min_idle_ms) {
                VEC_PUSH(&items, pending);
            }
        }
    }
    resp_write_array(x->reply, items.count);
    for (size_t i = 0; i < items.count; i++) {
        const struct stream_pending *item = &items.items[i];

        resp_write_array(x->reply, 4);
        reply_stream_id(x, item->id);
        reply_stream_owner(x, item);
        resp_write_integer(
            x->reply, item->consumer == NULL ? -1 : stream_elapsed_ms(x, item->delivered_at_ms));
        resp_write_integer(x->reply, (int64_t)item->delivery_count);
    }
    VEC_DEINIT(&items);
}

enum exec_result cmd_xpending(struct exec *x)
{
    struct pending_options options;
    struct key_ref ref = lookup_ref(x, KEY_WORD);
    const struct stream_group *group = NULL;
    const struct stream *s;

    if (!read_options(x, &options) || !stream_lookup(x, &ref, &s)) {
        return EXEC_DONE;
    }
    if (s != NULL) {
        group = stream_group_find(s, x->args[GROUP_WORD]);
    }
    if (group == NULL) {
        resp_write_error(x->reply, "NOGROUP No such key '%.*s' or consumer group '%.*s'",
                         BYTES_ARGS(ref.bytes), BYTES_ARGS(x->args[GROUP_WORD]));
    } else if (options.is_summary) {
        reply_summary(x, group);
    } else {
        reply_pending(x, group, &options);
    }
    return EXEC_DONE;
}
