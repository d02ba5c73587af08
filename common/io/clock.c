/* SPDX-License-Identifier: MIT */
/* CLOCK_BOOTTIME counts sleep too, which leases rely on; where a kernel lacks it, CLOCK_MONOTONIC.
 */
#include "io/clock.h"

#include "base/assert.h"

#include <time.h>

int64_t clock_mono_ns(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
        int result = clock_gettime(CLOCK_MONOTONIC, &now);

        ASSERT(result == 0);
    }
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_thread_cpu_ns(void)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);

    ASSERT(result == 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct mono_time clock_mono_now(void)
{
    return (struct mono_time){.us = clock_mono_ns() / 1000};
}

static int64_t unix_us_now(void)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);

    ASSERT(result == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_unix_ms(void)
{
    return unix_us_now() / 1000;
}

struct moment clock_now(void)
{
    struct mono_time mono = clock_mono_now();
    int64_t unix_us = unix_us_now();

    return (struct moment){.mono = mono, .unix_ms = unix_us / 1000, .unix_rest_us = unix_us % 1000};
}
