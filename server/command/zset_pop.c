/* SPDX-License-Identifier: MIT */
#include "command/zset_pop.h"

#include "base/assert.h"
#include "command/block.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/lookup.h"
#include "store/zset.h"

enum zset_pop_found zset_pop_find(struct exec *x, size_t first_key, size_t key_count,
                                  struct key_ref *out)
{
    for (size_t i = 0; i < key_count; i++) {
        struct entry *e;

        *out = lookup_ref(x, first_key + i);
        if (!lookup_write_type(x, out, VALUE_ZSET, &e)) {
            return ZSET_POP_REFUSED;
        }
        if (e != NULL) {
            return ZSET_POP_FOUND;
        }
    }
    return ZSET_POP_NONE;
}

/* ZPOPMIN key [count] */
static void effect_pop(struct exec *x, struct bytes key, bool is_max, uint64_t count)
{
    char text[NUM_I64_TEXT];
    const struct bytes words[] = {is_max ? BYTES_LITERAL("ZPOPMAX") : BYTES_LITERAL("ZPOPMIN"), key,
                                  bytes_make(text, num_format_u64(text, count))};

    effects_add(x->effects, words, count == 1 ? 2 : 3);
}

/* Reply so many members from the end, each as a pair of its own or not. */
static void reply_members(struct exec *x, const struct zset_view *view, bool is_max, uint64_t count,
                          bool is_nested)
{
    struct zset_cursor cursor;
    struct zset_element element;

    zset_seek(view, is_max ? zset_count(view) - 1 : 0, &cursor);
    for (uint64_t i = 0; i < count; i++) {
        bool is_there = is_max ? zset_previous(&cursor, &element) : zset_next(&cursor, &element);

        ASSERT(is_there);
        if (is_nested) {
            resp_write_array(x->reply, 2);
        }
        resp_write_bulk(x->reply, element.name);
        resp_write_double(x->reply, element.score);
    }
}

static void remove_members(struct exec *x, const struct key_ref *ref, bool is_max, uint64_t count)
{
    struct zset_view view = zset_view_of(keyspace_find_any(x->keyspace, ref));
    uint64_t size = zset_count(&view);
    struct value_edit edit;

    if (count == size) {
        /* All of a large one is freed in slices. */
        keyspace_remove(x->keyspace, ref);
    } else {
        lookup_open(x, ref, VALUE_ZSET, &edit);
        zset_remove_ranks(&edit.draft, is_max ? size - count : 0, count);
        (void)keyspace_close(x->keyspace, &edit);
    }
    effect_pop(x, ref->bytes, is_max, count);
    notify_taken(x, EVENT_ZSET, is_max ? "zpopmax" : "zpopmin", ref->bytes, count < size);
}

void zset_pop_take(struct exec *x, const struct key_ref *ref, struct zset_pop pop)
{
    struct zset_view view = zset_view_of(keyspace_find_any(x->keyspace, ref));
    uint64_t size = zset_count(&view);
    uint64_t count = pop.count < size ? pop.count : size;
    bool is_nested = pop.is_paired || x->reply->version >= 3;

    ASSERT(count > 0);
    resp_write_array(x->reply, is_nested ? count : count * 2);
    reply_members(x, &view, pop.is_max, count, is_nested);
    remove_members(x, ref, pop.is_max, count);
}

void zset_pop_take_one(struct exec *x, const struct key_ref *ref, bool is_max)
{
    struct zset_view view = zset_view_of(keyspace_find_any(x->keyspace, ref));

    reply_members(x, &view, is_max, 1, false);
    remove_members(x, ref, is_max, 1);
}

/* ---- ZPOPMIN, ZPOPMAX ---------------------------------------------------------------------------- */

static enum exec_result pop(struct exec *x, bool is_max)
{
    struct key_ref ref;
    int64_t count = 1;

    if (x->arg_count > 3) {
        reply_syntax_error(x);
        return EXEC_DONE;
    }
    if (x->arg_count == 3 && (!num_parse_i64(x->args[2], &count) || count < 0)) {
        resp_write_error(x->reply, "ERR value is out of range, must be positive");
        return EXEC_DONE;
    }
    switch (zset_pop_find(x, 1, 1, &ref)) {
    case ZSET_POP_REFUSED:
        return EXEC_DONE;
    case ZSET_POP_NONE:
        resp_write_array(x->reply, 0);
        return EXEC_DONE;
    case ZSET_POP_FOUND:
        break;
    }
    if (x->arg_count == 2) {
        resp_write_array(x->reply, 2);
        zset_pop_take_one(x, &ref, is_max);
    } else if (count == 0) {
        resp_write_array(x->reply, 0);
    } else {
        zset_pop_take(x, &ref, (struct zset_pop){.is_max = is_max, .count = (uint64_t)count});
    }
    return EXEC_DONE;
}

