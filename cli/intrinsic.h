/* SPDX-License-Identifier: MIT */
/* --intrinsic-latency: how long the system holds up a program that only counts.  Returns the exit code. */
#ifndef STARLING_CLI_INTRINSIC_H
#define STARLING_CLI_INTRINSIC_H

#include "cli/options.h"

int intrinsic_run(const struct options *options);

#endif
