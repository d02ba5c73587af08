/* SPDX-License-Identifier: MIT */
/* Manual failover: a replica takes over from a primary that is well, and nothing is lost.
 *
 *     replica                                   primary
 *     IDLE --- FAILOVER_START --------------->  IDLE
 *     ASKED                                     PAUSING  (pause writes, wait for the status)
 *       <------------- PING, paused at offset   PAUSED
 *     CATCHING_UP until own offset is there
 *     READY --- CAUGHT_UP ------------------->  HANDING_OVER  (a record with the replica as primary)
 *
 * Both sides give up at their deadline.
 *
 * A primary that is about to end offers its place itself (manual_offer): it begins with PAUSING, and the replica, which asked
 * for nothing, goes from IDLE to CATCHING_UP when it hears of the pause.
 *
 * From HANDING_OVER on, reads are held as well: the lease ends before the record is agreed.  The old primary, a replica now,
 * lets its clients go (HANDED_OVER) when it hears that the new one serves, so that they are sent on to somebody who does.
 *
 * Invariants (between two steps):
 *              (1) PAUSING, PAUSED and HANDING_OVER are a primary's phases, the others but IDLE a replica's
 *              (2) the peer of a replica is its primary; whoever is IDLE has no peer */
#ifndef STARLING_CLUSTER_MANUAL_H
#define STARLING_CLUSTER_MANUAL_H

#include "cluster/state.h"

/* Replica: begin. */
void manual_start(struct cluster *c);
/* Primary: begin, with the replica that has most.  Why nobody can be offered its place, or NULL. */
MUST_USE const char *manual_offer(struct cluster *c);
void manual_tick(struct cluster *c);
/* Primary: one of our replicas asks for a pause. */
void manual_take_start(struct cluster *c, const struct cluster_node *replica);
/* Replica: a ping of our primary. */
void manual_take_ping(struct cluster *c, const struct frame *ping);
/* Primary: it has all that we have. */
void manual_take_caught_up(struct cluster *c, const struct cluster_node *replica);
/* Our own offset has been reported. */
void manual_on_status(struct cluster *c);
/* Give up what belongs to a role that we no longer have. */
void manual_settle(struct cluster *c);
void manual_check(const struct cluster *c);

#endif
