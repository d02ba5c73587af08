/* SPDX-License-Identifier: MIT */
/* The cluster core's hands: its actions become links, frames, files and changes of role; what
 * happens to those becomes events.
 *
 * Invariants:  (1) those of node/machine.h
 *              (2) one nodes file is written at a time; of those that come meanwhile only the newest
 *                  matters */
#ifndef STARLING_NODE_CLUSTER_SIDE_H
#define STARLING_NODE_CLUSTER_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitset.h"
#include "base/buf.h"
#include "base/errmsg.h"
#include "cluster/cluster.h"
#include "node/machine.h"
#include "spec/slot.h"

struct node;

struct cluster_side {
    struct machine machine;
    char data_shard[41];     /* the shard whose data we hold, perhaps not the newest */
    uint64_t nodes_sequence; /* of the nodes file that is being written */
    struct buf nodes_next;   /* to be written after that */
    uint64_t nodes_next_sequence;
    bool has_nodes_next;
    bool is_nodes_file_failing;                      /* the last try to write it failed */
    uint64_t filled_slots[BITSET_WORDS(SLOT_COUNT)]; /* scratch: those on the move with keys */
};

/* Read the nodes file, or begin as a node that was never in a cluster. */
bool cluster_side_start(struct node *node, struct errmsg *error);
void cluster_side_deinit(struct node *node);
/* The options that CONFIG SET may have changed. */
void cluster_side_configure(struct node *node);
/* Nothing outside cluster mode. */
void cluster_side_tick(struct node *node);
/* The nodes file is on disk, or is not. */
void cluster_side_file_done(struct node *node, bool is_ok, const struct errmsg *error);
/* Our own data or its link changed: the other nodes are to know. */
void cluster_side_status(struct node *node);
/* Tell all other nodes what node/hot_copies.h has to announce. */
void cluster_side_announce(struct node *node);
/* Send a message on to the other nodes, or to those of our shard. */
void cluster_side_publish(struct node *node, bool is_sharded, struct bytes channel,
                          struct bytes message);
/* Where a command of the cluster puts what is to be done; then carry it out. */
struct actions *cluster_side_actions(struct node *node);
void cluster_side_act(struct node *node);

void cluster_side_link_up(struct node *node, uint64_t link, const char *local_ip);
void cluster_side_link_input(struct node *node, uint64_t link, struct bytes input);
void cluster_side_link_down(struct node *node, uint64_t link, const char *reason);
/* Has a node of the cluster spoken on this link, which was accepted? */
bool cluster_side_link_is_proven(const struct node *node, uint64_t link);

/* Also outside cluster mode. */
void cluster_side_check(const struct node *node);

#endif
