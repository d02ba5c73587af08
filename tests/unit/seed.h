/* SPDX-License-Identifier: MIT */
/* Seeds of random unit tests: another one each run, or the one in STARLING_SEED.  A failure
 * prints the command that runs the same test with the same seed again. */
#ifndef STARLING_TESTS_UNIT_SEED_H
#define STARLING_TESTS_UNIT_SEED_H

#include <criterion/criterion.h>

#include "base/bytes.h"
#include "base/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static inline uint64_t seed_get(void)
{
    const char *given = getenv("STARLING_SEED");
    struct timespec now;
    uint64_t seed;

    if (given != NULL) {
        cr_assert(num_parse_u64(bytes_from_text(given), &seed), "STARLING_SEED is not a number");
        return seed;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec) + (uint64_t)getpid();
}

/* The program that runs: Criterion's workers have its file, and another name. */
static inline const char *seed_program(void)
{
    static char path[4096];
    ssize_t len =
        readlink("/proc/self/exe", path, sizeof(path) - 1); /* which ends it with no NUL */

    return len > 0 ? path : program_invocation_name;
}

#define SEED_ASSERT(condition, seed)                                                               \
    cr_assert((condition), "%s; again with: STARLING_SEED=%" PRIu64 " %s --filter '%s/%s'",        \
              #condition, (uint64_t)(seed), seed_program(), criterion_current_test->category,      \
              criterion_current_test->name)

#endif
