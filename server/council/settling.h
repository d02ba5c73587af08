/* SPDX-License-Identifier: MIT */
/* Is the council that a node founded, or joined, the one that it will stay with?
 *
 * A council of one neither grows nor decides about others before all nodes it knows of are of it, or nobody of another
 * was heard for long: so that it can still go over to another. */
#ifndef STARLING_COUNCIL_SETTLING_H
#define STARLING_COUNCIL_SETTLING_H

#include "council/state.h"

/* Somebody of another council is near: it may be that one of the two goes over to the other. */
void settling_wait(struct council *c);
/* A node came that was not known before: more may follow. */
void settling_expect_more(struct council *c);
/* Will no other council come any more, as far as can be told? */
bool settling_is_over(const struct council *c);

#endif
