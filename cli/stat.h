/* SPDX-License-Identifier: MIT */
/* --stat: a line of statistics now and then.  Returns the exit code. */
#ifndef STARLING_CLI_STAT_H
#define STARLING_CLI_STAT_H

#include "cli/options.h"

int stat_run(const struct options *options);

#endif
