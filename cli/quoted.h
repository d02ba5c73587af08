/* SPDX-License-Identifier: MIT */
/* Words of the command line that may be quoted, so that any bytes can be written there. */
#ifndef STARLING_CLI_QUOTED_H
#define STARLING_CLI_QUOTED_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

/* Append what the word means: itself, or what stands in its quotes when it begins with one.  False
 * when those are not closed at its end. */
MUST_USE bool quoted_decode(const char *word, struct buf *out);
/* Append text in double quotes, everything but printable ASCII escaped; quoted_decode and split_line
 * read it. */
void quoted_encode(struct buf *out, struct bytes text);
/* Append c as a backslash and a sign, when C and JSON write it so alike; else false, and nothing. */
bool quoted_escape(struct buf *out, unsigned char c);

#endif
