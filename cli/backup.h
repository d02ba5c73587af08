/* SPDX-License-Identifier: MIT */
/* --backup: a snapshot of a running server and the stream behind it, in a folder on which a server starts; the next
 * time only what is new.  Returns the exit code. */
#ifndef STARLING_CLI_BACKUP_H
#define STARLING_CLI_BACKUP_H

#include "cli/options.h"

int backup_run(const struct options *options);

#endif
