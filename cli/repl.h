/* SPDX-License-Identifier: MIT */
/* Commands read from a terminal, with editing, or from any other input line by line.  Returns
 * the exit code. */
#ifndef STARLING_CLI_REPL_H
#define STARLING_CLI_REPL_H

#include "cli/options.h"

int repl_run(const struct options *options);

#endif
