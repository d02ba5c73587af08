/* SPDX-License-Identifier: MIT */
/* Our lease, as the primary of a shard: what the council grants (council/council.h), for the slots of the agreed record.
 *
 * Invariants (between two steps):
 *              (1) only a primary with slots, whose state is on disk and whose data are complete, holds a lease */
#ifndef STARLING_CLUSTER_LEASE_H
#define STARLING_CLUSTER_LEASE_H

#include "base/attr.h"
#include "cluster/state.h"

/* Ask for the lease that our role gives a right to, and tell when it was lost or won. */
void lease_update(struct cluster *c);
/* This node takes over: its lease comes in a moment, which clients who are here already wait for, a little while at most. */
void lease_await(struct cluster *c);
/* Do they? */
MUST_USE bool lease_is_awaited(const struct cluster *c, struct mono_time now);
void lease_check(const struct cluster *c);

#endif
