/* SPDX-License-Identifier: MIT */
/* Where clients go who read hot slots: the views of CLUSTER SLOTS and the like (copies/view.h), and the MOVED by which those
 * are sent on who are with a node that serves more than its part (copies/spread.h), the owner or a member.
 *
 * Sent on are only clients that bear it: by a library that is known to keep to one MOVED, from an address from which
 * somebody has asked any node for the map (node/hot_askers.h), with a single read.
 *
 * Invariant:  (1) a reader is judged once in an epoch of a slot, and by a node that serves too much */
#ifndef STARLING_NODE_HOT_READERS_H
#define STARLING_NODE_HOT_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/cluster_id.h"

struct cluster_node_view;
struct node;
struct request;
struct session;

struct hot_readers {
    uint64_t sent_on; /* clients, by a MOVED, ever */
};

/* Where the client is sent for the slot: the node's id, NULL: it is not hot, or not for this client. */
const struct cluster_id *hot_readers_view(const struct node *node, const struct session *s,
                                          uint16_t slot);

/* A request for the slot, which may be ours, was read: is its client to be judged (hot_readers_send_on)?  Counts it. */
MUST_USE bool hot_readers_count(struct node *node, struct session *s, uint16_t slot);
/* Judge who asks us for a key of a slot that we serve: true when it is to be sent to this node. */
MUST_USE bool hot_readers_send_on(struct node *node, const struct request *request, uint16_t slot,
                                  struct cluster_node_view *out);
/* Are readers of the slot being counted here, so that each request is to be looked at? */
bool hot_readers_are_counted(struct node *node, uint16_t slot);

#endif
