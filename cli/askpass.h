/* SPDX-License-Identifier: MIT */
/* --askpass: the password from standard input, not seen when that is a terminal. */
#ifndef STARLING_CLI_ASKPASS_H
#define STARLING_CLI_ASKPASS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/* Append the password, without its line end.  False: the user gave up, or there was no line.
 * Nothing behind the line is read. */
MUST_USE bool askpass_read(struct buf *out);

#endif
