/* SPDX-License-Identifier: MIT */
/* The summary of the heaviest keys, beside exact counts. */
#include "stats/top_keys.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS = 20000,
    STEPS = 300000,
};

static struct top_key_name name_of(const char *text)
{
    struct bytes bytes = bytes_from_text(text);

    return (struct top_key_name){.bytes = bytes, .hash = hash_bytes(bytes, 7)};
}

static void add(struct top_keys *top, const char *text, uint64_t weight, bool is_write)
{
    struct top_key_name name = name_of(text);

    top_keys_add(top, &name, (struct top_keys_weight){weight, 10 * weight, is_write});
}

static struct top_keys *top_new(void)
{
    return mem_alloc_zeroed(MEM_NODE, sizeof(struct top_keys));
}

static void top_free(struct top_keys *top)
{
    top_keys_check(top);
    mem_free(MEM_NODE, top);
}

Test(top_keys, counts_exactly_while_there_is_an_entry_for_each_key)
{
    struct top_keys *top = top_new();
    const struct top_key *list[3];

    add(top, "a", 5, false);
    add(top, "b", 7, true);
    add(top, "a", 4, true);
    add(top, "", 1, false);
    cr_assert_eq(top_keys_list(top, 1, list, 3), 3);
    cr_expect(bytes_equal_text(top_key_bytes(list[0]), "a"));
    cr_expect_eq(list[0]->reads, 5);
    cr_expect_eq(list[0]->writes, 4);
    cr_expect_eq(list[0]->bytes, 90);
    cr_expect_eq(list[0]->error, 0);
    cr_expect(bytes_equal_text(top_key_bytes(list[1]), "b"));
    cr_expect_eq(list[2]->key_len, 0);
    cr_expect_eq(top_keys_list(top, 2, list, 3), 2, "the empty key weighs less");
    cr_expect_eq(top_keys_list(top, 1, list, 1), 1);
    top_free(top);
}

Test(top_keys, tells_keys_of_databases_and_lengths_apart)
{
    struct top_keys *top = top_new();
    struct top_key_name name = name_of("k");

    add(top, "k", 1, false);
    name.db = 1;
    cr_expect_null(top_keys_find(top, &name));
    name.db = 0;
    cr_expect_not_null(top_keys_find(top, &name));
    name.bytes = bytes_make("k\0", 2); /* with the same hash */
    cr_expect_null(top_keys_find(top, &name));
    top_free(top);
}

Test(top_keys, keeps_the_beginning_of_a_long_key_and_its_length)
{
    struct top_keys *top = top_new();
    char text[TOP_KEYS_BYTES + 50];
    const struct top_key *list[1];

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    add(top, text, 1, false);
    add(top, text, 1, false);
    cr_assert_eq(top_keys_list(top, 1, list, 1), 1);
    cr_expect_eq(list[0]->key_len, TOP_KEYS_BYTES + 49);
    cr_expect_eq(top_key_bytes(list[0]).len, TOP_KEYS_BYTES);
    cr_expect_eq(list[0]->reads, 2);
    top_free(top);
}

Test(top_keys, halves_everything_and_forgets_it_when_told)
{
    struct top_keys *top = top_new();
    struct top_key_name name = name_of("a");
    const struct top_key *list[4];

    add(top, "a", 9, false);
    add(top, "a", 3, true);
    add(top, "b", 1, true);
    top_keys_halve(top);
    cr_expect_eq(top_keys_find(top, &name)->reads, 4);
    cr_expect_eq(top_keys_find(top, &name)->writes, 1);
    cr_expect_eq(top_keys_find(top, &name)->bytes, 60);
    cr_expect_eq(top_keys_list(top, 1, list, 4), 1, "half of one is nothing");
    top_keys_check(top);
    top_keys_clear(top);
    cr_expect_null(top_keys_find(top, &name));
    cr_expect_eq(top_keys_list(top, 0, list, 4), 0);
    top_free(top);
}

/* A rank of KEYS by Zipf's law with exponent 0.99, by the inverse of an integral. */
static size_t zipf_rank(struct rng *rng)
{
    double u = (double)(rng_u64(rng) >> 11) / 9007199254740992.0;
    double rank = pow(1 + u * (pow(KEYS, 0.01) - 1), 100);

    return (size_t)rank < KEYS ? (size_t)rank : KEYS - 1;
}

struct model {
    uint64_t exact[KEYS];
    uint64_t total;
    struct top_keys top;
};

static struct top_key *find(struct model *m, size_t key)
{
    char text[32];
    struct top_key_name name;

    snprintf(text, sizeof(text), "key:%zu", key);
    name = name_of(text);
    return top_keys_find(&m->top, &name);
}

/* What the header promises of each key. */
static void compare(struct model *m)
{
    top_keys_check(&m->top);
    for (size_t i = 0; i < KEYS; i++) {
        const struct top_key *key = find(m, i);

        if (key == NULL) {
            cr_assert_leq(m->exact[i], m->total / TOP_KEYS, "key %zu has no entry", i);
        } else {
            cr_assert_leq(top_key_weight(key), m->exact[i], "key %zu", i);
            cr_assert_geq(m->top.order[key->place].count, m->exact[i], "key %zu", i);
        }
    }
}

Test(top_keys, bounds_every_key_from_below_and_above_as_exact_counts_say)
{
    struct model *m = mem_alloc_zeroed(MEM_NODE, sizeof(*m));
    struct rng rng;

    rng_init(&rng, 20);
    for (size_t step = 1; step <= STEPS; step++) {
        size_t key = zipf_rank(&rng);
        uint64_t weight = 1 + rng_below(&rng, 3);
        char text[32];

        snprintf(text, sizeof(text), "key:%zu", key);
        add(&m->top, text, weight, rng_one_in(&rng, 4));
        m->exact[key] += weight;
        m->total += weight;
        if (step % (STEPS / 10) == 0) {
            compare(m);
        }
    }
    mem_free(MEM_NODE, m);
}

Test(top_keys, finds_the_ten_heaviest_of_a_zipf_stream_in_their_order)
{
    struct top_keys *top = top_new();
    const struct top_key *list[10];
    struct rng rng;

    rng_init(&rng, 3);
    for (size_t step = 0; step < STEPS; step++) {
        char text[32];

        snprintf(text, sizeof(text), "%zu", zipf_rank(&rng));
        add(top, text, 1, false);
    }
    cr_assert_eq(top_keys_list(top, 1, list, 10), 10);
    for (int i = 0; i < 10; i++) {
        char text[16] = {0};

        bytes_to_text(top_key_bytes(list[i]), text, sizeof(text));
        cr_expect_leq(atoi(text), 10, "rank %d is %s", i, text);
        cr_expect(i > 0 || atoi(text) == 1);
    }
    top_free(top);
}

Test(top_keys, follows_when_other_keys_become_heavy)
{
    struct top_keys *top = top_new();
    const struct top_key *list[1];

    for (int i = 0; i < 1000; i++) {
        add(top, "old", 100, false);
    }
    for (int second = 0; second < 10; second++) {
        top_keys_halve(top);
        for (int i = 0; i < 100; i++) {
            add(top, "new", 100, false);
        }
    }
    cr_assert_eq(top_keys_list(top, 1, list, 1), 1);
    cr_expect(bytes_equal_text(top_key_bytes(list[0]), "new"));
    top_free(top);
}
