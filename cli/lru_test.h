/* SPDX-License-Identifier: MIT */
/* --lru-test: the server as a cache under a workload that has favourites.  Returns the exit code. */
#ifndef STARLING_CLI_LRU_TEST_H
#define STARLING_CLI_LRU_TEST_H

#include "cli/options.h"

int lru_test_run(const struct options *options);

#endif
