/* SPDX-License-Identifier: MIT */
/* Slots that an operator gave to this node, while the record of a shard whose primary is gone has them still.
 *
 * That record is to let them go first: ours would be refused until then.  We propose it, as whoever takes the shard over
 * would, so the lease of a primary that is there after all has to end before, and is in nobody's hands then.
 *
 * What the shard had on the move ends with the slots that it loses: moves of these slots go, so that none is taken for given, and so
 * does what asks another shard to fetch any of them.  What it has given already is not among its slots, and stays given. */
#ifndef STARLING_CLUSTER_KEEPER_H
#define STARLING_CLUSTER_KEEPER_H

#include "cluster/state.h"
#include "council/shard_record.h"

/* The record that is to let slots go for us now, or NULL; or one that has let them go, while members refuse ours for what was accepted of it,
 * and is agreed by nobody since its primary is gone. */
const struct shard_record *keeper_find_gone(const struct cluster *c);
/* It was read for a change of ours: propose it without our slots, or as it is when it keeps them. */
void keeper_let_go(struct cluster *c, const struct shard_record *read);

#endif
