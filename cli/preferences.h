/* SPDX-License-Identifier: MIT */
/* What the person at the keyboard prefers: said by :set, or beforehand in a file of such lines. */
#ifndef STARLING_CLI_PREFERENCES_H
#define STARLING_CLI_PREFERENCES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"

struct preferences {
    bool has_hints; /* show the arguments that are missing */
};

/* The words of one ":set ..." line, ":set" among them.  False, and a message, when that is no
 * preference; nothing changes then. */
MUST_USE bool preferences_set(struct preferences *preferences, const struct bytes *words,
                              size_t word_count, struct errmsg *error);
/* The lines of a file: blank ones and those that begin with # are nothing.  Problems are appended
 * to complaints, a line each, with the name and the number of the line. */
void preferences_take_text(struct preferences *preferences, struct bytes text, const char *name,
                           struct buf *complaints);
/* The same from a file; one that does not exist has no lines. */
void preferences_load(struct preferences *preferences, const char *path, struct buf *complaints);

#endif
