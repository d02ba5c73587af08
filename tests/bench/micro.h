/* SPDX-License-Identifier: MIT */
/* Single parts of the server, run by themselves: what one operation of each takes.
 *
 * Begin prepares everything and depends on no count; run does exactly count operations and nothing
 * else.  So the difference between two runs of different count is that of the operations alone,
 * whatever is counted: nanoseconds or instructions. */
#ifndef STARLING_TESTS_BENCH_MICRO_H
#define STARLING_TESTS_BENCH_MICRO_H

#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load.h"

struct micro {
    const char *name;
    const char *operation; /* what one is */
    uint64_t count;        /* that take about a second */
    void *(*begin)(const struct micro *micro, uint64_t key_count);
    void (*run)(void *state, uint64_t count);
    void (*end)(void *state);
    /* Of the requests it works on, where it does: */
    enum load_command command;
    size_t keys_each;
};

/* The parts of each file, in order; NULL behind the last. */
const struct micro *micro_parse_at(size_t index);
const struct micro *micro_store_at(size_t index);
const struct micro *micro_dispatch_at(size_t index);
const struct micro *micro_zset_at(size_t index);

/* Let a table grow from nothing and print how long single inserts took. */
void micro_growth(uint64_t key_count);

#endif
