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
