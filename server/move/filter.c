/* SPDX-License-Identifier: MIT */
#include "move/filter.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "spec/command.h"
#include "spec/slot.h"

enum {
    KEPT_BYTES = 256 * 1024,
};

static const struct resp_limits log_limits = {
    .max_args = 1024 * 1024,
    .max_bulk_bytes = UINT64_C(4) * 1024 * 1024 * 1024,
    .max_inline_bytes = 64 * 1024,
    .max_depth = 8,
};

void filter_init(struct filter *filter, const uint64_t *slots)
{
    *filter = (struct filter){.slots = slots};
}

void filter_deinit(struct filter *filter)
{
    resp_reader_deinit(&filter->reader);
    VEC_DEINIT(&filter->words);
    buf_deinit(&filter->in);
    buf_deinit(&filter->multi);
    *filter = (struct filter){0};
}

enum filter_verdict filter_judge(const uint64_t *slots, const struct bytes *words, size_t count)
{
    const struct command_spec *spec = command_called(command_find(words[0]), words, count);
    struct command_keys keys = {0};
    size_t within = 0;

    if (spec == NULL) {
        return FILTER_DROP; /* nothing that this node executes */
    }
    if (spec->id == COMMAND_FLUSHALL || spec->id == COMMAND_FLUSHDB) {
        return FILTER_FLUSH;
    }
    if (!command_has_keys(spec) || (spec->flags & COMMAND_FLAG_PUBSUB) != 0) {
        return FILTER_DROP;
    }
    keys = command_keys(spec, words, count);
    for (size_t i = 0; i < keys.count; i++) {
        within += bitset_has(slots, slot_of_key(words[command_key_at(&keys, i)]));
    }
    if (within == 0) {
        return FILTER_DROP;
    }
    return within == keys.count ? FILTER_PASS : FILTER_MIXED;
}

static void end_transaction(struct filter *filter, struct buf *out)
{
    if (filter->multi_count > 1) {
        buf_append_text(out, "*1\r\n$5\r\nMULTI\r\n");
    }
    buf_append_bytes(out, buf_bytes(&filter->multi));
    if (filter->multi_count > 1) {
        buf_append_text(out, "*1\r\n$4\r\nEXEC\r\n");
    }
    buf_clear(&filter->multi);
    buf_shrink_when_empty(&filter->multi, KEPT_BYTES);
    filter->multi_count = 0;
    filter->is_in_multi = false;
}

static enum filter_status take_request(struct filter *filter, const struct resp_request *request,
                                       struct buf *out, struct errmsg *error)
{
    const struct bytes *words = filter->words.items + request->first_word;

    if (request->word_count == 0) {
        return FILTER_OK;
    }
    if (bytes_equal_nocase(words[0], "MULTI")) {
        filter->is_in_multi = true;
        return FILTER_OK;
    }
    if (bytes_equal_nocase(words[0], "EXEC")) {
        end_transaction(filter, out);
        return FILTER_OK;
    }
    switch (filter_judge(filter->slots, words, request->word_count)) {
    case FILTER_PASS:
        buf_append_bytes(filter->is_in_multi ? &filter->multi : out, request->raw);
        filter->multi_count += filter->is_in_multi;
        break;
    case FILTER_DROP:
        break;
    case FILTER_FLUSH:
        return FILTER_FLUSHED;
    case FILTER_MIXED:
        errmsg_set(error, "a request of the log has keys in slots that move and in others");
        return FILTER_ERROR;
    }
    return FILTER_OK;
}

enum filter_status filter_take(struct filter *filter, struct bytes log, struct buf *out,
                               struct errmsg *error)
{
    enum filter_status status = FILTER_OK;
    enum resp_status read = RESP_OK;
    struct bytes rest = log;

    if (filter->in.len > 0) {
        buf_append_bytes(&filter->in, log);
        rest = buf_bytes(&filter->in);
    }
    while (rest.len > 0 && read == RESP_OK && status == FILTER_OK) {
        struct resp_request request;

        read =
            resp_read_request(&filter->reader, rest, &log_limits, &filter->words, &request, error);
        if (read == RESP_OK) {
            status = take_request(filter, &request, out, error);
            rest = bytes_from(rest, request.raw.len);
            filter->words.count = 0;
            resp_reader_recycle(&filter->reader);
        }
    }
    if (read == RESP_ERROR) {
        return FILTER_ERROR;
    }
    if (filter->in.len > 0) {
        buf_consume(&filter->in, filter->in.len - rest.len);
        buf_shrink_when_empty(&filter->in, KEPT_BYTES);
    } else {
        buf_append_bytes(&filter->in, rest);
    }
    return status;
}
