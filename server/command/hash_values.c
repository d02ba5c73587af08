/* SPDX-License-Identifier: MIT */
/* Values of fields and their expiry at once: HGETEX, HSETEX, HGETDEL.
 *
 * What changed travels without conditions: as HPEXPIREAT, HPERSIST and HDEL; what was set as HSET where no
 * expiry is involved, which older servers know as well, else as HSETEX. */
#include "command/events.h"
#include "command/functions.h"
#include "command/hash_fields.h"
#include "command/hash_open.h"
#include "command/lookup.h"

/* EX, PX, EXAT or PXAT and its number, or the word that is as good as one; 0 when it is none of
 * them, -1 after an error reply. */
static int read_expiry(struct exec *x, size_t *index, const char *word, struct hash_request *out)
{
    static const struct {
        const char *word;
        enum expiry_kind kind;
    } kinds[] = {
        {"EX",   EXPIRY_EX  },
        {"PX",   EXPIRY_PX  },
        {"EXAT", EXPIRY_EXAT},
        {"PXAT", EXPIRY_PXAT},
    };
    enum expiry_kind kind = EXPIRY_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(kinds) && kind == EXPIRY_NONE; i++) {
        kind = argument_is(x, *index, kinds[i].word) ? kinds[i].kind : EXPIRY_NONE;
    }
    if (argument_is(x, *index, word)) {
        kind = word[0] == 'P' ? EXPIRY_PERSIST : EXPIRY_KEEPTTL;
    }
    if (kind == EXPIRY_NONE) {
        return 0;
    }
    if (out->kind != EXPIRY_NONE) {
        resp_write_error(
            x->reply, "ERR Only one of EX, PX, EXAT, PXAT or %s arguments can be specified", word);
        return -1;
    }
    out->kind = kind;
    *index += 1;
    if (kind == EXPIRY_PERSIST || kind == EXPIRY_KEEPTTL) {
        return 1;
    }
    if (*index >= x->arg_count) {
        resp_write_error(x->reply, "ERR missing expire time");
        return -1;
    }
    return hash_read_time(x, (*index)++, kind, &out->when_ms) ? 1 : -1;
}

/* ---- HGETEX, HGETDEL ------------------------------------------------------------------------------- */

/* Reply the value, or nil. */
static bool reply_field(struct exec *x, const struct value *hash, struct bytes field,
                        struct hash_found *found)
{
    bool is_there = hash_find(hash, field, found);

    if (is_there) {
        reply_hash_value(x, found);
    } else {
        resp_write_null(x->reply);
    }
    return is_there;
}

static bool read_get_option(struct exec *x, size_t *index, struct hash_request *out)
{
    int read = read_expiry(x, index, "PERSIST", out);

    if (read == 0) {
        reply_unknown_argument(x, *index);
    }
    return read > 0;
}

static void get_only(struct exec *x, const struct hash_request *request)
{
    struct value hash;
    struct hash_found found;

    if (!hash_lookup(x, &hash)) {
        return;
    }
    resp_write_array(x->reply, request->count);
    for (size_t i = 0; i < request->count; i++) {
        (void)reply_field(x, &hash, x->args[request->first + i], &found);
    }
}

