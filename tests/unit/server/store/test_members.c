/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "base/rng.h"
#include "store/keyspace.h"
#include "store/members.h"

#include "tests/unit/seed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    NAME_TEXT = 16,
    MANY = 20000,
    MODEL_NAMES = 300,
    MODEL_STEPS = 20000,
    LONG = 5000,
};

static struct value_space space;

static void begin(void)
{
    value_space_init(&space, &value_types_builtin, 7, 1 << 28);
}

static void end(struct members *members)
{
    size_t budget = SIZE_MAX;

    members_check(members);
    cr_assert(members_free(members, &budget));
    cr_assert_eq(members_bytes(members), 0);
    slab_check(&space.members.slab);
    value_space_deinit(&space);
}

TestSuite(members, .init = begin);

static struct bytes name_of(unsigned number, char *text)
{
    return bytes_make(text, (size_t)snprintf(text, NAME_TEXT, "member:%u", number));
}

static struct member_plan plan_of(struct bytes name)
{
    return (struct member_plan){.name = name, .expire_at_ms = EXPIRE_NEVER};
}

static bool put(struct members *members, const struct member_plan *plan)
{
    struct member *m;
    bool is_new = members_put(members, plan, &m);

    cr_assert(bytes_equal(member_name(m), plan->name));
    cr_assert(bytes_equal(member_value(m), plan->value));
    cr_assert_eq(member_expire_at_ms(m), plan->expire_at_ms);
    return is_new;
}

Test(members, names_and_values_of_any_length_are_kept)
{
    static const size_t lens[] = {0, 1, 255, 256, MEMBER_INLINE_MAX, MEMBER_INLINE_MAX + 1, LONG};
    struct members members = members_make(&space);
    char *text = mem_alloc(MEM_TEST, LONG);

    memset(text, 'n', LONG);
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(lens); j++) {
            struct member_plan plan = plan_of(bytes_make(text, lens[i]));
            const struct member *m;

            plan.value = bytes_make(text, lens[j]);
            plan.has_value = true;
            plan.expire_at_ms = j % 2 == 0 ? EXPIRE_NEVER : INT64_C(1) << 45;
            cr_assert_eq(put(&members, &plan), j == 0);
            m = members_find(&members, plan.name);
            cr_assert(m != NULL && bytes_equal(member_value(m), plan.value));
            cr_assert_eq(member_value_block(m) != NULL, lens[j] > MEMBER_INLINE_MAX);
        }
    }
    cr_assert_eq(members_count(&members), ARRAY_COUNT(lens));
    cr_assert_eq(members_volatile_count(&members), 0);
    mem_free(MEM_TEST, text);
    end(&members);
}

Test(members, a_score_is_changed_in_place)
{
    struct members members = members_make(&space);
    struct member_plan plan = plan_of(BYTES_LITERAL("m"));
    struct member *m;

    plan.has_score = true;
    plan.score = 1.5;
    cr_assert(members_put(&members, &plan, &m));
    members_before_change(&members, plan.name);
    member_put_score(m, -2);
    cr_assert_eq(member_score(members_find(&members, plan.name)), -2);
    cr_assert_eq(members_find(&members, plan.name), m);
    end(&members);
}

static void count_visit(void *context, const struct member *m)
{
    unsigned char *seen = context;
    uint64_t number;

    cr_assert(num_parse_u64(bytes_from(member_name(m), strlen("member:")), &number));
    seen[number]++;
}

Test(members, a_scan_visits_everyone_once_while_others_come_and_go)
{
    struct members members = members_make(&space);
    unsigned char *seen = mem_alloc_zeroed(MEM_TEST, 3 * MANY);
    char text[NAME_TEXT];
    uint64_t position = 0;
    unsigned extra = MANY;

    for (unsigned i = 0; i < MANY; i++) {
        struct member_plan plan = plan_of(name_of(i, text));

        cr_assert(put(&members, &plan));
    }
    do {
        position = members_scan(&members, position, 100, count_visit, seen);
        for (int i = 0; i < 100 && extra < 3 * MANY; i++) {
            struct member_plan plan = plan_of(name_of(extra++, text));

            (void)put(&members, &plan);
        }
    } while (position != 0);
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(seen[i], 1, "%u was seen %u times", i, seen[i]);
    }
    mem_free(MEM_TEST, seen);
    end(&members);
}

