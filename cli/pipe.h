/* SPDX-License-Identifier: MIT */
/* --pipe: mass insertion.  What standard input holds (RESP or inline lines) goes to the server
 * as it is; replies are counted.  Returns the exit code: 1 when a reply was an error. */
#ifndef STARLING_CLI_PIPE_H
#define STARLING_CLI_PIPE_H

#include "cli/options.h"

int pipe_run(const struct options *options);

#endif
