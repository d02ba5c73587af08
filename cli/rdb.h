/* SPDX-License-Identifier: MIT */
/* --rdb and --functions-rdb: a snapshot of the server into a file.  Returns the exit code. */
#ifndef STARLING_CLI_RDB_H
#define STARLING_CLI_RDB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/options.h"
#include "io/client.h"

int rdb_run(const struct options *options);

/* A snapshot of the client's server to the file, which is whole or not there; what the client could be used for is over. */
MUST_USE bool rdb_save(struct client *client, const char *path, uint64_t *bytes,
                       struct errmsg *error);

#endif
