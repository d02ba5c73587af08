/* SPDX-License-Identifier: MIT */
/* The words of one failure: filled where the facts are known, given context on the way up,
 * printed once.  All-zero is "no error". */
#ifndef STARLING_BASE_ERRMSG_H
#define STARLING_BASE_ERRMSG_H

#include "base/attr.h"

struct errmsg {
    char text[512];
};

/* Replace the text; cut when too long.  error may be NULL: then nothing happens. */
void errmsg_set(struct errmsg *error, const char *format, ...) PRINTF_LIKE(2, 3);
/* Put "context: " in front. */
void errmsg_wrap(struct errmsg *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
