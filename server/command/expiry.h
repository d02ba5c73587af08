/* SPDX-License-Identifier: MIT */
/* Options that say when a key expires, as SET and GETEX take them. */
#ifndef STARLING_COMMAND_EXPIRY_H
#define STARLING_COMMAND_EXPIRY_H

#include "command/exec.h"

enum expiry_kind {
    EXPIRY_NONE,
    EXPIRY_EX,      /* seconds from now */
    EXPIRY_PX,      /* milliseconds from now */
    EXPIRY_EXAT,    /* unix time in seconds */
    EXPIRY_PXAT,    /* unix time in milliseconds */
    EXPIRY_KEEPTTL, /* as it was */
    EXPIRY_PERSIST, /* never */
};

struct expiry_option {
    enum expiry_kind kind;
    size_t argument; /* index of its number, for EX, PX, EXAT and PXAT */
};

/* Read the option at argument *index, and move *index behind it.  False when it is none of them,
 * lacks its number or contradicts an earlier one.  KEEPTTL and PERSIST are not read here. */
bool expiry_read_option(const struct exec *x, size_t *index, struct expiry_option *option);
/* The point in time that the number of the argument means; false after an error reply. */
MUST_USE bool expiry_resolve(struct exec *x, enum expiry_kind kind, size_t argument,
                             int64_t *out_ms);

#endif
