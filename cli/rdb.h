/* SPDX-License-Identifier: MIT */
/* --rdb and --functions-rdb: a snapshot of the server into a file.  Returns the exit code. */
#ifndef STARLING_CLI_RDB_H
#define STARLING_CLI_RDB_H

#include "cli/options.h"

int rdb_run(const struct options *options);

#endif
