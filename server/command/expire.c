/* SPDX-License-Identifier: MIT */
/* When keys expire: EXPIRE and its family, TTL and its family, PERSIST. */
#include "command/events.h"
#include "command/expiry.h"
#include "command/functions.h"
#include "command/lookup.h"

bool expiry_read_option(const struct exec *x, size_t *index, struct expiry_option *option)
{
    static const struct {
        const char *word;
        enum expiry_kind kind;
    } options[] = {
        {"EX",   EXPIRY_EX  },
        {"PX",   EXPIRY_PX  },
        {"EXAT", EXPIRY_EXAT},
        {"PXAT", EXPIRY_PXAT},
    };

    for (size_t i = 0; i < ARRAY_COUNT(options); i++) {
        if (argument_is(x, *index, options[i].word)) {
            if (*index + 1 >= x->arg_count ||
                (option->kind != EXPIRY_NONE && option->kind != options[i].kind)) {
                return false;
            }
            option->kind = options[i].kind;
            option->argument = *index + 1;
            *index += 2;
            return true;
        }
    }
    return false;
}

static void reply_invalid_expire(struct exec *x)
{
    resp_write_error(x->reply, "ERR invalid expire time in '%s' command", x->spec->name);
}

bool expiry_resolve(struct exec *x, enum expiry_kind kind, size_t argument, int64_t *out_ms)
{
    bool is_seconds = kind == EXPIRY_EX || kind == EXPIRY_EXAT;
    bool is_relative = kind == EXPIRY_EX || kind == EXPIRY_PX;
    int64_t value;

    if (!argument_i64(x, argument, &value)) {
        return false;
    }
    if (value <= 0 || (is_seconds && value > INT64_MAX / 1000)) {
        reply_invalid_expire(x);
        return false;
    }
    value *= is_seconds ? 1000 : 1;
    if (is_relative && value > INT64_MAX - x->now.unix_ms) {
        reply_invalid_expire(x);
        return false;
    }
    *out_ms = value + (is_relative ? x->now.unix_ms : 0);
    return true;
}

enum condition {
    CONDITION_NX = 1 << 0, /* only when there is no expiry */
    CONDITION_XX = 1 << 1, /* only when there is one */
    CONDITION_GT = 1 << 2, /* only when the new one is later */
    CONDITION_LT = 1 << 3, /* only when the new one is earlier */
};

