/* SPDX-License-Identifier: MIT */
/* Bytes of memory that a key takes: how much a fresh server grows while keys are loaded. */
#ifndef STARLING_TESTS_BENCH_FOOTPRINT_H
#define STARLING_TESTS_BENCH_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "tests/bench/peers.h"

/* Measure all peers but the floor, on the processors of the mask, with values of several sizes, with and without a time to live,
 * and print the table. */
MUST_USE bool footprint_run(const struct peers *peers, uint64_t cpu_mask, uint64_t key_count,
                            struct errmsg *error);

#endif
