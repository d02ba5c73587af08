/* SPDX-License-Identifier: MIT */
#include "command/stream_read.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "command/block.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/stream_args.h"

/* ---- options ----------------------------------------------------------------------------------------- */

static bool read_streams(struct exec *x, size_t first, bool is_of_group,
                         struct stream_read_options *out)
{
    size_t count = x->arg_count - first;

    if (count == 0 || count % 2 != 0) {
        resp_write_error(x->reply,
                         "ERR Unbalanced '%s' list of streams: for each stream key an ID%s must be "
                         "specified.",
                         x->spec->name, is_of_group ? " or '>'" : ", '+', or '$'");
        return false;
    }
    out->first_key = first;
    out->key_count = count / 2;
    return true;
}

static bool refuse_in_xread(struct exec *x, const char *option)
{
    resp_write_error(x->reply,
                     "ERR The %s option is only supported by XREADGROUP. You called XREAD instead.",
                     option);
    return false;
}

/* A limit for all streams together. */
static bool read_limit(struct exec *x, size_t index, uint64_t *out)
{
    int64_t limit;

    if (!argument_i64(x, index + 1, &limit)) {
        return false;
    }
    if (limit < 1) {
        resp_write_error(x->reply, "ERR %s must be a positive integer",
                         argument_is(x, index, "MAXCOUNT") ? "MAXCOUNT" : "MAXSIZE");
        return false;
    }
    *out = (uint64_t)limit;
    return true;
}

/* An option that XREADGROUP alone has, with its value. */
static bool read_claim(struct exec *x, size_t index, bool is_of_group,
                       struct stream_read_options *out)
{
    if (!is_of_group) {
        return refuse_in_xread(x, "CLAIM");
    }
    if (!num_parse_i64(x->args[index + 1], &out->min_idle_ms) || out->min_idle_ms < 0) {
        resp_write_error(x->reply, "ERR min-idle-time must be a positive integer");
        return false;
    }
    out->has_claim = true;
    return true;
}

/* The option at *index, but for STREAMS. */
static bool read_option(struct exec *x, size_t *index, bool is_of_group,
                        struct stream_read_options *out)
{
    size_t left = x->arg_count - *index - 1;
    int64_t count;

    if (left >= 1 && argument_is(x, *index, "BLOCK")) {
        if (!argument_timeout_ms(x, *index + 1, &out->deadline_unix_ms)) {
            return false;
        }
        out->has_block = true;
        *index += 2;
    } else if (left >= 1 && argument_is(x, *index, "COUNT")) {
        if (!argument_i64(x, *index + 1, &count)) {
            return false;
        }
        out->limit = count > 0 ? (uint64_t)count : UINT64_MAX;
        *index += 2;
    } else if (left >= 1 && argument_is(x, *index, "MAXCOUNT")) {
        if (!read_limit(x, *index, &out->max_count)) {
            return false;
        }
        *index += 2;
    } else if (left >= 1 && argument_is(x, *index, "MAXSIZE")) {
        if (!read_limit(x, *index, &out->max_bytes)) {
            return false;
        }
        *index += 2;
    } else if (left >= 2 && argument_is(x, *index, "GROUP")) {
        if (!is_of_group) {
            return refuse_in_xread(x, "GROUP");
        }
        out->has_group = true;
        out->group = x->args[*index + 1];
        out->consumer = x->args[*index + 2];
        *index += 3;
    } else if (left >= 1 && argument_is(x, *index, "CLAIM")) {
        if (!read_claim(x, *index, is_of_group, out)) {
            return false;
        }
        *index += 2;
    } else if (argument_is(x, *index, "NOACK")) {
        if (!is_of_group) {
            return refuse_in_xread(x, "NOACK");
        }
        out->has_no_ack = true;
        *index += 1;
    } else {
        reply_syntax_error(x);
        return false;
    }
    return true;
}

bool stream_read_options(struct exec *x, bool is_of_group, struct stream_read_options *out)
{
    *out = (struct stream_read_options){
        .limit = UINT64_MAX, .max_count = UINT64_MAX, .max_bytes = UINT64_MAX};
    for (size_t at = 1; at < x->arg_count;) {
        if (at + 1 < x->arg_count && argument_is(x, at, "STREAMS")) {
            if (!read_streams(x, at + 1, is_of_group, out)) {
                return false;
            }
            break;
        }
        if (!read_option(x, &at, is_of_group, out)) {
            return false;
        }
    }
    if (out->key_count == 0) {
        reply_syntax_error(x);
        return false;
    }
    if (out->limit != UINT64_MAX && out->max_count < out->limit) {
        resp_write_error(x->reply, "ERR MAXCOUNT must not be less than COUNT");
        return false;
    }
    if (is_of_group && !out->has_group) {
        resp_write_error(x->reply, "ERR Missing GROUP option for XREADGROUP");
        return false;
    }
    return true;
}

