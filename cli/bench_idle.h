/* SPDX-License-Identifier: MIT */
/* --bench -I: connections that do nothing, until Ctrl-C.  Returns the exit code. */
#ifndef STARLING_CLI_BENCH_IDLE_H
#define STARLING_CLI_BENCH_IDLE_H

#include "cli/bench_options.h"
#include "cli/interrupt.h"
#include "cli/options.h"

int bench_idle_run(const struct options *options, const struct bench_options *bench,
                   const struct interrupt *interrupt);

#endif
