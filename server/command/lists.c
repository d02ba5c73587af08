/* SPDX-License-Identifier: MIT */
/* Lists, one at a time: LPUSH, LRANGE and their like.  Changes travel as they came. */
#include "base/assert.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/list_open.h"
#include "command/lookup.h"

/* ---- at the ends --------------------------------------------------------------------------------- */

static enum exec_result push(struct exec *x, enum list_end end, bool only_existing)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct value list;
    struct entry *e;

    if (!lookup_write_type(x, &ref, VALUE_LIST, &e)) {
        return EXEC_DONE;
    }
    if (only_existing && e == NULL) {
        resp_write_integer(x->reply, 0);
        return EXEC_DONE;
    }
    keyspace_open(x->keyspace, &ref, e, VALUE_LIST, &edit);
    for (size_t i = 2; i < x->arg_count; i++) {
        list_push(&edit.draft, end, x->args[i]);
    }
    list = value_draft_view(&edit.draft);
    resp_write_integer(x->reply, (int64_t)list_count(&list));
    (void)keyspace_close(x->keyspace, &edit);
    notify_pushed(x, end, ref.bytes);
    effects_add_verbatim(x->effects);
    return EXEC_DONE;
}

enum exec_result cmd_lpush(struct exec *x)
{
    return push(x, LIST_LEFT, false);
}

enum exec_result cmd_rpush(struct exec *x)
{
    return push(x, LIST_RIGHT, false);
}

enum exec_result cmd_lpushx(struct exec *x)
{
    return push(x, LIST_LEFT, true);
}

enum exec_result cmd_rpushx(struct exec *x)
{
    return push(x, LIST_RIGHT, true);
}

static void pop_single(struct exec *x, const struct key_ref *ref, enum list_end end)
{
    struct buf text = {0};

    notify_popped(x, end, ref->bytes, list_pop_one(x, ref, end, &text));
    resp_write_bulk(x->reply, buf_bytes(&text));
    buf_deinit(&text);
    effects_add_verbatim(x->effects);
}

static enum exec_result pop(struct exec *x, enum list_end end)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value list;
    int64_t count = 1;
    bool has_count = x->arg_count > 2;

    if (x->arg_count > 3) {
        resp_write_error(x->reply, "ERR wrong number of arguments for '%s' command", x->spec->name);
        return EXEC_DONE;
    }
    if (has_count && (!num_parse_i64(x->args[2], &count) || count < 0)) {
        resp_write_error(x->reply, "ERR value is out of range, must be positive");
        return EXEC_DONE;
    }
    if (!list_lookup_write(x, &ref, &list)) {
        return EXEC_DONE;
    }
    if (list_count(&list) == 0) {
        if (has_count) {
            resp_write_null_array(x->reply);
        } else {
            resp_write_null(x->reply);
        }
    } else if (!has_count) {
        pop_single(x, &ref, end);
    } else {
        uint64_t total = list_count(&list);

        list_pop_many(x, &ref, end, (uint64_t)count < total ? (uint64_t)count : total);
        if (count > 0) {
            effects_add_verbatim(x->effects);
        }
    }
    return EXEC_DONE;
}

enum exec_result cmd_lpop(struct exec *x)
{
    return pop(x, LIST_LEFT);
}

enum exec_result cmd_rpop(struct exec *x)
{
    return pop(x, LIST_RIGHT);
}

/* ---- looking ------------------------------------------------------------------------------------- */

enum exec_result cmd_llen(struct exec *x)
{
    struct value list;

    if (list_lookup(x, &list)) {
        resp_write_integer(x->reply, (int64_t)list_count(&list));
    }
    return EXEC_DONE;
}

/* Elements `from` to `to` of `count`, negative ones counted from the right, as a range within; false when it is
 * empty. */
static bool clamp_range(uint64_t count, int64_t *from, int64_t *to)
{
    int64_t total = (int64_t)count;

    *from = *from < 0 ? *from + total : *from;
    *to = *to < 0 ? *to + total : *to;
    *from = *from < 0 ? 0 : *from;
    *to = *to >= total ? total - 1 : *to;
    return *from <= *to && *from < total;
}

enum exec_result cmd_lrange(struct exec *x)
{
    struct value list;
    struct list_reader r;
    struct packed_item item;
    int64_t from;
    int64_t to;

    if (!argument_i64(x, 2, &from) || !argument_i64(x, 3, &to) || !list_lookup(x, &list)) {
        return EXEC_DONE;
    }
    if (!clamp_range(list_count(&list), &from, &to)) {
        resp_write_array(x->reply, 0);
        return EXEC_DONE;
    }
    resp_write_array(x->reply, (size_t)(to - from + 1));
    list_read(&list, (uint64_t)from, false, &r);
    for (int64_t i = from; i <= to && list_next(&r, &item); i++) {
        reply_list_item(x, &item);
    }
    return EXEC_DONE;
}

enum exec_result cmd_lindex(struct exec *x)
{
    struct value list;
    struct list_reader r;
    struct packed_item item;
    int64_t index;

