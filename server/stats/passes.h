/* SPDX-License-Identifier: MIT */
/* How long the passes of the loop take: by the clock, and of that by the processor, while somebody watches.
 *
 * A pass that took much longer than the processor was at it was held up by others: by whoever else wants the
 * processor, or by the disk that swaps.
 *
 * Invariants:  (1) sum_us >= longest_us
 *              (2) all grow only, until they are emptied
 * Pure: times are handed in.  All-zero is empty. */
#ifndef STARLING_STATS_PASSES_H
#define STARLING_STATS_PASSES_H

#include <stdint.h>

#include "stats/rate.h"

enum {
    PASSES_CPU_UNKNOWN = -1,
};

struct passes {
    uint64_t count;
    uint64_t sum_us;
    int64_t longest_us;
    int64_t longest_cpu_us; /* of that pass; PASSES_CPU_UNKNOWN: nobody watched */
    int64_t most_cpu_us;    /* of any that was watched */
    struct rate count_rate, sum_rate;
};

/* A pass took so long, waiting for something to do not included; cpu_us may be PASSES_CPU_UNKNOWN. */
static inline void passes_add(struct passes *passes, int64_t us, int64_t cpu_us)
{
    passes->count++;
    passes->sum_us += (uint64_t)us;
    if (us > passes->longest_us) {
        passes->longest_us = us;
        passes->longest_cpu_us = cpu_us;
    }
    if (cpu_us > passes->most_cpu_us) {
        passes->most_cpu_us = cpu_us;
    }
}

/* Several times a second, elapsed_ms (1 or more) after the last look: how many are there, how long are they? */
void passes_look(struct passes *passes, int64_t elapsed_ms);
/* The mean of the passes of the last looks; 0 when there were none. */
uint64_t passes_mean_us(const struct passes *passes);
void passes_check(const struct passes *passes);

#endif
