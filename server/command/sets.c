/* SPDX-License-Identifier: MIT */
/* Sets, one at a time: SADD, SPOP and their like.
 *
 * Changes travel as they came, but for SPOP: what it drew travels, as SREM, or as DEL when that was all. */
#include "base/vec.h"
#include "command/element_scan.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "command/repeated.h"
#include "store/value_set.h"

/* The set under the first key, empty when there is none; false after -WRONGTYPE. */
static bool read_set(struct exec *x, struct value *out)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct entry *e;

    if (!lookup_read_type(x, &ref, VALUE_SET, &e)) {
        return false;
    }
    *out = e != NULL ? entry_value(e) : (struct value){.type = VALUE_SET};
    return true;
}

/* Open it for change; false after -WRONGTYPE. */
static bool open_set(struct exec *x, struct key_ref *ref, struct value_edit *out)
{
    struct entry *e;

    *ref = lookup_ref(x, 1);
    if (!lookup_write_type(x, ref, VALUE_SET, &e)) {
        return false;
    }
    keyspace_open(x->keyspace, ref, e, VALUE_SET, out);
    return true;
}

/* ---- members by name ----------------------------------------------------------------------------- */

typedef bool change_fn(struct value_draft *set, struct bytes member);

static void change_members(struct exec *x, change_fn *change, const char *event)
{
    struct value_edit edit;
    struct key_ref ref;
    int64_t count = 0;
    bool is_there;

    if (!open_set(x, &ref, &edit)) {
        return;
    }
    for (size_t i = 2; i < x->arg_count; i++) {
        count += change(&edit.draft, x->args[i]);
    }
    is_there = keyspace_close(x->keyspace, &edit);
    if (count > 0) {
        effects_add_verbatim(x->effects);
        notify_taken(x, EVENT_SET, event, ref.bytes, is_there);
    }
    resp_write_integer(x->reply, count);
}

enum exec_result cmd_sadd(struct exec *x)
{
    change_members(x, set_add, "sadd");
    return EXEC_DONE;
}

enum exec_result cmd_srem(struct exec *x)
{
    change_members(x, set_remove, "srem");
    return EXEC_DONE;
}

enum exec_result cmd_sismember(struct exec *x)
{
    struct value set;

    if (read_set(x, &set)) {
        resp_write_integer(x->reply, set_has(&set, x->args[2]) ? 1 : 0);
    }
    return EXEC_DONE;
}

enum exec_result cmd_smismember(struct exec *x)
{
    struct value set;

    if (!read_set(x, &set)) {
        return EXEC_DONE;
    }
    resp_write_array(x->reply, x->arg_count - 2);
    for (size_t i = 2; i < x->arg_count; i++) {
        resp_write_integer(x->reply, set_has(&set, x->args[i]) ? 1 : 0);
    }
    return EXEC_DONE;
}

enum exec_result cmd_scard(struct exec *x)
{
    struct value set;

    if (read_set(x, &set)) {
        resp_write_integer(x->reply, (int64_t)set_count(&set));
    }
    return EXEC_DONE;
}

/* Add to the destination what was taken from the source. */
static void move_member(struct exec *x, const struct key_ref *from, const struct key_ref *to)
{
    struct value_edit edit;
    bool is_there;
    bool has_more;
    bool is_new;

    lookup_open(x, from, VALUE_SET, &edit);
    is_there = set_remove(&edit.draft, x->args[3]);
    has_more = keyspace_close(x->keyspace, &edit);
    if (is_there) {
        notify_taken(x, EVENT_SET, "srem", from->bytes, has_more);
        lookup_open(x, to, VALUE_SET, &edit);
        is_new = set_add(&edit.draft, x->args[3]);
        keyspace_close(x->keyspace, &edit);
        if (is_new) {
            notify(x, EVENT_SET, "sadd", to->bytes);
        }
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, is_there ? 1 : 0);
}

enum exec_result cmd_smove(struct exec *x)
{
    struct key_ref from = lookup_ref(x, 1);
    struct key_ref to = lookup_ref(x, 2);
    struct entry *source;
    struct entry *destination;

    if (!lookup_write_type(x, &from, VALUE_SET, &source)) {
        return EXEC_DONE;
    }
    if (source == NULL) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    if (!lookup_write_type(x, &to, VALUE_SET, &destination)) {
        return EXEC_DONE;
    }
    if (bytes_equal(from.bytes, to.bytes)) {
        struct value set = entry_value(destination);

        resp_write_integer(x->reply, set_has(&set, x->args[3]) ? 1 : 0);
        return EXEC_DONE;
    }
    move_member(x, &from, &to);
    return EXEC_DONE;
}

/* ---- all, or some -------------------------------------------------------------------------------- */

static void reply_member(void *context, struct bytes member)
{
    resp_write_bulk(((struct exec *)context)->reply, member);
}

static void reply_all(struct exec *x, const struct value *set)
{
    uint64_t cursor = 0;

    resp_write_set(x->reply, (size_t)set_count(set));
    do {
        cursor = set_scan(set, cursor, SIZE_MAX, reply_member, x);
    } while (cursor != 0);
}

enum exec_result cmd_smembers(struct exec *x)
{
    struct value set;

    if (read_set(x, &set)) {
        reply_all(x, &set);
    }
    return EXEC_DONE;
}

struct set_scanning {
    struct element_scan options;
    struct reply_list list;
};

static void take_member(void *context, struct bytes member)
{
    struct set_scanning *scan = context;

    if (element_scan_takes(&scan->options, member)) {
        reply_list_add(&scan->list, member);
    }
}

