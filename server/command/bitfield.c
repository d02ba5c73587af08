/* SPDX-License-Identifier: MIT */
/* BITFIELD: a string as numbers of 1 to 64 bits at any place.
 *
 * All operations are read before the first is carried out, so that a request is refused as a whole. */
#include "base/assert.h"
#include "base/vec.h"
#include "command/bitmap.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

enum overflow {
    OVERFLOW_WRAP,
    OVERFLOW_SAT,
    OVERFLOW_FAIL,
};

enum field_action {
    FIELD_GET,
    FIELD_SET,
    FIELD_INCRBY,
};

struct field_op {
    enum field_action action;
    enum overflow overflow;
    bool is_signed;
    unsigned bits;
    uint64_t offset;
    int64_t number; /* to set, or to add */
};

struct field_ops {
    VEC(struct field_op) list;
    bool has_writes;
    uint64_t end_bit; /* behind the last bit that is written */
};

/* ---- reading the request ---------------------------------------------------------------------- */

/* i1 to i64, u1 to u63. */
static bool read_type(struct exec *x, size_t index, struct field_op *out)
{
    struct bytes text = x->args[index];
    int64_t bits;

    out->is_signed = text.len > 0 && text.data[0] == 'i';
    if (text.len > 1 && (out->is_signed || text.data[0] == 'u') &&
        num_parse_i64(bytes_from(text, 1), &bits) && bits >= 1 &&
        bits <= (out->is_signed ? 64 : 63)) {
        out->bits = (unsigned)bits;
        return true;
    }
    resp_write_error(x->reply,
                     "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 "
                     "is not supported but i64 is.");
    return false;
}

/* A bit, or #n: as many fields of that size. */
static bool read_offset(struct exec *x, size_t index, struct field_op *out)
{
    struct bytes text = x->args[index];
    bool is_counted = text.len > 0 && text.data[0] == '#';
    const int64_t limit = (int64_t)STRING_MAX_BYTES * 8;
    int64_t unit = is_counted ? out->bits : 1;
    int64_t offset;

    if (num_parse_i64(bytes_from(text, is_counted ? 1 : 0), &offset) && offset >= 0 &&
        offset < limit && offset * unit < limit) {
        out->offset = (uint64_t)(offset * unit);
        return true;
    }
    resp_write_error(x->reply, "ERR bit offset is not an integer or out of range");
    return false;
}

static bool read_overflow(struct exec *x, size_t index, enum overflow *out)
{
    static const struct {
        const char *name;
        enum overflow overflow;
    } names[] = {
        {"WRAP", OVERFLOW_WRAP},
        {"SAT",  OVERFLOW_SAT },
        {"FAIL", OVERFLOW_FAIL}
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (argument_is(x, index, names[i].name)) {
            *out = names[i].overflow;
            return true;
        }
    }
    resp_write_error(x->reply, "ERR Invalid OVERFLOW type specified");
    return false;
}

/* Read the operation at *index, whose action has words of its own behind it, and move *index behind
 * it; false after an error reply. */
static bool read_op(struct exec *x, size_t *index, size_t words, struct field_op *op,
                    struct field_ops *ops)
{
    if (!read_type(x, *index + 1, op) || !read_offset(x, *index + 2, op)) {
        return false;
    }
    if (op->action != FIELD_GET) {
        ops->has_writes = true;
        ops->end_bit = op->offset + op->bits > ops->end_bit ? op->offset + op->bits : ops->end_bit;
        if (!argument_i64(x, *index + 3, &op->number)) {
            return false;
        }
    }
    VEC_PUSH(&ops->list, *op);
    *index += 1 + words;
    return true;
}

static bool read_ops(struct exec *x, struct field_ops *ops)
{
    static const struct {
        const char *name;
        size_t words;
    } actions[] = {
        [FIELD_GET] = {"GET",    2},
          [FIELD_SET] = {"SET",    3},
          [FIELD_INCRBY] = {"INCRBY", 3}
    };
    enum overflow overflow = OVERFLOW_WRAP;
    size_t i = 2;

    while (i < x->arg_count) {
        size_t left = x->arg_count - i - 1;
        size_t action = 0;
        struct field_op op;

        if (left >= 1 && argument_is(x, i, "OVERFLOW")) {
            if (!read_overflow(x, i + 1, &overflow)) {
                return false;
            }
            i += 2;
            continue;
        }
        while (action < ARRAY_COUNT(actions) &&
               !(left >= actions[action].words && argument_is(x, i, actions[action].name))) {
            action++;
        }
        if (action == ARRAY_COUNT(actions)) {
            reply_syntax_error(x);
            return false;
        }
        op = (struct field_op){.action = (enum field_action)action, .overflow = overflow};
        if (!read_op(x, &i, actions[action].words, &op, ops)) {
            return false;
        }
    }
    return true;
}

/* ---- arithmetic ------------------------------------------------------------------------------- */

static uint64_t largest(const struct field_op *op)
{
    return (UINT64_MAX >> (64 - op->bits)) >> (op->is_signed ? 1 : 0);
}

