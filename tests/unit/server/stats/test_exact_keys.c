/* SPDX-License-Identifier: MIT */
#include "stats/exact_keys.h"

#include "base/rng.h"

#include <criterion/criterion.h>

static void choose(struct exact_keys *exact, const uint64_t *hashes, size_t count)
{
    struct exact_key wanted[EXACT_KEYS];

    for (size_t i = 0; i < count; i++) {
        wanted[i] = (struct exact_key){.hash = hashes[i], .db = 3, .entry = (uint16_t)i};
    }
    exact_keys_choose(exact, wanted, count);
    exact_keys_check(exact);
}

Test(exact_keys, are_found_and_no_others)
{
    struct exact_keys exact;
    uint64_t hashes[EXACT_KEYS];
    struct rng rng;

    rng_init(&rng, 1);
    exact_keys_clear(&exact);
    exact_keys_check(&exact);
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < EXACT_KEYS; i++) {
            hashes[i] = rng_u64(&rng);
        }
        choose(&exact, hashes, EXACT_KEYS);
        cr_expect_geq(exact.count, EXACT_KEYS - 2);
        for (size_t i = 0; i < exact.count; i++) {
            uint64_t other = exact.keys[i].hash + 1;

            cr_expect(exact_keys_may_have(&exact, &exact.keys[i].hash));
            cr_expect_not_null(exact_keys_find(&exact, exact.keys[i].hash, 3));
            cr_expect_null(exact_keys_find(&exact, exact.keys[i].hash, 4));
            cr_expect_not(exact_keys_may_have(&exact, &other));
        }
    }
}

Test(exact_keys, that_stay_keep_what_was_counted)
{
    static const uint64_t first[] = {11, 22, 33};
    static const uint64_t second[] = {44, 33, 11};
    struct exact_keys exact;

    exact_keys_clear(&exact);
    choose(&exact, first, 3);
    exact_keys_edit(&exact, 11, 3)->reads = 8;
    exact_keys_pass(&exact, 100);
    choose(&exact, second, 3);
    cr_expect_eq(exact_keys_find(&exact, 11, 3)->reads, 8);
    cr_expect_eq(exact_keys_find(&exact, 11, 3)->ms, 100);
    cr_expect_eq(exact_keys_find(&exact, 11, 3)->entry, 2);
    cr_expect_eq(exact_keys_find(&exact, 44, 3)->ms, 0);
    cr_expect_null(exact_keys_find(&exact, 22, 3));
    exact_keys_halve(&exact);
    cr_expect_eq(exact_keys_find(&exact, 11, 3)->reads, 4);
    cr_expect_eq(exact_keys_find(&exact, 11, 3)->ms, 50);
}

Test(exact_keys, of_two_in_one_place_the_heavier_is_counted)
{
    static const uint64_t hashes[] = {UINT64_C(0x0101010101010101), 0, UINT64_MAX,
                                      UINT64_C(0x0101010101010101)};
    struct exact_keys exact;

    exact_keys_clear(&exact);
    choose(&exact, hashes, 4);
    cr_expect_eq(exact_keys_find(&exact, hashes[0], 3)->entry, 0);
}
