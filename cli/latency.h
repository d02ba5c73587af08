/* SPDX-License-Identifier: MIT */
/* --latency and --latency-history: round trip times of PING.  Returns the exit code. */
#ifndef STARLING_CLI_LATENCY_H
#define STARLING_CLI_LATENCY_H

#include "cli/options.h"

int latency_run(const struct options *options);

#endif