enum exec_result cmd_sscan(struct exec *x)
{
    struct set_scanning scan;
    struct value set;
    uint64_t cursor;

    if (!element_scan_read_cursor(x, &scan.options) || !read_set(x, &set)) {
        return EXEC_DONE;
    }
    if (set_count(&set) == 0) {
        element_scan_reply_nothing(x);
        return EXEC_DONE;
    }
    if (!element_scan_read(x, NULL, &scan.options)) {
        return EXEC_DONE;
    }
    reply_list_begin(&scan.list, x);
    cursor = set_scan(&set, scan.options.cursor, scan.options.count, take_member, &scan);
    element_scan_reply(x, cursor, &scan.list);
    return EXEC_DONE;
}

/* count < 0: so many draws, in which a member may come again. */
static void reply_randoms(struct exec *x, const struct value *set, int64_t count)
{
    uint64_t wanted = count < 0 ? (uint64_t)-count : (uint64_t)count;
    char scratch[PACKED_SCRATCH];
    struct repeated repeated;

    if (set_count(set) == 0 || (count > 0 && wanted > set_count(set))) {
        wanted = set_count(set);
    }
    if (count >= 0) {
        resp_write_array(x->reply, (size_t)wanted);
        set_sample(set, x->rng, wanted, reply_member, x);
        return;
    }
    if (!repeated_begin(&repeated, x, wanted)) {
        return;
    }
    resp_write_array(x->reply, (size_t)wanted);
    for (uint64_t i = 0; i < wanted && repeated_goes_on(&repeated); i++) {
        resp_write_bulk(x->reply, set_random(set, x->rng, scratch));
    }
}

enum exec_result cmd_srandmember(struct exec *x)
{
    char scratch[PACKED_SCRATCH];
    struct value set;
    int64_t count = 1;

    if (x->arg_count > 3) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (x->arg_count > 2 && !argument_random_count(x, 2, &count)) {
        return EXEC_DONE;
    }
    if (!read_set(x, &set)) {
        return EXEC_DONE;
    }
    if (x->arg_count == 2) {
        if (set_count(&set) > 0) {
            resp_write_bulk(x->reply, set_random(&set, x->rng, scratch));
        } else {
            resp_write_null(x->reply);
        }
        return EXEC_DONE;
    }
    reply_randoms(x, &set, count);
    return EXEC_DONE;
}

/* ---- SPOP ---------------------------------------------------------------------------------------- */

/* What was drawn: the members one behind the other, and where each ends. */
struct drawn {
    struct buf text;
    VEC(size_t) ends;
};

static void note_drawn(void *context, struct bytes member)
{
    struct drawn *drawn = context;

    buf_append_bytes(&drawn->text, member);
    VEC_PUSH(&drawn->ends, drawn->text.len);
}

/* Remove them, reply them, and tell the replicas which they were. */
static void take_out(struct exec *x, const struct key_ref *ref, const struct drawn *drawn)
{
    const struct bytes name = BYTES_LITERAL("SREM");
    VEC(struct bytes) words = {0};
    struct value_edit edit;
    size_t start = 0;

    VEC_PUSH(&words, name);
    VEC_PUSH(&words, ref->bytes);
    lookup_open(x, ref, VALUE_SET, &edit);
    for (size_t i = 0; i < drawn->ends.count; i++) {
        struct bytes member = bytes_make(drawn->text.data + start, drawn->ends.items[i] - start);

        (void)set_remove(&edit.draft, member);
        resp_write_bulk(x->reply, member);
        VEC_PUSH(&words, member);
        start = drawn->ends.items[i];
    }
    notify_taken(x, EVENT_SET, "spop", ref->bytes, keyspace_close(x->keyspace, &edit));
    effects_add(x->effects, words.items, words.count);
    VEC_DEINIT(&words);
}

static void pop_some(struct exec *x, const struct key_ref *ref, const struct value *set,
                     uint64_t count)
{
    struct drawn drawn = {0};

    set_sample(set, x->rng, count, note_drawn, &drawn);
    take_out(x, ref, &drawn);
    buf_deinit(&drawn.text);
    VEC_DEINIT(&drawn.ends);
}

static bool read_pop_count(struct exec *x, int64_t *out)
{
    if (x->arg_count > 3) {
        reply_syntax_error(x);
        return false;
    }
    if (x->arg_count == 3 && (!num_parse_i64(x->args[2], out) || *out < 0)) {
        resp_write_error(x->reply, "ERR value is out of range, must be positive");
        return false;
    }
    return true;
}

enum exec_result cmd_spop(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value set;
    struct entry *e;
    int64_t count = 1;

    if (!read_pop_count(x, &count) || !lookup_write_type(x, &ref, VALUE_SET, &e)) {
        return EXEC_DONE;
    }
    if (e == NULL || count == 0) {
        if (x->arg_count == 2) {
            resp_write_null(x->reply);
        } else {
            resp_write_set(x->reply, 0);
        }
        return EXEC_DONE;
    }
    set = entry_value(e);
    if (x->arg_count == 2) {
        pop_some(x, &ref, &set, 1);
    } else if ((uint64_t)count >= set_count(&set)) {
        reply_all(x, &set);
        keyspace_remove(x->keyspace, &ref);
        notify_taken(x, EVENT_SET, "spop", ref.bytes, false);
        effect_del(x, ref.bytes);
    } else {
        resp_write_set(x->reply, (size_t)count);
        pop_some(x, &ref, &set, (uint64_t)count);
    }
    return EXEC_DONE;
}
