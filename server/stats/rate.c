/* SPDX-License-Identifier: MIT */
#include "stats/rate.h"

#include "base/assert.h"

void rate_look(struct rate *rate, uint64_t counter, int64_t elapsed_ms)
{
    uint64_t grown = counter >= rate->last ? counter - rate->last : counter;

    ASSERT(elapsed_ms > 0);
    rate->samples[rate->next] = grown * 1000 / (uint64_t)elapsed_ms;
    rate->next = (rate->next + 1) % RATE_SAMPLES;
    rate->last = counter;
}

uint64_t rate_per_second(const struct rate *rate)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < RATE_SAMPLES; i++) {
        sum += rate->samples[i];
    }
    return sum / RATE_SAMPLES;
}
