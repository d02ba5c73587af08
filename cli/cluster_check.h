/* SPDX-License-Identifier: MIT */
/* Judging a cluster that exists: check, info, call and wait.  Each returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_CHECK_H
#define STARLING_CLI_CLUSTER_CHECK_H

#include <stdint.h>

#include "cli/cluster_view.h"
#include "cli/options.h"

struct cluster_target {
    const struct options *options;
    const char *host;
    uint16_t port;
};

/* A view through the target; false, and said why, when there is none. */
MUST_USE bool cluster_open(struct cluster_view *view, const struct cluster_target *target);
/* One line a primary, and the sum of keys. */
int cluster_info(const struct cluster_target *target);
/* The same, then every test; 1 when something is wrong. */
int cluster_check(const struct cluster_target *target);
/* The tests alone, of nodes that are connected already. */
int cluster_check_view(const struct cluster_view *view);
/* sync-replicas: has the shard of this node, if it is a primary, as many replicas in its in-sync set as it asks for?  Both are told. */
bool cluster_check_sync_set(const struct view_node *node, int64_t *size, int64_t *required);
/* Say what nodes tell differently from the first; true when there is nothing. */
bool cluster_check_agreement(const struct cluster_view *view);
/* A command on every node. */
int cluster_call(const struct cluster_target *target, char *const *words, size_t word_count);
/* Until everything is in order, or the time limit. */
int cluster_wait(const struct cluster_target *target);
/* Until each primary that can be asked serves its slots: who has just got some, or was away, refuses clients for a moment.  False, and
 * said, when one does not within the time limit. */
MUST_USE bool cluster_wait_until_served(const struct cluster_target *target);

/* Has the council grown so far that it bears the loss of a member, by what CLUSTER INFO says of it?  One that has but begun to is
 * lost with its first member, and the cluster with it; so is one of two seats that is getting its third: both majorities have to be
 * there.  Servers without a council are as good.  Else the message says why. */
bool cluster_is_council_whole(struct bytes info, struct errmsg *error);
/* The same of a node that is asked, in a cluster of so many: less than three can have no such council. */
bool cluster_has_council(struct client *client, size_t node_count, struct errmsg *error);
/* Does it say cluster_state:ok, as it does while it serves what it has?  Else *error tells what it says. */
MUST_USE bool cluster_node_is_ok(struct client *client, struct errmsg *error);

#endif
