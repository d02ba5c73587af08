/* SPDX-License-Identifier: MIT */
/* This node's own role and epoch, and what has to be on disk before others hear of it. */
#ifndef STARLING_CLUSTER_ROLE_H
#define STARLING_CLUSTER_ROLE_H

#include "cluster/state.h"

/* Say nothing on the bus and serve nothing before the state of this step is on disk. */
void role_hold_until_saved(struct cluster *c);
/* Take all slots of our primary under this config epoch. */
void role_take_over(struct cluster *c, uint64_t epoch);
/* Take a new config epoch.  Nobody hears of it before it is on disk; a lease that is held meanwhile
 * goes on. */
void role_set_config_epoch(struct cluster *c, uint64_t epoch);
/* Our config epoch as far as others may know of it: the one on disk. */
uint64_t role_told_epoch(const struct cluster *c);
/* Follow another primary. */
void role_follow(struct cluster *c, const struct cluster_id *primary);
/* After anything that may have changed our role: leave what belonged to the other one. */
void role_settle(struct cluster *c);
/* Is our data whole, as far as we were told? */
bool role_is_complete(const struct cluster *c);
/* Another primary has our config epoch: the smaller id moves on, or who holds the lease when
 * both claim the same slots. */
void role_solve_collision(struct cluster *c, const struct cluster_node *other,
                          const uint64_t *claim);

#endif
