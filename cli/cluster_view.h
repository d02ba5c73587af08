/* SPDX-License-Identifier: MIT */
/* A cluster as seen through every one of its nodes: a connection to each that can be reached, and
 * what it reports. */
#ifndef STARLING_CLI_CLUSTER_VIEW_H
#define STARLING_CLI_CLUSTER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/cluster_map.h"
#include "cli/options.h"
#include "io/client.h"

struct view_node {
    struct map_node info;  /* its own word about itself, or else the first node's about it */
    struct client *client; /* NULL: could not be reached, error says why */
    struct cluster_map map;
    struct errmsg error;
};

/* Owns its nodes, connections included; the first is the one that was asked first. */
struct cluster_view {
    VEC(struct view_node) nodes;
};

/* Ask the node at host:port, then every node it knows.  False when that first node cannot be
 * reached or is not in cluster mode. */
MUST_USE bool cluster_view_open(struct cluster_view *view, const struct options *options,
                                const char *host, uint16_t port, struct errmsg *error);
void cluster_view_close(struct cluster_view *view);
/* CLUSTER NODES of one server, parsed. */
MUST_USE bool cluster_view_fetch_map(struct client *client, struct cluster_map *map,
                                     struct errmsg *error);
/* Do all nodes that were reached report the same ids, roles and slots?  Else *out_other is one
 * that differs from the first. */
MUST_USE bool cluster_view_agrees(const struct cluster_view *view,
                                  const struct view_node **out_other);

/* ---- what cluster commands print ---------------------------------------------------------------- */

enum view_tone {
    VIEW_STEP, /* ">>> ..." */
    VIEW_GOOD, /* "[OK] ..." */
    VIEW_WARN, /* "[WARNING] ..." */
    VIEW_BAD,  /* "[ERR] ..." */
};
/* A line on standard output, in colour when that is a terminal. */
void view_say(enum view_tone tone, const char *format, ...) PRINTF_LIKE(2, 3);
/* The "M: ..." or "S: ..." lines of a node. */
void view_print_node(const struct map_node *node, size_t replica_count);

/* "<question> (type 'yes' to accept): "; yes without a question where the command line says so. */
MUST_USE bool view_confirm(const struct options *options, const char *question);
/* Index of the node of that id, or of the only one whose id begins so; the count of nodes when there is none. */
size_t cluster_view_find(const struct cluster_view *view, const char *id);
/* A primary that may have slots. */
static inline bool view_is_data_primary(const struct map_node *node)
{
    return (node->flags & (MAP_PRIMARY | MAP_ARBITER)) == MAP_PRIMARY;
}
/* Replicas of a primary, as the nodes themselves report them. */
size_t cluster_view_count_replicas(const struct cluster_view *view, const char *primary_id);

/* A number from an INFO or CLUSTER INFO text, such as "cluster_known_nodes"; false when the field
 * is missing. */
MUST_USE bool view_find_field(struct bytes text, const char *name, struct bytes *out);

#endif
