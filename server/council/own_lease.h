/* SPDX-License-Identifier: MIT */
/* Our own lease, as the primary of a shard: what the members have granted.
 *
 * Invariants:  (1) no grant lasts longer than 9/10 of the longest timeout from now
 *              (2) without an agreed record that makes us primary, and when we have handed over, there is no end of the lease
 *                  but one long ago */
#ifndef STARLING_COUNCIL_OWN_LEASE_H
#define STARLING_COUNCIL_OWN_LEASE_H

#include "council/state.h"

/* Whoever agreed that we are the primary has granted with it. */
void own_lease_take_grants(struct council *c, const struct grant *grants, size_t count);
void own_lease_take_answer(struct council *c, const struct cluster_id *from,
                           const struct council_message *m);
/* A newer record of a shard is known, or that of ours was agreed. */
void own_lease_on_record(struct council *c, const struct record_state *r);
/* We are about to propose that another node shall be primary. */
void own_lease_hand_over(struct council *c);
void own_lease_seats_changed(struct council *c);
/* None of it counts any more. */
void own_lease_forget(struct council *c);
/* Compute the end anew. */
void own_lease_update(struct council *c);
void own_lease_tick(struct council *c);
struct mono_time own_lease_wake_at(const struct council *c);
void own_lease_check(const struct council *c);

#endif
