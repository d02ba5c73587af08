/* SPDX-License-Identifier: MIT */
/* Setting strings: SET and its older spellings, GETEX, MSET, MSETEX.
 *
 * A plain SET travels as it came; with an expiry it travels with the point in time. */
#include "base/assert.h"
#include "base/mem.h"
#include "command/compare.h"
#include "command/events.h"
#include "command/expiry.h"
#include "command/functions.h"
#include "command/lookup.h"

struct set_options {
    bool only_new;      /* NX */
    bool only_existing; /* XX */
    bool reply_old;     /* GET */
    struct comparison comparison;
    struct expiry_option expiry;
};

/* Read the options from argument i on. */
static bool read_options(const struct exec *x, size_t i, struct set_options *out)
{
    while (i < x->arg_count) {
        if (argument_is(x, i, "NX") && !out->only_existing) {
            out->only_new = true;
            i++;
        } else if (argument_is(x, i, "XX") && !out->only_new) {
            out->only_existing = true;
            i++;
        } else if (comparison_read_option(x, &i, &out->comparison)) {
            continue;
        } else if (argument_is(x, i, "GET")) {
            out->reply_old = true;
            i++;
        } else if (argument_is(x, i, "KEEPTTL") &&
                   (out->expiry.kind == EXPIRY_NONE || out->expiry.kind == EXPIRY_KEEPTTL)) {
            out->expiry.kind = EXPIRY_KEEPTTL;
            i++;
        } else if (!expiry_read_option(x, &i, &out->expiry)) {
            return false;
        }
    }
    return out->comparison.kind == COMPARE_NONE || !(out->only_new || out->only_existing);
}

/* MSET with so many keys and values */
static void effect_mset(struct exec *x, const struct bytes *pairs, size_t count)
{
    struct bytes *words = mem_alloc(MEM_BUFFER, (1 + 2 * count) * sizeof(*words));

    words[0] = BYTES_LITERAL("MSET");
    memcpy(words + 1, pairs, 2 * count * sizeof(*words));
    effects_add(x->effects, words, 1 + 2 * count);
    mem_free(MEM_BUFFER, words);
}

/* What the key holds, and whether the options then let it be set; false after an error reply. */
static bool find_old(struct exec *x, const struct key_ref *ref, const struct set_options *options,
                     struct entry **old, bool *may_set)
{
    if (options->reply_old) {
        if (!lookup_read_type(x, ref, VALUE_STRING, old)) {
            return false;
        }
    } else if (options->comparison.kind != COMPARE_NONE) {
        if (!lookup_write_type(x, ref, VALUE_STRING, old)) {
            return false;
        }
    } else {
        *old = lookup_write(x, ref);
    }
    if (!comparison_check(x, &options->comparison, *old, may_set)) {
        return false;
    }
    *may_set =
        *may_set && !(options->only_new ? *old != NULL : options->only_existing && *old == NULL);
    return true;
}

static void set_value_heard(struct exec *x, const struct key_ref *ref, struct bytes value,
                            int64_t expire_at_ms)
{
    lookup_note_replace(x, ref, VALUE_STRING);
    keyspace_set(x->keyspace, ref, value, expire_at_ms);
    notify(x, EVENT_STRING, "set", ref->bytes);
}

/* Set or replace, whatever it was. */
static inline void set_value(struct exec *x, const struct key_ref *ref, struct bytes value,
                             int64_t expire_at_ms)
{
    if (LIKELY(x->events == NULL)) {
        keyspace_set(x->keyspace, ref, value, expire_at_ms);
    } else {
        set_value_heard(x, ref, value, expire_at_ms);
    }
}

static void set_plain(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);

    set_value(x, &ref, x->args[2], EXPIRE_NEVER);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
}

enum exec_result cmd_set(struct exec *x)
{
    struct set_options options = {0};
    int64_t expire_at_ms = EXPIRE_NEVER;
    struct key_ref ref;
    struct entry *old;
    bool may_set;

