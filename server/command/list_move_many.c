/* SPDX-License-Identifier: MIT */
/* LMOVEM and BLMOVEM: several elements from one list to another.
 *
 * One by one (OBO) they arrive as LMOVE would bring them; in bulk (BULK) they keep the order that they have.  What
 * was done travels as LPOP or RPOP with a count, then LPUSH or RPUSH; of a single element as LMOVE. */
#include "base/assert.h"
#include "command/block.h"
#include "command/functions.h"
#include "command/list_open.h"
#include "command/lookup.h"

struct list_moves {
    struct key_ref from;
    struct key_ref to;
    enum list_end from_end;
    enum list_end to_end;
    uint64_t count;
    bool is_exact; /* as many, or nothing */
    bool is_bulk;
};

/* [COUNT count|EXACTLY count] [OBO|BULK], from that argument on, in any order. */
static bool read_options(struct exec *x, size_t first, struct list_moves *out)
{
    bool has_count = false;
    bool has_order = false;
    int64_t count;

    for (size_t i = first; i < x->arg_count; i++) {
        bool is_exact = argument_is(x, i, "EXACTLY");
        bool is_bulk = argument_is(x, i, "BULK");

        if (!has_order && (is_bulk || argument_is(x, i, "OBO"))) {
            has_order = true;
            out->is_bulk = is_bulk;
        } else if (!has_count && i + 1 < x->arg_count && (is_exact || argument_is(x, i, "COUNT"))) {
            i++;
            has_count = true;
            out->is_exact = is_exact;
            if (!num_parse_i64(x->args[i], &count) || count < 1) {
                resp_write_error(x->reply, "ERR count should be greater than 0");
                return false;
            }
            out->count = (uint64_t)count;
        } else {
            reply_syntax_error(x);
            return false;
        }
    }
    return true;
}

static bool read_moves(struct exec *x, size_t options, struct list_moves *out)
{
    *out = (struct list_moves){.count = 1};
    return argument_list_end(x, 3, &out->from_end) && argument_list_end(x, 4, &out->to_end) &&
           read_options(x, options, out);
}

/* Take elements out of the first list, in the order in which they are pushed to the second one. */
static void take_elements(struct value_draft *from, const struct list_moves *moves, uint64_t count,
                          struct value_draft *taken)
{
    struct value list = value_draft_view(from);
    bool is_left = moves->from_end == LIST_LEFT;
    bool is_turned = moves->is_bulk && moves->from_end == moves->to_end;
    uint64_t first = is_left ? 0 : list_count(&list) - count;
    struct list_reader r;
    struct packed_item item;

    list_read(&list, is_left != is_turned ? first : first + count - 1, is_left == is_turned, &r);
    for (uint64_t i = 0; i < count; i++) {
        char scratch[PACKED_SCRATCH];
        bool is_there = list_next(&r, &item);

        ASSERT(is_there);
        list_push(taken, LIST_RIGHT, packed_item_text(&item, scratch));
    }
    list_remove(from, first, count);
}

static void push_elements(struct value_draft *to, enum list_end end, const struct value *taken)
{
    struct list_reader r;
    struct packed_item item;

    list_read(taken, 0, false, &r);
    while (list_next(&r, &item)) {
        char scratch[PACKED_SCRATCH];

        list_push(to, end, packed_item_text(&item, scratch));
    }
}

/* What came in bulk in the order that it has in the lists, else in that in which it was moved. */
static void reply_elements(struct exec *x, const struct list_moves *moves,
                           const struct value *taken)
{
    bool is_turned = moves->is_bulk && moves->to_end == LIST_LEFT;
    uint64_t count = list_count(taken);
    struct list_reader r;
    struct packed_item item;

    resp_write_array(x->reply, (size_t)count);
    list_read(taken, is_turned ? count - 1 : 0, is_turned, &r);
    while (list_next(&r, &item)) {
        reply_list_item(x, &item);
    }
}

static void add_effects(struct exec *x, const struct list_moves *moves, const struct value *taken)
{
    char text[NUM_I64_TEXT];
    uint64_t count = list_count(taken);
    const struct bytes pop[] = {
        bytes_from_text(moves->from_end == LIST_LEFT ? "LPOP" : "RPOP"),
        moves->from.bytes,
        bytes_make(text, num_format_u64(text, count)),
    };
    const struct bytes move[] = {BYTES_LITERAL("LMOVE"), moves->from.bytes, moves->to.bytes,
                                 x->args[3], x->args[4]};

    if (count == 1) {
        effects_add(x->effects, move, ARRAY_COUNT(move));
    } else {
        effects_add(x->effects, pop, ARRAY_COUNT(pop));
        list_add_push_effects(x, moves->to_end, moves->to.bytes, taken);
    }
}

static void move_elements(struct exec *x, const struct list_moves *moves, uint64_t count)
{
    struct buf packed = {0};
    struct value_draft taken = {
        .space = keyspace_values(x->keyspace), .type = VALUE_LIST, .packed = &packed};
    struct value_edit edit;
    struct value list;
    bool is_there = true;

    lookup_open(x, &moves->from, VALUE_LIST, &edit);
    take_elements(&edit.draft, moves, count, &taken);
    list = value_draft_view(&taken);
    if (!bytes_equal(moves->from.bytes, moves->to.bytes)) {
        is_there = keyspace_close(x->keyspace, &edit);
        lookup_open(x, &moves->to, VALUE_LIST, &edit);
    }
    push_elements(&edit.draft, moves->to_end, &list);
    (void)keyspace_close(x->keyspace, &edit);
    notify_pushed(x, moves->to_end, moves->to.bytes);
    notify_popped(x, moves->from_end, moves->from.bytes, is_there);
    reply_elements(x, moves, &list);
    add_effects(x, moves, &list);
    value_draft_clear(&taken);
    buf_deinit(&packed);
}

enum moves_outcome {
    MOVES_DONE,    /* replied: the elements, or an error */
    MOVES_NOTHING, /* there is not enough to move: no reply yet */
};

static enum moves_outcome try_moves(struct exec *x, struct list_moves *moves)
{
    struct value from;
    struct value to;
    uint64_t total;

    moves->from = lookup_ref(x, 1);
    moves->to = lookup_ref(x, 2);
    if (!list_lookup_write(x, &moves->from, &from)) {
        return MOVES_DONE;
    }
    total = list_count(&from);
    if (total == 0 || (moves->is_exact && total < moves->count)) {
        return MOVES_NOTHING;
    }
    if (list_lookup_write(x, &moves->to, &to)) {
        move_elements(x, moves, moves->count < total ? moves->count : total);
    }
    return MOVES_DONE;
}

enum exec_result cmd_lmovem(struct exec *x)
{
    struct list_moves moves;

    if (read_moves(x, 5, &moves) && try_moves(x, &moves) == MOVES_NOTHING) {
        resp_write_null_array(x->reply);
    }
    return EXEC_DONE;
}

enum exec_result cmd_blmovem(struct exec *x)
{
    struct exec_block block = {.type = VALUE_LIST, .first_key = 1, .key_count = 1};
    struct list_moves moves;

    if (!read_moves(x, 6, &moves) ||
        !argument_timeout(x, 5, BLOCK_SECONDS, &block.deadline_unix_ms) ||
        try_moves(x, &moves) == MOVES_DONE) {
        return EXEC_DONE;
    }
    return block_for_keys(x, &block);
}
