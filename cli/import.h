/* SPDX-License-Identifier: MIT */
/* --import: what a file of Redis, Valkey or ours holds, into the running server, or the cluster that it is in.  Returns
 * the exit code. */
#ifndef STARLING_CLI_IMPORT_H
#define STARLING_CLI_IMPORT_H

#include "cli/options.h"

int import_run(const struct options *options);

#endif
