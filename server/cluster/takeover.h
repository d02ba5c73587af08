/* SPDX-License-Identifier: MIT */
/* A replica takes its primary's place.
 *
 *     IDLE -> WAITING -> PREPARING -> ASKING -> AGREEING -> IDLE
 *
 * WAITING for its turn, the one with most data first.  PREPARING: the council promises it the shard's record as soon as the
 * primary's lease is over; until then it says how long that may take, and nobody is disturbed.  ASKING: now that nothing more can be
 * confirmed, the other replicas that can be reached are asked what they have; whoever has more comes first.
 * AGREEING: the council accepts the record with us as primary.  From each phase it falls back to WAITING when it did not
 * succeed, and to IDLE when there is no reason any more.
 *
 * Invariants (between two steps):
 *              (1) a primary is IDLE
 *              (2) while it is neither IDLE nor WAITING a proposal of ours is under way */
#ifndef STARLING_CLUSTER_TAKEOVER_H
#define STARLING_CLUSTER_TAKEOVER_H

#include "cluster/state.h"

/* Why our data keep an operator from having us take over, as words behind "its data"; NULL: they do not.  One that goes before
 * better ones is content with data that may lack writes, or have some that were given up. */
const char *takeover_why_not(const struct cluster *c, bool goes_before_better);
/* An operator wants it, whatever the primary does; also where another replica has more data, if it goes before that. */
void takeover_force(struct cluster *c, int64_t limit_ms, bool goes_before_better);
void takeover_tick(struct cluster *c);
/* The record was read: nobody serves now. */
void takeover_on_read(struct cluster *c);
/* A node has answered. */
void takeover_on_answer(struct cluster *c);
/* Our proposal was agreed, or has failed. */
void takeover_on_end(struct cluster *c, const struct council_news *news);
/* Give up what our role no longer needs. */
void takeover_settle(struct cluster *c);
struct mono_time takeover_wake_at(const struct cluster *c);
void takeover_check(const struct cluster *c);

#endif
