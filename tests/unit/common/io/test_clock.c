/* SPDX-License-Identifier: MIT */
/* io/clock. */
#include "io/clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, the_steady_clock_never_goes_back)
{
    struct mono_time last = clock_mono_now();

    for (int i = 0; i < 10000; i++) {
        struct mono_time now = clock_mono_now();

        cr_assert_geq(now.us, last.us);
        last = now;
    }
}

Test(clock, wall_clock_time_is_that_of_the_system)
{
    int64_t system_ms = (int64_t)time(NULL) * 1000;
    struct moment now = clock_now();

    cr_assert_geq(now.unix_ms, system_ms - 1000);
    cr_assert_leq(now.unix_ms, system_ms + 60000);
    cr_assert_leq(now.mono.us, clock_mono_now().us);
}

Test(clock, a_thread_has_processor_time_for_what_it_does_itself)
{
    int64_t before_ns = clock_thread_cpu_ns();
    int64_t after_ns;

    do {
        after_ns = clock_thread_cpu_ns();
        cr_assert_geq(after_ns, before_ns);
    } while (after_ns - before_ns < 1000 * 1000);
}

Test(clock, nanoseconds_are_those_of_the_steady_clock)
{
    struct mono_time before = clock_mono_now();
    int64_t between_ns = clock_mono_ns();
    struct mono_time after = clock_mono_now();

    cr_assert_leq(before.us, between_ns / 1000);
    cr_assert_leq(between_ns / 1000, after.us);
}
