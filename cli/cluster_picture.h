/* SPDX-License-Identifier: MIT */
/* The cluster as a picture: a line for each primary with a bar of its slots, and its replicas below it. */
#ifndef STARLING_CLI_CLUSTER_PICTURE_H
#define STARLING_CLI_CLUSTER_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cli/cluster_check.h"
#include "cli/cluster_map.h"
#include "cli/cluster_moves.h"

/* What a node says of itself beside CLUSTER NODES. */
struct picture_facts {
    bool is_reached;
    int64_t keys;
    int64_t memory_bytes;
    int64_t ops; /* commands a second */
    int64_t offset;
    bool is_linked; /* of a replica: to its primary */
};

/* A node of the picture; all is borrowed. */
struct picture_node {
    const struct map_node *info;
    const struct cluster_map *map; /* its own word; NULL when it was not reached */
    struct picture_facts facts;
};

/* Draw.  Pure; with is_utf8 in blocks, else in letters.  A place of the bar stands for 256 slots: all of them, some, none,
 * or some on the move, by hand or by themselves; of the latter there is a line each below the nodes. */
void picture_draw(const struct picture_node *nodes, size_t count, const struct cluster_moves *moves,
                  bool is_utf8, struct buf *out);

/* map: once, or with --watch every second until Ctrl-C.  Returns the exit code: 1 when a node cannot be reached or slots
 * are not covered. */
int cluster_picture(const struct cluster_target *target);

#endif
