/* SPDX-License-Identifier: MIT */
#include "stats/passes.h"

#include "base/assert.h"

void passes_look(struct passes *passes, int64_t elapsed_ms)
{
    rate_look(&passes->count_rate, passes->count, elapsed_ms);
    rate_look(&passes->sum_rate, passes->sum_us, elapsed_ms);
}

uint64_t passes_mean_us(const struct passes *passes)
{
    uint64_t count = rate_per_second(&passes->count_rate);

    return count > 0 ? rate_per_second(&passes->sum_rate) / count : 0;
}

void passes_check(const struct passes *passes)
{
    ASSERT(passes->longest_us >= 0);
    ASSERT(passes->sum_us >= (uint64_t)passes->longest_us);
    ASSERT(passes->longest_cpu_us >= PASSES_CPU_UNKNOWN);
    ASSERT(passes->most_cpu_us >= passes->longest_cpu_us);
}
