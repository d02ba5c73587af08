/* SPDX-License-Identifier: MIT */
/* --bigkeys, --memkeys, --keystats: every key of one server is asked for its type, its size, its memory.  Returns
 * the exit code. */
#ifndef STARLING_CLI_SURVEY_RUN_H
#define STARLING_CLI_SURVEY_RUN_H

#include "cli/options.h"

int survey_run(const struct options *options);

#endif
