/* SPDX-License-Identifier: MIT */
/* --cluster import: the data of any server into a cluster, as it runs.  Returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_IMPORT_H
#define STARLING_CLI_CLUSTER_IMPORT_H

#include "cli/cluster_check.h"

int cluster_import(const struct cluster_target *target);

#endif
