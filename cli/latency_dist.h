/* SPDX-License-Identifier: MIT */
/* --latency-dist: round trip times as a spectrum of colours.  Returns the exit code. */
#ifndef STARLING_CLI_LATENCY_DIST_H
#define STARLING_CLI_LATENCY_DIST_H

#include "cli/options.h"

int latency_dist_run(const struct options *options);

#endif
