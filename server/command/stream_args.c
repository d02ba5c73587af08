/* SPDX-License-Identifier: MIT */
#include "command/stream_args.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/vec.h"
#include "command/lookup.h"

static const struct stream *stream_in(const struct entry *e)
{
    struct value value;

    if (e == NULL) {
        return NULL;
    }
    value = entry_value(e);
    return stream_of(&value);
}

bool stream_lookup(struct exec *x, const struct key_ref *ref, const struct stream **out)
{
    struct entry *e;

    return stream_lookup_entry(x, ref, &e, out);
}

bool stream_lookup_entry(struct exec *x, const struct key_ref *ref, struct entry **e,
                         const struct stream **out)
{
    if (!lookup_read_type(x, ref, VALUE_STREAM, e)) {
        return false;
    }
    *out = stream_in(*e);
    return true;
}

bool stream_lookup_write(struct exec *x, const struct key_ref *ref, struct entry **e,
                         const struct stream **out)
{
    if (!lookup_write_type(x, ref, VALUE_STREAM, e)) {
        return false;
    }
    *out = stream_in(*e);
    return true;
}

/* ---- ids as arguments ------------------------------------------------------------------------------- */

bool stream_number_parse(struct bytes text, uint64_t *out)
{
    while (text.len > 1 && text.data[0] == '0') {
        text = bytes_from(text, 1);
    }
    return num_parse_u64(text, out);
}

bool stream_id_parse(struct bytes text, uint64_t default_sequence, struct stream_id *out)
{
    size_t dash = bytes_find_byte(text, '-');

    out->sequence = default_sequence;
    if (dash >= text.len) {
        return stream_number_parse(text, &out->ms);
    }
    return stream_number_parse(bytes_prefix(text, dash), &out->ms) &&
           stream_number_parse(bytes_from(text, dash + 1), &out->sequence);
}

static bool refuse_id(struct exec *x)
{
    resp_write_error(x->reply, "ERR Invalid stream ID specified as stream command argument");
    return false;
}

bool argument_stream_id(struct exec *x, size_t index, uint64_t default_sequence,
                        struct stream_id *out)
{
    return stream_id_parse(x->args[index], default_sequence, out) || refuse_id(x);
}

bool argument_stream_ids(struct exec *x, size_t first, size_t end, struct stream_ids *out)
{
    ASSERT(first <= end && end <= x->arg_count);
    VEC_RESERVE(out, end - first);
    for (size_t i = first; i < end; i++) {
        struct stream_id id;

        if (!argument_stream_id(x, i, 0, &id)) {
            return false;
        }
        VEC_PUSH(out, id);
    }
    return true;
}

bool argument_stream_ids_counted(struct exec *x, size_t *index, struct stream_ids *out)
{
    size_t first = *index + 2;
    int64_t count;

    if (first > x->arg_count || !num_parse_i64(x->args[*index + 1], &count) || count < 1) {
        resp_write_error(x->reply, "ERR Number of IDs must be a positive integer");
        return false;
    }
    if ((uint64_t)count > x->arg_count - first) {
        reply_wrong_id_count(x);
        return false;
    }
    *index = first + (size_t)count;
    return argument_stream_ids(x, first, *index, out);
}

void reply_wrong_id_count(struct exec *x)
{
    resp_write_error(x->reply, "ERR The `numids` parameter must match the number of arguments");
}

/* An end of a range; *is_excluded: "(" was in front of it. */
static bool read_end(struct exec *x, size_t index, uint64_t default_sequence, struct stream_id *out,
                     bool *is_excluded)
{
    struct bytes text = x->args[index];

    *is_excluded = text.len > 1 && text.data[0] == '(';
    text = bytes_from(text, *is_excluded ? 1 : 0);
    if (!*is_excluded && bytes_equal_text(text, "-")) {
        *out = STREAM_ID_MIN;
        return true;
    }
    if (!*is_excluded && bytes_equal_text(text, "+")) {
        *out = STREAM_ID_MAX;
        return true;
    }
    return stream_id_parse(text, default_sequence, out) || refuse_id(x);
}

bool argument_stream_first(struct exec *x, size_t index, struct stream_id *out)
{
    bool is_excluded;

    if (!read_end(x, index, 0, out, &is_excluded)) {
        return false;
    }
    if (is_excluded && !stream_id_next(out)) {
        resp_write_error(x->reply, "ERR invalid start ID for the interval");
        return false;
    }
    return true;
}

bool argument_stream_last(struct exec *x, size_t index, struct stream_id *out)
{
    bool is_excluded;

    if (!read_end(x, index, UINT64_MAX, out, &is_excluded)) {
        return false;
    }
    if (is_excluded && !stream_id_previous(out)) {
        resp_write_error(x->reply, "ERR invalid end ID for the interval");
        return false;
    }
    return true;
}

/* ---- replies ---------------------------------------------------------------------------------------- */

int64_t stream_elapsed_ms(const struct exec *x, int64_t at_ms)
{
    int64_t now_ms = x->now.unix_ms;

    if (at_ms > now_ms) {
        return 0;
    }
    return at_ms < now_ms - INT64_MAX ? INT64_MAX : now_ms - at_ms;
}

struct bytes stream_id_text(struct stream_id id, char *scratch)
{
    size_t len = num_format_u64(scratch, id.ms);

    scratch[len++] = '-';
    len += num_format_u64(scratch + len, id.sequence);
    ASSERT(len <= STREAM_ID_TEXT);
    return bytes_make(scratch, len);
}

void reply_stream_id(struct exec *x, struct stream_id id)
{
    char scratch[STREAM_ID_TEXT];

    resp_write_bulk(x->reply, stream_id_text(id, scratch));
}

void reply_stream_entry(struct exec *x, const struct stream_entry *entry)
{
    resp_write_array(x->reply, 2);
    reply_stream_id_and_pairs(x, entry);
}

void reply_stream_id_and_pairs(struct exec *x, const struct stream_entry *entry)
{
    struct stream_entry rest = *entry;
    struct packed_item name;
    struct packed_item value;
    char scratch[PACKED_SCRATCH];

    reply_stream_id(x, rest.id);
    resp_write_array(x->reply, 2 * (size_t)rest.pair_count);
    while (stream_entry_next(&rest, &name, &value)) {
        resp_write_bulk(x->reply, packed_item_text(&name, scratch));
        resp_write_bulk(x->reply, packed_item_text(&value, scratch));
    }
}

/* How many there are, up to limit. */
static uint64_t count_range(const struct stream *s, const struct stream_range *range,
                            uint64_t limit)
{
    struct stream_reader reader;
    struct stream_entry entry;
    uint64_t count = 0;

    stream_read(s, range, &reader);
    while (count < limit && stream_next(&reader, &entry)) {
        count++;
    }
    return count;
}

void reply_stream_range(struct exec *x, const struct stream *s, const struct stream_range *range,
                        uint64_t limit)
{
    uint64_t count = count_range(s, range, limit);
    struct stream_reader reader;
    struct stream_entry entry;

    resp_write_array(x->reply, (size_t)count);
    stream_read(s, range, &reader);
    while (count-- > 0) {
        bool is_there = stream_next(&reader, &entry);

        ASSERT(is_there);
        reply_stream_entry(x, &entry);
    }
}
