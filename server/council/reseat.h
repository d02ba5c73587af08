/* SPDX-License-Identifier: MIT */
/* Who sits in the council: it grows to an odd number of seats with the cluster, gives the seat of a node that is gone to
 * another, and takes what was agreed over into each new generation.
 *
 * Behind the first step of a change (seats.h) each member asks all previous members for what they have accepted,
 * and is ready when a majority of them has told it.  When a majority of the members is ready the second step is
 * proposed.
 *
 * Invariants:  (1) who is ready, and what was pulled, is of this generation
 *              (2) one change at a time */
#ifndef STARLING_COUNCIL_RESEAT_H
#define STARLING_COUNCIL_RESEAT_H

#include "council/state.h"

void reseat_seats_changed(struct council *c);
/* A change was not agreed: the next try comes later, and the later the more often that was so. */
void reseat_proposal_failed(struct council *c);
void reseat_take_state(struct council *c, const struct cluster_id *from,
                       const struct council_message *m);
void reseat_take_state_end(struct council *c, const struct cluster_id *from,
                           const struct council_message *m);
void reseat_take_ready(struct council *c, const struct cluster_id *from,
                       const struct council_message *m);
void reseat_tick(struct council *c);
struct mono_time reseat_wake_at(const struct council *c);
/* What is to become of the seats, as they were read: the next generation, or the same when nothing is to change. */
struct seats reseat_choose(const struct council *c);
void reseat_deinit(struct council *c);
void reseat_check(const struct council *c);

#endif
