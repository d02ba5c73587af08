/* SPDX-License-Identifier: MIT */
/* A change of a record that this node proposes.
 *
 *     IDLE -> POLLING -> PREPARING -> READING -> ACCEPTING -> IDLE
 *        |---------------^            ^   (its own record: nobody is disturbed)
 *        `----------------------------'   (its own once more, in the round of the one that was agreed last: ballot.h)
 *
 * From every phase it falls back to IDLE when it has failed, or is given up.  What came of it stands in outcome until its
 * owner has looked.
 *
 * Invariants:  (1) only the members of one generation are counted; another one ends it
 *              (2) a ballot has one value */
#ifndef STARLING_COUNCIL_PROPOSAL_H
#define STARLING_COUNCIL_PROPOSAL_H

#include "council/state.h"

/* One that nobody has used. */
struct ballot proposal_next_ballot(struct council *c);
/* Somebody has used this one: ours are above it. */
void proposal_note_round(struct council *c, const struct ballot *seen);
void proposal_start(struct council *c, struct proposal *p, const struct cluster_id *record,
                    enum council_change change);
/* When it was read. */
void proposal_put(struct council *c, struct proposal *p, struct bytes value);
void proposal_give_up(struct proposal *p);
void proposal_take_answer(struct council *c, struct proposal *p, const struct cluster_id *from,
                          const struct council_message *m);
/* The seats are others now. */
void proposal_seats_changed(struct council *c, struct proposal *p);
void proposal_tick(struct council *c, struct proposal *p);
struct mono_time proposal_wake_at(const struct proposal *p);
/* What came of it since this was asked last. */
enum proposal_outcome proposal_take_outcome(struct proposal *p);
void proposal_deinit(struct proposal *p);
void proposal_check(const struct council *c, const struct proposal *p);

#endif
