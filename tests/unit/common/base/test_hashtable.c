/* SPDX-License-Identifier: MIT */
/* base/hashtable against an array. */
#include "base/hashtable.h"

#include "base/num.h"
#include "base/rng.h"

#include "tests/unit/seed.h"

enum {
    ITEMS = 500
};

struct item {
    struct hashtable_node node;
    char name[NUM_I64_TEXT];
    bool is_in;
};

static struct bytes name_of(struct item *item, int number)
{
    return bytes_make(item->name, num_format_i64(item->name, number * 7919));
}

static void check_against_model(const struct hashtable *table, struct item *items, uint64_t seed)
{
    size_t count = 0;
    size_t walked = 0;

    for (int i = 0; i < ITEMS; i++) {
        struct hashtable_node *found = hashtable_find(table, name_of(&items[i], i));

        SEED_ASSERT(found == (items[i].is_in ? &items[i].node : NULL), seed);
        count += items[i].is_in;
    }
    HASHTABLE_FOR_EACH (node, table) {
        walked++;
    }
    SEED_ASSERT(table->count == count && walked == count, seed);
}

Test(hashtable, agrees_with_a_naive_model)
{
    static struct item items[ITEMS];
    struct hashtable table = {0};
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int step = 0; step < 20000; step++) {
        int i = (int)rng_below(&rng, ITEMS);

        if (items[i].is_in) {
            hashtable_remove(&table, &items[i].node);
        } else {
            hashtable_add(&table, &items[i].node, name_of(&items[i], i));
        }
        items[i].is_in = !items[i].is_in;
        if (step % 500 == 0) {
            check_against_model(&table, items, seed);
        }
    }
    hashtable_deinit(&table);
}

Test(hashtable, an_empty_one_finds_nothing)
{
    struct hashtable table = {0};

    cr_assert_null(hashtable_find(&table, BYTES_LITERAL("x")));
    cr_assert_null(hashtable_next(&table, NULL));
    hashtable_deinit(&table);
}

Test(hashtable, one_with_a_seed_keeps_it_and_shares_hashes_with_others_of_that_seed)
{
    static struct item items[ITEMS];
    struct hashtable a = {.seed = 7};
    struct hashtable b = {.seed = 7};
    struct bytes name = name_of(&items[1], 1);
    uint64_t hash = hashtable_hash(&a, name);

    for (int i = 0; i < ITEMS; i++) { /* it grows meanwhile */
        hashtable_add(&a, &items[i].node, name_of(&items[i], i));
    }
    cr_expect_eq(hashtable_find_hashed(&a, name, hash), &items[1].node);
    hashtable_remove(&a, &items[1].node);
    hashtable_add_hashed(&b, &items[1].node, name, hash);
    cr_expect_eq(hashtable_find(&b, name), &items[1].node);
    cr_expect_neq(hash, hashtable_hash(&(struct hashtable){0}, name));
    hashtable_deinit(&a);
    hashtable_deinit(&b);
    cr_expect_eq(hashtable_hash(&a, name), hash);
}
