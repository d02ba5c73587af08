/* SPDX-License-Identifier: MIT */
/* This node's own role and epoch, and what has to be on disk before others hear of it.
 *
 * Invariants (between two steps):
 *              (1) config_epoch never exceeds current_epoch
 *              (2) a promotion is due only of a primary, and following only of a replica
 *              (3) what is waited for is at most the file that is asked for next */
#ifndef STARLING_CLUSTER_ROLE_H
#define STARLING_CLUSTER_ROLE_H

#include "cluster/state.h"

/* Say nothing on the bus and serve nothing before the state of this step is on disk. */
void role_hold_until_saved(struct cluster *c);
/* Take all slots of our primary under this config epoch. */
void role_take_over(struct cluster *c, uint64_t epoch);
/* This is our config epoch: what was agreed, or that of a primary without slots, which nobody agrees on. */
void role_set_config_epoch(struct cluster *c, uint64_t epoch);
/* We need one that is not smaller: of a primary with slots it has to be agreed. */
void role_want_epoch(struct cluster *c, uint64_t epoch);
/* Follow another primary. */
void role_follow(struct cluster *c, const struct cluster_id *primary);
/* After anything that may have changed our role: leave what belonged to the other one. */
void role_settle(struct cluster *c);
/* Another primary has our config epoch: the smaller id moves on, or who holds the lease when
 * both claim the same slots. */
void role_solve_collision(struct cluster *c, const struct cluster_node *other,
                          const uint64_t *claim);
/* A primary claims exactly these slots: bind what it owns now (slots_take_claim), and when it took the last slot of our shard
 * follow who serves that now, or else it.  Returns a node that owns a claimed slot with a greater
 * config epoch, or NULL. */
const struct cluster_node *role_take_claim(struct cluster *c, struct cluster_node *claimer,
                                           const uint64_t *claim);
void role_check(const struct cluster *c);

#endif
