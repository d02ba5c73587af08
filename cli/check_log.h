/* SPDX-License-Identifier: MIT */
/* --check-log, with --repair: is the log on disk whole?  Returns the exit code: 0 good, 1 a torn tail, 2 damage, 3
 * when it cannot be read. */
#ifndef STARLING_CLI_CHECK_LOG_H
#define STARLING_CLI_CHECK_LOG_H

#include "cli/options.h"

int check_log_run(const struct options *options);

#endif
