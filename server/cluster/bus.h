/* SPDX-License-Identifier: MIT */
/* What this node says on the bus. */
#ifndef STARLING_CLUSTER_BUS_H
#define STARLING_CLUSTER_BUS_H

#include "cluster/state.h"

/* All of these do nothing towards a node whose link is not up. */
/* PING, or MEET while it is to be met. */
void bus_send_ping(struct cluster *c, struct cluster_node *node);
void bus_broadcast_failed(struct cluster *c, const struct cluster_node *subject);
/* One that says all by its type. */
void bus_send_plain(struct cluster *c, const struct cluster_node *node, enum frame_type type);
void bus_send_council(struct cluster *c, const struct cluster_node *node, struct bytes message);
/* Answer on the link that the question came by. */
void bus_send_pong(struct cluster *c, struct cluster_link link, const struct frame *ping,
                   struct cluster_node *sender);
void bus_send_update(struct cluster *c, struct cluster_link link, const struct cluster_node *owner);

/* A message that is but its subject and a number. */
void bus_send_about(struct cluster *c, struct cluster_link link, enum frame_type type,
                    const struct cluster_id *subject, uint64_t number);

/* A message, or a part of one, is made once and then sent to several nodes. */
void bus_prepare_message(struct cluster *c, enum frame_type type, struct bytes body);
void bus_send_prepared(struct cluster *c, const struct cluster_node *node, size_t queue_bytes);

/* Let every node hear from us in this step's tick. */
void bus_announce(struct cluster *c);
/* The council only: there is news about a failing node. */
void bus_announce_to_council(struct cluster *c);
/* Pings that are due, within the budget of a tick. */
void bus_tick(struct cluster *c);

#endif
