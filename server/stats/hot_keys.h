/* SPDX-License-Identifier: MIT */
/* Which keys a node is asked for most: some of its commands are looked at, and each stands for those that were not.
 *
 * How many stand between two samples is drawn anew for each, uniformly from 1 to twice the mean, so that no
 * rhythm of a client hides a key.  The mean follows the load:
 *
 *     commands a second        samples a second
 *     up to 1,000              all
 *     up to 512,000            1,000
 *     more                     one in 512
 *
 * and since a look at the load may come too late, a period between two looks has no more than
 * HOT_KEYS_BURST samples of a small mean.  After a reset the first HOT_KEYS_SEARCH samples come closer.
 *
 * Samples say which keys are hot, not which of two that are nearly as hot is the hotter: a tenth and an eleventh
 * differ by less than the chance in a second's samples.  So every use of the hottest is counted (exact_keys.h), from the look on that
 * has found them, and their rates are what was counted in that time.  Everything is halved once in half_life_ms, and so is the time that it
 * was gathered in: a rate is the quotient of the two.
 *
 * A key that is new among them is admitted by chance, as hot_keys.c says.
 *
 * Invariants:  (1) weight of a sample is the mean by which its gap was drawn, so that sums are those of all
 *                  commands in expectation
 *              (2) nothing is sampled while it is off
 * Pure: the clock and counters are handed in.  Owns nothing; hot_keys_init before use.  Loop thread only. */
#ifndef STARLING_STATS_HOT_KEYS_H
#define STARLING_STATS_HOT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "stats/exact_keys.h"
#include "stats/top_keys.h"

enum {
    HOT_KEYS_MEAN = 512,        /* commands for each sample, when many come */
    HOT_KEYS_SEARCH = 6000,     /* samples after a reset that come closer */
    HOT_KEYS_SEARCH_MEAN = 16,  /* when the load is not known */
    HOT_KEYS_LEAST_RATE = 1000, /* samples a second, where there are as many commands */
    HOT_KEYS_BURST = 400,   /* samples between two looks, then the mean is at least HOT_KEYS_MEAN */
    HOT_KEYS_LOOK_MS = 100, /* between two looks at least */
    HOT_KEYS_LEAST_SAMPLES = 3, /* of a key that is reported */
    HOT_KEYS_KEYS = 16,         /* looked at of one command; more are spread over all */
};

/* Never: the gap to the next sample while it is off. */
#define HOT_KEYS_OFF (SIZE_MAX / 2)

struct hot_keys {
    bool is_on;
    uint32_t mean;         /* by which the next gap is drawn: it only grows between two looks */
    uint32_t weight;       /* of the next sample: the mean by which its gap was drawn */
    uint32_t burst;        /* samples since the last look, */
    uint32_t searched;     /* and in the search after the last reset, */
    bool has_chosen_early; /* which ended since the last look */
    uint64_t rate;         /* of commands, at the last look */
    int64_t half_life_ms;  /* until everything is halved */
    int64_t looked_ms;     /* when the load was looked at last, */
    uint64_t commands;     /* and how many commands there had been */
    int64_t halved_ms;     /* when it was halved last */
    uint64_t total;        /* commands, halved as weights are, up to the last look */
    int64_t gathered_ms;   /* time, halved in the same way, up to the last look */
    struct rng rng;
    struct top_keys top;
    struct exact_keys exact;
};

/* Of a sampled key: operations and bytes per second. */
struct hot_keys_rate {
    uint64_t reads, writes, bytes;
};

void hot_keys_init(struct hot_keys *hot, uint64_t seed, int64_t now_ms);
/* half_life_ms is at least 1. */
void hot_keys_configure(struct hot_keys *hot, bool is_on, int64_t half_life_ms);
/* Everything is forgotten. */
void hot_keys_reset(struct hot_keys *hot, int64_t now_ms);

/* How many commands pass unseen before the next sample.  To be asked once for each. */
size_t hot_keys_gap(struct hot_keys *hot);
/* The sample: a command has used this key. */
struct hot_keys_use {
    bool is_write;
    bool is_counted; /* hot_keys_count was told of it */
    uint64_t times;  /* for how many keys of the command this one stands */
    uint64_t bytes;  /* of request and reply, as far as they are this key's */
};
void hot_keys_add(struct hot_keys *hot, const struct top_key_name *name,
                  const struct hot_keys_use *use);
/* A command uses a key for which exact_keys_may_have was true. */
void hot_keys_count(struct hot_keys *hot, uint64_t hash, uint32_t db, bool is_write);
/* To be called some times a second: commands is how many there have been.  True when a look was taken. */
bool hot_keys_look(struct hot_keys *hot, uint64_t commands, int64_t now_ms);
/* Once in half_life_ms: whatever is to be read of the period must be read before. */
bool hot_keys_is_due(const struct hot_keys *hot, int64_t now_ms);
void hot_keys_halve(struct hot_keys *hot, int64_t now_ms);

/* Right before keys are listed: what was counted up to now is in. */
void hot_keys_settle(struct hot_keys *hot, int64_t now_ms);
/* The rates of a key as of now. */
struct hot_keys_rate hot_keys_rate(const struct hot_keys *hot, const struct top_key *key,
                                   int64_t now_ms);
/* Of all commands, as of the last look. */
uint64_t hot_keys_total_rate(const struct hot_keys *hot);
/* The hottest first, at most max of them; how many. */
size_t hot_keys_list(const struct hot_keys *hot, const struct top_key **out, size_t max);
void hot_keys_check(const struct hot_keys *hot);

#endif
