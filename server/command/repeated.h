/* SPDX-License-Identifier: MIT */
/* Replies of random elements that may come again, as a negative count asks for: how many there are has nothing to do with
 * how many the value has, so the reply is bounded, in elements and in bytes, before it takes all memory.
 *
 * Invariants:  (1) a reply of this kind is whole, or it is an error and nothing else
 * Borrows the request.  Loop thread only. */
#ifndef STARLING_COMMAND_REPEATED_H
#define STARLING_COMMAND_REPEATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "command/exec.h"

enum {
    REPEATED_COUNT_MAX = 1 << 24,           /* elements */
    REPEATED_BYTES_MAX = 256 * 1024 * 1024, /* of the reply */
};

struct repeated {
    struct exec *x;
    size_t start; /* of the reply */
};

/* So many are to follow, whose header is the caller's; false after an error reply. */
MUST_USE bool repeated_begin(struct repeated *r, struct exec *x, uint64_t wanted);
/* Before each element: false when the reply has become too long, and an error stands in its place. */
MUST_USE bool repeated_goes_on(const struct repeated *r);

#endif
