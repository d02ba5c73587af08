/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/members.h"
#include "store/rank_tree.h"

#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NAME_TEXT = 16,
    MANY = 20000,
    MODEL_NAMES = 8000,
    MODEL_STEPS = 60000,
    FILL_MEMBERS = 100000,
};

static struct value_space space;
static struct members members;
static struct rank_tree tree;

static void begin(void)
{
    value_space_init(&space, &value_types_builtin, 7, 1 << 28);
    members = members_make(&space);
    tree = rank_tree_make(&space);
}

static void end(void)
{
    size_t budget = SIZE_MAX;

    rank_tree_check(&tree);
    cr_assert(rank_tree_free(&tree, &budget));
    cr_assert_eq(tree.bytes, 0);
    cr_assert(members_free(&members, &budget));
    slab_check(&space.members.slab);
    value_space_deinit(&space);
}

TestSuite(rank_tree, .init = begin, .fini = end);

static struct bytes name_of(unsigned number, char *text)
{
    return bytes_make(text, (size_t)snprintf(text, NAME_TEXT, "member:%u", number));
}

static void add(struct bytes name, double score)
{
    struct member_plan plan = {
        .name = name, .score = score, .has_score = true, .expire_at_ms = EXPIRE_NEVER};
    struct member *m;

    cr_assert(members_put(&members, &plan, &m));
    rank_tree_insert(&tree, m);
}

static void add_text(const char *name, double score)
{
    add(bytes_from_text(name), score);
}

static void take(struct bytes name)
{
    struct member *m = members_find(&members, name);

    rank_tree_remove(&tree, m);
    cr_assert(members_remove(&members, name));
}

static uint64_t before_score(double score, bool is_after)
{
    struct rank_bound bound = rank_bound_score(score, is_after);

    return rank_tree_count_before(&tree, &bound);
}

static uint64_t before_name(const char *name, bool is_after)
{
    struct rank_bound bound = rank_bound_name(bytes_from_text(name), is_after);

    return rank_tree_count_before(&tree, &bound);
}

static void expect_order(const char *expected)
{
    char text[256] = "";
    struct rank_cursor cursor = rank_tree_seek(&tree, 0);
    const struct member *m;

    while ((m = rank_cursor_next(&cursor)) != NULL) {
        char name[NAME_TEXT];

        bytes_to_text(member_name(m), name, sizeof(name));
        strncat(text, text[0] == '\0' ? "" : " ", sizeof(text) - strlen(text) - 1);
        strncat(text, name, sizeof(text) - strlen(text) - 1);
    }
    cr_assert_str_eq(text, expected);
}

Test(rank_tree, scores_come_in_order_and_equal_ones_by_the_bytes_of_names)
{
    add_text("inf", (double)INFINITY);
    add_text("b", 1);
    add_text("", 1);
    add_text("a", 1);
    add_text("ab", 1);
    add_text("minus-inf", (double)-INFINITY);
    add_text("zero", 0.0);
    add_text("minus-zero", -0.0);
    add_text("least", DBL_TRUE_MIN);
    add_text("most", -DBL_MAX);
    add_text("-1", -1);
    expect_order("minus-inf most -1 minus-zero zero least  a ab b inf");
}

Test(rank_tree, bounds_stand_before_or_after_what_is_equal)
{
    add_text("a", 1);
    add_text("b", 2);
    add_text("c", 2);
    add_text("d", 3);
    cr_assert_eq(before_score(0, true), 0);
    cr_assert_eq(before_score(2, false), 1);
    cr_assert_eq(before_score(2, true), 3);
    cr_assert_eq(before_score(2.5, false), 3);
    cr_assert_eq(before_score((double)INFINITY, false), 4);
    cr_assert_eq(before_score((double)-INFINITY, true), 0);
    cr_assert_eq(before_name("b", false), 1);
    cr_assert_eq(before_name("b", true), 2);
    cr_assert_eq(before_name("bb", true), 2);
    cr_assert_eq(before_name("", false), 0);
}

Test(rank_tree, an_empty_tree_has_nothing_before_any_bound)
{
    cr_assert_eq(before_score((double)INFINITY, true), 0);
    cr_assert_eq(tree.bytes, 0);
}

static unsigned number_of(const struct member *m)
{
    char text[NAME_TEXT];

    bytes_to_text(member_name(m), text, sizeof(text));
    return (unsigned)strtoul(text + 7, NULL, 10);
}

