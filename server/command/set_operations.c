/* SPDX-License-Identifier: MIT */
/* Several sets: intersection, union, difference, and storing what comes out.
 *
 * They travel as they came: a replica has the same sets, since what has expired here was removed before. */
#include "base/assert.h"
#include "base/vec.h"
#include "command/element_scan.h"
#include "command/events.h"
#include "command/functions.h"
#include "command/hll.h"
#include "command/lookup.h"
#include "store/value_set.h"
#include "store/value_space.h"

#include <stdlib.h>

enum operation {
    OPERATION_INTER,
    OPERATION_UNION,
    OPERATION_DIFF,
};

enum {
    SCAN_STEP = 64, /* members between looks whether there is enough */
};

/* The sets of a request; what is no key is an empty set. */
struct sets {
    VEC(struct value) items;
};

/* One of the keys that a request names. */
struct named_set {
    const struct entry *e; /* NULL: there is no such key */
    size_t place;
};

static int compare_named(const void *a, const void *b)
{
    const struct named_set *x = a;
    const struct named_set *y = b;

    if (x->e != y->e) {
        return (uintptr_t)x->e < (uintptr_t)y->e ? -1 : 1;
    }
    return x->place < y->place ? -1 : 1;
}

static int compare_places(const void *a, const void *b)
{
    const struct named_set *x = a;
    const struct named_set *y = b;

    return x->place < y->place ? -1 : 1;
}

/* Of those that are named several times one is enough, and of no key none; the first keeps its place.  The count that is left; 0:
 * nothing can come out. */
static size_t leave_out(struct named_set *sets, size_t count, enum operation operation)
{
    const struct entry *first;
    size_t kept = 0;

    ASSERT(count > 0 && sets != NULL);
    first = sets[0].e;
    if (first == NULL && operation == OPERATION_DIFF) {
        return 0;
    }
    qsort(sets, count, sizeof(*sets), compare_named);
    for (size_t i = 0; i < count; i++) {
        bool is_repeated = i > 0 && sets[i].e == sets[i - 1].e;
        bool is_less_itself = operation == OPERATION_DIFF && is_repeated && sets[i].e == first;

        if (is_less_itself || (sets[i].e == NULL && operation == OPERATION_INTER)) {
            return 0;
        }
        if (sets[i].e != NULL && !is_repeated) {
            sets[kept++] = sets[i];
        }
    }
    qsort(sets, kept, sizeof(*sets), compare_places);
    return kept;
}

/* Read count keys from argument first on, those that can have a say in the operation; false after -WRONGTYPE. */
static bool read_sets(struct exec *x, size_t first, size_t count, enum operation operation,
                      struct sets *out)
{
    VEC(struct named_set) named = {0};
    bool is_ok = true;

    *out = (struct sets){0};
    for (size_t i = 0; is_ok && i < count; i++) {
        struct key_ref ref = lookup_ref(x, first + i);
        struct entry *e;

        is_ok = lookup_read_type(x, &ref, VALUE_SET, &e);
        VEC_PUSH(&named, ((struct named_set){.e = is_ok ? e : NULL, .place = i}));
    }
    if (is_ok) {
        named.count = leave_out(named.items, count, operation);
        for (size_t i = 0; i < named.count; i++) {
            VEC_PUSH(&out->items, entry_value(named.items[i].e));
        }
        if (named.count == 0) {
            VEC_PUSH(&out->items, ((struct value){.type = VALUE_SET}));
        }
    }
    VEC_DEINIT(&named);
    return is_ok;
}

/* Where the result goes: members that were found so far are in result, too, when they could come twice. */
struct combining {
    enum operation operation;
    const struct sets *sets;
    const struct value *from; /* whose members are looked at */
    struct value_draft *result;
    struct reply_list *list; /* or NULL */
    uint64_t count;
    uint64_t limit;
};

/* Does every other set have the member; does none? */
static bool is_in_result(const struct combining *c, struct bytes member)
{
    for (size_t i = 0; i < c->sets->items.count; i++) {
        const struct value *set = &c->sets->items.items[i];

        if (set == c->from) {
            continue;
        }
        if (c->operation == OPERATION_INTER && !set_has(set, member)) {
            return false;
        }
        if (c->operation == OPERATION_DIFF && set_has(set, member)) {
            return false;
        }
    }
    return true;
}

