/* SPDX-License-Identifier: MIT */
/* Who sits in the council, and what is a majority of it.
 *
 * The council is one to nine nodes, whatever they do otherwise, and changes by one seat at a time, in two steps, each of
 * them an agreed change of the council's own record:
 *
 *     generation 4   members a b c                       majority of a b c
 *     generation 5   members a b c d, previous a b c     majority of a b c d and of a b c
 *     generation 6   members a b c d                     majority of a b c d
 *
 * The second step is made when a majority of the new members knows all that a majority of the previous ones had
 * agreed to.  So whatever was agreed in one generation is met by every majority of those after it.
 *
 * A seat has a key of its own, drawn when a node began (or was reset): a node that has forgotten what it promised does
 * not sit on its old seat.
 *
 * A council has an id, drawn when a node founded it by itself.  One that goes over to another says so in its last
 * generation, and decides nothing any more.
 *
 * Invariants:  (1) no node has two seats of a set
 *              (2) there are previous members only in the generation behind a change, and then one node differs
 *              (3) generation 0 is no council, without seats; all others have members
 * Plain value. */
#ifndef STARLING_COUNCIL_SEATS_H
#define STARLING_COUNCIL_SEATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/cluster_id.h"

enum {
    COUNCIL_SEATS_MAX = 9
};

struct seat {
    struct cluster_id node;
    uint64_t key; /* not 0 */
};

struct seat_set {
    struct seat items[COUNCIL_SEATS_MAX];
    size_t count;
};

struct seats {
    struct cluster_id council;
    uint64_t generation;
    struct seat_set members;
    struct seat_set previous;
    struct cluster_id gone_over_to; /* the council that took this one's place, or none */
};

/* NULL when the node has none. */
const struct seat *seat_set_find(const struct seat_set *set, const struct cluster_id *node);
/* How many are more than half. */
size_t seat_set_majority(const struct seat_set *set);

static inline bool seats_is_handing_over(const struct seats *seats)
{
    return seats->previous.count > 0;
}

/* Does the node sit in the council, or did it until the change that is under way? */
bool seats_has(const struct seats *seats, const struct cluster_id *node);
/* The key of its seat, 0: it has none. */
uint64_t seats_key_of(const struct seats *seats, const struct cluster_id *node);
/* Does a node that has this key sit in the council, or did it until the change that is under way? */
bool seats_has_key(const struct seats *seats, const struct cluster_id *node, uint64_t key);
/* The nodes that are asked: members, and previous members that are not among those.  At most COUNCIL_SEATS_MAX + 1. */
size_t seats_count(const struct seats *seats);
const struct seat *seats_at(const struct seats *seats, size_t index);

/* Who has answered; all-zero: nobody. */
struct seat_votes {
    uint32_t bits; /* by index of seats_at */
};
/* Nothing changes when the node has no seat, or was counted. */
void seats_count_vote(const struct seats *seats, const struct cluster_id *node,
                      struct seat_votes *votes);
bool seats_has_voted(const struct seats *seats, const struct cluster_id *node,
                     const struct seat_votes *votes);
/* A majority of this set, which is the members or the previous members. */
bool seats_have_majority(const struct seats *seats, const struct seat_set *set,
                         const struct seat_votes *votes);
/* A majority of the members, and of the previous members if there are some. */
bool seats_is_quorum(const struct seats *seats, const struct seat_votes *votes);

/* The founding of a council by one node. */
struct seats seats_found(const struct cluster_id *council, const struct seat *founder);
/* The next generation: with one more, or one less member; neither when a change is under way. */
struct seats seats_with(const struct seats *seats, const struct seat *seat);
struct seats seats_without(const struct seats *seats, const struct cluster_id *node);
/* The change is over. */
struct seats seats_settled(const struct seats *seats);
/* It has gone over to another council. */
struct seats seats_ended(const struct seats *seats, const struct cluster_id *other);

void seats_encode(struct buf *out, const struct seats *seats);
/* Fails on what is not as the invariants say. */
void seats_decode(struct decoder *d, struct seats *out);
bool seats_equal(const struct seats *a, const struct seats *b);
bool seats_makes_sense(const struct seats *seats);

#endif
