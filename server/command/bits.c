/* SPDX-License-Identifier: MIT */
/* Strings as bits: one bit, how many are set, where the first one is, and combining strings. */
#include "base/assert.h"
#include "base/mem.h"
#include "command/bitmap.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

static bool argument_bit_offset(struct exec *x, size_t index, uint64_t *out)
{
    int64_t offset;

    if (num_parse_i64(x->args[index], &offset) && offset >= 0 && offset / 8 < STRING_MAX_BYTES) {
        *out = (uint64_t)offset;
        return true;
    }
    resp_write_error(x->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

enum exec_result cmd_setbit(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct bytes value = {0};
    struct value_edit edit;
    struct entry *e;
    uint64_t bit;
    int64_t is_set;
    bool was_set;

    if (!argument_bit_offset(x, 2, &bit)) {
        return EXEC_DONE;
    }
    if (!num_parse_i64(x->args[3], &is_set) || (is_set != 0 && is_set != 1)) {
        resp_write_error(x->reply, "ERR bit is not an integer or out of range");
        return EXEC_DONE;
    }
    if (!lookup_write_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    value = e != NULL ? entry_string(e, scratch) : value;
    was_set = bitmap_get(value, bit);
    resp_write_integer(x->reply, was_set);
    if (bit / 8 < value.len && was_set == (is_set == 1)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        keyspace_set(x->keyspace, &ref, (struct bytes){0}, EXPIRE_NEVER);
    }
    keyspace_open_string(x->keyspace, &ref, (size_t)(bit / 8) + 1, &edit);
    bitmap_put(edit.data, bit, is_set == 1);
    keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_STRING, "setbit", ref.bytes);
    effects_add_verbatim(x->effects);
    return EXEC_DONE;
}

enum exec_result cmd_getbit(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct entry *e;
    uint64_t bit;

    if (argument_bit_offset(x, 2, &bit) && lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        resp_write_integer(x->reply, e != NULL && bitmap_get(entry_string(e, scratch), bit));
    }
    return EXEC_DONE;
}

/* What BITCOUNT and BITPOS look at. */
struct range {
    int64_t start, end;
    bool has_end;
    bool is_in_bits;
};

static bool read_end(struct exec *x, size_t index, struct range *out)
{
    out->has_end = x->arg_count > index;
    return !out->has_end || argument_i64(x, index, &out->end);
}

static bool read_unit(struct exec *x, size_t index, struct range *out)
{
    out->is_in_bits = x->arg_count > index && argument_is(x, index, "BIT");
    if (x->arg_count > index && !out->is_in_bits && !argument_is(x, index, "BYTE")) {
        reply_syntax_error(x);
        return false;
    }
    return true;
}

/* Read [start [end [BYTE|BIT]]] from the argument on; false after an error reply, which is about the
 * unit rather than the end when is_unit_first. */
static bool read_range(struct exec *x, size_t index, bool is_unit_first, struct range *out)
{
    *out = (struct range){.end = -1};
    if (x->arg_count > index + 3) {
        reply_syntax_error(x);
        return false;
    }
    if (x->arg_count > index && !argument_i64(x, index, &out->start)) {
        return false;
    }
    return is_unit_first ? read_unit(x, index + 2, out) && read_end(x, index + 1, out)
                         : read_end(x, index + 1, out) && read_unit(x, index + 2, out);
}

/* The range in a value of so many bytes as bits from *first to *last; false when it is empty. */
static bool place_range(const struct range *range, size_t len, uint64_t *first, uint64_t *last)
{
    int64_t total = (int64_t)len * (range->is_in_bits ? 8 : 1);
    int64_t start = range->start < 0 ? range->start + total : range->start;
    int64_t end = range->end < 0 ? range->end + total : range->end;

    start = start < 0 ? 0 : start;
    end = end < 0 ? 0 : end;
    end = end < total ? end : total - 1;
    if (start > end) {
        return false;
    }
    *first = (uint64_t)start * (range->is_in_bits ? 1 : 8);
    *last = range->is_in_bits ? (uint64_t)end : (uint64_t)end * 8 + 7;
    return true;
}

enum exec_result cmd_bitcount(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct bytes value = {0};
    struct range range;
    struct entry *e;
    uint64_t first;
    uint64_t last;
    uint64_t count = 0;
    bool
        is_backward; /* even where both ends lie before the value, and would become its first byte */

    /* A start needs an end. */
    if (x->arg_count == 3) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (!read_range(x, 2, false, &range) || !lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    value = e != NULL ? entry_string(e, scratch) : value;
    is_backward = range.start < 0 && range.end < 0 && range.start > range.end;
    if (!is_backward && place_range(&range, value.len, &first, &last)) {
        count = bitmap_count(value, first, last);
    }
    resp_write_integer(x->reply, (int64_t)count);
    return EXEC_DONE;
}

/* Without an end, zeros follow the value; so they do where there is none. */
static int64_t find_bit(struct bytes value, const struct range *range, bool is_set)
{
    uint64_t first;
    uint64_t last;
    int64_t found;

    if (!place_range(range, value.len, &first, &last)) {
        return -1;
    }
    found = bitmap_find(value, first, last, is_set);
    return found < 0 && !is_set && !range->has_end ? (int64_t)value.len * 8 : found;
}

enum exec_result cmd_bitpos(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct range range;
    struct entry *e;
    int64_t bit;

    if (!argument_i64(x, 2, &bit)) {
        return EXEC_DONE;
    }
    if (bit != 0 && bit != 1) {
        resp_write_error(x->reply, "ERR The bit argument must be 1 or 0.");
        return EXEC_DONE;
    }
    if (!read_range(x, 3, true, &range) || !lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        resp_write_integer(x->reply, bit == 1 ? -1 : 0);
    } else {
        resp_write_integer(x->reply, find_bit(entry_string(e, scratch), &range, bit == 1));
    }
    return EXEC_DONE;
}

/* ---- BITOP ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum bitmap_op op;
    size_t min_sources;
    bool is_new; /* replicas of older versions do not know it */
} operations[] = {
    {"AND",   BITMAP_AND,   1, false},
    {"OR",    BITMAP_OR,    1, false},
    {"XOR",   BITMAP_XOR,   1, false},
    {"NOT",   BITMAP_NOT,   1, false},
    {"DIFF",  BITMAP_DIFF,  2, true },
    {"DIFF1", BITMAP_DIFF1, 2, true },
    {"ANDOR", BITMAP_ANDOR, 2, true },
    {"ONE",   BITMAP_ONE,   1, true },
};

/* The index of the operation; false after an error reply. */
static bool read_operation(struct exec *x, size_t *out)
{
    size_t sources = x->arg_count - 3;
    size_t i = 0;

    while (i < ARRAY_COUNT(operations) && !argument_is(x, 1, operations[i].name)) {
        i++;
    }
    if (i == ARRAY_COUNT(operations)) {
        reply_syntax_error(x);
        return false;
    }
    if (operations[i].op == BITMAP_NOT && sources != 1) {
        resp_write_error(x->reply, "ERR BITOP NOT must be called with a single source key.");
        return false;
    }
    if (sources < operations[i].min_sources) {
        resp_write_error(x->reply, "ERR BITOP %s must be called with at least two source keys.",
                         operations[i].name);
        return false;
    }
    *out = i;
    return true;
}

/* A value that is an integer is written out here. */
struct source_text {
    char scratch[INTEGER_SCRATCH];
};

/* Are all source keys strings, or not there?  False after an error reply.  Those that have expired are
 * removed, which voids borrows: the values are read afterwards. */
static bool look_at_sources(struct exec *x)
{
    for (size_t i = 3; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);
        struct entry *e;

        if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
            return false;
        }
    }
    return true;
}

