/* SPDX-License-Identifier: MIT */
/* What is agreed about a shard: who serves which slots, whose data are the shard's, and who has them.
 *
 * A record is changed as a whole; each change counts its version up by one, so of two the one with the greater version is
 * the newer.  Its epoch is what clients and other nodes know as config epoch: it grows when the primary or the slots
 * change, above every epoch known to who makes the change, so that a slot's newest owner has the greatest of all that
 * ever had it.
 *
 * history and lineage say which stream of changes the shard's data are: that of its primary, and what it has grown from
 * (shard_lineage.h).  Who takes over begins a history of its own, and answers for nothing before that is agreed, too: until
 * then the record has that of the one before, and is_begun is false.
 *
 * Holders are the replicas whose confirmation counts: whoever takes over asks each of them that can be reached for
 * what it has.  The primary is not among them.
 *
 * Encoded, integers big-endian, ids as in base/cluster_id.h:
 *
 *     20 shard, 8 version, 8 epoch, 20 primary
 *      1 holders, 20 each
 *      1 length and history;  1 ancestors, for each 1 length and history, 8 end
 *      1 is_begun
 *        slots: 2 ranges, for each 2 first, 2 last; or 2 with all bits set, and 2048 with bit s % 8 of byte s / 8 for slot s
 *        then sections, tags rising, each only when it says something:
 *      1 tag 0: slots on the move: 1 of them, for each 2 slot, 1 kind, 20 peer
 *      1 tag 1: ranges on the move, as shard_ranges.h has them
 *      1 tag 2: the in-sync set, as shard_sync.h has it
 *
 * Moves are what CLUSTER SETSLOT said of slots, ranges are slots that move by themselves; both stand here so that they outlive a
 * change of primary, and so that the two sides of a move see each other's (cluster/moves.h, cluster/ranges.h).
 *
 * Invariants:  (1) shard, primary and history are not empty, version is not 0
 *              (2) no holder comes twice, none is the primary
 *              (3) members of the in-sync set are holders
 * Plain value. */
#ifndef STARLING_COUNCIL_SHARD_RECORD_H
#define STARLING_COUNCIL_SHARD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitset.h"
#include "base/cluster_id.h"
#include "base/lineage.h"
#include "council/shard_ranges.h"
#include "council/shard_sync.h"
#include "spec/slot.h"

enum {
    SHARD_HOLDERS_MAX = 16,
    SHARD_MOVES_MAX = 64, /* slots on the move at a time */
    SHARD_SLOT_WORDS = BITSET_WORDS(SLOT_COUNT),
};

enum shard_move_kind {
    SHARD_MOVE_OUT,  /* MIGRATING: to peer; when slots has it no more it is given to peer's shard */
    SHARD_MOVE_IN,   /* IMPORTING: from peer */
    SHARD_MOVE_TAKE, /* the same, and NODE was said: its owner shall give it up */
    SHARD_MOVE_KINDS
};

struct shard_move {
    uint16_t slot;
    enum shard_move_kind kind;
    struct cluster_id peer; /* a node */
};

struct shard_record {
    struct cluster_id shard;
    uint64_t version;
    uint64_t epoch;
    struct cluster_id primary;
    struct cluster_id holders[SHARD_HOLDERS_MAX];
    size_t holder_count;
    struct history_id history;
    struct lineage lineage;
    bool is_begun;
    uint64_t slots[SHARD_SLOT_WORDS];
    struct shard_move moves[SHARD_MOVES_MAX];
    size_t move_count;
    struct shard_ranges ranges;
    struct shard_sync sync;
};

/* Does the record exist?  All-zero is none. */
static inline bool shard_record_is_none(const struct shard_record *record)
{
    return record->version == 0;
}

/* Greater than that of what was read, and of what is known; NULL: nothing is. */
static inline uint64_t shard_record_next_version(const struct shard_record *read,
                                                 const struct shard_record *known)
{
    return (known != NULL && known->version > read->version ? known->version : read->version) + 1;
}

bool shard_record_has_holder(const struct shard_record *record, const struct cluster_id *node);

/* A set of slots as it stands in a record. */
void shard_slots_encode(struct buf *out, const uint64_t slots[SHARD_SLOT_WORDS]);
/* Fails on ranges that do not rise, or touch. */
void shard_slots_decode(struct decoder *d, uint64_t slots[SHARD_SLOT_WORDS]);

/* Of a set that was encoded so: does it have one of these slots? */
bool shard_slots_overlap(struct bytes encoded, const uint64_t slots[SHARD_SLOT_WORDS]);

void shard_record_encode(struct buf *out, const struct shard_record *record);
/* Fails on what is not as the invariants say. */
void shard_record_decode(struct decoder *d, struct shard_record *out);
bool shard_record_makes_sense(const struct shard_record *record);

#endif
