/* SPDX-License-Identifier: MIT */
/* Conditions on a string: that it is, or is not, a given value, or one with a given digest.
 *
 * A digest is XXH3 of 64 bits as 16 hexadecimal digits. */
#ifndef STARLING_COMMAND_COMPARE_H
#define STARLING_COMMAND_COMPARE_H

#include "command/exec.h"

enum compare_kind {
    COMPARE_NONE,
    COMPARE_IFEQ,
    COMPARE_IFNE,
    COMPARE_IFDEQ,
    COMPARE_IFDNE,
};

struct comparison {
    enum compare_kind kind;
    size_t argument; /* index of the value or digest */
};

/* Read the condition at argument *index, and move *index behind it.  False when it is none, lacks its
 * value, or is not the first. */
bool comparison_read_option(const struct exec *x, size_t *index, struct comparison *out);
/* Does it hold for the entry's value, or for a key that is not there (NULL)?  False after the error reply
 * that the argument is no digest, which is not looked at where there is no key. */
MUST_USE bool comparison_check(struct exec *x, const struct comparison *comparison,
                               const struct entry *e, bool *holds);

#endif
