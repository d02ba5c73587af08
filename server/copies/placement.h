/* SPDX-License-Identifier: MIT */
/* Who is to be a member of a hot slot: the primaries with most headroom, as they say themselves.
 *
 * Nobody tells of its load while nothing is hot.  An owner that wants members asks all nodes; those that have room answer, and
 * with its next look the owner chooses among them:
 *
 *     nothing --- members are wanted: PLACEMENT_ASK ---> asked --- PLACEMENT_WAIT_MS ---> known --- PLACEMENT_LAPSE_MS ---> nothing
 *
 * Rules:  (1) A node that is busy PLACEMENT_FULL percent of its time, or more, does not answer.
 *         (2) Nobody is chosen who has not answered: it has no room, or stands still, or is of another version.
 *         (3) The least busy go first, in steps of PLACEMENT_STEP percent: what differs by less is noise.  Among those the one
 *             that serves the fewest hot slots besides its own; then a different one for each slot.
 *         (4) Who is a member stays one: clients have learned of it.
 *
 * Pure; all-zero is empty. */
#ifndef STARLING_COPIES_PLACEMENT_H
#define STARLING_COPIES_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/cluster_id.h"

enum {
    PLACEMENT_FULL = 80,
    PLACEMENT_STEP = 10,
    PLACEMENT_WAIT_MS = 500,
    PLACEMENT_LAPSE_MS = 3000,
    PLACEMENT_LOADS_MAX = 256, /* answers that are kept: the first */
};

struct placement_load {
    struct cluster_id node;
    unsigned busy;   /* percent */
    unsigned serves; /* hot slots of others */
};

struct placement {
    struct placement_load loads[PLACEMENT_LOADS_MAX];
    size_t count;
    struct mono_time asked_at; /* 0: never */
};

/* An answer as it goes over the bus: a byte each, behind what it is about.  The node is the sender. */
void placement_load_encode(const struct placement_load *load, struct buf *out);
MUST_USE bool placement_load_decode(struct bytes bytes, struct placement_load *out);
/* Does a node that is so busy answer (1)? */
bool placement_has_room(unsigned busy);

/* Is it time to ask, since nothing is known that is new enough? */
bool placement_is_to_ask(const struct placement *p, struct mono_time now);
/* All nodes were asked; what they said before is forgotten. */
void placement_note_asked(struct placement *p, struct mono_time now);
void placement_take(struct placement *p, const struct placement_load *load);
/* Have those who were asked had the time to answer, and is that not too old? */
bool placement_is_known(const struct placement *p, struct mono_time now);
/* Those who have answered, in the order in which they are to be members of the slot (3); out has PLACEMENT_LOADS_MAX places. */
size_t placement_order(const struct placement *p, uint16_t slot, const struct cluster_id *out[]);

#endif
