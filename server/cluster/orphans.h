/* SPDX-License-Identifier: MIT */
/* Replicas that move: to a primary that has none, and away from one that was removed.
 *
 * A primary with slots that has had no working replica for some node timeouts is an orphan.  Of the shards with most working
 * replicas the one replica with the smallest id moves to it, if its own primary keeps more than cluster-migration-barrier of
 * them; nobody has to be asked, as all see the same, and whoever sees otherwise sees it move and stays.  It moves
 * only while its own shard is well and its data are in step, so never while its primary is to be replaced.
 *
 * A replica whose primary was removed from the cluster (forgotten.h) follows the primary with slots that has fewest. */
#ifndef STARLING_CLUSTER_ORPHANS_H
#define STARLING_CLUSTER_ORPHANS_H

#include "cluster/state.h"

void orphans_tick(struct cluster *c);

#endif
