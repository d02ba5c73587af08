/* SPDX-License-Identifier: MIT */
/* Slots that an operator gave to this node, while the record of a shard whose primary is gone has them still.
 *
 * That record is to let them go first: ours would be refused until then.  We propose it, as whoever takes the shard over
 * would, so the lease of a primary that is there after all has to end before, and is in nobody's hands then.
 *
 * Of a shard that has never had a record agreed members may have accepted one all the same, before its primary ended, or went to
 * another shard.  They tell which it is when they refuse ours for it.
 *
 * What the shard had on the move ends with the slots that it loses: moves of these slots go, so that none is taken for given, and so
 * does what asks another shard to fetch any of them.  What it has given already is not among its slots, and stays given.
 *
 * Two records may have a slot since a TAKEOVER, and neither is agreed again then.  Of a shard of which no node is left it is let go.
 *
 * Where we take back what we had given to a shard that is gone, a member may know it as that one's, which accepted it and can tell nobody
 * whether a majority did.  Then its record is agreed once more, without these slots, so that what was accepted before can never be.
 * Should a node of that shard be back before this is so, it is we who give way (refusal.h). */
#ifndef STARLING_CLUSTER_KEEPER_H
#define STARLING_CLUSTER_KEEPER_H

#include "cluster/state.h"
#include "council/shard_record.h"

/* The shard whose record is to let slots go for us now; or one by which members refuse ours though it is not known to have them: what they
 * accepted is to be agreed, since its primary is gone, or nobody did so for long.  False: there is none. */
MUST_USE bool keeper_find(const struct cluster *c, struct cluster_id *shard);
/* It was read for a change of ours: propose it without our slots, or as it is when it keeps them. */
void keeper_let_go(struct cluster *c, const struct shard_record *read);
/* Our record was agreed: what we were taking back may be ours by that. */
void keeper_note_agreed(struct cluster *c);

#endif
