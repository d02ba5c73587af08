/* SPDX-License-Identifier: MIT */
/* Lists, several at a time: LMOVE, LMPOP and their like, and those that wait until there is something to take.
 *
 * What waits travels as what it did: BLPOP as LPOP, BLMOVE as LMOVE.  LMPOP and BLMPOP travel as LPOP or RPOP with
 * a count, which names the key. */
#include "base/assert.h"
#include "command/block.h"
#include "command/functions.h"
#include "command/list_open.h"
#include "command/lookup.h"

/* ---- from one list to another ---------------------------------------------------------------------- */

struct list_move {
    struct key_ref from;
    struct key_ref to;
    enum list_end from_end;
    enum list_end to_end;
};

enum move_outcome {
    MOVE_DONE,    /* the element was replied */
    MOVE_REFUSED, /* an error was */
    MOVE_NOTHING, /* there is nothing to move: no reply yet */
};

static void move_element(struct exec *x, const struct list_move *move)
{
    struct value_edit edit;
    struct buf text = {0};
    bool is_there = true;

    if (bytes_equal(move->from.bytes, move->to.bytes)) {
        char scratch[PACKED_SCRATCH];
        struct value list;
        struct list_reader r;
        struct packed_item item;
        uint64_t index;

        lookup_open(x, &move->from, VALUE_LIST, &edit);
        list = value_draft_view(&edit.draft);
        index = move->from_end == LIST_LEFT ? 0 : list_count(&list) - 1;
        list_read(&list, index, false, &r);
        if (list_next(&r, &item)) {
            buf_append_bytes(&text, packed_item_text(&item, scratch));
        }
        list_remove(&edit.draft, index, 1);
    } else {
        is_there = list_pop_one(x, &move->from, move->from_end, &text);
        lookup_open(x, &move->to, VALUE_LIST, &edit);
    }
    list_push(&edit.draft, move->to_end, buf_bytes(&text));
    (void)keyspace_close(x->keyspace, &edit);
    notify_pushed(x, move->to_end, move->to.bytes);
    notify_popped(x, move->from_end, move->from.bytes, is_there);
    resp_write_bulk(x->reply, buf_bytes(&text));
    buf_deinit(&text);
}

static enum move_outcome try_move(struct exec *x, struct list_move *move)
{
    struct value from;
    struct value to;

    move->from = lookup_ref(x, 1);
    move->to = lookup_ref(x, 2);
    if (!list_lookup_write(x, &move->from, &from)) {
        return MOVE_REFUSED;
    }
    if (list_count(&from) == 0) {
        return MOVE_NOTHING;
    }
    if (!list_lookup_write(x, &move->to, &to)) {
        return MOVE_REFUSED;
    }
    move_element(x, move);
    return MOVE_DONE;
}

static enum exec_result move_now(struct exec *x, struct list_move *move)
{
    switch (try_move(x, move)) {
    case MOVE_DONE:
        effects_add_verbatim(x->effects);
        break;
    case MOVE_NOTHING:
        resp_write_null(x->reply);
        break;
    case MOVE_REFUSED:
        break;
    }
    return EXEC_DONE;
}

enum exec_result cmd_lmove(struct exec *x)
{
    struct list_move move;

    if (!argument_list_end(x, 3, &move.from_end) || !argument_list_end(x, 4, &move.to_end)) {
        return EXEC_DONE;
    }
    return move_now(x, &move);
}

enum exec_result cmd_rpoplpush(struct exec *x)
{
    struct list_move move = {.from_end = LIST_RIGHT, .to_end = LIST_LEFT};

    return move_now(x, &move);
}

/* The request as the command that does not wait: another name, and no timeout at the end. */
static void add_move_effect(struct exec *x, struct bytes name)
{
    struct bytes words[5] = {name};

    ASSERT(x->arg_count - 1 <= ARRAY_COUNT(words));
    for (size_t i = 1; i + 1 < x->arg_count; i++) {
        words[i] = x->args[i];
    }
    effects_add(x->effects, words, x->arg_count - 1);
}

static enum exec_result move_waiting(struct exec *x, struct list_move *move,
                                     int64_t deadline_unix_ms, struct bytes name)
{
    const struct exec_block block = {
        .type = VALUE_LIST, .first_key = 1, .key_count = 1, .deadline_unix_ms = deadline_unix_ms};

    switch (try_move(x, move)) {
    case MOVE_DONE:
        add_move_effect(x, name);
        return EXEC_DONE;
    case MOVE_REFUSED:
        return EXEC_DONE;
    case MOVE_NOTHING:
        break;
    }
    if (x->must_not_wait) {
        resp_write_null(x->reply); /* no array, as what is moved is none */
        return EXEC_DONE;
    }
    return block_for_keys(x, &block);
}

enum exec_result cmd_blmove(struct exec *x)
{
    struct list_move move;
    int64_t deadline_unix_ms;

    if (!argument_list_end(x, 3, &move.from_end) || !argument_list_end(x, 4, &move.to_end) ||
        !argument_timeout(x, 5, BLOCK_SECONDS, &deadline_unix_ms)) {
        return EXEC_DONE;
    }
    return move_waiting(x, &move, deadline_unix_ms, bytes_from_text("LMOVE"));
}

enum exec_result cmd_brpoplpush(struct exec *x)
{
    struct list_move move = {.from_end = LIST_RIGHT, .to_end = LIST_LEFT};
    int64_t deadline_unix_ms;

    if (!argument_timeout(x, 3, BLOCK_SECONDS, &deadline_unix_ms)) {
        return EXEC_DONE;
    }
    return move_waiting(x, &move, deadline_unix_ms, bytes_from_text("RPOPLPUSH"));
}