static bool read_conditions(struct exec *x, uint32_t *out)
{
    uint32_t conditions = 0;

    for (size_t i = 3; i < x->arg_count; i++) {
        if (argument_is(x, i, "NX")) {
            conditions |= CONDITION_NX;
        } else if (argument_is(x, i, "XX")) {
            conditions |= CONDITION_XX;
        } else if (argument_is(x, i, "GT")) {
            conditions |= CONDITION_GT;
        } else if (argument_is(x, i, "LT")) {
            conditions |= CONDITION_LT;
        } else {
            size_t shown = x->args[i].len < 128 ? x->args[i].len : 128;

            resp_write_error(x->reply, "ERR Unsupported option %.*s", (int)shown, x->args[i].data);
            return false;
        }
    }
    if ((conditions & CONDITION_NX) != 0 && conditions != CONDITION_NX) {
        resp_write_error(x->reply, "ERR NX and XX, GT or LT options at the same time are not "
                                   "compatible");
        return false;
    }
    if ((conditions & CONDITION_GT) != 0 && (conditions & CONDITION_LT) != 0) {
        resp_write_error(x->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    *out = conditions;
    return true;
}

/* A key that never expires counts as one that expires later than any. */
static bool conditions_hold(uint32_t conditions, int64_t old_ms, int64_t new_ms)
{
    bool has_expiry = old_ms != EXPIRE_NEVER;

    if ((conditions & CONDITION_NX) != 0 && has_expiry) {
        return false;
    }
    if ((conditions & CONDITION_XX) != 0 && !has_expiry) {
        return false;
    }
    if ((conditions & CONDITION_GT) != 0 && (!has_expiry || new_ms <= old_ms)) {
        return false;
    }
    return (conditions & CONDITION_LT) == 0 || !has_expiry || new_ms < old_ms;
}

/* The argument in ms since base; unlike SET's options it may be negative. */
static bool read_time(struct exec *x, int64_t base_ms, bool is_seconds, int64_t *out)
{
    int64_t value;

    if (!argument_i64(x, 2, &value)) {
        return false;
    }
    if (is_seconds && (value > INT64_MAX / 1000 || value < INT64_MIN / 1000)) {
        reply_invalid_expire(x);
        return false;
    }
    value *= is_seconds ? 1000 : 1;
    if (value > INT64_MAX - base_ms) {
        reply_invalid_expire(x);
        return false;
    }
    *out = value + base_ms;
    return true;
}

static void expire_at(struct exec *x, int64_t base_ms, bool is_seconds)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct entry *e;
    uint32_t conditions;
    int64_t when_ms;

    if (!read_conditions(x, &conditions) || !read_time(x, base_ms, is_seconds, &when_ms)) {
        return;
    }
    e = lookup_write(x, &ref);
    if (e == NULL || !conditions_hold(conditions, entry_expire_at_ms(e), when_ms)) {
        resp_write_integer(x->reply, 0);
        return;
    }
    if (x->is_primary && when_ms <= x->now.unix_ms) {
        keyspace_remove(x->keyspace, &ref);
        effect_del(x, ref.bytes);
        notify(x, EVENT_GENERIC, "del", ref.bytes);
    } else {
        /* A replica leaves the removal of what is overdue to its primary. */
        when_ms = when_ms > 0 ? when_ms : 0;
        keyspace_set_expiry(x->keyspace, &ref, when_ms);
        effect_expiry(x, ref.bytes, when_ms);
        notify(x, EVENT_GENERIC, "expire", ref.bytes);
    }
    resp_write_integer(x->reply, 1);
}

enum exec_result cmd_expire(struct exec *x)
{
    expire_at(x, x->now.unix_ms, true);
    return EXEC_DONE;
}

enum exec_result cmd_pexpire(struct exec *x)
{
    expire_at(x, x->now.unix_ms, false);
    return EXEC_DONE;
}

enum exec_result cmd_expireat(struct exec *x)
{
    expire_at(x, 0, true);
    return EXEC_DONE;
}

enum exec_result cmd_pexpireat(struct exec *x)
{
    expire_at(x, 0, false);
    return EXEC_DONE;
}

/* The reply to TTL and its like: -2 without the key, -1 without an expiry. */
static void reply_time(struct exec *x, int64_t base_ms, bool is_seconds)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct entry *e = lookup_peek(x, &ref);
    int64_t left;

    if (e == NULL) {
        resp_write_integer(x->reply, -2);
        return;
    }
    left = entry_expire_at_ms(e);
    if (left == EXPIRE_NEVER) {
        resp_write_integer(x->reply, -1);
        return;
    }
    left = left > base_ms ? left - base_ms : 0;
    if (is_seconds) {
        left = left / 1000 + (left % 1000 >= 500 ? 1 : 0);
    }
    resp_write_integer(x->reply, left);
}

enum exec_result cmd_ttl(struct exec *x)
{
    reply_time(x, x->now.unix_ms, true);
    return EXEC_DONE;
}

enum exec_result cmd_pttl(struct exec *x)
{
    reply_time(x, x->now.unix_ms, false);
    return EXEC_DONE;
}

enum exec_result cmd_expiretime(struct exec *x)
{
    reply_time(x, 0, true);
    return EXEC_DONE;
}

enum exec_result cmd_pexpiretime(struct exec *x)
{
    reply_time(x, 0, false);
    return EXEC_DONE;
}

enum exec_result cmd_persist(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    const struct entry *e = lookup_write(x, &ref);

    if (e == NULL || entry_expire_at_ms(e) == EXPIRE_NEVER) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    keyspace_set_expiry(x->keyspace, &ref, EXPIRE_NEVER);
    effects_add_verbatim(x->effects);
    notify(x, EVENT_GENERIC, "persist", ref.bytes);
    resp_write_integer(x->reply, 1);
    return EXEC_DONE;
}
