/* SPDX-License-Identifier: MIT */
#include "stats/passes.h"

#include <criterion/criterion.h>

Test(passes, the_longest_is_kept_with_its_own_processor_time)
{
    struct passes passes = {0};

    passes_add(&passes, 100, 90);
    passes_add(&passes, 5000, 20);
    passes_add(&passes, 300, PASSES_CPU_UNKNOWN);
    passes_check(&passes);
    cr_expect_eq(passes.count, 3);
    cr_expect_eq(passes.sum_us, 5400);
    cr_expect_eq(passes.longest_us, 5000);
    cr_expect_eq(passes.longest_cpu_us, 20);
    cr_expect_eq(passes.most_cpu_us, 90);
    passes_add(&passes, 6000, PASSES_CPU_UNKNOWN);
    cr_expect_eq(passes.longest_cpu_us, PASSES_CPU_UNKNOWN);
    cr_expect_eq(passes.most_cpu_us, 90);
    passes_check(&passes);
}

Test(passes, their_mean_is_that_of_the_last_looks)
{
    struct passes passes = {0};

    cr_expect_eq(passes_mean_us(&passes), 0);
    for (int look = 0; look < RATE_SAMPLES; look++) {
        for (int i = 0; i < 50; i++) {
            passes_add(&passes, 40, PASSES_CPU_UNKNOWN);
        }
        passes_look(&passes, 100);
    }
    cr_expect_eq(rate_per_second(&passes.count_rate), 500);
    cr_expect_eq(passes_mean_us(&passes), 40);
}
