/* SPDX-License-Identifier: MIT */
/* Our primary: the machine of replication/replica.h decides, this carries its actions out.
 *
 * Invariants:  (1) those of node/machine.h
 *              (2) link is 0 exactly while no connection is opened or open */
#ifndef STARLING_NODE_REPLICA_SIDE_H
#define STARLING_NODE_REPLICA_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/machine.h"
#include "replication/replica.h"

struct node;

struct upstream {
    struct replica *replica;
    struct machine machine;
    uint64_t link;   /* env link, 0: none */
    bool needs_full; /* nothing that we have is of use */
    bool owes_ack; /* our primary has asked how far we are, and was told of more than is on disk */
};

/* By the options as they are now; the first call makes the machine. */
void replica_side_configure(struct node *node);
void replica_side_deinit(struct node *node);
void replica_side_follow(struct node *node, const char *host, uint16_t port);
void replica_side_stop(struct node *node);
/* Ask for a full resync next time. */
void replica_side_resync_fully(struct node *node);
void replica_side_tick(struct node *node);
/* Do we have the stream of our primary? */
static inline bool upstream_is_up(const struct upstream *upstream)
{
    return replica_get_phase(upstream->replica) == REPLICA_STREAMING;
}

/* More of our log is on disk. */
void replica_side_synced(struct node *node);

void replica_side_link_up(struct node *node);
void replica_side_link_input(struct node *node, struct bytes input);
void replica_side_link_down(struct node *node, const char *reason);

void replica_side_check(const struct node *node);

#endif
