/* SPDX-License-Identifier: MIT */
/* A node that is to become part of a cluster: it must be in cluster mode, know nobody and hold nothing. */
#ifndef STARLING_CLI_CLUSTER_NEWCOMER_H
#define STARLING_CLI_CLUSTER_NEWCOMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "cli/cluster_view.h"
#include "cli/options.h"

/* Connect and look.  False when it cannot be used, which was said then, and nothing is left open. */
MUST_USE bool cluster_newcomer_open(struct view_node *node, const struct options *options,
                                    const char *host, uint16_t port);
/* CLUSTER MEET of the node, at its bus port.  Servers that take addresses only are told the one that the name has here. */
MUST_USE bool cluster_newcomer_meet(struct client *newcomer, const struct map_node *other,
                                    struct errmsg *error);

#endif
