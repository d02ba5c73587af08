/* SPDX-License-Identifier: MIT */
/* The table of nodes: who is known, found by id or by number.
 *
 * Invariants:  (1) items[0] is me, never in handshake, failing or failed, and without a link
 *              (2) each node is found by its id and by its number; at most CLUSTER_NODES_MAX
 *              (3) a node is not its own primary, and none that is in handshake has slots
 *              (4) a node that has failed is no longer failing, and a majority said so in the past
 * Owns the nodes; a pointer to one is valid until nodes_remove of it. */
#ifndef STARLING_CLUSTER_NODES_H
#define STARLING_CLUSTER_NODES_H

#include "cluster/state.h"

/* NULL when the table is full.  The id must not be known. */
struct cluster_node *nodes_add(struct cluster *c, const struct cluster_id *id,
                               const struct cluster_address *address);
/* Close its link, unbind its slots, forget its reports, free it.  Not for ourselves. */
void nodes_remove(struct cluster *c, struct cluster_node *node);
void nodes_free_all(struct cluster *c);
void nodes_rename(struct cluster *c, struct cluster_node *node, const struct cluster_id *id);

struct cluster_node *nodes_find(const struct cluster *c, const struct cluster_id *id);
struct cluster_node *nodes_find_text(const struct cluster *c, struct bytes id);
struct cluster_node *nodes_find_number(const struct cluster *c, uint32_t number);
/* The primary of a replica, NULL when it is not known (or node is a primary). */
struct cluster_node *nodes_primary_of(const struct cluster *c, const struct cluster_node *node);

/* Primaries with slots. */
size_t nodes_count_owners(const struct cluster *c);

/* Node becomes a primary without slots, or a replica. */
void nodes_set_primary(struct cluster *c, struct cluster_node *node);
void nodes_set_replica(struct cluster *c, struct cluster_node *node,
                       const struct cluster_id *primary);

/* Something that is kept in the nodes file changed. */
static inline void nodes_changed(struct cluster *c)
{
    c->is_file_dirty = true;
}
void nodes_check(const struct cluster *c);

#endif