/* ---- limits for all streams -------------------------------------------------------------------------- */

struct stream_budget stream_budget_of(const struct stream_read_options *options)
{
    return (struct stream_budget){.count = options->max_count, .bytes = options->max_bytes};
}

static uint64_t entry_bytes(const struct stream_entry *entry)
{
    struct stream_entry rest = *entry;
    char id[STREAM_ID_TEXT];
    uint64_t bytes = stream_id_text(rest.id, id).len;
    struct packed_item name;
    struct packed_item value;
    char scratch[PACKED_SCRATCH];

    while (stream_entry_next(&rest, &name, &value)) {
        bytes += packed_item_text(&name, scratch).len;
        bytes += packed_item_text(&value, scratch).len;
    }
    return bytes;
}

bool stream_budget_take(struct stream_budget *budget, const struct stream_entry *entry)
{
    uint64_t bytes = budget->bytes == UINT64_MAX || entry == NULL ? 0 : entry_bytes(entry);

    if (bytes > budget->bytes && budget->has_taken) {
        budget->count = 0;
    }
    if (budget->count == 0) {
        return false;
    }
    budget->count -= budget->count == UINT64_MAX ? 0 : 1;
    budget->bytes -= bytes < budget->bytes ? bytes : budget->bytes;
    budget->has_taken = true;
    return true;
}

uint64_t stream_budget_take_range(struct stream_budget *budget, const struct stream *s,
                                  const struct stream_range *range, uint64_t limit)
{
    struct stream_reader reader;
    struct stream_entry entry;
    uint64_t count = 0;

    stream_read(s, range, &reader);
    while (count < limit && stream_next(&reader, &entry) && stream_budget_take(budget, &entry)) {
        count++;
    }
    return count;
}

/* ---- waiting ----------------------------------------------------------------------------------------- */

enum exec_result stream_read_wait(struct exec *x, const struct stream_read_options *options,
                                  struct bytes *words_take, int64_t wake_unix_ms)
{
    struct exec_block block = {.type = VALUE_STREAM,
                               .first_key = options->first_key,
                               .key_count = options->key_count,
                               .deadline_unix_ms = options->deadline_unix_ms,
                               .wake_unix_ms = wake_unix_ms,
                               .is_told_of_loss = options->has_group,
                               .words = words_take};
    enum exec_result result = EXEC_DONE;

    if (options->has_block) {
        result = block_for_keys(x, &block);
    } else {
        resp_write_null_array(x->reply);
    }
    if (result != EXEC_BLOCK) {
        mem_free(MEM_BUFFER, words_take);
    }
    return result;
}

/* ---- XREAD ------------------------------------------------------------------------------------------- */

/* One stream to be read from behind an id. */
struct source {
    const struct stream *stream; /* NULL: there is none */
    struct stream_id behind;
    bool has_more;
    uint64_t limit; /* with limits for all streams: so many entries are replied */
};

struct sources {
    VEC(struct source) items;
    size_t ready_count;
};

/* The entries behind the id. */
static struct stream_range range_behind(struct stream_id id)
{
    struct stream_range range = {.first = id, .last = STREAM_ID_MAX};

    (void)stream_id_next(&range.first);
    return range;
}

static bool read_id(struct exec *x, size_t index, struct source *out)
{
    struct bytes text = x->args[index];
    struct stream_marks marks = {0};

    if (out->stream != NULL) {
        marks = stream_marks(out->stream);
    }
    if (bytes_equal_text(text, "$")) {
        out->behind = marks.last_id;
        return true;
    }
    if (bytes_equal_text(text, "+")) {
        struct stream_range range = {.last = STREAM_ID_MAX, .is_reverse = true};
        struct stream_reader reader;
        struct stream_entry last;

        out->behind = marks.last_id;
        if (out->stream != NULL) {
            stream_read(out->stream, &range, &reader);
            if (stream_next(&reader, &last)) {
                out->behind = last.id;
                (void)stream_id_previous(&out->behind);
            }
        }
        return true;
    }
    if (bytes_equal_text(text, ">")) {
        resp_write_error(x->reply,
                         "ERR The > ID can be specified only when calling XREADGROUP using "
                         "the GROUP <group> <consumer> option.");
        return false;
    }
    return argument_stream_id(x, index, 0, &out->behind);
}

