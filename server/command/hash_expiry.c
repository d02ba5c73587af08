/* SPDX-License-Identifier: MIT */
/* When fields of a hash expire: HEXPIRE and its family, HTTL and its family, HPERSIST.
 *
 * What is set travels as HPEXPIREAT with the fields for which it was, what is past as HDEL. */
#include "command/events.h"
#include "command/functions.h"
#include "command/hash_fields.h"
#include "command/hash_open.h"
#include "command/lookup.h"

enum {
    NO_FIELD = -2, /* replies */
    NO_EXPIRY = -1,
    REFUSED = 0,
    DONE = 1,
    REMOVED = 2,
};

/* ---- setting ------------------------------------------------------------------------------------- */

/* NX, XX, GT or LT; behind the fields other words are taken for more of them. */
static bool read_condition(struct exec *x, size_t *index, struct hash_request *out)
{
    static const struct {
        const char *word;
        enum hash_condition condition;
    } conditions[] = {
        {"NX", HASH_TIME_NX},
        {"XX", HASH_TIME_XX},
        {"GT", HASH_TIME_GT},
        {"LT", HASH_TIME_LT},
    };

    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
        if (!argument_is(x, *index, conditions[i].word)) {
            continue;
        }
        if (out->conditions != 0) {
            resp_write_error(x->reply, "ERR Multiple condition flags specified");
            return false;
        }
        out->conditions = conditions[i].condition;
        (*index)++;
        return true;
    }
    if (out->count > 0) {
        resp_write_error(x->reply,
                         "ERR The `numfields` parameter must match the number of arguments");
    } else {
        reply_unknown_argument(x, *index);
    }
    return false;
}

/* A field that never expires counts as one that expires later than any. */
static bool condition_holds(uint32_t conditions, int64_t old_ms, int64_t new_ms)
{
    switch (conditions) {
    case HASH_TIME_NX:
        return old_ms == 0;
    case HASH_TIME_XX:
        return old_ms != 0;
    case HASH_TIME_GT:
        return old_ms != 0 && new_ms > old_ms;
    case HASH_TIME_LT:
        return old_ms == 0 || new_ms < old_ms;
    default:
        return true;
    }
}

/* What becomes of one field. */
static int expire_field(const struct exec *x, struct value_draft *draft, struct bytes field,
                        uint32_t conditions, int64_t when_ms)
{
    struct value hash = value_draft_view(draft);
    struct hash_found found;

    if (!hash_find(&hash, field, &found)) {
        return NO_FIELD;
    }
    if (!condition_holds(conditions, found.expire_at_ms, when_ms)) {
        return REFUSED;
    }
    if (hash_is_past(x, when_ms)) {
        (void)hash_remove(draft, field);
        return REMOVED;
    }
    hash_set_expiry(draft, field, when_ms);
    return DONE;
}

static enum exec_result expire_fields(struct exec *x, enum expiry_kind kind)
{
    static const struct hash_syntax syntax = {
        .from = 3,
        .width = 1,
        .count_error = "Parameter `numFields` should be greater than 0",
        .option = read_condition,
    };
    struct hash_request request;
    struct value_edit edit;
    struct key_ref ref;
    hash_words set = {0};
    hash_words removed = {0};
    int64_t when_ms;
    bool is_there;

    if (!hash_read_time(x, 2, kind, &when_ms) || !hash_read_request(x, &syntax, &request) ||
        !hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, request.count);
    for (size_t i = 0; i < request.count; i++) {
        struct bytes field = x->args[request.first + i];
        int result = expire_field(x, &edit.draft, field, request.conditions, when_ms);

        if (result == DONE) {
            VEC_PUSH(&set, field);
        } else if (result == REMOVED) {
            VEC_PUSH(&removed, field);
        }
        resp_write_integer(x->reply, result);
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (set.count > 0) {
        notify(x, EVENT_HASH, "hexpire", ref.bytes);
    }
    if (removed.count > 0) {
        notify_taken(x, EVENT_HASH, "hdel", ref.bytes, is_there);
    }
    effect_hpexpireat(x, when_ms, &set);
    effect_hdel(x, &removed);
    return EXEC_DONE;
}

enum exec_result cmd_hexpire(struct exec *x)
{
    return expire_fields(x, EXPIRY_EX);
}

enum exec_result cmd_hpexpire(struct exec *x)
{
    return expire_fields(x, EXPIRY_PX);
}

enum exec_result cmd_hexpireat(struct exec *x)
{
    return expire_fields(x, EXPIRY_EXAT);
}

enum exec_result cmd_hpexpireat(struct exec *x)
{
    return expire_fields(x, EXPIRY_PXAT);
}

enum exec_result cmd_hpersist(struct exec *x)
{
    const struct bytes head[] = {BYTES_LITERAL("HPERSIST"), x->args[1]};
    struct hash_request request;
    struct value_edit edit;
    struct key_ref ref;
    hash_words kept = {0};

    if (!hash_read_fields(x, &request) || !hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, request.count);
    for (size_t i = 0; i < request.count; i++) {
        struct bytes field = x->args[request.first + i];
        struct value hash = value_draft_view(&edit.draft);
        struct hash_found found;
        int result = NO_FIELD;

        if (hash_find(&hash, field, &found)) {
            result = found.expire_at_ms != 0 ? DONE : NO_EXPIRY;
        }
        if (result == DONE) {
            hash_set_expiry(&edit.draft, field, 0);
            VEC_PUSH(&kept, field);
        }
        resp_write_integer(x->reply, result);
    }
    keyspace_close(x->keyspace, &edit);
    if (kept.count > 0) {
        notify(x, EVENT_HASH, "hpersist", ref.bytes);
    }
    effect_fields(x, head, ARRAY_COUNT(head), 1, &kept);
    return EXEC_DONE;
}

/* ---- asking -------------------------------------------------------------------------------------- */

/* For each field the time that is left from base_ms on; seconds are rounded up. */
static enum exec_result reply_times(struct exec *x, int64_t base_ms, bool is_seconds)
{
    struct hash_request request;
    struct value hash;

    if (!hash_read_fields(x, &request) || !hash_lookup(x, &hash)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, request.count);
    for (size_t i = 0; i < request.count; i++) {
        struct hash_found found;
        int64_t result = NO_FIELD;

        if (hash_find(&hash, x->args[request.first + i], &found)) {
            result = NO_EXPIRY;
            if (found.expire_at_ms != 0) {
                result = found.expire_at_ms > base_ms ? found.expire_at_ms - base_ms : 0;
                result = is_seconds ? (result + 999) / 1000 : result;
            }
        }
        resp_write_integer(x->reply, result);
    }
    return EXEC_DONE;
}

enum exec_result cmd_httl(struct exec *x)
{
    return reply_times(x, x->now.unix_ms, true);
}

enum exec_result cmd_hpttl(struct exec *x)
{
    return reply_times(x, x->now.unix_ms, false);
}

enum exec_result cmd_hexpiretime(struct exec *x)
{
    return reply_times(x, 0, true);
}

enum exec_result cmd_hpexpiretime(struct exec *x)
{
    return reply_times(x, 0, false);
}
