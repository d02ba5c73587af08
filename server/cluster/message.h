/* SPDX-License-Identifier: MIT */
/* Messages between clients that the bus carries: from the node where one was published to all others, or to
 * those of its shard; and announcements of a node to all others.
 *
 * Each goes to a node once, over our link to it, and is not sent again: it arrives once or not at all.
 * One that does not fit into a frame goes in parts (message_part.h), which follow each other on the link.
 *
 * Frames of messages do not count among those that carry news of their sender: their sequence is that of the last
 * frame before them, and the number and place of a part take its place, which rise as long as a node runs.
 *
 * The whole is the length of the channel's name in 4 bytes, the name, and the message.  A part that does
 * not continue what came before it is dropped, and with it the message (partial.h). */
#ifndef STARLING_CLUSTER_MESSAGE_H
#define STARLING_CLUSTER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "cluster/actions.h"

struct cluster;
struct cluster_node;
struct frame;

enum {
    MESSAGE_QUEUE_BYTES = 1024 * 1024, /* a link on which more waits gets no message */
};

/* Send it to every node that is linked, or to those of our shard.  False: it is too long for that many
 * nodes, and none gets it. */
bool cluster_publish(struct cluster *cluster, struct mono_time now, enum message_kind kind,
                     struct bytes channel, struct bytes message, struct actions *actions);

/* Tell all nodes that are linked something about what this one serves. */
bool cluster_announce(struct cluster *cluster, struct mono_time now, struct bytes message,
                      struct actions *actions);

/* A part came from a node that is known. */
void message_take(struct cluster *c, struct cluster_node *sender, const struct frame *frame);
/* Bytes of messages that have come in part. */
size_t cluster_message_bytes(const struct cluster *cluster);
/* The channel and the message of an action's bytes. */
void cluster_message_split(struct bytes whole, struct bytes *channel, struct bytes *message);

#endif
