/* SPDX-License-Identifier: MIT */
/* The keys that weigh most in a stream of weighed keys, in memory that does not grow: Space-Saving (Metwally,
 * Agrawal, El Abbadi, 2005).
 *
 * A key that has an entry has its weight added.  One that has none takes the entry of the lightest key, and
 * begins with the weight that this had: that part is its error.  So a key's true weight is at most its count,
 * and at least its count less its error; and every key that weighs more than the whole divided by TOP_KEYS has
 * an entry.
 *
 * Invariants:  (1) count of an entry is error + reads + writes, up to rounding by top_keys_halve
 *              (2) order is a heap: no entry is lighter than the one above it
 *              (3) an entry is found by the hash of its key, once
 *              (4) the sum of all counts is the sum of all weights, until they are halved or one is set
 * Of long keys the first TOP_KEYS_BYTES are kept, and how long they were; two with one hash, length and
 * beginning are one.  A value of a fixed size that owns nothing; all-zero is empty.  Loop thread only. */
#ifndef STARLING_STATS_TOP_KEYS_H
#define STARLING_STATS_TOP_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    TOP_KEYS = 256,
    TOP_KEYS_BYTES = 128, /* kept of a key */
    TOP_KEYS_CHAINS = 512,
};

/* Which key it is; hash is of its bytes alone. */
struct top_key_name {
    struct bytes bytes;
    uint64_t hash;
    uint32_t db;
    uint32_t slot; /* in cluster mode; else 0 */
};

struct top_key {
    uint64_t hash;
    uint64_t error;
    uint64_t reads, writes; /* weight added since the key took the entry */
    uint64_t bytes;         /* added since then */
    int64_t noted_ms;       /* the user's own; 0 when the key takes the entry */
    uint32_t db;
    uint32_t slot;
    uint64_t key_len;
    uint16_t place; /* in order */
    uint16_t next;  /* in its chain: index + 1; 0 ends it */
    char key[TOP_KEYS_BYTES];
};

struct top_keys_place {
    uint64_t count;
    uint16_t entry;
};

struct top_keys {
    size_t count;
    struct top_keys_place order[TOP_KEYS]; /* the lightest first */
    uint16_t chains[TOP_KEYS_CHAINS];      /* index + 1; 0: empty */
    struct top_key entries[TOP_KEYS];
};

struct top_keys_weight {
    uint64_t weight;
    uint64_t bytes;
    bool is_write;
};

void top_keys_add(struct top_keys *top, const struct top_key_name *name,
                  struct top_keys_weight weight);
/* The same for an entry that was found. */
void top_keys_add_to(struct top_keys *top, struct top_key *key, struct top_keys_weight weight);
/* The same for an entry whose weight is known better. */
void top_keys_set(struct top_keys *top, struct top_key *key, uint64_t reads, uint64_t writes);
/* Every weight and error is half of what it was, rounded down. */
void top_keys_halve(struct top_keys *top);
void top_keys_clear(struct top_keys *top);

/* What a key that has no entry would take over as its error; 0 while there are entries left. */
uint64_t top_keys_lightest(const struct top_keys *top);
/* The key's entry, or NULL. */
struct top_key *top_keys_find(struct top_keys *top, const struct top_key_name *name);
/* At most the true weight: what was added since the key took its entry. */
uint64_t top_key_weight(const struct top_key *key);
/* The beginning of the key, TOP_KEYS_BYTES at most. */
struct bytes top_key_bytes(const struct top_key *key);
/* The heaviest by top_key_weight, the heaviest first; those of equal weight in the order of their bytes.
 * Returns how many, at most max, were written to out; none weighs less than least. */
size_t top_keys_list(const struct top_keys *top, uint64_t least, const struct top_key **out,
                     size_t max);
void top_keys_check(const struct top_keys *top);

#endif
