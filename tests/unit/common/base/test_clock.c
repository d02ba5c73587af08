/* SPDX-License-Identifier: MIT */
/* base/clock. */
#include "base/clock.h"

#include <criterion/criterion.h>

Test(clock, distances_round_down_and_deadlines_include_their_moment)
{
    struct mono_time start = {.us = 1500};
    struct mono_time later = mono_add_ms(start, 20);

    cr_assert_eq(later.us, 21500);
    cr_assert_eq(mono_ms_between(start, later), 20);
    cr_assert_eq(mono_ms_between(start, (struct mono_time){.us = 2499}), 0);
    cr_assert(mono_is_due(later, later));
    cr_assert(!mono_is_due(later, start));
    cr_assert(!mono_is_due(MONO_NEVER, later));
    cr_assert(mono_is_before(start, later) && !mono_is_before(later, later));
    cr_assert_eq(mono_earlier(start, later).us, start.us);
}
