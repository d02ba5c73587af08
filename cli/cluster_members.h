/* SPDX-License-Identifier: MIT */
/* Nodes that join a running cluster, and leave it; and what all of them are told.  Each returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_MEMBERS_H
#define STARLING_CLI_CLUSTER_MEMBERS_H

#include <stdint.h>

#include "cli/cluster_check.h"

/* The node at host:port joins the target's cluster, as a primary without slots or as a replica. */
int cluster_add_node(const struct cluster_target *target, const char *host, uint16_t port);
/* The node of that id, which must have no slots, leaves and is empty afterwards. */
int cluster_del_node(const struct cluster_target *target, const char *id);
/* cluster-node-timeout of every node, in its configuration file, too. */
int cluster_set_timeout(const struct cluster_target *target, const char *milliseconds);

#endif