static bool find_sources(struct exec *x, const struct stream_read_options *options,
                         struct sources *out)
{
    for (size_t i = 0; i < options->key_count; i++) {
        struct key_ref ref = lookup_ref_late(x, options->first_key + i, i);
        struct source source = {0};

        if (!stream_lookup(x, &ref, &source.stream) ||
            !read_id(x, options->first_key + options->key_count + i, &source)) {
            return false;
        }
        if (source.stream != NULL && stream_count(source.stream) > 0) {
            struct stream_range range = range_behind(source.behind);
            struct stream_reader reader;
            struct stream_entry entry;

            stream_read(source.stream, &range, &reader);
            source.has_more =
                stream_id_compare(range.first, source.behind) > 0 && stream_next(&reader, &entry);
        }
        out->ready_count += source.has_more ? 1 : 0;
        VEC_PUSH(&out->items, source);
    }
    return true;
}

/* Share the limits for all streams out; those that get nothing are not replied. */
static void share_out(const struct stream_read_options *options, struct sources *sources)
{
    struct stream_budget budget = stream_budget_of(options);

    if (options->max_count == UINT64_MAX && options->max_bytes == UINT64_MAX) {
        return;
    }
    for (size_t i = 0; i < sources->items.count; i++) {
        struct source *source = &sources->items.items[i];
        struct stream_range range = range_behind(source->behind);

        if (source->has_more) {
            source->limit =
                stream_budget_take_range(&budget, source->stream, &range, options->limit);
            source->has_more = source->limit > 0;
            sources->ready_count -= source->limit > 0 ? 0 : 1;
        }
    }
    ASSERT(sources->ready_count > 0);
}

static void reply_sources(struct exec *x, const struct stream_read_options *options,
                          struct sources *sources)
{
    bool is_map = x->reply->version >= 3;

    share_out(options, sources);
    if (is_map) {
        resp_write_map(x->reply, sources->ready_count);
    } else {
        resp_write_array(x->reply, sources->ready_count);
    }
    for (size_t i = 0; i < sources->items.count; i++) {
        const struct source *source = &sources->items.items[i];
        struct stream_range range = range_behind(source->behind);

        if (!source->has_more) {
            continue;
        }
        if (!is_map) {
            resp_write_array(x->reply, 2);
        }
        resp_write_bulk(x->reply, x->args[options->first_key + i]);
        reply_stream_range(x, source->stream, &range,
                           source->limit > 0 ? source->limit : options->limit);
    }
}

/* The request with ids in place of `$` and `+`, which mean something else later; NULL when there is none. */
static struct bytes *words_with_ids(struct exec *x, const struct stream_read_options *options,
                                    const struct sources *sources)
{
    size_t first_id = options->first_key + options->key_count;
    size_t array_bytes = x->arg_count * sizeof(struct bytes);
    bool has_any = false;
    struct bytes *words;
    char *text;

    for (size_t i = first_id; i < x->arg_count; i++) {
        has_any |= bytes_equal_text(x->args[i], "$") || bytes_equal_text(x->args[i], "+");
    }
    if (!has_any) {
        return NULL;
    }
    words = mem_alloc(MEM_BUFFER, array_bytes + options->key_count * STREAM_ID_TEXT);
    text = (char *)words + array_bytes;
    memcpy(words, x->args, array_bytes);
    for (size_t i = 0; i < options->key_count; i++) {
        words[first_id + i] = stream_id_text(sources->items.items[i].behind, text);
        text += STREAM_ID_TEXT;
    }
    return words;
}

/* Other servers look keys up once more to read them, and so tell twice of those that are not there. */
static void notify_missing(const struct exec *x, const struct stream_read_options *options,
                           const struct sources *sources)
{
    for (size_t i = 0; UNLIKELY(x->events != NULL) && i < sources->items.count; i++) {
        if (sources->items.items[i].stream == NULL) {
            notify(x, EVENT_MISS, "keymiss", x->args[options->first_key + i]);
        }
    }
}

enum exec_result cmd_xread(struct exec *x)
{
    struct stream_read_options options;
    struct sources sources = {0};
    enum exec_result result = EXEC_DONE;

    if (!stream_read_options(x, false, &options)) {
        return EXEC_DONE;
    }
    if (find_sources(x, &options, &sources)) {
        notify_missing(x, &options, &sources);
        if (sources.ready_count > 0) {
            reply_sources(x, &options, &sources);
        } else {
            result = stream_read_wait(
                x, &options, options.has_block ? words_with_ids(x, &options, &sources) : NULL, 0);
        }
    }
    VEC_DEINIT(&sources.items);
    return result;
}