/* ---- from the first of many that has something ------------------------------------------------------ */

enum search_outcome {
    SEARCH_FOUND,
    SEARCH_EMPTY,
    SEARCH_REFUSED, /* an error was replied */
};

/* The first of these arguments that is a key with a list. */
static enum search_outcome find_list(struct exec *x, size_t first, size_t count,
                                     struct key_ref *out)
{
    for (size_t i = first; i < first + count; i++) {
        struct value list;

        *out = lookup_ref(x, i);
        if (!list_lookup_write(x, out, &list)) {
            return SEARCH_REFUSED;
        }
        if (list_count(&list) > 0) {
            return SEARCH_FOUND;
        }
    }
    return SEARCH_EMPTY;
}

static struct bytes pop_name(enum list_end end)
{
    return bytes_from_text(end == LIST_LEFT ? "LPOP" : "RPOP");
}

static void pop_one(struct exec *x, const struct key_ref *ref, enum list_end end)
{
    const struct bytes words[] = {pop_name(end), ref->bytes};
    struct buf text = {0};

    notify_popped(x, end, ref->bytes, list_pop_one(x, ref, end, &text));
    resp_write_array(x->reply, 2);
    resp_write_bulk(x->reply, ref->bytes);
    resp_write_bulk(x->reply, buf_bytes(&text));
    effects_add(x->effects, words, ARRAY_COUNT(words));
    buf_deinit(&text);
}

static enum exec_result pop_waiting(struct exec *x, enum list_end end)
{
    struct exec_block block = {.type = VALUE_LIST, .first_key = 1, .key_count = x->arg_count - 2};
    struct key_ref ref;

    if (!argument_timeout(x, x->arg_count - 1, BLOCK_SECONDS, &block.deadline_unix_ms)) {
        return EXEC_DONE;
    }
    switch (find_list(x, block.first_key, block.key_count, &ref)) {
    case SEARCH_FOUND:
        pop_one(x, &ref, end);
        return EXEC_DONE;
    case SEARCH_REFUSED:
        return EXEC_DONE;
    case SEARCH_EMPTY:
        break;
    }
    return block_for_keys(x, &block);
}

enum exec_result cmd_blpop(struct exec *x)
{
    return pop_waiting(x, LIST_LEFT);
}

enum exec_result cmd_brpop(struct exec *x)
{
    return pop_waiting(x, LIST_RIGHT);
}

/* numkeys key [key ...] LEFT|RIGHT [COUNT count] */
struct list_pops {
    size_t first_key;
    size_t key_count;
    enum list_end end;
    uint64_t count;
};

static bool read_pops(struct exec *x, size_t number, struct list_pops *out)
{
    size_t left = x->arg_count - number - 1;
    int64_t keys;
    int64_t count = 1;
    size_t at;

    if (!num_parse_i64(x->args[number], &keys) || keys < 1) {
        resp_write_error(x->reply, "ERR numkeys should be greater than 0");
        return false;
    }
    if ((uint64_t)keys >= left) {
        reply_syntax_error(x);
        return false;
    }
    at = number + 1 + (size_t)keys;
    if (!argument_list_end(x, at, &out->end)) {
        return false;
    }
    for (size_t i = at + 1; i < x->arg_count; i += 2) {
        if (i > at + 1 || i + 1 == x->arg_count || !argument_is(x, i, "COUNT")) {
            reply_syntax_error(x);
            return false;
        }
        if (!num_parse_i64(x->args[i + 1], &count) || count < 1) {
            resp_write_error(x->reply, "ERR count should be greater than 0");
            return false;
        }
    }
    out->first_key = number + 1;
    out->key_count = (size_t)keys;
    out->count = (uint64_t)count;
    return true;
}

static void pop_some(struct exec *x, const struct key_ref *ref, const struct list_pops *pops)
{
    struct value list = entry_value(keyspace_find_any(x->keyspace, ref));
    uint64_t total = list_count(&list);
    uint64_t count = pops->count < total ? pops->count : total;
    char text[NUM_I64_TEXT];
    const struct bytes words[] = {pop_name(pops->end), ref->bytes,
                                  bytes_make(text, num_format_u64(text, count))};

    resp_write_array(x->reply, 2);
    resp_write_bulk(x->reply, ref->bytes);
    list_pop_many(x, ref, pops->end, count);
    effects_add(x->effects, words, ARRAY_COUNT(words));
}

enum exec_result cmd_lmpop(struct exec *x)
{
    struct list_pops pops;
    struct key_ref ref;

    if (!read_pops(x, 1, &pops)) {
        return EXEC_DONE;
    }
    switch (find_list(x, pops.first_key, pops.key_count, &ref)) {
    case SEARCH_FOUND:
        pop_some(x, &ref, &pops);
        break;
    case SEARCH_EMPTY:
        resp_write_null_array(x->reply);
        break;
    case SEARCH_REFUSED:
        break;
    }
    return EXEC_DONE;
}

enum exec_result cmd_blmpop(struct exec *x)
{
    struct exec_block block = {.type = VALUE_LIST};
    struct list_pops pops;
    struct key_ref ref;

    if (!read_pops(x, 2, &pops) ||
        !argument_timeout(x, 1, BLOCK_SECONDS, &block.deadline_unix_ms)) {
        return EXEC_DONE;
    }
    switch (find_list(x, pops.first_key, pops.key_count, &ref)) {
    case SEARCH_FOUND:
        pop_some(x, &ref, &pops);
        return EXEC_DONE;
    case SEARCH_REFUSED:
        return EXEC_DONE;
    case SEARCH_EMPTY:
        break;
    }
    block.first_key = pops.first_key;
    block.key_count = pops.key_count;
    return block_for_keys(x, &block);
}
