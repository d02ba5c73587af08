/* SPDX-License-Identifier: MIT */
/* Leases: the voter's promise and the primary's right that rests on it.
 *
 * A voter that answers a primary's ping with FRAME_GRANTED will not vote to replace it before
 * word.promised_until: ping received + the primary's node timeout.  The primary counts the
 * answer as good until ping sent + 9/10 of its node timeout, which is earlier by more than clocks
 * drift apart in that time.  Its lease lasts while a majority of voters is good so.
 *
 * Invariants (between two steps):
 *              (1) only a voter that showed its state on disk holds a lease
 *              (2) a grant lasts at most 9/10 of the longest node timeout from now, what we
 *                  promised or withhold as a voter at most that timeout, or twice as long */
#ifndef STARLING_CLUSTER_LEASE_H
#define STARLING_CLUSTER_LEASE_H

#include "cluster/state.h"

/* As a voter: grant the sender of this ping its lease, if we may.  True when granted. */
bool lease_grant(struct cluster *c, struct cluster_node *sender, const struct frame *ping);
/* Vote for nobody to replace it before timeout_ms have passed. */
void lease_promise(const struct cluster *c, struct cluster_node *primary, int64_t timeout_ms);
/* Grant it no lease before timeout_ms have passed: another one has our word for its slots. */
void lease_block(const struct cluster *c, struct cluster_node *primary, int64_t timeout_ms);
/* As a primary: an answer to the ping that was sent at sent_us grants (or not) our lease. */
void lease_take_answer(struct cluster *c, struct cluster_node *voter, const struct frame *pong);
/* A vote for us is a grant too: the voter promises us not to vote for another. */
void lease_take_vote(struct cluster *c, struct cluster_node *voter, int64_t sent_us);
/* Forget all grants: they were for another role. */
void lease_forget(struct cluster *c);
/* Compute lease_end anew when something it depends on changed. */
void lease_update(struct cluster *c);
/* Do voters withhold our lease because they voted against us, so that only their confirmation
 * in a new epoch can bring it back? */
bool lease_needs_confirmation(const struct cluster *c);
void lease_check(const struct cluster *c);

#endif
