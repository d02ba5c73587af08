/* SPDX-License-Identifier: MIT */
/* A histogram of durations or sizes with about 1.6 % resolution at every magnitude.
 *
 * Values are non-negative int64 in any unit.  Buckets: 64 linear steps per power of two.
 * All-zero is empty.  Plain value: copy and merge freely. */
#ifndef STARLING_BASE_HIST_H
#define STARLING_BASE_HIST_H

#include <stdint.h>

enum {
    HIST_STEP_BITS = 6,
    HIST_BUCKETS = (42 - HIST_STEP_BITS + 1) << HIST_STEP_BITS, /* values up to 2^42 */
};

struct hist {
    uint64_t count;
    int64_t min;
    int64_t max;
    double sum;
    uint64_t buckets[HIST_BUCKETS];
};

void hist_add(struct hist *hist, int64_t value);
/* The same value count times; 0 changes nothing. */
void hist_add_many(struct hist *hist, int64_t value, uint64_t count);
void hist_merge(struct hist *into, const struct hist *from);
/* The value that the given part of all values does not exceed; part in [0, 1]; 0 when empty. */
int64_t hist_quantile(const struct hist *hist, double part);
/* How many values are smaller; exact for powers of two, else those of its own step count as well. */
uint64_t hist_count_below(const struct hist *hist, int64_t value);
double hist_mean(const struct hist *hist);

#endif