static void take_member(void *context, struct bytes member)
{
    struct combining *c = context;

    if (c->count == c->limit) {
        return;
    }
    if (c->operation != OPERATION_UNION && !is_in_result(c, member)) {
        return;
    }
    if (c->result != NULL && !set_add(c->result, member)) {
        return;
    }
    c->count++;
    if (c->list != NULL) {
        reply_list_add(c->list, member);
    }
}

static void scan_set(struct combining *c, const struct value *set)
{
    uint64_t cursor = 0;

    c->from = set;
    if (set_count(set) == 0) {
        return;
    }
    do {
        cursor = set_scan(set, cursor, SCAN_STEP, take_member, c);
    } while (cursor != 0 && c->count < c->limit);
}

static const struct value *smallest(const struct sets *sets)
{
    const struct value *least = &sets->items.items[0];

    for (size_t i = 1; i < sets->items.count; i++) {
        if (set_count(&sets->items.items[i]) < set_count(least)) {
            least = &sets->items.items[i];
        }
    }
    return least;
}

static void combine(struct combining *c)
{
    switch (c->operation) {
    case OPERATION_INTER:
        scan_set(c, smallest(c->sets));
        break;
    case OPERATION_DIFF:
        scan_set(c, &c->sets->items.items[0]);
        break;
    case OPERATION_UNION:
        for (size_t i = 0; i < c->sets->items.count; i++) {
            scan_set(c, &c->sets->items.items[i]);
        }
        break;
    }
}

static void reply_combined(struct exec *x, enum operation operation)
{
    struct buf packed = {0};
    struct value_draft result = {
        .space = keyspace_values(x->keyspace), .type = VALUE_SET, .packed = &packed};
    struct reply_list list;
    struct sets sets;
    struct combining c = {
        .operation = operation, .sets = &sets, .list = &list, .limit = UINT64_MAX};

    if (!read_sets(x, 1, x->arg_count - 1, operation, &sets)) {
        return;
    }
    /* Only a union can meet a member twice. */
    c.result = operation == OPERATION_UNION ? &result : NULL;
    reply_list_begin(&list, x);
    combine(&c);
    reply_list_end(&list, x, REPLY_LIST_SET);
    value_draft_clear(&result);
    buf_deinit(&packed);
    VEC_DEINIT(&sets.items);
}

/* The result takes the place of what is under the first key; an empty one removes it. */
static void store(struct exec *x, const struct value_draft *result, uint64_t count,
                  const char *event)
{
    struct key_ref to = lookup_ref(x, 1);
    struct value value = value_draft_view(result);

    if (count > 0) {
        note_replace(x, &to, VALUE_SET);
        keyspace_put(x->keyspace, &to, &value, EXPIRE_NEVER);
        notify(x, EVENT_SET, event, to.bytes);
        effects_add_verbatim(x->effects);
    } else if (lookup_write(x, &to) != NULL) {
        keyspace_remove(x->keyspace, &to);
        notify(x, EVENT_GENERIC, "del", to.bytes);
        effect_del(x, to.bytes);
    }
    resp_write_integer(x->reply, (int64_t)count);
}

static const char *const store_events[] = {
    [OPERATION_INTER] = "sinterstore",
    [OPERATION_UNION] = "sunionstore",
    [OPERATION_DIFF] = "sdiffstore",
};

static void store_combined(struct exec *x, enum operation operation)
{
    struct buf packed = {0};
    struct value_draft result = {
        .space = keyspace_values(x->keyspace), .type = VALUE_SET, .packed = &packed};
    struct sets sets;
    struct combining c = {
        .operation = operation, .sets = &sets, .result = &result, .limit = UINT64_MAX};

    if (!read_sets(x, 2, x->arg_count - 2, operation, &sets)) {
        return;
    }
    combine(&c);
    VEC_DEINIT(&sets.items);
    store(x, &result, c.count, store_events[operation]);
    buf_deinit(&packed);
}

enum exec_result cmd_sinter(struct exec *x)
{
    reply_combined(x, OPERATION_INTER);
    return EXEC_DONE;
}

