/* SPDX-License-Identifier: MIT */
/* The command on the command line, repeated as asked.  Returns the exit code. */
#ifndef STARLING_CLI_ONESHOT_H
#define STARLING_CLI_ONESHOT_H

#include "cli/options.h"

int oneshot_run(const struct options *options);

#endif