/* Without a time fields no longer expire. */
static void get_and_expire(struct exec *x, const struct hash_request *request)
{
    const struct bytes persist[] = {BYTES_LITERAL("HPERSIST"), x->args[1]};
    int64_t when_ms = request->when_ms;
    bool is_past = when_ms != 0 && hash_is_past(x, when_ms);
    struct value_edit edit;
    struct key_ref ref;
    hash_words changed = {0};
    bool is_there;

    if (!hash_open(x, &ref, &edit)) {
        return;
    }
    resp_write_array(x->reply, request->count);
    for (size_t i = 0; i < request->count; i++) {
        struct bytes field = x->args[request->first + i];
        struct value hash = value_draft_view(&edit.draft);
        struct hash_found found;

        if (!reply_field(x, &hash, field, &found) || (when_ms == 0 && found.expire_at_ms == 0)) {
            continue;
        }
        VEC_PUSH(&changed, field);
        if (is_past) {
            (void)hash_remove(&edit.draft, field);
        } else {
            hash_set_expiry(&edit.draft, field, when_ms);
        }
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (changed.count > 0) {
        notify_taken(x, EVENT_HASH,
                     is_past        ? "hdel"
                     : when_ms == 0 ? "hpersist"
                                    : "hexpire",
                     ref.bytes, is_there);
    }
    if (is_past) {
        effect_hdel(x, &changed);
    } else if (when_ms == 0) {
        effect_fields(x, persist, ARRAY_COUNT(persist), 1, &changed);
    } else {
        effect_hpexpireat(x, when_ms, &changed);
    }
}

enum exec_result cmd_hgetex(struct exec *x)
{
    static const struct hash_syntax syntax = {.from = 2,
                                              .width = 1,
                                              .count_error = "invalid number of fields",
                                              .option = read_get_option};
    struct hash_request request;

    if (!hash_read_request(x, &syntax, &request)) {
        return EXEC_DONE;
    }
    if (request.kind == EXPIRY_NONE) {
        get_only(x, &request);
    } else {
        get_and_expire(x, &request);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hgetdel(struct exec *x)
{
    struct hash_request request;
    struct value_edit edit;
    struct key_ref ref;
    hash_words removed = {0};
    bool is_there;

    if (!hash_read_fields(x, &request) || !hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, request.count);
    for (size_t i = 0; i < request.count; i++) {
        struct bytes field = x->args[request.first + i];
        struct value hash = value_draft_view(&edit.draft);
        struct hash_found found;

        if (reply_field(x, &hash, field, &found)) {
            (void)hash_remove(&edit.draft, field);
            VEC_PUSH(&removed, field);
        }
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (removed.count > 0) {
        notify_taken(x, EVENT_HASH, "hdel", ref.bytes, is_there);
    }
    effect_hdel(x, &removed);
    return EXEC_DONE;
}

/* ---- HSETEX ---------------------------------------------------------------------------------------- */

static bool read_set_condition(struct exec *x, size_t *index, struct hash_request *out)
{
    static const struct {
        const char *word;
        enum hash_condition condition;
        uint32_t against;
    } conditions[] = {
        {"FNX", HASH_FIELDS_NX, HASH_FIELDS_NX | HASH_FIELDS_XX},
        {"FXX", HASH_FIELDS_XX, HASH_FIELDS_NX | HASH_FIELDS_XX},
        {"NX",  HASH_KEY_NX,    HASH_KEY_NX | HASH_KEY_XX      },
        {"XX",  HASH_KEY_XX,    HASH_KEY_NX | HASH_KEY_XX      },
    };

    for (size_t i = 0; i < ARRAY_COUNT(conditions); i++) {
        if (!argument_is(x, *index, conditions[i].word)) {
            continue;
        }
        if ((out->conditions & conditions[i].against) != 0) {
            resp_write_error(x->reply, "ERR Only one of %s arguments can be specified",
                             conditions[i].word[0] == 'F' ? "FXX or FNX" : "XX or NX");
            return false;
        }
        out->conditions |= conditions[i].condition;
        (*index)++;
        return true;
    }
    reply_unknown_argument(x, *index);
    return false;
}

static bool read_set_option(struct exec *x, size_t *index, struct hash_request *out)
{
    int read = read_expiry(x, index, "KEEPTTL", out);

    return read == 0 ? read_set_condition(x, index, out) : read > 0;
}

static bool conditions_hold(const struct exec *x, const struct value_draft *draft,
                            const struct hash_request *request)
{
    const uint32_t of_fields = HASH_FIELDS_NX | HASH_FIELDS_XX;
    struct value hash = value_draft_view(draft);
    bool is_wanted = (request->conditions & HASH_FIELDS_XX) != 0;

    if ((request->conditions & (HASH_KEY_NX | HASH_KEY_XX)) != 0 &&
        value_draft_is_empty(draft) != ((request->conditions & HASH_KEY_NX) != 0)) {
        return false;
    }
    for (size_t i = 0; i < request->count && (request->conditions & of_fields) != 0; i++) {
        struct hash_found found;

        if (hash_find(&hash, x->args[request->first + 2 * i], &found) != is_wanted) {
            return false;
        }
    }
    return true;
}

/* Set fields that would have expired already: they go.  False when none of them was there. */
static bool set_past(struct exec *x, struct value_edit *edit, const struct hash_request *request)
{
    hash_words removed = {0};
    bool is_any_removed;

    for (size_t i = 0; i < request->count; i++) {
        struct bytes field = x->args[request->first + 2 * i];

        if (!value_draft_is_empty(&edit->draft) && hash_remove(&edit->draft, field)) {
            VEC_PUSH(&removed, field);
        }
    }
    is_any_removed = removed.count > 0;
    effect_hdel(x, &removed);
    return is_any_removed;
}

/* HSET key field value ..., or with an expiry HSETEX key <PXAT ms|KEEPTTL> FIELDS n field value ... */
static void effect_set_fields(struct exec *x, const struct hash_request *request, bool has_kept)
{
    char text[NUM_I64_TEXT];
    struct bytes head[4] = {BYTES_LITERAL("HSETEX"), x->args[1], BYTES_LITERAL("KEEPTTL")};
    size_t head_count = 3;
    int64_t when_ms = request->when_ms;
    hash_words fields = {0};

    for (size_t i = 0; i < 2 * request->count; i++) {
        VEC_PUSH(&fields, x->args[request->first + i]);
    }
    if (when_ms != 0) {
        head[2] = BYTES_LITERAL("PXAT");
        head[head_count++] = bytes_make(text, num_format_i64(text, when_ms));
    }
    if (when_ms != 0 || has_kept) {
        effect_fields(x, head, head_count, 2, &fields);
    } else {
        effect_hset(x, &fields);
    }
}

static void set_fields(struct exec *x, struct value_edit *edit, const struct hash_request *request)
{
    bool has_kept = false;

    for (size_t i = 0; i < request->count; i++) {
        struct value_element field = {.name = x->args[request->first + 2 * i],
                                      .value = x->args[request->first + 2 * i + 1],
                                      .expire_at_ms = request->when_ms};
        struct value hash;
        struct hash_found found;

        if (request->kind == EXPIRY_KEEPTTL) {
            hash_drop_expired(x, edit, field.name);
            hash = value_draft_view(&edit->draft);
            field.expire_at_ms = hash_find(&hash, field.name, &found) ? found.expire_at_ms : 0;
            has_kept = has_kept || field.expire_at_ms != 0;
        }
        (void)hash_put(&edit->draft, &field);
    }
    effect_set_fields(x, request, has_kept);
}

enum exec_result cmd_hsetex(struct exec *x)
{
    static const struct hash_syntax syntax = {.from = 2,
                                              .width = 2,
                                              .count_error = "invalid number of fields",
                                              .option = read_set_option};
    struct hash_request request;
    struct value_edit edit;
    struct key_ref ref;
    bool has_removed = false;
    bool is_there;
    bool is_past;
    bool is_set;

    if (!hash_read_request(x, &syntax, &request) || !hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    is_set = conditions_hold(x, &edit.draft, &request);
    is_past = request.when_ms != 0 && hash_is_past(x, request.when_ms);
    if (is_set && is_past) {
        has_removed = set_past(x, &edit, &request);
    } else if (is_set) {
        set_fields(x, &edit, &request);
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (has_removed) {
        notify_taken(x, EVENT_HASH, "hdel", ref.bytes, is_there);
    } else if (is_set && !is_past) {
        notify(x, EVENT_HASH, "hset", ref.bytes);
        if (request.when_ms != 0) {
            notify(x, EVENT_HASH, "hexpire", ref.bytes);
        }
    }
    resp_write_integer(x->reply, is_set ? 1 : 0);
    return EXEC_DONE;
}
