/* SPDX-License-Identifier: MIT */
/* Telling others what was agreed, and asking them. */
#ifndef STARLING_COUNCIL_TELL_H
#define STARLING_COUNCIL_TELL_H

#include "council/state.h"

/* What is known of a shard; nothing when no council that we follow has agreed it. */
void tell_record(struct council *c, const struct cluster_id *to, const struct record_state *r);
/* Ours; nothing while we are without. */
void tell_seats(struct council *c, const struct cluster_id *to);
/* Those of a council that ended. */
void tell_these_seats(struct council *c, const struct cluster_id *to, const struct seats *seats,
                      const struct ballot *ballot);
/* All members, of a shard's record, or with none of the seats. */
void tell_everybody(struct council *c, const struct cluster_id *record);

#endif
