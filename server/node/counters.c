/* SPDX-License-Identifier: MIT */
#include "node/counters.h"

#include "base/assert.h"

enum {
    LOOK_EVERY_MS = 100,
};

void counters_init(struct counters *counters, struct mono_time now)
{
    *counters = (struct counters){.rates_at = now};
}

void counters_look(struct counters *counters, struct mono_time now)
{
    int64_t ms = mono_ms_between(counters->rates_at, now);

    ASSERT(ms >= 0);
    if (ms < LOOK_EVERY_MS) {
        return;
    }
    rate_look(&counters->commands_rate, counters->commands, ms);
    rate_look(&counters->input_rate, counters->net_input_bytes, ms);
    rate_look(&counters->output_rate, counters->net_output_bytes, ms);
    rate_look(&counters->repl_input_rate, counters->repl_input_bytes, ms);
    rate_look(&counters->repl_output_rate, counters->repl_output_bytes, ms);
    passes_look(&counters->passes, ms);
    counters->rates_at = now;
}

void counters_check(const struct counters *counters, struct mono_time now)
{
    ASSERT(counters->rates_at.us <= now.us);
    passes_check(&counters->passes);
    ASSERT(counters->sync_partial_err <= counters->sync_full);
    ASSERT(counters->net_output_bytes >= counters->writes);
}
