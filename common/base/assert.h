/* SPDX-License-Identifier: MIT */
/* ASSERT: a bug stops the process, in release builds too.
 *
 * An assertion states what this program guarantees to itself.  What the outside
 * world may do wrong (input, files, peers) is a status, never an ASSERT. */
#ifndef STARLING_BASE_ASSERT_H
#define STARLING_BASE_ASSERT_H

#include "base/attr.h"

/* Where the words of a failed assertion go: to stderr, unless the program has a function of this name
 * that knows better. */
void assert_say(const char *text);
/* Say where and what, then abort. */
NORETURN void assert_fail(const char *file, int line, const char *condition);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (UNLIKELY(!(condition))) {                                                              \
            assert_fail(__FILE__, __LINE__, #condition);                                           \
        }                                                                                          \
    } while (0)

/* For checks too expensive for release builds. */
#ifdef STARLING_DEBUG
#define DEBUG_ASSERT(condition) ASSERT(condition)
#else
#define DEBUG_ASSERT(condition) ((void)0)
#endif

#endif
