/* SPDX-License-Identifier: MIT */
/* A member of the council answers: to those who would change a record, to primaries who ask for a lease, to members who
 * take over from those before. */
#ifndef STARLING_COUNCIL_MEMBER_H
#define STARLING_COUNCIL_MEMBER_H

#include "council/state.h"

void member_take_poll(struct council *c, const struct cluster_id *from,
                      const struct council_message *m);
/* To the same, or a PREPARE, that it has to wait. */
void member_defer(struct council *c, const struct cluster_id *from, const struct council_message *m,
                  int64_t wait_ms);
void member_take_prepare(struct council *c, const struct cluster_id *from,
                         const struct council_message *m);
void member_take_accept(struct council *c, const struct cluster_id *from,
                        const struct council_message *m);
void member_take_lease(struct council *c, const struct cluster_id *from,
                       const struct council_message *m);
void member_take_pull(struct council *c, const struct cluster_id *from,
                      const struct council_message *m);
/* What another member promised, taken over with its records. */
void member_take_promise(struct council *c, struct record_state *r,
                         const struct council_message *state);
/* There may be promises of this length that nobody remembers: grant nothing, and let nobody take over, before they are
 * over. */
void member_has_forgotten(struct council *c, int64_t length_ms);
/* A promise of this length is made, or known of. */
void member_note_length(struct council *c, int64_t length_ms);
/* Long promises of former times are over some day: a start need not wait for them for ever. */
void member_tick(struct council *c);

#endif
