/* SPDX-License-Identifier: MIT */
/* INCREX: an increment within bounds, and an expiry with it: a counter of a time window in one request.
 *
 * Integers and floats go the same way; only their arithmetic differs.  Replicas get the result. */
#include "base/assert.h"
#include "command/events.h"
#include "command/expiry.h"
#include "command/functions.h"
#include "command/lookup.h"

#include <float.h>
#include <math.h>

struct increx_options {
    size_t by_int, by_float, lower, upper; /* arguments that are their numbers; 0: not given */
    bool saturate;
    bool only_without_expiry; /* ENX */
    struct expiry_option expiry;
};

/* The arithmetic's view: which is filled depends on whether BYFLOAT was given. */
struct number {
    int64_t i;
    long double f;
};

struct increx {
    bool is_float;
    struct number by, lower, upper;
    struct number old, new, applied;
};

/* ---- reading the request ---------------------------------------------------------------------- */

/* A word with a number behind it, given for the first time. */
static bool read_numbered(const struct exec *x, size_t *index, const char *word, size_t *out)
{
    if (*out != 0 || *index + 1 >= x->arg_count || !argument_is(x, *index, word)) {
        return false;
    }
    *out = *index + 1;
    *index += 2;
    return true;
}

static bool read_flag(const struct exec *x, size_t *index, const char *word, bool *out)
{
    if (*out || !argument_is(x, *index, word)) {
        return false;
    }
    *out = true;
    (*index)++;
    return true;
}

static bool read_expiry(const struct exec *x, size_t *index, struct expiry_option *out)
{
    if (out->kind != EXPIRY_NONE) {
        return false;
    }
    if (argument_is(x, *index, "PERSIST")) {
        out->kind = EXPIRY_PERSIST;
        (*index)++;
        return true;
    }
    return expiry_read_option(x, index, out);
}

static bool read_options(const struct exec *x, struct increx_options *out)
{
    size_t i = 2;

    while (i < x->arg_count) {
        if (!read_numbered(x, &i, "BYINT", &out->by_int) &&
            !read_numbered(x, &i, "BYFLOAT", &out->by_float) &&
            !read_numbered(x, &i, "LBOUND", &out->lower) &&
            !read_numbered(x, &i, "UBOUND", &out->upper) &&
            !read_flag(x, &i, "SATURATE", &out->saturate) &&
            !read_flag(x, &i, "ENX", &out->only_without_expiry) &&
            !read_expiry(x, &i, &out->expiry)) {
            return false;
        }
    }
    return out->by_int == 0 || out->by_float == 0;
}

/* The number of the argument, when it was given; false after an error reply. */
static bool read_number(struct exec *x, size_t argument, bool is_float, const char *what,
                        struct number *out)
{
    if (argument == 0) {
        return true;
    }
    if (is_float && !num_parse_f80(x->args[argument], &out->f)) {
        resp_write_error(x->reply, "ERR %s is not a valid float", what);
        return false;
    }
    if (!is_float && !num_parse_i64(x->args[argument], &out->i)) {
        resp_write_error(x->reply, "ERR %s is not an integer or out of range", what);
        return false;
    }
    return true;
}

static bool read_numbers(struct exec *x, const struct increx_options *options, struct increx *out)
{
    *out = (struct increx){
        .is_float = options->by_float != 0,
        .by = {.i = 1         },
        .lower = { .i = INT64_MIN, .f = -LDBL_MAX},
        .upper = { .i = INT64_MAX,  .f = LDBL_MAX}
    };
    if (!read_number(x, options->by_float + options->by_int, out->is_float, "Increment",
                     &out->by)) {
        return false;
    }
    if (out->is_float && isinf(out->by.f)) {
        resp_write_error(x->reply, "ERR BYFLOAT increment cannot be Infinity");
        return false;
    }
    if (!read_number(x, options->lower, out->is_float, "LBOUND", &out->lower) ||
        !read_number(x, options->upper, out->is_float, "UBOUND", &out->upper)) {
        return false;
    }
    if (out->is_float ? out->lower.f > out->upper.f : out->lower.i > out->upper.i) {
        resp_write_error(x->reply, "ERR LBOUND can't be greater than UBOUND");
        return false;
    }
    return true;
}

static bool read_old(struct exec *x, const struct entry *e, struct increx *out)
{
    char scratch[INTEGER_SCRATCH];
    struct bytes text;

    if (e == NULL) {
        return true;
    }
    text = entry_string(e, scratch);
    if (out->is_float ? num_parse_f80(text, &out->old.f) : num_parse_i64(text, &out->old.i)) {
        return true;
    }
    resp_write_error(x->reply, out->is_float ? "ERR value is not a valid float"
                                             : "ERR value is not an integer or out of range");
    return false;
}

/* ---- arithmetic ------------------------------------------------------------------------------- */

/* -1 or 1: the sum is below or above the bounds; 0: it is n->new. */
static int add_integers(struct increx *n)
{
    if (__builtin_add_overflow(n->old.i, n->by.i, &n->new.i)) {
        return n->by.i < 0 ? -1 : 1;
    }
    return n->new.i < n->lower.i ? -1 : n->new.i > n->upper.i ? 1 : 0;
}

