/* SPDX-License-Identifier: MIT */
/* Flags of the benchmarks, from a table. */
#ifndef STARLING_TESTS_BENCH_OPTIONS_H
#define STARLING_TESTS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

enum {
    OPTION_TEXTS_MAX = 4
};

/* What a flag that may be repeated has collected. */
struct option_texts {
    const char *items[OPTION_TEXTS_MAX];
    size_t count;
};

/* Exactly one of the targets is there. */
struct option_spec {
    const char *flag;     /* "--rounds" */
    const char *argument; /* how usage names its value; NULL of a switch */
    uint64_t *number;     /* 1 to most */
    uint64_t most;
    const char **text;
    struct option_texts *texts;
    bool *is_set;
};

/* Fill the targets; texts borrow from argv.  When something is wrong, print usage and return
 * false. */
MUST_USE bool options_parse(const char *program, const struct option_spec *specs, size_t count,
                            int argc, char **argv);

/* Is the name one of those between commas? */
bool options_list_has(const char *names, const char *name);

#endif
