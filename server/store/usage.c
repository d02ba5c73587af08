/* SPDX-License-Identifier: MIT */
#include "store/usage.h"

#include "base/assert.h"
#include "store/keyspace_state.h"

enum {
    TIME_MASK = 0xffffff,
    MINUTE_MASK = 0xffff,
    COUNTER_BITS = 8,
};

static uint32_t minute_of(int64_t now_ms)
{
    return (uint32_t)(now_ms / 60000) & MINUTE_MASK;
}

static uint32_t frequency_bits(const struct usage *usage, unsigned counter)
{
    ASSERT(counter <= USAGE_COUNTER_MAX);
    return (minute_of(usage->now_ms) << COUNTER_BITS) | counter;
}

static void look_at_clock(struct usage *usage)
{
    usage->fresh = usage->rule.is_frequency ? frequency_bits(usage, USAGE_START)
                                            : (uint32_t)(usage->now_ms / 1000) & TIME_MASK;
}

void keyspace_set_clock(struct keyspace *ks, int64_t now_ms)
{
    ks->usage.now_ms = now_ms;
    look_at_clock(&ks->usage);
}

void keyspace_set_usage(struct keyspace *ks, const struct usage_rule *rule)
{
    ks->usage.rule = *rule;
    look_at_clock(&ks->usage);
}

const struct usage_rule *keyspace_usage(const struct keyspace *ks)
{
    return &ks->usage.rule;
}

unsigned keyspace_frequency(const struct keyspace *ks, const struct entry *e)
{
    const struct usage *usage = &ks->usage;
    uint32_t bits = entry_last_used_s(e);
    uint32_t minutes = (minute_of(usage->now_ms) - (bits >> COUNTER_BITS)) & MINUTE_MASK;
    unsigned counter = bits & USAGE_COUNTER_MAX;
    uint32_t lost = usage->rule.decay_minutes > 0 ? minutes / usage->rule.decay_minutes : 0;

    return lost < counter ? counter - lost : 0;
}

void keyspace_put_frequency(const struct keyspace *ks, struct entry *e, unsigned counter)
{
    entry_put_last_used(e, frequency_bits(&ks->usage, counter));
}

static NOINLINE void count_use(struct keyspace *ks, struct entry *e)
{
    unsigned counter = keyspace_frequency(ks, e);
    uint64_t above = counter > USAGE_START ? counter - USAGE_START : 0;

    if (counter < USAGE_COUNTER_MAX &&
        (above == 0 || rng_below(&ks->usage.rng, above * ks->usage.rule.log_factor + 1) == 0)) {
        counter++;
    }
    keyspace_put_frequency(ks, e, counter);
}

void keyspace_touch(struct keyspace *ks, struct entry *e)
{
    if (UNLIKELY(ks->usage.rule.is_frequency)) {
        count_use(ks, e);
    } else if (entry_last_used_s(e) != ks->usage.fresh) {
        /* Most keys that are read often need no write, so their cache line stays clean. */
        entry_put_last_used(e, ks->usage.fresh);
    }
}
