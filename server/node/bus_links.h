/* SPDX-License-Identifier: MIT */
/* The connections of the cluster bus, outgoing and incoming: found by the number that the shell knows,
 * and by the one that the cluster's machine knows.
 *
 * Invariants:  (1) each is in the list once, under both numbers
 *              (2) at most UNPROVEN_MAX incoming ones have brought no frame of a node yet, and none of
 *                  them stays so for longer than UNPROVEN_MS
 * Owns the links. */
#ifndef STARLING_NODE_BUS_LINKS_H
#define STARLING_NODE_BUS_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cluster/cluster.h"

struct node;

struct bus_link {
    uint64_t link; /* of env */
    struct cluster_link id;
    struct buf in; /* the beginning of a frame */
    char peer_ip[CLUSTER_IP_SIZE];
    char local_ip[CLUSTER_IP_SIZE];
    struct mono_time accepted_at; /* of an incoming one */
    bool is_proven;               /* it has brought a frame that was accepted */
};

struct bus_links {
    struct bus_link **items;
    size_t count;
    size_t cap;
    uint32_t next_number; /* of an incoming one, for the cluster */
    uint64_t dropped;     /* frames and messages that could not be sent */
};

void bus_links_init(struct node *node);
void bus_links_deinit(struct node *node);

struct bus_link *bus_links_find(const struct node *node, uint64_t link);
struct bus_link *bus_links_find_by_id(const struct node *node, struct cluster_link id);
/* Open a connection; an older one of the same id is closed. */
void bus_links_open(struct node *node, struct cluster_link id,
                    const struct cluster_address *address);
/* One came in; the oldest that is not proven goes when there are too many. */
void bus_links_accept(struct node *node, uint64_t link, const char *peer_ip);
/* Close it, if it is there. */
void bus_links_close(struct node *node, struct cluster_link id);
/* The shell has closed it. */
void bus_links_remove(struct node *node, struct bus_link *bus);
/* A frame for one that does not read is dropped, and one for which more than queue_bytes wait already, if that is
 * not 0. */
void bus_links_send(struct node *node, struct cluster_link id, struct bytes frame,
                    size_t queue_bytes);
/* A message was too long to be sent at all. */
void bus_links_note_drop(struct node *node);
/* Close those that have brought nothing for too long. */
void bus_links_end_unproven(struct node *node);
/* Bytes of the links, what waits on them, and messages that have come in part. */
size_t bus_links_memory(const struct node *node);

void bus_links_check(const struct node *node);

#endif
