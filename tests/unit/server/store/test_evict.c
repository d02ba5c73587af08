/* SPDX-License-Identifier: MIT */
#include "store/evict.h"

#include "base/mem.h"
#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

enum {
    KEYS = 4000,
    NOW = 1000000000,
};

/* What a naive model knows of each key: smaller goes first. */
struct model {
    int64_t rank[KEYS];
    bool is_there[KEYS];
    size_t count;
};

static const struct evict_rule rules[] = {
    {EVICT_LEAST_RECENT,   false, 5},
    {EVICT_LEAST_FREQUENT, false, 5},
    {EVICT_ANY,            false, 5},
    {EVICT_LEAST_RECENT,   true,  5},
    {EVICT_LEAST_FREQUENT, true,  5},
    {EVICT_ANY,            true,  5},
    {EVICT_SOONEST,        true,  5},
};

/* A key space by the rule: each key was used, is used so often, or expires, at another time; every second one
 * has an expiry. */
static struct keyspace *make(const struct evict_rule *rule, bool is_cluster, struct model *model)
{
    struct keyspace *ks = space_new(is_cluster);
    struct usage_rule usage = {
        .is_frequency = rule->order == EVICT_LEAST_FREQUENT, .log_factor = 10, .decay_minutes = 1};
    char text[SPACE_KEY_TEXT];

    memset(model, 0, sizeof(*model));
    keyspace_set_usage(ks, &usage);
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned number = (i * 7919U) % KEYS; /* in no order that the table could have */
        int64_t expire_at_ms = NOW + 1000 + (int64_t)i * 1000;
        struct key_ref ref = keyspace_ref(ks, 0, space_key(number, text));

        keyspace_set_clock(ks, NOW - (int64_t)(KEYS - i) * 1000);
        space_set_many(ks, 0, number, 1, number % 2 == 0 ? expire_at_ms : EXPIRE_NEVER);
        keyspace_set_clock(ks, NOW);
        if (usage.is_frequency) {
            keyspace_put_frequency(ks, keyspace_find_any(ks, &ref), i * 250 / KEYS);
        }
        if (number % 2 == 0 || !rule->only_volatile) {
            model->rank[number] = i;
            model->is_there[number] = true;
            model->count++;
        }
    }
    return ks;
}

/* One victim goes; which it was. */
static unsigned evict(struct keyspace *ks, const struct evict_rule *rule, struct rng *rng)
{
    struct evict_victim victim;
    struct key_ref ref;
    char copy[SPACE_KEY_TEXT];
    unsigned number;

    for (int calls = 1; !keyspace_find_victim(ks, rule, rng, &victim); calls++) {
        cr_assert(keyspace_can_evict(ks, rule));
        cr_assert_lt(calls, 1000);
    }
    number = space_key_number(victim.key);
    ref = keyspace_ref(ks, victim.db, space_key(number, copy));
    cr_assert(keyspace_remove_evicted(ks, &ref));
    return number;
}

/* How many that are still there the model would have let go before this one. */
static size_t better(const struct model *model, unsigned number)
{
    size_t count = 0;

    for (unsigned i = 0; i < KEYS; i++) {
        count += model->is_there[i] && model->rank[i] < model->rank[number];
    }
    return count;
}

static void try_rule(const struct evict_rule *rule, bool is_cluster)
{
    struct model *model = mem_alloc(MEM_TEST, sizeof(*model));
    struct keyspace *ks = make(rule, is_cluster, model);
    struct rng rng;
    double missed = 0;
    size_t half = model->count / 2;

    rng_init(&rng, 7);
    for (size_t i = 0; i < half; i++) {
        unsigned number = evict(ks, rule, &rng);

        cr_assert(model->is_there[number], "%u may not go", number);
        missed += (double)better(model, number) / (double)model->count;
        model->is_there[number] = false;
        model->count--;
    }
    missed /= (double)half;
    if (rule->order == EVICT_ANY) {
        cr_expect(missed > 0.45 && missed < 0.55, "%.3f", missed);
    } else {
        cr_expect_lt(missed, rule->samples == 5 ? 0.14 : 0.05,
                     "order %d: %.3f of the keys would have been better", (int)rule->order, missed);
    }
    while (keyspace_can_evict(ks, rule)) {
        model->is_there[evict(ks, rule, &rng)] = false;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        cr_assert_not(model->is_there[i]);
    }
    cr_expect_eq(keyspace_count(ks, 0), rule->only_volatile ? KEYS / 2 : 0);
    space_free(ks);
    mem_free(MEM_TEST, model);
}

Test(evict, gives_up_nearly_the_keys_that_a_full_order_would_until_none_is_left)
{
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        try_rule(&rules[i], false);
    }
}

Test(evict, comes_closer_to_the_full_order_with_more_samples)
{
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        struct evict_rule rule = rules[i];

        rule.samples = 30;
        try_rule(&rule, false);
    }
}

Test(evict, does_the_same_in_a_cluster_of_many_small_tables)
{
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        try_rule(&rules[i], true);
    }
}