/* The values of the source keys, borrowed; returns the length of the longest. */
static size_t read_sources(const struct exec *x, struct source_text *texts, struct bytes *out)
{
    size_t longest = 0;

    for (size_t i = 3; i < x->arg_count; i++) {
        struct key_ref ref = lookup_ref(x, i);
        const struct entry *e = keyspace_find_any(x->keyspace, &ref);
        struct bytes value = {0};

        if (e != NULL && lookup_is_visible(x, e)) {
            value = entry_string(e, texts[i - 3].scratch);
        }
        out[i - 3] = value;
        longest = value.len > longest ? value.len : longest;
    }
    return longest;
}

static void put_result(struct exec *x, size_t operation, const struct bytes *sources, size_t len)
{
    struct key_ref ref = lookup_ref(x, 2);
    char *result = mem_alloc(MEM_BUFFER, len);
    struct bytes value = bytes_make(result, len);

    bitmap_combine(operations[operation].op, sources, x->arg_count - 3, result, len);
    note_replace(x, &ref, VALUE_STRING);
    keyspace_set(x->keyspace, &ref, value, EXPIRE_NEVER);
    notify(x, EVENT_STRING, "set", ref.bytes);
    if (operations[operation].is_new) {
        effects_add(x->effects, (const struct bytes[]){BYTES_LITERAL("SET"), ref.bytes, value}, 3);
    } else {
        effects_add_verbatim(x->effects);
    }
    mem_free(MEM_BUFFER, result);
}

static void remove_destination(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 2);

    if (lookup_write(x, &ref) != NULL) {
        keyspace_remove(x->keyspace, &ref);
        effect_del(x, ref.bytes);
        notify(x, EVENT_GENERIC, "del", ref.bytes);
    }
}

enum exec_result cmd_bitop(struct exec *x)
{
    size_t count = x->arg_count - 3;
    struct source_text *texts;
    struct bytes *sources;
    size_t operation;
    size_t len;

    if (!read_operation(x, &operation) || !look_at_sources(x)) {
        return EXEC_DONE;
    }
    texts = mem_alloc(MEM_BUFFER, count * sizeof(*texts));
    sources = mem_alloc(MEM_BUFFER, count * sizeof(*sources));
    len = read_sources(x, texts, sources);
    if (len > 0) {
        put_result(x, operation, sources, len);
    } else {
        remove_destination(x);
    }
    resp_write_integer(x->reply, (int64_t)len);
    mem_free(MEM_BUFFER, sources);
    mem_free(MEM_BUFFER, texts);
    return EXEC_DONE;
}