/* What lies beyond all finite numbers is out of bounds even where those are infinite. */
static int add_floats(struct increx *n)
{
    n->new.f = n->old.f + n->by.f;
    if (isinf(n->new.f)) {
        return n->new.f < 0 ? -1 : 1;
    }
    return n->new.f < n->lower.f ? -1 : n->new.f > n->upper.f ? 1 : 0;
}

static long double finite_bound(long double bound)
{
    return isinf(bound) ? (bound < 0 ? -LDBL_MAX : LDBL_MAX) : bound;
}

/* Set n->new and n->applied.  False: it is out of bounds and stays as it was. */
static bool add(struct increx *n, bool saturate)
{
    int side = n->is_float ? add_floats(n) : add_integers(n);

    if (side != 0 && !saturate) {
        n->new = n->old;
        n->applied = (struct number){0};
        return false;
    }
    if (side != 0) {
        n->new.i = side < 0 ? n->lower.i : n->upper.i;
        n->new.f = finite_bound(side < 0 ? n->lower.f : n->upper.f);
    }
    n->applied.f = side == 0 ? n->by.f : n->new.f - n->old.f;
    return true;
}

/* What was added in the end; false after an error reply: a value far outside its bounds was brought
 * back by more than an integer can say. */
static bool find_applied(struct exec *x, struct increx *n)
{
    if (!n->is_float && __builtin_sub_overflow(n->new.i, n->old.i, &n->applied.i)) {
        resp_write_error(x->reply, "ERR applied increment would overflow");
        return false;
    }
    return true;
}

/* ---- carrying it out -------------------------------------------------------------------------- */

static void reply_numbers(struct exec *x, const struct increx *n)
{
    resp_write_array(x->reply, 2);
    if (n->is_float) {
        resp_write_double(x->reply, (double)n->new.f);
        resp_write_double(x->reply, (double)n->applied.f);
    } else {
        resp_write_integer(x->reply, n->new.i);
        resp_write_integer(x->reply, n->applied.i);
    }
}

/* The expiry that the key has afterwards. */
struct new_expiry {
    bool is_kept;
    int64_t at_ms;
};

/* Read the option; false after an error reply. */
static bool read_new_expiry(struct exec *x, const struct increx_options *options,
                            struct new_expiry *out)
{
    *out =
        (struct new_expiry){.is_kept = options->expiry.kind == EXPIRY_NONE, .at_ms = EXPIRE_NEVER};
    if (options->only_without_expiry && options->expiry.argument == 0) {
        resp_write_error(x->reply, "ERR ENX flag requires an expiration");
        return false;
    }
    return options->expiry.argument == 0 ||
           expiry_resolve(x, options->expiry.kind, options->expiry.argument, &out->at_ms);
}

static void store(struct exec *x, const struct key_ref *ref, const struct entry *e,
                  const struct increx *n, struct new_expiry expiry)
{
    char text[NUM_F80_TEXT];
    size_t len = n->is_float ? num_format_f80(text, n->new.f) : num_format_i64(text, n->new.i);
    bool had_expiry = e != NULL && entry_expire_at_ms(e) != EXPIRE_NEVER;

    if (expiry.at_ms != EXPIRE_NEVER && !expiry.is_kept && x->is_primary &&
        expiry.at_ms <= x->now.unix_ms) {
        if (e != NULL) {
            keyspace_remove(x->keyspace, ref);
            effect_del(x, ref->bytes);
            notify(x, EVENT_GENERIC, "del", ref->bytes);
        }
        return;
    }
    if (expiry.is_kept) {
        expiry.at_ms = e != NULL ? entry_expire_at_ms(e) : EXPIRE_NEVER;
    }
    keyspace_set(x->keyspace, ref, bytes_make(text, len), expiry.at_ms);
    effect_set(x, ref->bytes, bytes_make(text, len), expiry.is_kept, expiry.at_ms);
    notify(x, EVENT_STRING, n->is_float ? "incrbyfloat" : "incrby", ref->bytes);
    if (!expiry.is_kept && expiry.at_ms != EXPIRE_NEVER) {
        notify(x, EVENT_GENERIC, "expire", ref->bytes);
    } else if (!expiry.is_kept && had_expiry) {
        notify(x, EVENT_GENERIC, "persist", ref->bytes);
    }
}

enum exec_result cmd_increx(struct exec *x)
{
    struct increx_options options = {0};
    struct key_ref ref = lookup_ref(x, 1);
    struct new_expiry expiry;
    struct increx n;
    struct entry *e;

    if (!read_options(x, &options)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (!read_numbers(x, &options, &n) || !read_new_expiry(x, &options, &expiry) ||
        !lookup_write_type(x, &ref, VALUE_STRING, &e) || !read_old(x, e, &n)) {
        return EXEC_DONE;
    }
    if (!add(&n, options.saturate)) {
        reply_numbers(x, &n);
        return EXEC_DONE;
    }
    if (!find_applied(x, &n)) {
        return EXEC_DONE;
    }
    reply_numbers(x, &n);
    if (options.only_without_expiry && e != NULL && entry_expire_at_ms(e) != EXPIRE_NEVER) {
        expiry.is_kept = true;
    }
    store(x, &ref, e, &n, expiry);
    return EXEC_DONE;
}
