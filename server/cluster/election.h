/* SPDX-License-Identifier: MIT */
/* Standing for election: a replica in place of its primary, or a primary for confirmation.
 *
 *            a reason             its turn            epoch saved
 *     IDLE ------------> WAITING ----------> SAVING ---------------> ASKING
 *      ^                  |  ^                 |                      | |
 *      |  reason is gone  |  |                 |    no majority       | | majority of voters
 *      +------------------+  +-----------------+----------------------+ |
 *      +----------------------------------------------------------------+
 *
 * While ASKING the request is repeated to those that have not answered: their promise to the
 * old primary may run out in the meantime.  A retry takes a new epoch.
 *
 * Invariants (between two steps):
 *              (1) a phase but IDLE has a reason: a primary's is CONFIRM, a replica's another
 *              (2) no voter is asked before the epoch is in the nodes file on disk
 *              (3) the epoch of an election is none of the future, and nobody's vote is newer */
#ifndef STARLING_CLUSTER_ELECTION_H
#define STARLING_CLUSTER_ELECTION_H

#include "cluster/state.h"

void election_tick(struct cluster *c);
/* The nodes file has reached the disk. */
void election_on_saved(struct cluster *c);
void election_take_vote(struct cluster *c, struct cluster_node *voter, const struct frame *vote);
/* Give up an election that our role no longer needs. */
void election_settle(struct cluster *c);
/* When the next tick is needed for it. */
struct mono_time election_wake_at(const struct cluster *c);
void election_check(const struct cluster *c);

#endif
