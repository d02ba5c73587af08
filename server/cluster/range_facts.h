/* SPDX-License-Identifier: MIT */
/* What is known of ranges of slots on the move (ranges.h), for those below who decide about them.
 *
 * Invariants:  (1) only a primary has ranges, or slots that it has taken and that are not agreed yet
 *              (2) a slot of a range is not ours, but for one that we only ask another shard to fetch */
#ifndef STARLING_CLUSTER_RANGE_FACTS_H
#define STARLING_CLUSTER_RANGE_FACTS_H

#include "cluster/state.h"

/* We are primary of nothing any more. */
void ranges_forget(struct cluster *c);
bool ranges_have(const struct cluster *c, uint16_t slot);
/* Was the move ended here, not long ago? */
bool ranges_has_ended(const struct cluster *c, const struct cluster_id *id);
/* Was the slot given, and has its new owner it not yet? */
bool ranges_hold_back(const struct cluster *c, uint16_t slot);
/* Slots of ranges that were given to our shard by that one (NULL: by any), whose record says so still: it has keys of them, and lets go of
 * the range when these are gone and the slots are in another record.  *out is all zero before. */
void ranges_add_arrived(const struct cluster *c, const struct cluster_id *from,
                        uint64_t out[FRAME_SLOT_WORDS]);
/* Will it be known within a moment who serves the slot? */
bool ranges_await(const struct cluster *c, struct mono_time now, uint16_t slot);
/* Slots that were just agreed, or are no more: what we waited for may be served. */
void ranges_note_agreed(struct cluster *c);
/* Of which slots that were given are keys here?  NULL: of none. */
void ranges_note_keys(struct cluster *c, const uint64_t *filled);
/* Was no key of the range here, when that was looked at last? */
bool ranges_is_emptied(const struct cluster *c, const struct shard_range *range);
void ranges_check(const struct cluster *c);

#endif