Test(evict, never_gives_up_what_was_used_after_it_had_been_seen)
{
    const struct evict_rule rule = {.order = EVICT_LEAST_RECENT, .samples = 64};
    struct keyspace *ks = space_new(false);
    struct evict_victim victim;
    struct rng rng;
    char text[SPACE_KEY_TEXT];

    rng_init(&rng, 1);
    keyspace_set_clock(ks, NOW);
    space_set_many(ks, 0, 0, 30, EXPIRE_NEVER);
    keyspace_set_clock(ks, NOW + 5000);
    cr_assert(keyspace_find_victim(ks, &rule, &rng, &victim), "now the pool is full of them");
    for (unsigned i = 0; i < 29; i++) {
        struct key_ref ref = keyspace_ref(ks, 0, space_key(i, text));

        keyspace_touch(ks, keyspace_find_any(ks, &ref));
    }
    cr_expect_eq(evict(ks, &rule, &rng), 29);
    space_free(ks);
}

Test(evict, finds_the_one_key_with_an_expiry_among_a_hundred_thousand_without)
{
    for (size_t i = 3; i < ARRAY_COUNT(rules); i++) {
        struct keyspace *ks = space_new(false);
        struct evict_victim victim;
        struct rng rng;
        int calls = 1;

        rng_init(&rng, i);
        space_set_many(ks, 0, 0, 100000, EXPIRE_NEVER);
        cr_assert_not(keyspace_can_evict(ks, &rules[i]));
        cr_assert_not(keyspace_find_victim(ks, &rules[i], &rng, &victim));
        space_set_many(ks, 3, 77, 1, NOW);
        space_set_many(ks, 0, 100000, 1, NOW);
        while (!keyspace_find_victim(ks, &rules[i], &rng, &victim)) {
            cr_assert_lt(++calls, 100);
        }
        cr_expect(space_key_number(victim.key) == (victim.db == 3 ? 77 : 100000));
        cr_expect(victim.db == 0 || victim.db == 3);
        space_free(ks);
    }
}

Test(evict, takes_keys_of_every_database)
{
    for (size_t i = 0; i < 3; i++) {
        struct keyspace *ks = space_new(false);
        struct evict_victim victim;
        struct rng rng;
        unsigned seen[16] = {0};

        rng_init(&rng, i);
        for (unsigned db = 0; db < 16; db += 5) {
            space_set_many(ks, db, db * 1000, 1000, EXPIRE_NEVER);
        }
        for (int k = 0; k < 2000; k++) {
            cr_assert(keyspace_find_victim(ks, &rules[i], &rng, &victim));
            seen[victim.db]++;
            space_remove_many(ks, victim.db, space_key_number(victim.key), 1);
        }
        for (unsigned db = 0; db < 16; db++) {
            cr_expect(db % 5 == 0 ? seen[db] > 300 : seen[db] == 0, "%u of %u", seen[db], db);
        }
        space_free(ks);
    }
}

Test(evict, forgets_what_was_seen_when_databases_are_flushed_or_swapped)
{
    const struct evict_rule rule = {.order = EVICT_LEAST_RECENT, .samples = 20};
    struct keyspace *ks = space_new(false);
    struct evict_victim victim;
    struct rng rng;

    rng_init(&rng, 3);
    space_set_many(ks, 0, 0, 1000, EXPIRE_NEVER);
    cr_assert(keyspace_find_victim(ks, &rule, &rng, &victim));
    keyspace_swap(ks, 0, 9);
    cr_assert(keyspace_find_victim(ks, &rule, &rng, &victim));
    cr_expect_eq(victim.db, 9);
    keyspace_flush(ks, 9);
    cr_expect_not(keyspace_find_victim(ks, &rule, &rng, &victim));
    cr_expect_not(keyspace_can_evict(ks, &rule));
    space_free(ks);
}

Test(evict, hashes_whose_fields_alone_expire_have_no_expiry_of_their_own)
{
    const struct evict_rule rule = {.order = EVICT_SOONEST, .only_volatile = true, .samples = 5};
    struct keyspace *ks = space_new(false);

    ks->volatile_count = ks->field_count = 1;
    cr_expect_not(keyspace_can_evict(ks, &rule));
    ks->volatile_count = ks->field_count = 0;
    space_free(ks);
}

Test(evict, live_bytes_grow_and_shrink_with_each_key_and_forget_a_flush_at_once)
{
    struct keyspace *ks = space_new(false);
    size_t empty = keyspace_live_bytes(ks);
    size_t full;

    space_set_many(ks, 0, 0, 10000, EXPIRE_NEVER);
    full = keyspace_live_bytes(ks);
    cr_expect_gt(full, empty + 10000 * 30);
    space_remove_many(ks, 0, 0, 1);
    cr_expect_lt(keyspace_live_bytes(ks), full);
    space_remove_many(ks, 0, 1, 4999);
    cr_expect_lt(keyspace_live_bytes(ks), empty + (full - empty) * 6 / 10);
    keyspace_flush_all(ks);
    cr_expect_gt(keyspace_pending_bytes(ks), 0);
    cr_expect_lt(keyspace_live_bytes(ks), empty + (full - empty) / 4, "buckets alone are left");
    while (keyspace_work(ks, 100)) {
    }
    cr_expect_eq(keyspace_pending_bytes(ks), 0);
    cr_expect_eq(keyspace_live_bytes(ks), empty);
    space_free(ks);
}