static int64_t smallest(const struct field_op *op)
{
    return op->is_signed ? -(int64_t)largest(op) - 1 : 0;
}

/* Bits of a field as the number that they are. */
static int64_t number_of(const struct field_op *op, uint64_t field)
{
    unsigned spare = 64 - op->bits;

    return op->is_signed ? (int64_t)(field << spare) >> spare : (int64_t)field;
}

/* The number that is to be written: old (0 for SET) with the operation's number added.  False when
 * it does not fit and OVERFLOW is FAIL. */
static bool add_number(const struct field_op *op, int64_t old, int64_t *out)
{
    int64_t sum;
    bool is_above;
    bool is_below;

    if (__builtin_add_overflow(old, op->number, &sum)) {
        sum = (int64_t)((uint64_t)old + (uint64_t)op->number);
        is_above = op->number > 0;
        is_below = !is_above;
    } else {
        is_above = sum > (int64_t)largest(op);
        is_below = sum < smallest(op);
    }
    /* Who sets an unsigned field to less than 0 sets it to what those bits are, which is too much. */
    if (is_below && op->action == FIELD_SET && !op->is_signed) {
        is_above = true;
    }
    *out = sum;
    if (!is_above && !is_below) {
        return true;
    }
    switch (op->overflow) {
    case OVERFLOW_WRAP:
        *out = number_of(op, (uint64_t)sum & (UINT64_MAX >> (64 - op->bits)));
        return true;
    case OVERFLOW_SAT:
        *out = is_above ? (int64_t)largest(op) : smallest(op);
        return true;
    case OVERFLOW_FAIL:
        break;
    }
    return false;
}

/* ---- carrying it out -------------------------------------------------------------------------- */

/* The value as it is while operations run: opened for change by the first that changes it. */
struct target {
    struct key_ref ref;
    struct bytes value;
    bool is_there;
    bool is_open;
    bool is_told; /* an event: not when it has grown and every write then overflowed */
    struct value_edit edit;
    char scratch[INTEGER_SCRATCH];
};

static void open_target(struct exec *x, struct target *t, const struct field_ops *ops)
{
    if (!t->is_there) {
        keyspace_set(x->keyspace, &t->ref, (struct bytes){0}, EXPIRE_NEVER);
    }
    keyspace_open_string(x->keyspace, &t->ref, (size_t)(ops->end_bit + 7) / 8, &t->edit);
    t->is_open = true;
    t->value = bytes_make(t->edit.data, t->edit.len);
}

static void run_op(struct exec *x, struct target *t, const struct field_ops *ops,
                   const struct field_op *op)
{
    int64_t old = number_of(op, bitmap_get_number(t->value, op->offset, op->bits));
    int64_t number;

    if (op->action == FIELD_GET) {
        resp_write_integer(x->reply, old);
        return;
    }
    if (!add_number(op, op->action == FIELD_SET ? 0 : old, &number)) {
        resp_write_null(x->reply);
        return;
    }
    resp_write_integer(x->reply, op->action == FIELD_SET ? old : number);
    t->is_told = t->is_told || t->is_open || number != old;
    if (number == old) {
        return;
    }
    if (!t->is_open) {
        open_target(x, t, ops);
    }
    bitmap_put_number(t->edit.data, op->offset, op->bits, (uint64_t)number);
}

static void run_ops(struct exec *x, const struct field_ops *ops)
{
    struct target t = {.ref = lookup_ref(x, 1)};
    struct entry *e;

    if (!(ops->has_writes ? lookup_write_type(x, &t.ref, VALUE_STRING, &e)
                          : lookup_read_type(x, &t.ref, VALUE_STRING, &e))) {
        return;
    }
    t.is_there = e != NULL;
    if (t.is_there) {
        t.value = entry_string(e, t.scratch);
    }
    resp_write_array(x->reply, ops->list.count);
    /* It grows for all that is to be written, also where OVERFLOW then prevents that. */
    if (t.value.len < (ops->end_bit + 7) / 8) {
        open_target(x, &t, ops);
    }
    for (size_t i = 0; i < ops->list.count; i++) {
        run_op(x, &t, ops, &ops->list.items[i]);
    }
    if (t.is_open) {
        keyspace_close(x->keyspace, &t.edit);
        effects_add_verbatim(x->effects);
        if (t.is_told) {
            notify(x, EVENT_STRING, "setbit", t.ref.bytes);
        }
    }
}

enum exec_result cmd_bitfield(struct exec *x)
{
    struct field_ops ops = {0};

    if (read_ops(x, &ops)) {
        run_ops(x, &ops);
    }
    VEC_DEINIT(&ops.list);
    return EXEC_DONE;
}

enum exec_result cmd_bitfield_ro(struct exec *x)
{
    struct field_ops ops = {0};

    if (read_ops(x, &ops)) {
        if (ops.has_writes) {
            resp_write_error(x->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        } else {
            run_ops(x, &ops);
        }
    }
    VEC_DEINIT(&ops.list);
    return EXEC_DONE;
}
