/* SPDX-License-Identifier: MIT */
/* Ranges of slots that go from one shard to another by themselves, as they stand in the records of both
 * (cluster/ranges.h has what they mean).
 *
 * Encoded, integers big-endian:
 *
 *      1 how many; for each
 *         20 id, 1 kind, 20 shard and 20 node at the other side
 *          1 runs of slots, for each 2 first, 2 last
 *
 * Invariants:  (1) no id is empty or comes twice, neither is the peer's shard
 *              (2) runs rise and do not touch; there is one at least
 *              (3) no slot is in two of them
 * Plain values. */
#ifndef STARLING_COUNCIL_SHARD_RANGES_H
#define STARLING_COUNCIL_SHARD_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitset.h"
#include "base/cluster_id.h"
#include "spec/slot.h"

enum {
    SHARD_RANGES_MAX = 8, /* moves of ranges of a shard at a time */
    SLOT_RUNS_MAX = 64,   /* in each */
};

enum shard_range_kind {
    SHARD_RANGE_OUT,   /* of the source: the peer's shard is asked to fetch them */
    SHARD_RANGE_IN,    /* of the receiver: keys of these slots are staged, or about to be, */
    SHARD_RANGE_ASKED, /* and that because the source asks for it */
    SHARD_RANGE_GIVEN, /* of the source: they are the peer's shard's, which has all keys */
    SHARD_RANGE_KINDS
};

struct slot_run {
    uint16_t first;
    uint16_t last;
};

struct shard_range {
    struct cluster_id id; /* of the move: the same on both sides */
    enum shard_range_kind kind;
    struct cluster_id shard; /* at the other side, */
    struct cluster_id node;  /* and who was its primary when it began */
    struct slot_run runs[SLOT_RUNS_MAX];
    size_t run_count;
};

struct shard_ranges {
    struct shard_range items[SHARD_RANGES_MAX];
    size_t count;
};

static inline bool shard_range_is_import(const struct shard_range *range)
{
    return range->kind == SHARD_RANGE_IN || range->kind == SHARD_RANGE_ASKED;
}

/* The move of that id, or NULL. */
const struct shard_range *shard_ranges_find(const struct shard_ranges *ranges,
                                            const struct cluster_id *id);
bool shard_ranges_equal(const struct shard_ranges *a, const struct shard_ranges *b);
/* The move that the slot is in, or NULL. */
const struct shard_range *shard_ranges_of_slot(const struct shard_ranges *ranges, uint16_t slot);
/* Take the move out; the order of the others stays. */
void shard_ranges_remove(struct shard_ranges *ranges, const struct cluster_id *id);

static inline bool shard_range_has(const struct shard_range *range, uint16_t slot)
{
    for (size_t i = 0; i < range->run_count; i++) {
        if (slot >= range->runs[i].first && slot <= range->runs[i].last) {
            return true;
        }
    }
    return false;
}

/* Add its slots to the set. */
void shard_range_add_to(const struct shard_range *range, uint64_t slots[BITSET_WORDS(SLOT_COUNT)]);
/* The set as runs; false when there are more than SLOT_RUNS_MAX, or none. */
bool shard_range_set_slots(struct shard_range *range,
                           const uint64_t slots[BITSET_WORDS(SLOT_COUNT)]);
size_t shard_range_slot_count(const struct shard_range *range);
/* As "0-9 20-29 40". */
void shard_range_format(const struct shard_range *range, struct buf *out);

void shard_ranges_encode(struct buf *out, const struct shard_ranges *ranges);
void shard_ranges_decode(struct decoder *d, struct shard_ranges *out);
bool shard_ranges_make_sense(const struct shard_ranges *ranges);

#endif
