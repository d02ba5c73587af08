/* SPDX-License-Identifier: MIT */
/* How often which node is greeted, so that what the bus carries does not grow with the cluster.
 *
 * In a small cluster everybody greets everybody, five times a node timeout.  In a larger one:
 *
 *     the nodes of the same shard      five times a node timeout: who takes over, and who may, is up to them
 *     the members of the council       once a node timeout, and seldomer the more nodes there are
 *     all others                       a few a second, in turn
 *
 * The council loses nothing by that: primaries ask it for their lease all the time, and greet them seldom.  When one of them falls silent, its
 * members greet it at once.  Everybody else hears of a failure from them. */
#ifndef STARLING_CLUSTER_PACE_H
#define STARLING_CLUSTER_PACE_H

#include "cluster/state.h"

enum {
    PACE_SMALL_NODES = 10,
};

/* So many nodes that the council has enough to do with their leases. */
bool pace_is_large(const struct cluster *c);
/* Is this one of those that are greeted in turn, one each pace_turn_ms? */
bool pace_is_in_turn(const struct cluster *c, const struct cluster_node *node);
int64_t pace_turn_ms(const struct cluster *c);
/* When a node that is greeted now should be greeted next at the latest. */
int64_t pace_interval_ms(const struct cluster *c, const struct cluster_node *node);
/* A member of the council has heard nothing of this primary for too long: it is to be greeted now. */
bool pace_is_overdue(const struct cluster *c, const struct cluster_node *node);
/* So many nodes are told about in each greeting, besides those that fail. */
size_t pace_gossip_count(const struct cluster *c);

#endif
