/* SPDX-License-Identifier: MIT */
/* Strings as numbers: INCR, DECR and their like. */
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

#include <math.h>

/* The value as an integer, 0 without an entry; false after an error reply. */
static bool read_integer(struct exec *x, const struct entry *e, int64_t *out)
{
    char scratch[INTEGER_SCRATCH];

    *out = 0;
    if (e == NULL || entry_integer(e, out) || num_parse_i64(entry_string(e, scratch), out)) {
        return true;
    }
    resp_write_error(x->reply, "ERR value is not an integer or out of range");
    return false;
}

static void add(struct exec *x, int64_t difference)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;
    int64_t value;

    if (!lookup_write_type(x, &ref, VALUE_STRING, &e) || !read_integer(x, e, &value)) {
        return;
    }
    if (difference < 0 ? value < INT64_MIN - difference : value > INT64_MAX - difference) {
        resp_write_error(x->reply, "ERR increment or decrement would overflow");
        return;
    }
    value += difference;
    if (e == NULL || !keyspace_update_integer(x->keyspace, e, value)) {
        keyspace_set_integer(x->keyspace, &ref, value,
                             e == NULL ? EXPIRE_NEVER : entry_expire_at_ms(e));
    }
    notify(x, EVENT_STRING, "incrby", ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_integer(x->reply, value);
}

enum exec_result cmd_incr(struct exec *x)
{
    add(x, 1);
    return EXEC_DONE;
}

enum exec_result cmd_decr(struct exec *x)
{
    add(x, -1);
    return EXEC_DONE;
}

enum exec_result cmd_incrby(struct exec *x)
{
    int64_t difference;

    if (argument_i64(x, 2, &difference)) {
        add(x, difference);
    }
    return EXEC_DONE;
}

enum exec_result cmd_decrby(struct exec *x)
{
    int64_t difference;

    if (!argument_i64(x, 2, &difference)) {
        return EXEC_DONE;
    }
    if (difference == INT64_MIN) {
        resp_write_error(x->reply, "ERR decrement would overflow");
        return EXEC_DONE;
    }
    add(x, -difference);
    return EXEC_DONE;
}

static bool read_float(struct exec *x, struct bytes text, long double *out)
{
    if (num_parse_f80(text, out)) {
        return true;
    }
    resp_write_error(x->reply, "ERR value is not a valid float");
    return false;
}

/* Replicas get the result: their arithmetic may differ. */
enum exec_result cmd_incrbyfloat(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;
    char scratch[INTEGER_SCRATCH];
    char text[NUM_F80_TEXT];
    long double value = 0;
    long double difference;
    struct bytes result;

    if (!lookup_write_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e != NULL && !read_float(x, entry_string(e, scratch), &value)) {
        return EXEC_DONE;
    }
    if (!read_float(x, x->args[2], &difference)) {
        return EXEC_DONE;
    }
    value += difference;
    if (isnan(value) || isinf(value)) {
        resp_write_error(x->reply, "ERR increment would produce NaN or Infinity");
        return EXEC_DONE;
    }
    result = bytes_make(text, num_format_f80(text, value));
    keyspace_set(x->keyspace, &ref, result, e == NULL ? EXPIRE_NEVER : entry_expire_at_ms(e));
    notify(x, EVENT_STRING, "incrbyfloat", ref.bytes);
    effects_add(
        x->effects,
        (const struct bytes[]){BYTES_LITERAL("SET"), ref.bytes, result, BYTES_LITERAL("KEEPTTL")},
        4);
    resp_write_bulk(x->reply, result);
    return EXEC_DONE;
}
