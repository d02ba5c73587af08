/* SPDX-License-Identifier: MIT */
/* The table of nodes: who is known, found by id or by number.
 *
 * Invariants:  (1) items[0] is me, never in handshake, failing or failed, and without a link
 *              (2) each node is found by its id and by its number; at most CLUSTER_NODES_MAX
 *              (3) a node is not its own primary, and none that is in handshake has slots
 *              (4) a node that has failed is no longer failing, and a majority said so in the past
 *              (5) those that are failing or have failed are in `ailing`, once
 * Owns the nodes; a pointer to one is valid until nodes_remove of it. */
#ifndef STARLING_CLUSTER_NODES_H
#define STARLING_CLUSTER_NODES_H

#include "cluster/facts.h"
#include "cluster/state.h"

enum {
    NODES_GATHER_PARTS =
        10, /* of a node timeout: so long what was learned is gathered for one file, */
    NODES_GATHER_MAX_MS = 100,
};

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

enum node_health {
    NODE_WELL,
    NODE_FAILING, /* we cannot reach it, */
    NODE_FAILED,  /* nor can a majority */
};
void nodes_set_health(struct cluster *c, struct cluster_node *node, enum node_health health);

/* Primaries with slots. */
size_t nodes_count_owners(const struct cluster *c);

/* Node becomes a primary without slots, or a replica. */
void nodes_set_primary(struct cluster *c, struct cluster_node *node);
void nodes_set_replica(struct cluster *c, struct cluster_node *node,
                       const struct cluster_id *primary);

/* Something that is kept in the nodes file changed: it is written at once. */
static inline void nodes_changed(struct cluster *c)
{
    c->is_file_dirty = true;
    c->file_due_at = c->now;
}
/* The same of what others said or agreed, and would say again: nobody counts on it, and more is likely to come, so that one file
 * for all of it is written a little later. */
static inline void nodes_learned(struct cluster *c)
{
    int64_t gather_ms = cluster_timeout_part(c, NODES_GATHER_PARTS);
    struct mono_time due_at =
        mono_add_ms(c->now, gather_ms < NODES_GATHER_MAX_MS ? gather_ms : NODES_GATHER_MAX_MS);

    c->file_due_at = c->is_file_dirty ? mono_earlier(c->file_due_at, due_at) : due_at;
    c->is_file_dirty = true;
}
void nodes_check(const struct cluster *c);

#endif
