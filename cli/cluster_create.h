/* SPDX-License-Identifier: MIT */
/* A new cluster out of empty nodes.  Returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_CREATE_H
#define STARLING_CLI_CLUSTER_CREATE_H

#include <stddef.h>

#include "cli/options.h"

int cluster_create(const struct options *options, char *const *addresses, size_t address_count);

#endif
