/* SPDX-License-Identifier: MIT */
/* How fast a counter grows: the mean over the last RATE_SAMPLES looks at it.
 *
 * Whoever owns the counter looks at regular intervals; all-zero is a counter at 0. */
#ifndef STARLING_STATS_RATE_H
#define STARLING_STATS_RATE_H

#include <stddef.h>
#include <stdint.h>

enum {
    RATE_SAMPLES = 16
};

struct rate {
    uint64_t last;                  /* the counter at the last look */
    uint64_t samples[RATE_SAMPLES]; /* per second */
    size_t next;
};

/* Look at the counter, elapsed_ms (1 or more) after the last look.  A counter that was reset begins
 * again. */
void rate_look(struct rate *rate, uint64_t counter, int64_t elapsed_ms);
uint64_t rate_per_second(const struct rate *rate);

#endif
