/* SPDX-License-Identifier: MIT */
/* Leases of copies that are over, and clients that keep what they have read of those: while a node that serves copies hears nothing
 * of their owner, that one changes what it has lent as soon as the lease is over, and the INVALIDATE comes later, or never.  So
 * CLIENT TRACKING is told of every copy at the end of its lease; the copies themselves are kept, for the next one.
 *
 * Clients are told before anything else of a pass, so that whoever is answered in it has heard of it.  A process that has stood
 * still since closes the connections of those that it should have told, rather than answer them. */
#ifndef STARLING_NODE_COPY_LAPSES_H
#define STARLING_NODE_COPY_LAPSES_H

#include <stdbool.h>

#include "base/clock.h"

struct node;

/* At the beginning of a pass. */
void copy_lapses_tell(struct node *node);
/* Is there one since, by a clock that is read now, that somebody has to be told of? */
bool copy_lapses_are_due(const struct node *node);
struct mono_time copy_lapses_wake_at(const struct node *node);

#endif
