/* SPDX-License-Identifier: MIT */
/* base/hist. */
#include "base/hist.h"

#include "base/rng.h"

#include "tests/unit/seed.h"

Test(hist, small_values_are_exact)
{
    static struct hist hist;

    for (int i = 1; i <= 50; i++) {
        hist_add(&hist, i);
    }
    cr_assert_eq(hist.min, 1);
    cr_assert_eq(hist.max, 50);
    cr_assert_eq(hist_quantile(&hist, 0.5), 26);
    cr_assert_eq(hist_quantile(&hist, 0.0), 1);
    cr_assert_eq(hist_quantile(&hist, 1.0), 50);
    cr_assert_float_eq(hist_mean(&hist), 25.5, 1e-9);
}

Test(hist, every_magnitude_keeps_its_resolution)
{
    for (int64_t value = 1; value < INT64_C(1) << 41; value = value * 3 + 1) {
        static struct hist hist;
        int64_t found;

        hist = (struct hist){0};
        hist_add(&hist, value);
        hist_add(&hist, INT64_C(1) << 41);
        found = hist_quantile(&hist, 0.25);
        cr_assert_geq(found, value);
        cr_assert_leq(found - value, value / 60);
    }
}

Test(hist, merging_is_the_same_as_adding_to_one)
{
    static struct hist parts[2];
    static struct hist whole;
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 2000; i++) {
        int64_t value = (int64_t)rng_below(&rng, 1000000);

        hist_add(&parts[i % 2], value);
        hist_add(&whole, value);
    }
    hist_merge(&parts[0], &parts[1]);
    SEED_ASSERT(parts[0].count == whole.count, seed);
    SEED_ASSERT(parts[0].min == whole.min && parts[0].max == whole.max, seed);
    for (int i = 0; i <= 10; i++) {
        SEED_ASSERT(hist_quantile(&parts[0], i / 10.0) == hist_quantile(&whole, i / 10.0), seed);
    }
}

Test(hist, extremes_do_no_harm)
{
    static struct hist hist;

    cr_assert_eq(hist_quantile(&hist, 0.99), 0);
    cr_assert_float_eq(hist_mean(&hist), 0.0, 1e-9);
    hist_add(&hist, -5);
    hist_add(&hist, INT64_MAX);
    cr_assert_eq(hist.min, 0);
    cr_assert_eq(hist_quantile(&hist, 1.0), INT64_MAX);
}

Test(hist, values_below_a_power_of_two_are_counted_exactly)
{
    static struct hist hist;

    for (int64_t value = 0; value < 5000; value++) {
        hist_add(&hist, value);
    }
    for (int64_t bound = 1; bound <= 4096; bound *= 2) {
        cr_expect_eq(hist_count_below(&hist, bound), (uint64_t)bound, "%lld", (long long)bound);
    }
    cr_expect_eq(hist_count_below(&hist, 0), 0);
    cr_expect_eq(hist_count_below(&hist, 1 << 20), 5000);
}
