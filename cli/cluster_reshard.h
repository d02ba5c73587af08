/* SPDX-License-Identifier: MIT */
/* Slots for one node, and even shares for all.  Each returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_RESHARD_H
#define STARLING_CLI_CLUSTER_RESHARD_H

#include "cli/cluster_check.h"

int cluster_reshard(const struct cluster_target *target);
int cluster_rebalance(const struct cluster_target *target);

#endif
