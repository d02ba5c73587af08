/* SPDX-License-Identifier: MIT */
/* Hashes: HSET, HGET and their like.
 *
 * Changes travel as they came, but for HINCRBYFLOAT, whose result travels: arithmetic of replicas may
 * differ.  When and how fields expire is in hash_expiry.c. */
#include "base/assert.h"
#include "command/element_scan.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/hash_open.h"
#include "command/lookup.h"
#include "command/repeated.h"

#include <math.h>

/* ---- setting ------------------------------------------------------------------------------------- */

/* Set all fields of the request; how many were new, or -1 after an error reply. */
static int64_t set_fields(struct exec *x)
{
    struct value_edit edit;
    struct key_ref ref;
    int64_t count = 0;

    if (x->arg_count % 2 != 0) {
        resp_write_error(x->reply, "ERR wrong number of arguments for '%s' command", x->spec->name);
        return -1;
    }
    if (!hash_open(x, &ref, &edit)) {
        return -1;
    }
    for (size_t i = 2; i < x->arg_count; i += 2) {
        count += hash_set(&edit.draft, x->args[i], x->args[i + 1]);
    }
    keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_HASH, "hset", ref.bytes);
    effects_add_verbatim(x->effects);
    return count;
}

enum exec_result cmd_hset(struct exec *x)
{
    int64_t count = set_fields(x);

