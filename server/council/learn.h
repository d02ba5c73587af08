/* SPDX-License-Identifier: MIT */
/* What was agreed, told and heard; and how a node comes from one council to another.
 *
 *     founded by itself --(has met a council that it should join)--> its own council has ended: no council
 *     no council        --(is told seats)--> that council
 *
 * A council ends by a last agreed change of its own record, so that it can never decide anything again; who followed it is
 * told, and has none, too, until it hears of another. */
#ifndef STARLING_COUNCIL_LEARN_H
#define STARLING_COUNCIL_LEARN_H

#include "council/state.h"

void learn_take(struct council *c, const struct cluster_id *from, const struct council_message *m);
void learn_take_ask(struct council *c, const struct cluster_id *from,
                    const struct council_message *m);
/* The seats were agreed. */
void learn_seats(struct council *c, const struct seats *seats, const struct ballot *ballot);
/* A record of a shard was agreed. */
void learn_record(struct council *c, const struct ballot *ballot, const struct shard_record *record,
                  struct bytes value);
/* May this council end, so that its only node joins another: it decided about nobody else? */
bool learn_may_go_over(const struct council *c);

#endif