    if (!list_lookup(x, &list)) {
        return EXEC_DONE;
    }
    if (list_count(&list) == 0) {
        resp_write_null(x->reply);
        return EXEC_DONE;
    }
    if (!argument_i64(x, 2, &index)) {
        return EXEC_DONE;
    }
    index = list_index(&list, index);
    if (index < 0 || (uint64_t)index >= list_count(&list)) {
        resp_write_null(x->reply);
        return EXEC_DONE;
    }
    list_read(&list, (uint64_t)index, false, &r);
    if (list_next(&r, &item)) {
        reply_list_item(x, &item);
    }
    return EXEC_DONE;
}

/* ---- changing in the middle ------------------------------------------------------------------------ */

enum exec_result cmd_lset(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct value list;
    int64_t index;

    if (!list_lookup_write(x, &ref, &list)) {
        return EXEC_DONE;
    }
    if (list_count(&list) == 0) {
        resp_write_error(x->reply, "ERR no such key");
        return EXEC_DONE;
    }
    if (!argument_i64(x, 2, &index)) {
        return EXEC_DONE;
    }
    index = list_index(&list, index);
    if (index < 0 || (uint64_t)index >= list_count(&list)) {
        resp_write_error(x->reply, "ERR index out of range");
        return EXEC_DONE;
    }
    lookup_open(x, &ref, VALUE_LIST, &edit);
    list_set(&edit.draft, (uint64_t)index, x->args[3]);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_LIST, "lset", ref.bytes);
    effects_add_verbatim(x->effects);
    resp_write_ok(x->reply);
    return EXEC_DONE;
}

/* The first element that is equal; false when none is. */
static bool find_first(const struct value *list, struct bytes text, uint64_t *index)
{
    struct packed_item wanted = packed_item(text);
    struct packed_item item;
    struct list_reader r;

    list_read(list, 0, false, &r);
    for (*index = 0; list_next(&r, &item); (*index)++) {
        if (packed_item_equals(&item, &wanted)) {
            return true;
        }
    }
    return false;
}

enum exec_result cmd_linsert(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    bool is_after = argument_is(x, 2, "AFTER");
    struct value_edit edit;
    struct value list;
    uint64_t index;

    if (!is_after && !argument_is(x, 2, "BEFORE")) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (!list_lookup_write(x, &ref, &list)) {
        return EXEC_DONE;
    }
    if (list_count(&list) == 0 || !find_first(&list, x->args[3], &index)) {
        resp_write_integer(x->reply, list_count(&list) == 0 ? 0 : -1);
        return EXEC_DONE;
    }
    resp_write_integer(x->reply, (int64_t)list_count(&list) + 1);
    lookup_open(x, &ref, VALUE_LIST, &edit);
    list_insert(&edit.draft, index + (is_after ? 1 : 0), x->args[4]);
    (void)keyspace_close(x->keyspace, &edit);
    notify(x, EVENT_LIST, "linsert", ref.bytes);
    effects_add_verbatim(x->effects);
    return EXEC_DONE;
}

enum exec_result cmd_lrem(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct value list;
    uint64_t limit;
    uint64_t removed;
    int64_t count;
    bool is_there;

    if (!argument_random_count(x, 2, &count) || !list_lookup_write(x, &ref, &list)) {
        return EXEC_DONE;
    }
    limit = count == 0 ? UINT64_MAX : (uint64_t)(count < 0 ? -count : count);
    lookup_open(x, &ref, VALUE_LIST, &edit);
    removed = list_remove_equal(&edit.draft, x->args[3], limit, count < 0);
    is_there = keyspace_close(x->keyspace, &edit);
    if (removed > 0) {
        notify_taken(x, EVENT_LIST, "lrem", ref.bytes, is_there);
        effects_add_verbatim(x->effects);
    }
    resp_write_integer(x->reply, (int64_t)removed);
    return EXEC_DONE;
}

enum exec_result cmd_ltrim(struct exec *x)
{
    struct key_ref ref = lookup_ref(x, 1);
    struct value_edit edit;
    struct value list;
    uint64_t total;
    int64_t from;
    int64_t to;

    if (!argument_i64(x, 2, &from) || !argument_i64(x, 3, &to) ||
        !list_lookup_write(x, &ref, &list)) {
        return EXEC_DONE;
    }
    resp_write_ok(x->reply);
    total = list_count(&list);
    if (total == 0) {
        return EXEC_DONE;
    }
    if (!clamp_range(total, &from, &to)) {
        (void)keyspace_remove(x->keyspace, &ref);
        notify_taken(x, EVENT_LIST, "ltrim", ref.bytes, false);
        effects_add_verbatim(x->effects);
        return EXEC_DONE;
    }
    notify(x, EVENT_LIST, "ltrim", ref.bytes); /* also when all of it stays */
    if (from == 0 && (uint64_t)to == total - 1) {
        return EXEC_DONE;
    }
    lookup_open(x, &ref, VALUE_LIST, &edit);
    list_remove(&edit.draft, (uint64_t)to + 1, total - (uint64_t)to - 1);
    list_remove(&edit.draft, 0, (uint64_t)from);
    (void)keyspace_close(x->keyspace, &edit);
    effects_add_verbatim(x->effects);
    return EXEC_DONE;
}
