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

/* The slots that it has as one number, never 0. */
uint64_t slots_hash(const struct cluster_node *node);
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

/* What of a claim that is only said may be looked at: a slot that is agreed to be another shard's, by the council that we follow, is
 * that shard's until its record says otherwise, or until we, its primary, are moving it to who claims it; and ours are ours while our shard's
 * record names us, whoever else of it says to be its primary. */
void slots_leave_out_agreed(const struct cluster *c, const struct cluster_node *claimer,
                            const uint64_t *claim, uint64_t out[FRAME_SLOT_WORDS]);
/* Whose is the slot by an agreed record of another shard than ours, or NULL. */
const struct shard_record *slots_find_agreed(const struct cluster *c, uint16_t slot);
/* A record was agreed, with these slots: from others that own them without such a record they go to the record's primary. */
void slots_take_agreed(struct cluster *c, struct cluster_node *primary, const uint64_t *slots);
/* Take out of a record of another shard, or of ours, what stands in agreed records of others.  How many slots these were. */
uint32_t slots_leave_out_of(const struct cluster *c, struct shard_record *record);
/* Our record was agreed: what it has, and what was left to others at their word meanwhile, is ours.  They are refused. */
void slots_keep_agreed(struct cluster *c);
/* Let go of what is agreed to be other shards', without removing a key: nobody has agreed that it is ours.  How many these were. */
uint32_t slots_give_up_agreed(struct cluster *c);
/* Let go of what an operator gave to us and our own record does not have.  How many these were. */
uint32_t slots_give_up_added(struct cluster *c);

/* Slots on the move (CLUSTER SETSLOT). */
const struct slot_move *slots_find_move(const struct cluster *c, uint16_t slot);
void slots_set_move(struct cluster *c, const struct slot_move *move);
void slots_clear_move(struct cluster *c, uint16_t slot);
void slots_check(const struct cluster *c);

#endif