    if (x->arg_count == 3) {
        set_plain(x);
        return EXEC_DONE;
    }
    if (!read_options(x, 3, &options)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (options.expiry.argument != 0 &&
        !expiry_resolve(x, options.expiry.kind, options.expiry.argument, &expire_at_ms)) {
        return EXEC_DONE;
    }
    ref = lookup_ref(x, 1);
    if (!find_old(x, &ref, &options, &old, &may_set)) {
        return EXEC_DONE;
    }
    if (options.reply_old) {
        reply_entry(x, old);
    }
    if (!may_set) {
        if (!options.reply_old) {
            resp_write_null(x->reply);
        }
        return EXEC_DONE;
    }
    if (options.expiry.kind == EXPIRY_KEEPTTL && old != NULL) {
        expire_at_ms = entry_expire_at_ms(old);
    }
    set_value(x, &ref, x->args[2], expire_at_ms);
    if (options.expiry.argument != 0) {
        notify(x, EVENT_GENERIC, "expire", ref.bytes);
    }
    effect_set(x, ref.bytes, x->args[2], options.expiry.kind == EXPIRY_KEEPTTL, expire_at_ms);
    if (!options.reply_old) {
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

static void set_expiring(struct exec *x, enum expiry_kind kind)
{
    struct key_ref ref = lookup_ref(x, 1);
    int64_t expire_at_ms;

    if (!expiry_resolve(x, kind, 2, &expire_at_ms)) {
        return;
    }
    set_value(x, &ref, x->args[3], expire_at_ms);
    notify(x, EVENT_GENERIC, "expire", ref.bytes);
    effect_set(x, ref.bytes, x->args[3], false, expire_at_ms);
    resp_write_ok(x->reply);
}

enum exec_result cmd_setex(struct exec *x)
{
    set_expiring(x, EXPIRY_EX);
    return EXEC_DONE;
}

enum exec_result cmd_psetex(struct exec *x)
{
    set_expiring(x, EXPIRY_PX);
    return EXEC_DONE;
}

enum exec_result cmd_setnx(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);

    if (lookup_write(x, &ref) != NULL) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    set_value(x, &ref, x->args[2], EXPIRE_NEVER);
    effects_add_verbatim(x->effects);
    resp_write_integer(x->reply, 1);
    return EXEC_DONE;
}

enum exec_result cmd_getset(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *old;

    if (!lookup_read_type(x, &ref, VALUE_STRING, &old)) {
        return EXEC_DONE;
    }
    reply_entry(x, old);
    set_value(x, &ref, x->args[2], EXPIRE_NEVER);
    effect_set(x, ref.bytes, x->args[2], false, EXPIRE_NEVER);
    return EXEC_DONE;
}

static bool read_getex(const struct exec *x, struct expiry_option *out)
{
    size_t i = 2;

    while (i < x->arg_count) {
        if (argument_is(x, i, "PERSIST") &&
            (out->kind == EXPIRY_NONE || out->kind == EXPIRY_PERSIST)) {
            out->kind = EXPIRY_PERSIST;
            i++;
        } else if (!expiry_read_option(x, &i, out)) {
            return false;
        }
    }
    return true;
}

/* The part of GETEX behind the reply: PERSIST, or a new expiry, which may lie in the past. */
static void getex_change(struct exec *x, const struct key_ref *ref, const struct entry *e,
                         enum expiry_kind kind, int64_t expire_at_ms)
{
    if (kind == EXPIRY_PERSIST) {
        const struct bytes words[] = {BYTES_LITERAL("PERSIST"), ref->bytes};

        if (entry_expire_at_ms(e) != EXPIRE_NEVER) {
            keyspace_set_expiry(x->keyspace, ref, EXPIRE_NEVER);
            effects_add(x->effects, words, 2);
            notify(x, EVENT_GENERIC, "persist", ref->bytes);
        }
    } else if (x->is_primary && expire_at_ms <= x->now.unix_ms) {
        keyspace_remove(x->keyspace, ref);
        effect_del(x, ref->bytes);
        notify(x, EVENT_GENERIC, "del", ref->bytes);
    } else {
        keyspace_set_expiry(x->keyspace, ref, expire_at_ms);
        effect_expiry(x, ref->bytes, expire_at_ms);
        notify(x, EVENT_GENERIC, "expire", ref->bytes);
    }
}

enum exec_result cmd_getex(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct expiry_option option = {0};
    int64_t expire_at_ms = EXPIRE_NEVER;
    struct entry *e;

    if (!read_getex(x, &option)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL) {
        resp_write_null(x->reply);
        return EXEC_DONE;
    }
    if (option.argument != 0 && !expiry_resolve(x, option.kind, option.argument, &expire_at_ms)) {
        return EXEC_DONE;
    }
    reply_entry(x, e);
    if (option.kind != EXPIRY_NONE) {
        getex_change(x, &ref, e, option.kind, expire_at_ms);
    }
    return EXEC_DONE;
}

enum exec_result cmd_getdel(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_STRING, &e)) {
        return EXEC_DONE;
    }
    reply_entry(x, e);
    if (e != NULL) {
        keyspace_remove(x->keyspace, &ref);
        effect_del(x, ref.bytes);
        notify(x, EVENT_GENERIC, "del", ref.bytes);
    }
    return EXEC_DONE;
}

