/* SPDX-License-Identifier: MIT */
/* --bench: the load generator.  Its words may set options of the connection.  Returns the exit
 * code. */
#ifndef STARLING_CLI_BENCH_H
#define STARLING_CLI_BENCH_H

#include "cli/options.h"

int bench_run(struct options *options);

#endif
