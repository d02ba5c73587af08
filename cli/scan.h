/* SPDX-License-Identifier: MIT */
/* --scan: the keys of one server, one a line.  Returns the exit code. */
#ifndef STARLING_CLI_SCAN_H
#define STARLING_CLI_SCAN_H

#include "cli/options.h"

int scan_run(const struct options *options);

#endif