static void set_pairs(struct exec *x)
{
    for (size_t i = 1; i + 1 < x->arg_count; i += 2) {
        struct key_ref ref = lookup_ref(x, i);

        set_value(x, &ref, x->args[i + 1], EXPIRE_NEVER);
    }
    effects_add_verbatim(x->effects);
}

static bool has_pairs(struct exec *x)
{
    if (x->arg_count % 2 == 0) {
        resp_write_error(x->reply, "ERR wrong number of arguments for '%s' command", x->spec->name);
        return false;
    }
    return true;
}

enum exec_result cmd_mset(struct exec *x)
{
    if (has_pairs(x)) {
        set_pairs(x);
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_msetnx(struct exec *x)
{
    bool is_any_there = false;

    if (!has_pairs(x)) {
        return EXEC_DONE;
    }
    for (size_t i = 1; i + 1 < x->arg_count; i += 2) {
        struct key_ref ref = lookup_ref(x, i);

        is_any_there = is_any_there || lookup_write(x, &ref) != NULL;
    }
    if (!is_any_there) {
        set_pairs(x);
    }
    resp_write_integer(x->reply, is_any_there ? 0 : 1);
    return EXEC_DONE;
}

/* ---- MSETEX ----------------------------------------------------------------------------------- */

enum {
    MSETEX_FIRST = 2, /* the word that is the first key; command_keys finds the same */
};

/* How many pairs there are; false after an error reply. */
static bool read_pair_count(struct exec *x, size_t *out)
{
    int64_t count;

    if (!num_parse_i64(x->args[1], &count) || count < 1 || count > INT32_MAX) {
        resp_write_error(x->reply, "ERR invalid numkeys value");
        return false;
    }
    if ((size_t)count > (x->arg_count - MSETEX_FIRST) / 2) {
        resp_write_error(x->reply, "ERR wrong number of key-value pairs");
        return false;
    }
    *out = (size_t)count;
    return true;
}

/* May the keys be set: does none exist, or each of them? */
static bool may_set_pairs(struct exec *x, size_t count, const struct set_options *options)
{
    bool may_set = true;

    for (size_t i = 0; i < count && (options->only_new || options->only_existing); i++) {
        struct key_ref ref = lookup_ref(x, MSETEX_FIRST + 2 * i);
        bool is_there = lookup_write(x, &ref) != NULL;

        may_set = may_set && is_there == options->only_existing;
    }
    return may_set;
}

/* Replicas that do not know the command get SET for each key, or MSET where that says all. */
static void set_counted_pairs(struct exec *x, size_t count, bool keep_ttl, int64_t expire_at_ms)
{
    const struct bytes *pairs = x->args + MSETEX_FIRST;

    for (size_t i = 0; i < count; i++) {
        struct key_ref ref = lookup_ref(x, MSETEX_FIRST + 2 * i);
        int64_t at_ms = expire_at_ms;

        if (keep_ttl) {
            const struct entry *old = lookup_write(x, &ref);

            at_ms = old != NULL ? entry_expire_at_ms(old) : EXPIRE_NEVER;
        }
        set_value(x, &ref, pairs[2 * i + 1], at_ms);
        if (expire_at_ms != EXPIRE_NEVER) {
            notify(x, EVENT_GENERIC, "expire", ref.bytes);
        }
        if (keep_ttl || expire_at_ms != EXPIRE_NEVER) {
            effect_set(x, ref.bytes, pairs[2 * i + 1], keep_ttl, expire_at_ms);
        }
    }
    if (!keep_ttl && expire_at_ms == EXPIRE_NEVER) {
        effect_mset(x, pairs, count);
    }
}

enum exec_result cmd_msetex(struct exec *x)
{
    struct set_options options = {0};
    int64_t expire_at_ms = EXPIRE_NEVER;
    size_t count;
    bool may_set;

    if (!read_pair_count(x, &count)) {
        return EXEC_DONE;
    }
    if (!read_options(x, MSETEX_FIRST + 2 * count, &options) || options.reply_old ||
        options.comparison.kind != COMPARE_NONE) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (options.expiry.argument != 0 &&
        !expiry_resolve(x, options.expiry.kind, options.expiry.argument, &expire_at_ms)) {
        return EXEC_DONE;
    }
    may_set = may_set_pairs(x, count, &options);
    if (may_set) {
        set_counted_pairs(x, count, options.expiry.kind == EXPIRY_KEEPTTL, expire_at_ms);
    }
    resp_write_integer(x->reply, may_set ? 1 : 0);
    return EXEC_DONE;
}
