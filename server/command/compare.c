/* SPDX-License-Identifier: MIT */
/* Conditions, and the commands that are hardly more: DIGEST, DELEX, DELIFEQ. */
#include "command/compare.h"

#include "base/assert.h"
#include "base/xxh3.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"

#include <inttypes.h>

enum {
    DIGEST_DIGITS = 16,
};

static enum compare_kind kind_of(const struct exec *x, size_t index)
{
    static const char *const names[] = {[COMPARE_IFEQ] = "IFEQ",
                                        [COMPARE_IFNE] = "IFNE",
                                        [COMPARE_IFDEQ] = "IFDEQ",
                                        [COMPARE_IFDNE] = "IFDNE"};

    for (size_t i = COMPARE_IFEQ; i < ARRAY_COUNT(names); i++) {
        if (argument_is(x, index, names[i])) {
            return (enum compare_kind)i;
        }
    }
    return COMPARE_NONE;
}

bool comparison_read_option(const struct exec *x, size_t *index, struct comparison *out)
{
    enum compare_kind kind = kind_of(x, *index);

    if (kind == COMPARE_NONE || out->kind != COMPARE_NONE || *index + 1 >= x->arg_count) {
        return false;
    }
    *out = (struct comparison){.kind = kind, .argument = *index + 1};
    *index += 2;
    return true;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(struct exec *x, size_t index, uint64_t *out)
{
    struct bytes text = x->args[index];
    bool is_ok = text.len == DIGEST_DIGITS;

    *out = 0;
    for (size_t i = 0; is_ok && i < DIGEST_DIGITS; i++) {
        int value = digit_value(text.data[i]);

        is_ok = value >= 0;
        *out = *out << 4 | (uint64_t)(value & 15);
    }
    if (!is_ok) {
        resp_write_error(x->reply, "ERR must be exactly 16 hexadecimal characters");
    }
    return is_ok;
}

bool comparison_check(struct exec *x, const struct comparison *comparison, const struct entry *e,
                      bool *holds)
{
    bool wants_other = comparison->kind == COMPARE_IFNE || comparison->kind == COMPARE_IFDNE;
    char scratch[INTEGER_SCRATCH];
    uint64_t digest;

    if (comparison->kind == COMPARE_NONE) {
        *holds = true;
        return true;
    }
    if (e == NULL) {
        *holds = wants_other;
        return true;
    }
    ASSERT(entry_type(e) == VALUE_STRING);
    if (comparison->kind == COMPARE_IFEQ || comparison->kind == COMPARE_IFNE) {
        *holds =
            bytes_equal(entry_string(e, scratch), x->args[comparison->argument]) != wants_other;
        return true;
    }
    if (!read_digest(x, comparison->argument, &digest)) {
        return false;
    }
    *holds = (xxh3(entry_string(e, scratch)) == digest) != wants_other;
    return true;
}

enum exec_result cmd_digest(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    char scratch[INTEGER_SCRATCH];
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        resp_write_null(x->reply);
    } else {
        resp_write_bulk_printf(x->reply, "%016" PRIx64, xxh3(entry_string(e, scratch)));
    }
    return EXEC_DONE;
}

/* Remove the key, or not; reply how many were removed. */
static void remove_if(struct exec *x, const struct key_ref *ref, bool holds)
{
    if (holds) {
        keyspace_remove(x->keyspace, ref);
        effect_del(x, ref->bytes);
        notify(x, EVENT_GENERIC, "del", ref->bytes);
    }
    resp_write_integer(x->reply, holds);
}

enum exec_result cmd_delex(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct comparison comparison = {0};
    size_t index = 2;
    struct entry *e;
    bool holds;

    if (x->arg_count != 2 && x->arg_count != 4) {
        resp_write_error(x->reply, "ERR wrong number of arguments for 'delex' command");
        return EXEC_DONE;
    }
    e = lookup_write(x, &ref);
    if (e == NULL || x->arg_count == 2) {
        remove_if(x, &ref, e != NULL);
        return EXEC_DONE;
    }
    if (entry_type(e) != VALUE_STRING) {
        resp_write_error(x->reply, "ERR Key should be of string type if conditions are specified");
        return EXEC_DONE;
    }
    if (!comparison_read_option(x, &index, &comparison)) {
        resp_write_error(x->reply, "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
        return EXEC_DONE;
    }
    if (comparison_check(x, &comparison, e, &holds)) {
        remove_if(x, &ref, holds);
    }
    return EXEC_DONE;
}

enum exec_result cmd_delifeq(struct exec *x)
{
    const struct comparison comparison = {.kind = COMPARE_IFEQ, .argument = 2};
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;
    bool holds;

    if (lookup_write_type(x, &ref, VALUE_STRING, &e) &&
        comparison_check(x, &comparison, e, &holds)) {
        remove_if(x, &ref, holds);
    }
    return EXEC_DONE;
}
