/* SPDX-License-Identifier: MIT */
/* Hashes: HSET, HGET and their like.
 *
 * Changes travel as they came, but for HINCRBYFLOAT, whose result travels: arithmetic of replicas may
 * differ. */
#include "command/element_scan.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "store/value_hash.h"

#include <math.h>

/* The hash under the first key, empty when there is none; false after -WRONGTYPE. */
static bool read_hash(struct exec *x, struct value *out)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_HASH, &e)) {
        return false;
    }
    *out = e != NULL ? entry_value(e) : (struct value){.type = VALUE_HASH};
    return true;
}

/* Open it for change; false after -WRONGTYPE. */
static bool open_hash(struct exec *x, struct key_ref *ref, struct value_edit *out)
{
    struct entry *e;

    *ref = lookup_ref(x, 1);
    if (!lookup_write_type(x, ref, VALUE_HASH, &e)) {
        return false;
    }
    keyspace_open(x->keyspace, ref, e, VALUE_HASH, out);
    return true;
}

static void reply_found(struct exec *x, const struct hash_found *found)
{
    if (found->block != NULL) {
        resp_write_bulk_block(x->reply, found->block);
    } else {
        resp_write_bulk(x->reply, found->value);
    }
}

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
    if (!open_hash(x, &ref, &edit)) {
        return -1;
    }
    for (size_t i = 2; i < x->arg_count; i += 2) {
        count += hash_set(&edit.draft, x->args[i], x->args[i + 1]);
    }
    keyspace_close(x->keyspace, &edit);
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

    if (!open_hash(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    hash = value_draft_view(&edit.draft);
    is_new = !hash_find(&hash, x->args[2], &found);
    if (is_new) {
        (void)hash_set(&edit.draft, x->args[2], x->args[3]);
        effects_add_verbatim(x->effects);
    }
    keyspace_close(x->keyspace, &edit);
    resp_write_integer(x->reply, is_new ? 1 : 0);
    return EXEC_DONE;
}

enum exec_result cmd_hdel(struct exec *x)
{
    struct value_edit edit;
    struct key_ref ref;
    int64_t count = 0;

    if (!open_hash(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    for (size_t i = 2; i < x->arg_count && !value_draft_is_empty(&edit.draft); i++) {
        count += hash_remove(&edit.draft, x->args[i]);
    }
    keyspace_close(x->keyspace, &edit);
    if (count > 0) {
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, count);
    return EXEC_DONE;
}

/* ---- numbers ------------------------------------------------------------------------------------- */

/* The new value of the field, or an error reply and false. */
static bool add_integer(struct exec *x, const struct value *hash, int64_t difference, int64_t *out)
{
    struct hash_found found;

    *out = 0;
    if (hash_find(hash, x->args[2], &found) && !num_parse_i64(found.value, out)) {
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
    struct key_ref ref;
    struct value hash;
    int64_t difference;
    int64_t result;

    if (!argument_i64(x, 3, &difference) || !open_hash(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    hash = value_draft_view(&edit.draft);
    if (add_integer(x, &hash, difference, &result)) {
        (void)hash_set(&edit.draft, x->args[2], bytes_make(text, num_format_i64(text, result)));
        effects_add_verbatim(x->effects);
        resp_write_integer(x->reply, result);
    }
    keyspace_close(x->keyspace, &edit);
    return EXEC_DONE;
}

static bool add_float(struct exec *x, const struct value *hash, long double difference,
                      long double *out)
{
    struct hash_found found;

    *out = 0;
    if (hash_find(hash, x->args[2], &found) && !num_parse_f80(found.value, out)) {
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

enum exec_result cmd_hincrbyfloat(struct exec *x)
{
    char text[NUM_F80_TEXT];
    struct value_edit edit;
    struct key_ref ref;
    struct value hash;
    long double difference;
    long double result;

    if (!read_difference(x, &difference) || !open_hash(x, &ref, &edit)) {
        return EXEC_DONE;
    }
    hash = value_draft_view(&edit.draft);
    if (add_float(x, &hash, difference, &result)) {
        struct bytes value = bytes_make(text, num_format_f80(text, result));
        const struct bytes words[] = {BYTES_LITERAL("HSET"), ref.bytes, x->args[2], value};

        (void)hash_set(&edit.draft, x->args[2], value);
        effects_add(x->effects, words, ARRAY_COUNT(words));
        resp_write_bulk(x->reply, value);
    }
    keyspace_close(x->keyspace, &edit);
    return EXEC_DONE;
}

/* ---- reading ------------------------------------------------------------------------------------- */

enum exec_result cmd_hget(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (!read_hash(x, &hash)) {
        return EXEC_DONE;
    }
    if (hash_find(&hash, x->args[2], &found)) {
        reply_found(x, &found);
    } else {
        resp_write_null(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hmget(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (!read_hash(x, &hash)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, x->arg_count - 2);
    for (size_t i = 2; i < x->arg_count; i++) {
        if (hash_find(&hash, x->args[i], &found)) {
            reply_found(x, &found);
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

    if (read_hash(x, &hash)) {
        resp_write_integer(x->reply, hash_find(&hash, x->args[2], &found) ? 1 : 0);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hlen(struct exec *x)
{
    struct value hash;

    if (read_hash(x, &hash)) {
        resp_write_integer(x->reply, (int64_t)hash_count(&hash));
    }
    return EXEC_DONE;
}

enum exec_result cmd_hstrlen(struct exec *x)
{
    struct hash_found found;
    struct value hash;

    if (read_hash(x, &hash)) {
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

    if (read_hash(x, &hash)) {
        resp_write_map(x->reply, (size_t)hash_count(&hash));
        visit_all(x, &hash, reply_pair);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hkeys(struct exec *x)
{
    struct value hash;

    if (read_hash(x, &hash)) {
        resp_write_array(x->reply, (size_t)hash_count(&hash));
        visit_all(x, &hash, reply_name);
    }
    return EXEC_DONE;
}

enum exec_result cmd_hvals(struct exec *x)
{
    struct value hash;

    if (read_hash(x, &hash)) {
        resp_write_array(x->reply, (size_t)hash_count(&hash));
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

    if (!element_scan_read_cursor(x, &scan.options) || !read_hash(x, &hash)) {
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
    uint64_t wanted = count < 0 ? (uint64_t)-count : (uint64_t)count;

    if (count > 0 && wanted > hash_count(hash)) {
        wanted = hash_count(hash);
    }
    if (hash_count(hash) == 0) {
        wanted = 0;
    }
    resp_write_array(x->reply,
                     with_values && x->reply->version == 2 ? (size_t)wanted * 2 : (size_t)wanted);
    if (count >= 0) {
        hash_sample(hash, x->rng, wanted, reply_random, &to);
        return;
    }
    for (uint64_t i = 0; i < wanted; i++) {
        char scratch[2 * PACKED_SCRATCH];
        struct value_element pair = hash_random(hash, x->rng, scratch);

        reply_random(&to, &pair);
    }
}

enum exec_result cmd_hrandfield(struct exec *x)
{
    char scratch[2 * PACKED_SCRATCH];
    bool with_values = x->arg_count == 4 && argument_is(x, 3, "WITHVALUES");
    struct value hash;
    int64_t count;

    if (x->arg_count == 2) {
        if (!read_hash(x, &hash)) {
            return EXEC_DONE;
        }
        if (hash_count(&hash) > 0) {
            resp_write_bulk(x->reply, hash_random(&hash, x->rng, scratch).name);
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
    if (read_hash(x, &hash)) {
        reply_randoms(x, &hash, count, with_values);
    }
    return EXEC_DONE;
}
