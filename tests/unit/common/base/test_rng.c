/* SPDX-License-Identifier: MIT */
/* base/rng. */
#include "base/rng.h"

#include "tests/unit/seed.h"

Test(rng, the_same_seed_gives_the_same_numbers)
{
    struct rng a;
    struct rng b;
    struct rng other;

    rng_init(&a, 42);
    rng_init(&b, 42);
    rng_init(&other, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t value = rng_u64(&a);

        cr_assert_eq(value, rng_u64(&b));
        cr_assert_neq(value, rng_u64(&other));
    }
}

/* The reference programs of the authors, seeded as here with splitmix64(0). */
Test(rng, the_first_numbers_are_those_of_the_reference)
{
    struct rng rng;

    rng_init(&rng, 0);
    cr_assert_eq(rng.s[0], UINT64_C(0xe220a8397b1dcdaf));
    cr_assert_eq(rng.s[1], UINT64_C(0x6e789e6aa1b965f4));
    cr_assert_eq(rng_u64(&rng), UINT64_C(0x99ec5f36cb75f2b4));
}

Test(rng, bounded_numbers_are_even_and_below_the_bound)
{
    uint64_t seed = seed_get();
    unsigned seen[10] = {0};
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 100000; i++) {
        uint64_t value = rng_below(&rng, 10);

        SEED_ASSERT(value < 10, seed);
        seen[value]++;
    }
    for (int i = 0; i < 10; i++) {
        SEED_ASSERT(seen[i] > 9300 && seen[i] < 10700, seed);
    }
}

Test(rng, hex_is_lower_case_and_not_terminated)
{
    char out[41];
    struct rng rng;

    out[40] = '#';
    rng_init(&rng, 1);
    rng_hex(&rng, out, 40);
    cr_assert_eq(out[40], '#');
    for (int i = 0; i < 40; i++) {
        cr_assert((out[i] >= '0' && out[i] <= '9') || (out[i] >= 'a' && out[i] <= 'f'));
    }
}
