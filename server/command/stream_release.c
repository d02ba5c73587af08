/* SPDX-License-Identifier: MIT */
/* What is pending that a consumer gives back: XNACK. */
#include "base/num.h"
#include "base/vec.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"
#include "command/stream_group_args.h"

enum {
    KEY_WORD = 1,
    GROUP_WORD = 2,
    MODE_WORD = 3,
    IDS_WORD = 4,
};

/* What becomes of the count of deliveries. */
enum release_mode {
    MODE_SILENT, /* the delivery does not count */
    MODE_FAIL,   /* it does */
    MODE_FATAL,  /* it is more than anybody wants to try */
};

struct release_options {
    enum release_mode mode;
    struct stream_ids ids;
    int64_t retry_count; /* negative: as the mode says */
    bool is_forced;      /* also what is not pending */
};

static bool read_mode(struct exec *x, enum release_mode *out)
{
    static const char *const words[] = {
        [MODE_SILENT] = "SILENT", [MODE_FAIL] = "FAIL", [MODE_FATAL] = "FATAL"};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (argument_is(x, MODE_WORD, words[i])) {
            *out = (enum release_mode)i;
            return true;
        }
    }
    resp_write_error(x->reply, "ERR mode must be SILENT, FAIL, or FATAL");
    return false;
}

static bool read_options(struct exec *x, struct release_options *out)
{
    size_t at = IDS_WORD;

    out->retry_count = -1;
    if (!read_mode(x, &out->mode)) {
        return false;
    }
    if (!argument_is(x, at, "IDS")) {
        resp_write_error(x->reply, "ERR syntax error, expected IDS keyword");
        return false;
    }
    if (!argument_stream_ids_counted(x, &at, &out->ids)) {
        return false;
    }
    for (; at < x->arg_count; at++) {
        if (argument_is(x, at, "FORCE")) {
            out->is_forced = true;
        } else if (argument_is(x, at, "RETRYCOUNT") && at + 1 < x->arg_count) {
            at++;
            if (!num_parse_i64(x->args[at], &out->retry_count) || out->retry_count < 0) {
                resp_write_error(x->reply, "ERR Invalid RETRYCOUNT value, must be >= 0");
                return false;
            }
        } else {
            resp_write_error(x->reply, "ERR Unrecognized XNACK option '%.*s'",
                             BYTES_ARGS(x->args[at]));
            return false;
        }
    }
    return true;
}

static uint64_t deliveries_after(const struct release_options *options, uint64_t before)
{
    if (options->retry_count >= 0) {
        return (uint64_t)options->retry_count;
    }
    switch (options->mode) {
    case MODE_SILENT:
        return before > 0 ? before - 1 : 0;
    case MODE_FAIL:
        return before;
    case MODE_FATAL:
        return STREAM_COUNTER_MAX;
    }
    return before;
}

/* What was not pending has never been delivered, whatever the mode. */
static bool release(struct value_edit *edit, const struct stream_group_found *found,
                    const struct release_options *options, struct stream_id id)
{
    struct stream_pending pending = {.id = id};

    if (stream_pending_find(found->group, id, &pending)) {
        pending.delivery_count = deliveries_after(options, pending.delivery_count);
    } else if (options->is_forced && stream_find(found->stream, id, NULL)) {
        pending.delivery_count = options->retry_count >= 0 ? (uint64_t)options->retry_count : 0;
    } else {
        return false;
    }
    pending.consumer = NULL;
    stream_pending_put(&edit->draft, found->group, &pending);
    return true;
}

enum exec_result cmd_xnack(struct exec *x)
{
    struct release_options options = {0};
    struct stream_group_found found;
    struct value_edit edit;
    int64_t count = 0;

    if (read_options(x, &options) &&
        stream_group_lookup_there(x, KEY_WORD, x->args[GROUP_WORD], &found)) {
        stream_group_open(x, &found, &edit);
        for (size_t i = 0; i < options.ids.count; i++) {
            count += release(&edit, &found, &options, options.ids.items[i]) ? 1 : 0;
        }
        (void)keyspace_close(x->keyspace, &edit);
        if (count > 0) {
            effects_add_verbatim(x->effects);
        }
        resp_write_integer(x->reply, count);
    }
    VEC_DEINIT(&options.ids);
    return EXEC_DONE;
}
