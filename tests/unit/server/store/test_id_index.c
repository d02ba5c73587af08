/* SPDX-License-Identifier: MIT */
/* The index by id against an array in which an id is there or not. */
#include "store/id_index.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

enum {
    IDS = 3000,
    STEPS = 60000,
    PHASE = 10000,
};

struct item {
    struct stream_id id;
    uint64_t value;
};

struct world {
    struct id_index x;
    struct id_pool pool;
    struct rng rng;
    bool is_there[IDS];
    size_t count;
};

static void begin(struct world *w)
{
    *w = (struct world){0};
    rng_init(&w->rng, seed_get());
    id_index_init(&w->x, sizeof(struct item), NULL);
}

static void check(const struct world *w)
{
    struct id_pool sum = {0};

    id_index_check(&w->x, &sum);
    cr_assert_eq(sum.bytes, w->pool.bytes);
    cr_assert_eq(sum.piece_count, w->pool.piece_count);
    cr_assert_eq(w->x.count, w->count);
}

static void end(struct world *w)
{
    size_t budget = SIZE_MAX;

    check(w);
    cr_assert(id_index_free(&w->x, &w->pool, &budget));
    cr_assert_eq(w->pool.bytes, 0);
    cr_assert_eq(w->pool.piece_count, 0);
    cr_assert_eq(mem_used(MEM_STORE), 0);
}

static struct stream_id id_of(size_t number)
{
    return (struct stream_id){number / 3 + 1, number % 3 * 5};
}

static void add(struct world *w, size_t number)
{
    if (!w->is_there[number]) {
        struct item *item = id_index_insert(&w->x, id_of(number), &w->pool);

        cr_assert_eq(item->value, 0);
        item->value = number;
        w->is_there[number] = true;
        w->count++;
    }
}

static void take(struct world *w, size_t number)
{
    struct id_at at;

    cr_assert_eq(id_index_find(&w->x, id_of(number), &at), w->is_there[number]);
    if (w->is_there[number]) {
        cr_assert_eq(((const struct item *)id_index_get(&w->x, at))->value, number);
        id_index_remove(&w->x, at, &w->pool);
        w->is_there[number] = false;
        w->count--;
    }
}

static void expect_at(const struct world *w, bool is_found, struct id_at at, size_t number)
{
    cr_assert_eq(is_found, number < IDS);
    if (is_found) {
        cr_assert_eq(((const struct item *)id_index_get(&w->x, at))->value, number);
    }
}

/* From an id, which may be between two, in both directions. */
static void check_seek(struct world *w)
{
    size_t number = rng_below(&w->rng, IDS);
    struct stream_id id = id_of(number);
    bool is_between = rng_one_in(&w->rng, 2);
    size_t next = is_between ? number + 1 : number;
    size_t previous = number;
    struct id_at at;
    bool is_found;

    id.sequence += is_between ? 1 : 0;
    while (next < IDS && !w->is_there[next]) {
        next++;
    }
    while (previous < IDS && !w->is_there[previous]) {
        previous--; /* becomes greater than IDS before the first */
    }
    is_found = id_index_seek(&w->x, id, &at);
    expect_at(w, is_found, at, next);
    is_found = id_index_seek_back(&w->x, id, &at);
    expect_at(w, is_found, at, previous);
}

static void check_all(const struct world *w)
{
    struct id_at at = {0};
    struct id_at skipped;
    size_t passed = 0;

    for (size_t i = 0; i < IDS; i++) {
        if (w->is_there[i]) {
            cr_assert_eq(((const struct item *)id_index_get(&w->x, at))->value, i);
            cr_assert(id_index_skip(&w->x, passed, &skipped));
            cr_assert(skipped.leaf == at.leaf && skipped.item == at.item);
            passed++;
            cr_assert_eq(id_index_next(&w->x, &at), passed < w->count);
        }
    }
    cr_assert_not(id_index_skip(&w->x, passed, &skipped));
    for (size_t i = IDS; i > 0 && w->count > 0; i--) {
        if (w->is_there[i - 1]) {
            cr_assert_eq(((const struct item *)id_index_get(&w->x, at))->value, i - 1);
            passed--;
            cr_assert_eq(id_index_previous(&w->x, &at), passed > 0);
        }
    }
}