enum exec_result cmd_zpopmin(struct exec *x)
{
    return pop(x, false);
}

enum exec_result cmd_zpopmax(struct exec *x)
{
    return pop(x, true);
}

/* ---- ZMPOP ----------------------------------------------------------------------------------------- */

static bool read_positive(struct exec *x, size_t index, const char *name, int64_t *out)
{
    if (num_parse_i64(x->args[index], out) && *out > 0) {
        return true;
    }
    resp_write_error(x->reply, "ERR %s should be greater than 0", name);
    return false;
}

bool zset_pop_read(struct exec *x, size_t number, size_t *key_count, struct zset_pop *out)
{
    int64_t keys;
    int64_t count = 0;
    size_t i;

    if (!read_positive(x, number, "numkeys", &keys)) {
        return false;
    }
    if ((uint64_t)keys >= x->arg_count - number - 1) {
        reply_syntax_error(x);
        return false;
    }
    i = number + (size_t)keys + 1;
    *key_count = (size_t)keys;
    if (!argument_is(x, i, "MIN") && !argument_is(x, i, "MAX")) {
        reply_syntax_error(x);
        return false;
    }
    *out = (struct zset_pop){.is_max = argument_is(x, i, "MAX"), .is_paired = true, .count = 1};
    for (i++; i < x->arg_count; i += 2) {
        if (count > 0 || !argument_is(x, i, "COUNT") || i + 1 == x->arg_count) {
            reply_syntax_error(x);
            return false;
        }
        if (!read_positive(x, i + 1, "count", &count)) {
            return false;
        }
        out->count = (uint64_t)count;
    }
    return true;
}

enum exec_result cmd_zmpop(struct exec *x)
{
    struct zset_pop pop_options;
    struct key_ref ref;
    size_t key_count;

    if (!zset_pop_read(x, 1, &key_count, &pop_options)) {
        return EXEC_DONE;
    }
    switch (zset_pop_find(x, 2, key_count, &ref)) {
    case ZSET_POP_REFUSED:
        break;
    case ZSET_POP_NONE:
        resp_write_null_array(x->reply);
        break;
    case ZSET_POP_FOUND:
        resp_write_array(x->reply, 2);
        resp_write_bulk(x->reply, ref.bytes);
        zset_pop_take(x, &ref, pop_options);
        break;
    }
    return EXEC_DONE;
}

/* ---- BZPOPMIN, BZPOPMAX, BZMPOP: they travel as the pop that they came to ------------------------------ */

static enum exec_result pop_waiting(struct exec *x, bool is_max)
{
    struct exec_block block = {.type = VALUE_ZSET, .first_key = 1, .key_count = x->arg_count - 2};
    struct key_ref ref;

    if (!argument_timeout(x, x->arg_count - 1, BLOCK_SECONDS, &block.deadline_unix_ms)) {
        return EXEC_DONE;
    }
    switch (zset_pop_find(x, block.first_key, block.key_count, &ref)) {
    case ZSET_POP_FOUND:
        resp_write_array(x->reply, 3);
        resp_write_bulk(x->reply, ref.bytes);
        zset_pop_take_one(x, &ref, is_max);
        return EXEC_DONE;
    case ZSET_POP_REFUSED:
        return EXEC_DONE;
    case ZSET_POP_NONE:
        break;
    }
    return block_for_keys(x, &block);
}

enum exec_result cmd_bzpopmin(struct exec *x)
{
    return pop_waiting(x, false);
}

enum exec_result cmd_bzpopmax(struct exec *x)
{
    return pop_waiting(x, true);
}

enum exec_result cmd_bzmpop(struct exec *x)
{
    struct exec_block block = {.type = VALUE_ZSET, .first_key = 3};
    struct zset_pop pop_options;
    struct key_ref ref;

    if (!zset_pop_read(x, 2, &block.key_count, &pop_options) ||
        !argument_timeout(x, 1, BLOCK_SECONDS, &block.deadline_unix_ms)) {
        return EXEC_DONE;
    }
    switch (zset_pop_find(x, block.first_key, block.key_count, &ref)) {
    case ZSET_POP_FOUND:
        resp_write_array(x->reply, 2);
        resp_write_bulk(x->reply, ref.bytes);
        zset_pop_take(x, &ref, pop_options);
        return EXEC_DONE;
    case ZSET_POP_REFUSED:
        return EXEC_DONE;
    case ZSET_POP_NONE:
        break;
    }
    return block_for_keys(x, &block);
}
