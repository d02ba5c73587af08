/* SPDX-License-Identifier: MIT */
/* --hotkeys: which keys are used most, of all nodes of a cluster or of one server.  A server that does not look for
 * them itself is asked for the frequency of every key, as OBJECT FREQ has it.  Returns the exit code. */
#ifndef STARLING_CLI_HOTKEYS_H
#define STARLING_CLI_HOTKEYS_H

#include "cli/options.h"

int hotkeys_run(const struct options *options);

#endif
