/* SPDX-License-Identifier: MIT */
#include "stats/rate.h"

#include <criterion/criterion.h>

Test(rate, is_the_mean_of_the_last_looks)
{
    struct rate rate = {0};
    uint64_t counter = 0;

    for (int i = 0; i < RATE_SAMPLES; i++) {
        counter += 50;
        rate_look(&rate, counter, 100);
    }
    cr_assert_eq(rate_per_second(&rate), 500);
    for (int i = 0; i < RATE_SAMPLES / 2; i++) {
        rate_look(&rate, counter, 100);
    }
    cr_assert_eq(rate_per_second(&rate), 250);
}

Test(rate, of_a_counter_that_was_reset_begins_again)
{
    struct rate rate = {0};

    rate_look(&rate, 1000000, 1000);
    rate = (struct rate){.last = 1000000};
    rate_look(&rate, RATE_SAMPLES, 1000);
    cr_assert_eq(rate_per_second(&rate), 1);
}
