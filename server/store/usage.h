/* SPDX-License-Identifier: MIT */
/* How much a key is used: what the 24 bits that each entry keeps about it mean.
 *
 *     by time        second of its last use, modulo 2^24 (half a year)
 *     by frequency   minute of its last use, modulo 2^16, above a counter of 8 bits
 *
 * The counter grows with the logarithm of the uses: from n to n + 1 with a chance of one in
 * (n - USAGE_START) * log_factor + 1.  It falls by one for each decay_minutes without use, 0: never.  A new
 * key begins above 0, so that it has a chance against those that were used long ago.
 *
 * Where one rule takes the other's place, bits that were written under the old one are read under the new
 * until the key is used again. */
#ifndef STARLING_STORE_USAGE_H
#define STARLING_STORE_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

struct entry;
struct keyspace;

enum {
    USAGE_START = 5, /* counter of a new key */
    USAGE_COUNTER_MAX = 255,
};

struct usage_rule {
    bool is_frequency;
    uint32_t log_factor;
    uint32_t decay_minutes;
};

/* What a key space knows of it. */
struct usage {
    struct usage_rule rule;
    int64_t now_ms;
    uint32_t fresh; /* bits of an entry that is set now */
    struct rng rng; /* which uses count */
};

/* From now on this rule counts. */
void keyspace_set_usage(struct keyspace *ks, const struct usage_rule *rule);
const struct usage_rule *keyspace_usage(const struct keyspace *ks);
/* The key is used now (keyspace_set_clock). */
void keyspace_touch(struct keyspace *ks, struct entry *e);
/* By frequency: the counter as it is by now; and the key was used now, so often. */
unsigned keyspace_frequency(const struct keyspace *ks, const struct entry *e);
void keyspace_put_frequency(const struct keyspace *ks, struct entry *e, unsigned counter);

#endif
