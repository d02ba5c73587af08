/* SPDX-License-Identifier: MIT */
#include "stats/hot_keys.h"

#include "base/assert.h"

enum {
    LEAST_MS = 500, /* of less time it is not known how it goes on */
};

void hot_keys_reset(struct hot_keys *hot, int64_t now_ms)
{
    top_keys_clear(&hot->top);
    hot->total = 0;
    hot->gathered_ms = 0;
    hot->looked_ms = now_ms;
    hot->halved_ms = now_ms;
}

void hot_keys_init(struct hot_keys *hot, uint64_t seed, int64_t now_ms)
{
    *hot = (struct hot_keys){.mean = 1, .weight = 1, .half_life_ms = 1000};
    rng_init(&hot->rng, seed);
    hot_keys_reset(hot, now_ms);
}

void hot_keys_configure(struct hot_keys *hot, bool is_on, int64_t half_life_ms)
{
    ASSERT(half_life_ms > 0);
    hot->is_on = is_on;
    hot->half_life_ms = half_life_ms;
}

/* ---- sampling --------------------------------------------------------------------------------- */

size_t hot_keys_gap(struct hot_keys *hot)
{
    if (!hot->is_on) {
        return HOT_KEYS_OFF;
    }
    if (++hot->burst == HOT_KEYS_BURST && hot->mean < HOT_KEYS_MEAN) {
        hot->mean = HOT_KEYS_MEAN;
    }
    hot->weight = hot->mean;
    /* 0 to 2 * mean - 2 pass, and one is taken: mean of them in the mean. */
    return hot->mean == 1 ? 0 : (size_t)(((rng_u64(&hot->rng) >> 32) * (2 * hot->mean - 1)) >> 32);
}

/* A key that is not known takes the place of the lightest only by a chance that is the smaller the more that
 * one weighs: the many keys that are seen once neither cost much nor push out those that come again.  So do Ben
 * Basat, Einziger, Friedman, Kassner, Randomized admission policy for efficient top-k, 2017. */
static bool is_admitted(struct hot_keys *hot, uint64_t weight)
{
    uint64_t lightest = top_keys_lightest(&hot->top);

    return lightest == 0 || rng_below(&hot->rng, lightest + weight) < weight;
}

void hot_keys_add(struct hot_keys *hot, const struct top_key_name *name,
                  const struct hot_keys_use *use)
{
    uint64_t weight = hot->weight * use->times;
    struct top_keys_weight more = {
        .weight = weight, .bytes = use->bytes * weight, .is_write = use->is_write};
    struct top_key *key = top_keys_find(&hot->top, name);

    if (key != NULL) {
        top_keys_add_to(&hot->top, key, more);
    } else if (is_admitted(hot, weight)) {
        top_keys_add(&hot->top, name, more);
    }
}

static uint32_t mean_for(uint64_t rate)
{
    uint64_t mean = rate / HOT_KEYS_LEAST_RATE;

    if (mean > HOT_KEYS_MEAN) {
        mean =
            rate / HOT_KEYS_MOST_RATE > HOT_KEYS_MEAN ? rate / HOT_KEYS_MOST_RATE : HOT_KEYS_MEAN;
    }
    return mean > 0 ? (uint32_t)(mean < UINT32_MAX / 2 ? mean : UINT32_MAX / 2) : 1;
}

bool hot_keys_look(struct hot_keys *hot, uint64_t commands, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - hot->looked_ms;
    uint64_t more = commands >= hot->commands ? commands - hot->commands : commands; /* reset */

    if (elapsed_ms < HOT_KEYS_LOOK_MS) {
        return false;
    }
    hot->commands = commands;
    hot->looked_ms = now_ms;
    hot->burst = 0;
    hot->total += more;
    hot->gathered_ms += elapsed_ms;
    hot->mean = mean_for(more * 1000 / (uint64_t)elapsed_ms);
    return true;
}

bool hot_keys_is_due(const struct hot_keys *hot, int64_t now_ms)
{
    return now_ms - hot->halved_ms >= hot->half_life_ms;
}

void hot_keys_halve(struct hot_keys *hot, int64_t now_ms)
{
    top_keys_halve(&hot->top);
    hot->total /= 2;
    hot->gathered_ms /= 2;
    hot->halved_ms = now_ms;
}

/* ---- what came of it -------------------------------------------------------------------------- */

static uint64_t per_second(uint64_t amount, int64_t ms)
{
    double rate = (double)amount * 1000.0 / (double)(ms > 0 ? ms : 1);

    return (uint64_t)(rate + 0.5);
}

struct hot_keys_rate hot_keys_rate(const struct hot_keys *hot, const struct top_key *key,
                                   int64_t now_ms)
{
    int64_t since_ms = now_ms > hot->looked_ms ? now_ms - hot->looked_ms : 0;
    int64_t ms = hot->gathered_ms + since_ms;

    ms = ms < LEAST_MS ? LEAST_MS : ms;
    return (struct hot_keys_rate){.reads = per_second(key->reads, ms),
                                  .writes = per_second(key->writes, ms),
                                  .bytes = per_second(key->bytes, ms)};
}

uint64_t hot_keys_total_rate(const struct hot_keys *hot)
{
    return per_second(hot->total, hot->gathered_ms < LEAST_MS ? LEAST_MS : hot->gathered_ms);
}

size_t hot_keys_list(const struct hot_keys *hot, const struct top_key **out, size_t max)
{
    uint64_t least = (uint64_t)hot->mean * HOT_KEYS_LEAST_SAMPLES;

    return top_keys_list(&hot->top, least, out, max);
}

void hot_keys_check(const struct hot_keys *hot)
{
    ASSERT(hot->mean > 0 && hot->weight > 0);
    ASSERT(hot->gathered_ms >= 0);
    top_keys_check(&hot->top);
}
