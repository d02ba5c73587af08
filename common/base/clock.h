/* SPDX-License-Identifier: MIT */
/* Two kinds of time that must not mix.  Nothing here reads a clock: times are handed in.
 *
 * struct mono_time  microseconds since some start, never goes back, goes on while the
 *                   process is stopped: timeouts, leases, measurements.
 * int64_t unix_ms   the wall clock: expiry.
 * struct moment     both, read together once per pass of the loop. */
#ifndef STARLING_BASE_CLOCK_H
#define STARLING_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct mono_time {
    int64_t us;
};

struct moment {
    struct mono_time mono;
    int64_t unix_ms;
    int64_t unix_rest_us; /* what of the wall clock is behind unix_ms: 0 to 999 */
};

static inline int64_t moment_unix_us(struct moment moment)
{
    return moment.unix_ms * 1000 + moment.unix_rest_us;
}

/* A deadline that never comes. */
#define MONO_NEVER ((struct mono_time){.us = INT64_MAX})

static inline struct mono_time mono_add_ms(struct mono_time t, int64_t ms)
{
    return (struct mono_time){.us = t.us + ms * 1000};
}

/* From earlier to later, in ms, rounded down. */
static inline int64_t mono_ms_between(struct mono_time earlier, struct mono_time later)
{
    return (later.us - earlier.us) / 1000;
}

static inline bool mono_is_before(struct mono_time a, struct mono_time b)
{
    return a.us < b.us;
}

/* Has the deadline come at now? */
static inline bool mono_is_due(struct mono_time deadline, struct mono_time now)
{
    return deadline.us <= now.us;
}

static inline struct mono_time mono_earlier(struct mono_time a, struct mono_time b)
{
    return a.us < b.us ? a : b;
}

#endif