Test(id_index, random_changes_give_what_an_array_gives)
{
    static struct world w;

    begin(&w);
    for (int i = 0; i < STEPS; i++) {
        size_t number = rng_below(&w.rng, IDS);

        if (rng_one_in(&w.rng, 4) == (i / PHASE % 2 == 0)) {
            take(&w, number);
        } else {
            add(&w, number);
        }
        check_seek(&w);
        if (i % 1000 == 0) {
            check(&w);
            check_all(&w);
        }
    }
    end(&w);
}

Test(id_index, what_comes_in_behind_and_goes_in_front_takes_no_more_memory)
{
    static struct world w;
    size_t most = 0;

    begin(&w);
    for (uint64_t i = 0; i < 200000; i++) {
        struct stream_id id = {i + 1, 0};

        (void)id_index_insert(&w.x, id, &w.pool);
        if (i >= 1000) {
            id_index_remove(&w.x, (struct id_at){0}, &w.pool);
        }
        most = w.pool.bytes > most ? w.pool.bytes : most;
    }
    w.count = 1000;
    cr_assert_lt(most, 3 * 1000 * sizeof(struct item));
    end(&w);
}

Test(id_index, a_short_queue_moves_little_and_stays_small)
{
    static struct world w;

    begin(&w);
    for (uint64_t i = 0; i < 100000; i++) {
        (void)id_index_insert(&w.x, (struct stream_id){i + 1, 0}, &w.pool);
        if (i >= 3) {
            id_index_remove(&w.x, (struct id_at){0}, &w.pool);
        }
        cr_assert_lt(w.pool.bytes, 64 * sizeof(struct item));
    }
    w.count = 3;
    end(&w);
}

Test(id_index, few_items_that_are_left_of_many_give_memory_back)
{
    static struct world w;

    begin(&w);
    for (size_t i = 0; i < IDS; i++) {
        add(&w, i);
    }
    for (size_t i = 0; i < IDS; i++) {
        if (i % 50 != 0) {
            take(&w, i);
        }
    }
    cr_assert_lt(w.pool.bytes, 6 * w.count * sizeof(struct item));
    check_all(&w);
    end(&w);
}

Test(id_index, it_is_freed_in_slices)
{
    static struct world w;
    size_t budget = 2 * ID_PIECE_COST;
    size_t before;

    begin(&w);
    for (size_t i = 0; i < IDS; i++) {
        add(&w, i);
    }
    before = w.x.count;
    cr_assert_not(id_index_free(&w.x, &w.pool, &budget));
    cr_assert_eq(budget, 0);
    cr_assert_geq(w.x.count, before - 2 * ID_LEAF_ITEMS);
    w.count = w.x.count;
    end(&w);
}

Test(id_index, leaves_move_to_another_index)
{
    static struct world w;
    struct id_index other;
    struct id_pool pool = {0};
    struct stream_id behind;
    size_t budget = SIZE_MAX;
    struct id_pool sum = {0};
    size_t count;

    begin(&w);
    id_index_init(&other, sizeof(struct item), NULL);
    for (size_t i = 0; i < IDS; i++) {
        add(&w, i);
    }
    for (size_t moved = 0; moved < IDS; moved += count) {
        const struct item *items = id_index_first_leaf(&w.x, &count, &behind);

        cr_assert_eq(items[0].value, moved);
        cr_assert_eq(
            stream_id_compare(behind, moved + count < IDS ? id_of(moved + count) : STREAM_ID_MAX),
            0);
        id_index_move_first_leaf(&w.x, &w.pool, &other, &pool);
    }
    id_index_check(&other, &sum);
    cr_assert(other.count == IDS && sum.bytes == pool.bytes);
    cr_assert(id_index_free(&other, &pool, &budget));
    w.count = 0;
    end(&w);
}
