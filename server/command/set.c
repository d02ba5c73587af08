/* SPDX-License-Identifier: MIT */
/* Setting strings: SET and its older spellings, GETEX, MSET.
 *
 * A plain SET travels as it came; with an expiry it travels with the point in time. */
#include "base/assert.h"
#include "command/expiry.h"
#include "command/functions.h"
#include "command/lookup.h"

struct set_options {
    bool only_new;      /* NX */
    bool only_existing; /* XX */
    bool reply_old;     /* GET */
    struct expiry_option expiry;
};

static bool read_options(const struct exec *x, struct set_options *out)
{
    size_t i = 3;

    while (i < x->arg_count) {
        if (argument_is(x, i, "NX") && !out->only_existing) {
            out->only_new = true;
            i++;
        } else if (argument_is(x, i, "XX") && !out->only_new) {
            out->only_existing = true;
            i++;
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
    return true;
}

/* SET key value [PXAT ms | KEEPTTL] */
static void effect_set(struct exec *x, struct bytes key, struct bytes value, bool keep_ttl,
                       int64_t expire_at_ms)
{
    char text[NUM_I64_TEXT];
    struct bytes words[5] = {BYTES_LITERAL("SET"), key, value};
    size_t count = 3;

    if (keep_ttl) {
        words[count++] = BYTES_LITERAL("KEEPTTL");
    } else if (expire_at_ms != EXPIRE_NEVER) {
        words[count++] = BYTES_LITERAL("PXAT");
        words[count++] = bytes_make(text, num_format_i64(text, expire_at_ms));
    }
    effects_add(x->effects, words, count);
}

static void set_plain(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);

    keyspace_set(x->keyspace, &ref, x->args[2], EXPIRE_NEVER);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
}

enum exec_result cmd_set(struct exec *x)
{
    struct set_options options = {0};
    int64_t expire_at_ms = EXPIRE_NEVER;
    struct key_ref ref;
    struct entry *old;

    if (x->arg_count == 3) {
        set_plain(x);
        return EXEC_DONE;
    }
    if (!read_options(x, &options)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (options.expiry.argument != 0 &&
        !expiry_resolve(x, options.expiry.kind, options.expiry.argument, &expire_at_ms)) {
        return EXEC_DONE;
    }
    ref = lookup_ref(x, 1);
    if (!options.reply_old) {
        old = lookup_write(x, &ref);
    } else if (lookup_read_type(x, &ref, VALUE_STRING, &old)) {
        reply_entry(x, old);
    } else {
        return EXEC_DONE;
    }
    if (options.only_new ? old != NULL : options.only_existing && old == NULL) {
        if (!options.reply_old) {
            resp_write_null(x->reply);
        }
        return EXEC_DONE;
    }
    if (options.expiry.kind == EXPIRY_KEEPTTL && old != NULL) {
        expire_at_ms = entry_expire_at_ms(old);
    }
    keyspace_set(x->keyspace, &ref, x->args[2], expire_at_ms);
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
    keyspace_set(x->keyspace, &ref, x->args[3], expire_at_ms);
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
    keyspace_set(x->keyspace, &ref, x->args[2], EXPIRE_NEVER);
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
    keyspace_set(x->keyspace, &ref, x->args[2], EXPIRE_NEVER);
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
        }
    } else if (x->is_primary && expire_at_ms <= x->now.unix_ms) {
        keyspace_remove(x->keyspace, ref);
        effect_del(x, ref->bytes);
    } else {
        keyspace_set_expiry(x->keyspace, ref, expire_at_ms);
        effect_expiry(x, ref->bytes, expire_at_ms);
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
    }
    return EXEC_DONE;
}

static void set_pairs(struct exec *x)
{
    for (size_t i = 1; i + 1 < x->arg_count; i += 2) {
        struct key_ref ref = lookup_ref(x, i);

        keyspace_set(x->keyspace, &ref, x->args[i + 1], EXPIRE_NEVER);
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
