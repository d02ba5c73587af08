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

struct mono_time clock_mono_now(void)
{
    return (struct mono_time){.us = clock_mono_ns() / 1000};
}

int64_t clock_unix_ms(void)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);

    ASSERT(result == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct moment clock_now(void)
{
    return (struct moment){.mono = clock_mono_now(), .unix_ms = clock_unix_ms()};
}
