/* SPDX-License-Identifier: MIT */
/* Voting: whom this node, as a voter, lets take over.
 *
 * Invariants:  (1) one vote an epoch: that of the newest is last_vote_epoch, in the nodes file
 *              (2) a vote is held exactly until that file is on disk */
#ifndef STARLING_CLUSTER_VOTE_H
#define STARLING_CLUSTER_VOTE_H

#include "cluster/state.h"

/* A known node asks for our vote.  A granted one is noted, and sent once it is on disk. */
void vote_take_request(struct cluster *c, struct cluster_link link, struct cluster_node *candidate,
                       const struct frame *request);
/* The nodes file has reached the disk. */
void vote_on_saved(struct cluster *c);
void vote_check(const struct cluster *c);

#endif
