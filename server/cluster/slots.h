/* SPDX-License-Identifier: MIT */
/* Who owns which slot, and what to make of the claims that arrive.
 *
 * Invariants:  (1) owner[s] is NULL or a node of the table whose slots have the bit s; slot_count
 *                  counts its bits, assigned_count all slots that have an owner
 *              (2) who owns a slot is a primary
 *              (3) a disowned slot has an owner, and that is not me: I claim what I own
 *              (4) a lost slot is not mine, and only a primary has any
 *              (5) moving has the bits of moves, each slot once */
#ifndef STARLING_CLUSTER_SLOTS_H
#define STARLING_CLUSTER_SLOTS_H

#include "base/attr.h"
#include "cluster/state.h"

/* owner NULL: nobody. */
void slots_bind(struct cluster *c, uint16_t slot, struct cluster_node *owner);
void slots_unbind_all(struct cluster *c, struct cluster_node *node);
/* Move everything that from owns to node `to`. */
void slots_hand_over(struct cluster *c, struct cluster_node *from, struct cluster_node *to);

/* A primary claims exactly these slots under its config epoch: bind those that it owns by
 * rule (6) of cluster.h.  True when it took any.  *stronger: a node that owns a claimed slot with a
 * greater config epoch, or NULL. */
MUST_USE bool slots_take_claim(struct cluster *c, struct cluster_node *claimer,
                               const uint64_t *claim, struct cluster_node **stronger);

/* Slots on the move (CLUSTER SETSLOT). */
const struct slot_move *slots_find_move(const struct cluster *c, uint16_t slot);
void slots_set_move(struct cluster *c, const struct slot_move *move);
void slots_clear_move(struct cluster *c, uint16_t slot);
void slots_check(const struct cluster *c);

#endif
