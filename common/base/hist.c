/* SPDX-License-Identifier: MIT */
/* Log-linear buckets: the top bit chooses the group, the next six bits the step. */
#include "base/hist.h"

#include "base/assert.h"

static unsigned bucket_of(int64_t value)
{
    uint64_t v = (uint64_t)value;
    unsigned top;
    unsigned bucket;

    if (v < (UINT64_C(1) << HIST_STEP_BITS)) {
        return (unsigned)v;
    }
    top = 63 - (unsigned)__builtin_clzll(v);
    bucket = ((top - HIST_STEP_BITS + 1) << HIST_STEP_BITS) +
             (unsigned)((v >> (top - HIST_STEP_BITS)) & ((1U << HIST_STEP_BITS) - 1));
    return bucket < HIST_BUCKETS ? bucket : HIST_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static int64_t bucket_end(unsigned bucket)
{
    unsigned group = bucket >> HIST_STEP_BITS;
    uint64_t step = bucket & ((1U << HIST_STEP_BITS) - 1);

    if (group == 0) {
        return (int64_t)step;
    }
    return (int64_t)((((UINT64_C(1) << HIST_STEP_BITS) + step + 1) << (group - 1)) - 1);
}

void hist_add(struct hist *hist, int64_t value)
{
    hist_add_many(hist, value, 1);
}

void hist_add_many(struct hist *hist, int64_t value, uint64_t count)
{
    if (count == 0) {
        return;
    }
    if (value < 0) {
        value = 0;
    }
    if (hist->count == 0 || value < hist->min) {
        hist->min = value;
    }
    if (value > hist->max) {
        hist->max = value;
    }
    hist->count += count;
    hist->sum += (double)value * (double)count;
    hist->buckets[bucket_of(value)] += count;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    if (from->count == 0) {
        return;
    }
    if (into->count == 0 || from->min < into->min) {
        into->min = from->min;
    }
    if (from->max > into->max) {
        into->max = from->max;
    }
    into->count += from->count;
    into->sum += from->sum;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        into->buckets[i] += from->buckets[i];
    }
}

int64_t hist_quantile(const struct hist *hist, double part)
{
    uint64_t wanted;
    uint64_t seen = 0;

    ASSERT(part >= 0.0 && part <= 1.0);
    if (hist->count == 0) {
        return 0;
    }
    wanted = (uint64_t)(part * (double)hist->count);
    if (wanted >= hist->count) {
        return hist->max;
    }
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen > wanted) {
            int64_t end = bucket_end(i);

            return end < hist->max ? end : hist->max;
        }
    }
    return hist->max;
}

uint64_t hist_count_below(const struct hist *hist, int64_t value)
{
    uint64_t count = 0;

    for (unsigned i = 0; value > 0 && i <= bucket_of(value - 1); i++) {
        count += hist->buckets[i];
    }
    return count;
}

double hist_mean(const struct hist *hist)
{
    return hist->count > 0 ? hist->sum / (double)hist->count : 0.0;
}