/* Add MANY members, whose scores are their numbers times the factor, and take them all out. */
static void fill_and_drain(double factor, bool take_from_front)
{
    char text[NAME_TEXT];

    for (unsigned i = 0; i < MANY; i++) {
        add(name_of(i, text), factor * i);
        if (i % 1000 == 0) {
            rank_tree_check(&tree);
        }
    }
    rank_tree_check(&tree);
    for (unsigned i = 0; i < MANY; i += 37) {
        struct rank_cursor cursor = rank_tree_seek(&tree, factor < 0 ? MANY - 1 - i : i);

        cr_assert_eq(number_of(rank_cursor_next(&cursor)), i);
        cr_assert_eq(before_score(factor * i, factor < 0), factor < 0 ? MANY - i : i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        take(name_of(take_from_front ? i : MANY - 1 - i, text));
        if (i % 1000 == 0) {
            rank_tree_check(&tree);
        }
    }
    cr_assert_eq(tree.count, 0);
    cr_assert_eq(tree.bytes, 0);
}

Test(rank_tree, members_may_come_in_order_from_either_end_and_go_likewise)
{
    fill_and_drain(1, true);
    fill_and_drain(0.001, false);
    fill_and_drain(-1, true);
    fill_and_drain(-1e300, false);
}

Test(rank_tree, leaves_are_nearly_full_when_members_come_in_order)
{
    char text[NAME_TEXT];

    for (unsigned i = 0; i < MANY; i++) {
        add(name_of(i, text), i);
    }
    cr_assert_lt(tree.bytes, MANY * 8);
}

Test(rank_tree, leaves_are_four_fifths_full_when_members_come_at_random)
{
    char text[NAME_TEXT];
    struct rng rng;

    rng_init(&rng, 1);
    for (unsigned i = 0; i < FILL_MEMBERS; i++) {
        add(name_of(i, text), (double)rng_below(&rng, 1000000000));
    }
    rank_tree_check(&tree);
    /* A leaf has 512 bytes for at most 70 members; inner nodes are a small part of it. */
    cr_assert_lt((double)tree.bytes / FILL_MEMBERS, 512 / (70 * 0.8) + 0.7);
}

Test(rank_tree, cursors_go_both_ways_across_leaves)
{
    char text[NAME_TEXT];
    struct rank_cursor cursor;
    const struct member *m;
    unsigned count = 0;

    for (unsigned i = 0; i < 1000; i++) {
        add(name_of(i, text), i);
    }
    cursor = rank_tree_seek(&tree, 999);
    while ((m = rank_cursor_previous(&cursor)) != NULL) {
        cr_assert_eq(number_of(m), 999 - count);
        count++;
    }
    cr_assert_eq(count, 1000);
    cr_assert(rank_cursor_previous(&cursor) == NULL);
    cursor = rank_tree_seek(&tree, 500);
    cr_assert_eq(number_of(rank_cursor_next(&cursor)), 500);
    cr_assert_eq(number_of(rank_cursor_next(&cursor)), 501);
}

Test(rank_tree, it_is_freed_in_slices)
{
    char text[NAME_TEXT];
    size_t budget = 3;
    unsigned slices = 0;

    for (unsigned i = 0; i < MANY; i++) {
        add(name_of(i, text), i);
    }
    while (!rank_tree_free(&tree, &budget)) {
        cr_assert_eq(budget, 0);
        budget = 3;
        slices++;
    }
    cr_assert_gt(slices, MANY / 70 / 4);
    cr_assert_eq(tree.bytes, 0);
}

/* ---- against a sorted array ---------------------------------------------------------------------- */

struct model_member {
    double score;
    unsigned number;
};

static struct model_member model[MODEL_NAMES];
static size_t model_count;

static int compare_members(const void *a, const void *b)
{
    const struct model_member *x = a;
    const struct model_member *y = b;
    char text_x[NAME_TEXT];
    char text_y[NAME_TEXT];

    if (x->score != y->score) {
        return x->score < y->score ? -1 : 1;
    }
    return bytes_compare(name_of(x->number, text_x), name_of(y->number, text_y));
}

static void expect_model(uint64_t seed)
{
    struct rank_cursor cursor;

    rank_tree_check(&tree);
    SEED_ASSERT(tree.count == model_count, seed);
    qsort(model, model_count, sizeof(model[0]), compare_members);
    for (size_t i = 0; i < model_count; i++) {
        char text[NAME_TEXT];
        struct rank_bound bound =
            rank_bound_member(model[i].score, name_of(model[i].number, text), false);

        SEED_ASSERT(rank_tree_count_before(&tree, &bound) == i, seed);
        bound.is_after = true;
        SEED_ASSERT(rank_tree_count_before(&tree, &bound) == i + 1, seed);
        cursor = rank_tree_seek(&tree, i);
        SEED_ASSERT(number_of(rank_cursor_next(&cursor)) == model[i].number, seed);
    }
}

static double random_score(struct rng *rng)
{
    static const double special[] = {0.0, -0.0, 1, -1, 1.5, DBL_MAX, -DBL_MAX, DBL_TRUE_MIN};

    switch (rng_below(rng, 6)) {
    case 0:
        return special[rng_below(rng, ARRAY_COUNT(special))];
    case 1:
        return (double)INFINITY;
    case 2:
        return (double)-INFINITY;
    case 3:
        return (double)rng_below(rng, 50);
    case 4:
        return (double)(int64_t)rng_u64(rng) * 1e-7;
    default:
        return (double)rng_below(rng, UINT64_C(1) << 40) + 1e12;
    }
}

static void model_step(struct rng *rng)
{
    char text[NAME_TEXT];
    unsigned number = (unsigned)rng_below(rng, MODEL_NAMES);
    struct bytes name = name_of(number, text);
    struct member *m = members_find(&members, name);
    size_t i = 0;

    while (m != NULL && model[i].number != number) {
        i++;
    }
    if (m == NULL) {
        model[model_count] = (struct model_member){random_score(rng), number};
        add(name, model[model_count++].score);
    } else if (rng_one_in(rng, 3)) {
        take(name);
        model[i] = model[--model_count];
    } else {
        model[i].score = random_score(rng);
        rank_tree_remove(&tree, m);
        member_put_score(m, model[i].score);
        rank_tree_insert(&tree, m);
    }
}

Test(rank_tree, it_orders_as_a_sorted_array_does)
{
    const uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    model_count = 0;
    for (unsigned i = 0; i < MODEL_STEPS; i++) {
        model_step(&rng);
        if (i % 5000 == 0) {
            expect_model(seed);
        }
    }
    while (model_count > 0) {
        char text[NAME_TEXT];

        take(name_of(model[--model_count].number, text));
        if (model_count % 500 == 0) {
            expect_model(seed);
        }
    }
}
