/* SPDX-License-Identifier: MIT */
/* What two nodes say differently about their cluster.  Pure. */
#ifndef STARLING_CLI_CLUSTER_DIFFER_H
#define STARLING_CLI_CLUSTER_DIFFER_H

#include "base/buf.h"
#include "cli/cluster_map.h"

/* One node's word. */
struct told_map {
    const char *teller; /* "host:port" */
    const struct cluster_map *map;
};

/* Append a line, without indentation and with its end, for each node of which the two tell members,
 * roles, slots or epochs differently; how many. */
size_t cluster_differ(struct told_map a, struct told_map b, struct buf *out);

#endif
