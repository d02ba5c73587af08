/* SPDX-License-Identifier: MIT */
/* --replica: show the stream that a primary sends its replicas.  Returns the exit code. */
#ifndef STARLING_CLI_REPLICA_H
#define STARLING_CLI_REPLICA_H

#include "cli/options.h"

int replica_run(const struct options *options);

#endif
