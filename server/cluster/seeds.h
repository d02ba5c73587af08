/* SPDX-License-Identifier: MIT */
/* Finding the cluster again: cluster-seeds names addresses where some of its nodes are, whatever happened to those in the nodes
 * file.
 *
 * A node that has heard less than half of the nodes it knows for half a node timeout greets the seeds.  The
 * greeting is a PING, which asks for nothing: a node that knows us learns where we are now, and its answer says where
 * it is.  Of a stranger's answer nothing is taken but a line in the log; only MEET, at an operator's word, brings strangers
 * together.  The rest of the cluster follows by gossip. */
#ifndef STARLING_CLUSTER_SEEDS_H
#define STARLING_CLUSTER_SEEDS_H

#include "base/attr.h"
#include "base/errmsg.h"
#include "cluster/state.h"

/* "host:port,host:port": names, addresses, IPv6 in brackets; host:port@bus-port where the bus is not 10000 above. */
MUST_USE bool seeds_parse(struct bytes text, struct seed_list *out, struct errmsg *error);
void seeds_tick(struct cluster *c);
/* Who sits at a seed has answered: node is the entry by which it was asked, and goes. */
void seeds_take_answer(struct cluster *c, struct cluster_node *node, const struct frame *frame,
                       const char *peer_ip);

#endif
