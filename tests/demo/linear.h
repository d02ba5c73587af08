/* SPDX-License-Identifier: MIT */
/* What clients asked of one key and what they were told: can a key at one place, which does one thing at a time, have told that?
 *
 * The key is a register, of which no value is set twice, or a counter to which anybody adds one; 0 is a key that is not there.  An
 * operation takes effect at one moment between when it was sent and when it was answered.  A write without an answer takes effect at
 * any moment after it was sent, however late, or never.  Nothing that was answered may be lost.
 *
 * A register is judged by zones (Gibbons and Korach, Testing Shared Memories, 1997).  That of a value is the time between the first answer
 * that tells of it and the last sending of what tells of it: for as long as it is forward the key has that value, so
 *
 *     no two forward zones overlap, and no backward one lies within a forward one:   |<- 7 is set    7 is read ->|
 *                                                                                        | 8 is set |      broken
 *
 * A counter only rises.  So what was sent after an answer shows at least what that one showed, and an addition more; no two additions
 * show the same; and the numbers up to one that is shown, but that no addition was answered, are no more than additions
 * without an answer that were sent before.
 *
 * Both are exact, and sort instead of searching: a history of a million takes a second.  tests/sim/history.h searches, since it
 * judges values that take-overs have lost.
 *
 * Pure. */
#ifndef STARLING_TESTS_DEMO_LINEAR_H
#define STARLING_TESTS_DEMO_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

#define LINEAR_NEVER INT64_MAX

enum linear_key {
    LINEAR_REGISTER,
    LINEAR_COUNTER,
};

struct linear_op {
    int64_t sent_us;
    int64_t answered_us; /* LINEAR_NEVER: nobody knows whether it was done, and when */
    int64_t value;       /* read, set, or the sum; of an addition without an answer 0 */
    bool is_write;
    uint8_t client;
    uint8_t node; /* that answered */
};

/* How many answers cannot have been given.  The first of them, and what was going on then, is appended to why, and *at_us says when
 * that was.  What was refused is not in ops, and reads have an answer.  Sorts ops. */
size_t linear_check(enum linear_key key, struct linear_op *ops, size_t count, struct buf *why,
                    int64_t *at_us);
/* A few histories by hand are judged as they have to be: the check is not blind.  False and the name of the one. */
MUST_USE bool linear_check_itself(const char **which);

#endif
