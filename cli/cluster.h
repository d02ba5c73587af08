/* SPDX-License-Identifier: MIT */
/* --cluster: managing a whole cluster.  Returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_H
#define STARLING_CLI_CLUSTER_H

#include "cli/options.h"

int cluster_run(const struct options *options);

#endif