enum exec_result cmd_sunion(struct exec *x)
{
    reply_combined(x, OPERATION_UNION);
    return EXEC_DONE;
}

enum exec_result cmd_sdiff(struct exec *x)
{
    reply_combined(x, OPERATION_DIFF);
    return EXEC_DONE;
}

enum exec_result cmd_sinterstore(struct exec *x)
{
    store_combined(x, OPERATION_INTER);
    return EXEC_DONE;
}

enum exec_result cmd_sunionstore(struct exec *x)
{
    store_combined(x, OPERATION_UNION);
    return EXEC_DONE;
}

enum exec_result cmd_sdiffstore(struct exec *x)
{
    store_combined(x, OPERATION_DIFF);
    return EXEC_DONE;
}

/* ---- SINTERCARD, SUNIONCARD, SDIFFCARD ----------------------------------------------------------------- */

/* [APPROX] [LIMIT limit] behind the keys; 0 stands for no limit.  May it be approximate?  NULL: there is no such
 * word.  False after an error reply. */
static bool read_card_options(struct exec *x, size_t first, bool *is_approximate, uint64_t *out)
{
    int64_t limit = 0;

    for (size_t i = first; i < x->arg_count; i++) {
        if (is_approximate != NULL && argument_is(x, i, "APPROX")) {
            *is_approximate = true;
            continue;
        }
        if (i + 1 >= x->arg_count || !argument_is(x, i, "LIMIT")) {
            reply_syntax_error(x);
            return false;
        }
        i++;
        if (!num_parse_i64(x->args[i], &limit) || limit < 0) {
            resp_write_error(x->reply, "ERR LIMIT can't be negative");
            return false;
        }
    }
    *out = limit > 0 ? (uint64_t)limit : UINT64_MAX;
    return true;
}

static void see_member(void *context, struct bytes member)
{
    uint8_t *registers = context;
    struct hll_place place = hll_place(member);

    if (registers[place.index] < place.rank) {
        registers[place.index] = place.rank;
    }
}

/* How many members all sets have together, about, whatever their size: in the memory of a HyperLogLog. */
static uint64_t estimate_union(const struct sets *sets)
{
    uint8_t registers[HLL_REGISTERS] = {0};

    for (size_t i = 0; i < sets->items.count; i++) {
        uint64_t cursor = 0;

        if (set_count(&sets->items.items[i]) == 0) {
            continue;
        }
        do {
            cursor = set_scan(&sets->items.items[i], cursor, SCAN_STEP, see_member, registers);
        } while (cursor != 0);
    }
    return hll_count(registers);
}

static uint64_t count_combined(struct exec *x, struct combining *c)
{
    struct buf packed = {0};
    struct value_draft result = {
        .space = keyspace_values(x->keyspace), .type = VALUE_SET, .packed = &packed};

    c->result = c->operation == OPERATION_UNION ? &result : NULL;
    combine(c);
    c->result = NULL;
    value_draft_clear(&result);
    buf_deinit(&packed);
    return c->count;
}

static enum exec_result reply_card(struct exec *x, enum operation operation)
{
    struct sets sets;
    struct combining c = {.operation = operation, .sets = &sets};
    bool is_approximate = false;
    uint64_t count;
    size_t key_count;

    if (!argument_key_count(x, 1, &key_count) ||
        !read_card_options(x, 2 + key_count, operation == OPERATION_UNION ? &is_approximate : NULL,
                           &c.limit) ||
        !read_sets(x, 2, key_count, operation, &sets)) {
        return EXEC_DONE;
    }
    if (is_approximate) {
        count = estimate_union(&sets);
        count = count < c.limit ? count : c.limit;
    } else {
        count = count_combined(x, &c);
    }
    VEC_DEINIT(&sets.items);
    resp_write_integer(x->reply, (int64_t)count);
    return EXEC_DONE;
}

enum exec_result cmd_sintercard(struct exec *x)
{
    return reply_card(x, OPERATION_INTER);
}

enum exec_result cmd_sunioncard(struct exec *x)
{
    return reply_card(x, OPERATION_UNION);
}

enum exec_result cmd_sdiffcard(struct exec *x)
{
    return reply_card(x, OPERATION_DIFF);
}
