/* SPDX-License-Identifier: MIT */
/* Bringing a cluster into order: moves that were broken off, slots that nobody has, keys at nodes that do not have their
 * slot.  Returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_FIX_H
#define STARLING_CLI_CLUSTER_FIX_H

#include "cli/cluster_check.h"

int cluster_fix(const struct cluster_target *target);

#endif
