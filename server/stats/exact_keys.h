/* SPDX-License-Identifier: MIT */
/* A few keys whose every use is counted, found by one comparison: a byte of a key's hash names a place, which has the
 * hash of the key that is counted there.
 *
 * Which byte that is is chosen so that the keys have places of their own.  Where no byte does that, the lighter of two
 * is not counted.
 *
 * Invariants:  (1) a place without a key has a hash that belongs to another place
 *              (2) ms of a key is at most the time since it was chosen
 * Owns nothing.  exact_keys_clear before use.  Loop thread only. */
#ifndef STARLING_STATS_EXACT_KEYS_H
#define STARLING_STATS_EXACT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXACT_KEYS = 20,
    EXACT_KEYS_PLACES = 256,
};

struct exact_key {
    uint64_t hash;
    uint32_t db;
    uint16_t entry;                     /* the user's own */
    uint64_t prior_reads, prior_writes; /* the user's own, halved with the others, */
    uint64_t prior_doubt;               /* as is how much of them may be chance */
    uint64_t reads, writes;
    int64_t ms; /* for so long it has been counted */
};

struct exact_keys {
    uint8_t byte; /* of a hash that names the place */
    size_t count;
    struct exact_key keys[EXACT_KEYS];
    uint8_t at[EXACT_KEYS_PLACES]; /* of the key in keys */
    uint64_t places[EXACT_KEYS_PLACES];
};

void exact_keys_clear(struct exact_keys *exact);
/* Count these from now on, the heaviest first: the user's own, hash and db of each are given.  What was counted of those that
 * are counted already stays. */
void exact_keys_choose(struct exact_keys *exact, const struct exact_key *wanted, size_t count);
/* NULL when it is not counted. */
const struct exact_key *exact_keys_find(const struct exact_keys *exact, uint64_t hash, uint32_t db);
/* The same, to be changed. */
struct exact_key *exact_keys_edit(struct exact_keys *exact, uint64_t hash, uint32_t db);
/* They are counted for as long as from now on; what was counted before is prior, as nobody knows since when. */
void exact_keys_begin(struct exact_keys *exact);
/* Time goes by. */
void exact_keys_pass(struct exact_keys *exact, int64_t ms);
/* All counts and times are half of what they were. */
void exact_keys_halve(struct exact_keys *exact);
void exact_keys_check(const struct exact_keys *exact);

static inline uint8_t exact_keys_place(const struct exact_keys *exact, const uint64_t *hash)
{
    return ((const uint8_t *)hash)[exact->byte];
}

/* May the key with the hash be counted?  If not, it is not. */
static inline bool exact_keys_may_have(const struct exact_keys *exact, const uint64_t *hash)
{
    return exact->places[exact_keys_place(exact, hash)] == *hash;
}

#endif