Test(members, are_freed_in_slices)
{
    struct members members = members_make(&space);
    char text[NAME_TEXT];
    size_t slices = 0;
    bool is_done = false;

    for (unsigned i = 0; i < MANY; i++) {
        struct member_plan plan = plan_of(name_of(i, text));

        (void)put(&members, &plan);
    }
    while (!is_done) {
        size_t budget = 100;
        size_t before = members_bytes(&members);

        is_done = members_free(&members, &budget);
        cr_assert_lt(members_bytes(&members), before);
        slices++;
    }
    cr_assert_geq(slices, MANY / 120);
    cr_assert_eq(members_bytes(&members), 0);
    value_space_deinit(&space);
}

static void note_name(void *context, const struct member *m)
{
    *(struct bytes *)context = member_name(m);
}

Test(members, the_expired_are_found_and_nobody_else)
{
    struct members members = members_make(&space);
    char text[NAME_TEXT];
    struct bytes found = {0};

    for (unsigned i = 0; i < 2000; i++) {
        struct member_plan plan = plan_of(name_of(i, text));

        plan.expire_at_ms = i % 2 == 0 ? EXPIRE_NEVER : 1000 + (int64_t)i;
        (void)put(&members, &plan);
    }
    cr_assert_eq(members_volatile_count(&members), 1000);
    cr_assert_eq(members_next_expiry_ms(&members), 1001);
    cr_assert_eq(members_find_expired(&members, 1000, SIZE_MAX, 10, note_name, &found), 0);
    cr_assert_eq(members_find_expired(&members, 1001, SIZE_MAX, 10, note_name, &found), 1);
    cr_assert(bytes_equal_text(found, "member:1"));
    cr_assert(members_remove(&members, BYTES_LITERAL("member:1")));
    cr_assert_eq(members_find_expired(&members, 1002, SIZE_MAX, 10, note_name, &found), 0);
    cr_assert_eq(members_next_expiry_ms(&members), 1003);
    cr_assert_eq(members_find_expired(&members, 9999, SIZE_MAX, 10, note_name, &found), 10);
    end(&members);
}

/* What a member should be: a value's length, or -1 for absent. */
Test(members, agree_with_a_model)
{
    struct members members = members_make(&space);
    int model[MODEL_NAMES];
    static char value[2 * MEMBER_INLINE_MAX];
    uint64_t seed = seed_get();
    struct rng rng;

    memset(value, 'v', sizeof(value));
    rng_init(&rng, seed);
    for (int i = 0; i < MODEL_NAMES; i++) {
        model[i] = -1;
    }
    for (int step = 0; step < MODEL_STEPS; step++) {
        unsigned number = (unsigned)rng_below(&rng, MODEL_NAMES);
        char text[NAME_TEXT];
        struct member_plan plan = plan_of(name_of(number, text));
        const struct member *m = members_find(&members, plan.name);

        SEED_ASSERT((m != NULL) == (model[number] >= 0), seed);
        SEED_ASSERT(m == NULL || member_value(m).len == (size_t)model[number], seed);
        if (rng_below(&rng, 3) == 0) {
            cr_assert_eq(members_remove(&members, plan.name), model[number] >= 0);
            model[number] = -1;
            continue;
        }
        plan.has_value = true;
        plan.value = bytes_make(value, rng_below(&rng, rng_below(&rng, 4) == 0 ? 2000 : 40));
        cr_assert_eq(put(&members, &plan), model[number] < 0);
        model[number] = (int)plan.value.len;
        if (step % 1000 == 0) {
            members_check(&members);
        }
    }
    end(&members);
}
