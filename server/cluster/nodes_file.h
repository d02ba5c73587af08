/* SPDX-License-Identifier: MIT */
/* The nodes file: what must survive a restart, as text.
 *
 * One line per node, ours first, in the form of CLUSTER NODES:
 *
 *     <id> <ip>:<port>@<bus port>,<hostname>[,shard-id=<id>][,announced=yes][,admission=<number>]
 *         <flags> <primary id or -> 0 0 <config epoch> connected [<slot>|<first>-<last> ...]
 *
 * (on one line; announced: the hostname is the node's own word), then the lines of the council (council/council_file.c),
 * each beginning with "council ", and last
 *
 *     vars currentEpoch <n> lastVoteEpoch 0 [forgotten <id>:<admission>:<ms left> ...]
 *
 * A file that is cut, or says something that no node could have written, is refused. */
#ifndef STARLING_CLUSTER_NODES_FILE_H
#define STARLING_CLUSTER_NODES_FILE_H

#include "base/attr.h"
#include "base/errmsg.h"
#include "cluster/state.h"

void nodes_file_format(const struct cluster *c, struct buf *out);
/* Fill a cluster without nodes.  False with line and reason; the cluster is then of no use. */
MUST_USE bool nodes_file_parse(struct cluster *c, struct bytes text, struct errmsg *error);

/* " 0-99 101": the slots of a node, and of ours those on the move. */
void nodes_file_format_slots(const struct cluster *c, const struct cluster_node *node,
                             struct buf *out);

#endif