    if (count >= 0) {
        resp_write_integer(x->reply, count);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hmset(struct exec *x)
{
    if (set_fields(x) >= 0) {
        resp_write_ok(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hsetnx(struct exec *x)
{
    struct value_edit edit;
    struct hash_found found;
    struct key_ref ref;
    struct value hash;
    bool is_new;

    if (!hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    hash_drop_expired(x, &edit, x->args[2]);
    hash = value_draft_view(&edit.draft);
    is_new = !hash_find(&hash, x->args[2], &found);
    if (is_new) {
        (void)hash_set(&edit.draft, x->args[2], x->args[3]);
        effects_add_verbatim(x->effects);
    }
    keyspace_close(x->keyspace, &edit);
    if (is_new) {
        notify(x, EVENT_HASH, "hset", ref.bytes);
    }
    resp_write_integer(x->reply, is_new ? 1 : 0);
    return EXEC_DONE;
}

enum exec_result cmd_hdel(struct exec *x)
{
    struct value_edit edit;
    struct key_ref ref;
    int64_t count = 0;
    bool was_there;
    bool is_there;

    if (!hash_open(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    was_there = !value_draft_is_empty(&edit.draft);
    for (size_t i = 2; i < x->arg_count && !value_draft_is_empty(&edit.draft); i++) {
        hash_drop_expired(x, &edit, x->args[i]);
        count += hash_remove(&edit.draft, x->args[i]);
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (count > 0) {
        effects_add_verbatim(x->effects);
        notify(x, EVENT_HASH, "hdel", ref.bytes);
    }
    if (was_there && !is_there) { /* what went may have expired before */
        notify(x, EVENT_GENERIC, "del", ref.bytes);
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

/* Open the hash to set a field from what it is: *field is that, without a value when there is none.  False
 * after an error reply. */
static bool open_number(struct exec *x, struct value_edit *edit, struct hash_found *found)
{
    struct key_ref ref;
    struct value hash;

    if (!hash_open(x, &ref, edit)) {
        return false;
    }
    hash_drop_expired(x, edit, x->args[2]);
    hash = value_draft_view(&edit->draft);
    if (!hash_find(&hash, x->args[2], found)) {
        *found = (struct hash_found){0};
    }
    return true;
}

/* The field's value becomes another; its expiry stays. */
static void set_number(struct exec *x, struct value_edit *edit, const struct hash_found *old,
                       struct bytes value)
{
    (void)hash_put(&edit->draft, &(struct value_element){.name = x->args[2],
                                                         .value = value,
                                                         .expire_at_ms = old->expire_at_ms});
}

/* Where there was an error the field may have expired before, and was perhaps the last one. */
static void close_number(struct exec *x, struct value_edit *edit, bool is_set, const char *event)
{
    struct bytes key = edit->ref.bytes;
    bool was_there = edit->entry != NULL;
    bool is_there = keyspace_close(x->keyspace, edit);

    if (is_set) {
        notify(x, EVENT_HASH, event, key);
    } else if (was_there && !is_there) {
        notify(x, EVENT_GENERIC, "del", key);
    }
}

/* The new value of the field, or an error reply and false. */
static bool add_integer(struct exec *x, const struct hash_found *old, int64_t difference,
                        int64_t *out)
{
    *out = 0;
    if (old->value.data != NULL && !num_parse_i64(old->value, out)) {
        resp_write_error(x->reply, "ERR hash value is not an integer");
        return false;
    }
    if (difference < 0 ? *out < INT64_MIN - difference : *out > INT64_MAX - difference) {
        resp_write_error(x->reply, "ERR increment or decrement would overflow");
        return false;
    }
    *out += difference;
    return true;
}

enum exec_result cmd_hincrby(struct exec *x)
{
    char text[NUM_I64_TEXT];
    struct value_edit edit;
    struct hash_found old;
    int64_t difference;
    int64_t result;
    bool is_set;

    if (!argument_i64(x, 3, &difference) || !open_number(x, &edit, &old)) {
        return EXEC_DONE;
    }
    is_set = add_integer(x, &old, difference, &result);
    if (is_set) {
        set_number(x, &edit, &old, bytes_make(text, num_format_i64(text, result)));
        effects_add_verbatim(x->effects);
        resp_write_integer(x->reply, result);
    }
    close_number(x, &edit, is_set, "hincrby");
    return EXEC_DONE;
}

static bool add_float(struct exec *x, const struct hash_found *old, long double difference,
                      long double *out)
{
    *out = 0;
    if (old->value.data != NULL && !num_parse_f80(old->value, out)) {
        resp_write_error(x->reply, "ERR hash value is not a float");
        return false;
    }
    *out += difference;
    if (isnan(*out) || isinf(*out)) {
        resp_write_error(x->reply, "ERR increment would produce NaN or Infinity");
        return false;
    }
    return true;
}

static bool read_difference(struct exec *x, long double *out)
{
    if (!num_parse_f80(x->args[3], out)) {
        resp_write_error(x->reply, "ERR value is not a valid float");
        return false;
    }
    if (isinf(*out)) {
        resp_write_error(x->reply, "ERR value is NaN or Infinity");
        return false;
    }
    return true;
}

/* HSET key field value; what has an expiry keeps it by HSETEX key KEEPTTL FIELDS 1 field value */
static void effect_number(struct exec *x, const struct hash_found *old, struct bytes value)
{
    const struct bytes set[] = {BYTES_LITERAL("HSET"), x->args[1], x->args[2], value};
    const struct bytes keep[] = {BYTES_LITERAL("HSETEX"),
                                 x->args[1],
                                 BYTES_LITERAL("KEEPTTL"),
                                 BYTES_LITERAL("FIELDS"),
                                 BYTES_LITERAL("1"),
                                 x->args[2],
                                 value};

    if (old->expire_at_ms == 0) {
        effects_add(x->effects, set, ARRAY_COUNT(set));
    } else {
        effects_add(x->effects, keep, ARRAY_COUNT(keep));
    }
}

enum exec_result cmd_hincrbyfloat(struct exec *x)
{
    char text[NUM_F80_TEXT];
    struct value_edit edit;
    struct hash_found old;
    long double difference;
    long double result;
    bool is_set;

    if (!read_difference(x, &difference) || !open_number(x, &edit, &old)) {
        return EXEC_DONE;
    }
    is_set = add_float(x, &old, difference, &result);
    if (is_set) {
        struct bytes value = bytes_make(text, num_format_f80(text, result));

        set_number(x, &edit, &old, value);
        effect_number(x, &old, value);
        resp_write_bulk(x->reply, value);
    }
    close_number(x, &edit, is_set, "hincrbyfloat");
    return EXEC_DONE;
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum exec_result cmd_hget(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (!hash_lookup(x, &hash)) {
        return EXEC_DONE;
    }
    if (hash_find(&hash, x->args[2], &found)) {
        reply_hash_value(x, &found);
    } else {
        resp_write_null(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hmget(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (!hash_lookup(x, &hash)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, x->arg_count - 2);
    for (size_t i = 2; i < x->arg_count; i++) {
        if (hash_find(&hash, x->args[i], &found)) {
            reply_hash_value(x, &found);
        } else {
            resp_write_null(x->reply);
        }
    }
    return EXEC_DONE;
}

enum exec_result cmd_hexists(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (hash_lookup(x, &hash)) {
        resp_write_integer(x->reply, hash_find(&hash, x->args[2], &found) ? 1 : 0);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hlen(struct exec *x)
{
    struct value hash;

    if (hash_lookup(x, &hash)) {
        resp_write_integer(x->reply, (int64_t)hash_count(&hash));
    }
    return EXEC_DONE;
}

enum exec_result cmd_hstrlen(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (hash_lookup(x, &hash)) {
        bool is_there = hash_find(&hash, x->args[2], &found);

        resp_write_integer(x->reply, is_there ? (int64_t)found.value.len : 0);
    }
    return EXEC_DONE;
}

static void reply_pair(void *context, const struct value_element *pair)
{
    struct exec *x = context;

    resp_write_bulk(x->reply, pair->name);
    resp_write_bulk(x->reply, pair->value);
}

static void reply_name(void *context, const struct value_element *pair)
{
    resp_write_bulk(((struct exec *)context)->reply, pair->name);
}

static void reply_value(void *context, const struct value_element *pair)
{
    resp_write_bulk(((struct exec *)context)->reply, pair->value);
}

static void visit_all(struct exec *x, const struct value *hash, value_visit_fn *visit)
{
    uint64_t cursor = 0;

    do {
        cursor = hash_walk(hash, cursor, SIZE_MAX, visit, x);
    } while (cursor != 0);
}

enum exec_result cmd_hgetall(struct exec *x)
{
    struct value hash;

    if (hash_lookup(x, &hash)) {
        resp_write_map(x->reply, (size_t)hash_seen_count(&hash));
        visit_all(x, &hash, reply_pair);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hkeys(struct exec *x)
{
    struct value hash;

    if (hash_lookup(x, &hash)) {
        resp_write_array(x->reply, (size_t)hash_seen_count(&hash));
        visit_all(x, &hash, reply_name);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hvals(struct exec *x)
{
    struct value hash;

    if (hash_lookup(x, &hash)) {
        resp_write_array(x->reply, (size_t)hash_seen_count(&hash));
        visit_all(x, &hash, reply_value);
    }
    return EXEC_DONE;
}

/* ---- some of them -------------------------------------------------------------------------------- */

struct hash_scan {
    struct element_scan options;
    struct reply_list list;
};

static void take_field(void *context, const struct value_element *pair)
{
    struct hash_scan *scan = context;

    if (!element_scan_takes(&scan->options, pair->name)) {
        return;
    }
    reply_list_add(&scan->list, pair->name);
    if (!scan->options.only_names) {
        reply_list_add(&scan->list, pair->value);
    }
}

enum exec_result cmd_hscan(struct exec *x)
{
    struct hash_scan scan;
    struct value hash;
    uint64_t cursor;

    if (!element_scan_read_cursor(x, &scan.options) || !hash_lookup(x, &hash)) {
        return EXEC_DONE;
    }
    if (hash_count(&hash) == 0) {
        element_scan_reply_nothing(x);
        return EXEC_DONE;
    }
    if (!element_scan_read(x, "NOVALUES", &scan.options)) {
        return EXEC_DONE;
    }
    reply_list_begin(&scan.list, x);
    cursor = hash_walk(&hash, scan.options.cursor, scan.options.count, take_field, &scan);
    element_scan_reply(x, cursor, &scan.list);
    return EXEC_DONE;
}

/* How HRANDFIELD shows a field. */
struct random_reply {
    struct exec *x;
    bool with_values;
};

static void reply_random(void *context, const struct value_element *pair)
{
    const struct random_reply *to = context;
    struct resp_writer *reply = to->x->reply;

    if (to->with_values && reply->version > 2) {
        resp_write_array(reply, 2);
    }
    resp_write_bulk(reply, pair->name);
    if (to->with_values) {
        resp_write_bulk(reply, pair->value);
    }
}

/* count < 0: so many draws, in which a field may come again. */
static void reply_randoms(struct exec *x, const struct value *hash, int64_t count, bool with_values)
{
    struct random_reply to = {x, with_values};
    struct repeated repeated;
    uint64_t wanted = count < 0 ? (uint64_t)-count : (uint64_t)count;

    if (count > 0 && wanted > hash_seen_count(hash)) {
        wanted = hash_seen_count(hash);
    }
    if (hash_seen_count(hash) == 0) {
        wanted = 0;
    }
    if (count < 0 && !repeated_begin(&repeated, x, wanted)) {
        return;
    }
    resp_write_array(x->reply,
                     with_values && x->reply->version == 2 ? (size_t)wanted * 2 : (size_t)wanted);
    if (count >= 0) {
        hash_sample(hash, x->rng, wanted, reply_random, &to);
        return;
    }
    for (uint64_t i = 0; i < wanted && repeated_goes_on(&repeated); i++) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element pair;
        bool is_there = hash_random(hash, x->rng, scratch, &pair);

        ASSERT(is_there);
        reply_random(&to, &pair);
    }
}

enum exec_result cmd_hrandfield(struct exec *x)
{
    char scratch[2 * PACKED_SCRATCH];
    bool with_values = x->arg_count == 4 && argument_is(x, 3, "WITHVALUES");
    struct value_element pair;
    struct value hash;
    int64_t count;

    if (x->arg_count == 2) {
        if (!hash_lookup(x, &hash)) {
            return EXEC_DONE;
        }
        if (hash_random(&hash, x->rng, scratch, &pair)) {
            resp_write_bulk(x->reply, pair.name);
        } else {
            resp_write_null(x->reply);
        }
        return EXEC_DONE;
    }
    if (!argument_random_count(x, 2, &count)) {
        return EXEC_DONE;
    }
    if (x->arg_count > 4 || (x->arg_count == 4 && !with_values)) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (with_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
        resp_write_error(x->reply, "ERR value is out of range");
        return EXEC_DONE;
    }
    if (hash_lookup(x, &hash)) {
        reply_randoms(x, &hash, count, with_values);
    }
    return EXEC_DONE;
}
