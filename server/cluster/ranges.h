/* SPDX-License-Identifier: MIT */
/* Ranges of slots that go from one shard to another by themselves, as the receiver drives it (server/move).
 *
 * What stands in the records, each step agreed by itself:
 *
 *     source's record            receiver's record
 *     has the slots [, OUT]      IN from source            keys come in and are staged: nobody sees them
 *     GIVEN to receiver          IN from source            the receiver has everything: that is the moment
 *     GIVEN to receiver          has the slots             it takes them
 *     GIVEN to receiver          has the slots             the source removes its keys
 *     -                          has the slots
 *
 * Rules:  (1) A receiver stages nothing before its IN is agreed, so whoever restarts or takes over there knows what is staged.
 *         (2) A source gives only what the receiver has told it to have, and never takes it back by itself: from when it proposes
 *             that on, it serves none of these slots before it has read a record that still has them.  Only one that takes over
 *             there without the GIVEN serves on.
 *         (3) A receiver takes what its source's agreed record gives to its shard, whoever is primary there.
 *         (4) Keys at the source go when another shard's agreed record has their slots; GIVEN stands until none is left.
 *         (5) OUT asks the receiver's shard to begin; an IN that began so ends when the OUT is gone, and not before: the source's
 *             shard would ask on, whoever is primary there.
 *         (6) At an operator's word a source takes back what it has given to a shard of which no node is left and which has not
 *             taken it, as far as is known.  GIVEN was agreed before, so it serves these slots no earlier than a record of
 *             its own has them again, which members who know them as the receiver's refuse.  What the receiver had agreed is its
 *             own still; what it had half agreed is put an end to first (keeper.h).  Should a node of it be there before the record
 *             is agreed, and members refuse ours for what it had half agreed, they stay given.
 *         (7) A receiver that members refuse for long lets go of what it had begun to take, and takes it again later if it is given to it
 *             still: a source that failed while it took it back, and its heir, are refused for the receiver's sake as well.
 *
 * Ranges name shards: whoever is primary of that shard is meant. */
#ifndef STARLING_CLUSTER_RANGES_H
#define STARLING_CLUSTER_RANGES_H

#include "cluster/state.h"
#include "council/shard_record.h"

/* Ours, for our record. */
void ranges_put(const struct cluster *c, struct shard_record *record);
/* Does our record say what we do? */
bool ranges_are_agreed(const struct cluster *c, const struct shard_record *record);
/* We are primary of the shard since this record, or since a start: its ranges are ours. */
void ranges_adopt(struct cluster *c, const struct shard_record *record);
/* The newest record of our shard was read, for a change: the first one since a start tells what was under way. */
void ranges_note_read(struct cluster *c, const struct shard_record *read);
/* A record is news: it may let us go on. */
void ranges_note_record(struct cluster *c, const struct shard_record *record);
/* Take what is due, begin what is asked for, drop what is over. */
void ranges_tick(struct cluster *c);
/* As the source: from now on these slots are the other shard's. */
void ranges_give(struct cluster *c, const struct shard_range *range, struct cluster_node *taker);
/* As the source: this one that was given, and that nobody is left to take, is ours as soon as that is agreed. */
void ranges_take_back(struct cluster *c, const struct shard_range *range);
/* As the receiver: of ranges that our agreed record still has as staged the slots are not taken for now, but in two node timeouts if they
 * are given to us still.  So many slots. */
uint32_t ranges_let_go(struct cluster *c);

#endif
