/* SPDX-License-Identifier: MIT */
/* A line into words, quoted as on the wire: "..." with escapes (\n \r \t \a \b \" \\ \xHH), '...'
 * with \' only.  A closing quote must be followed by a blank. */
#ifndef STARLING_BASE_SPLIT_H
#define STARLING_BASE_SPLIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"

/* Owns its words; all-zero is empty. */
struct split {
    VEC(struct bytes) words; /* into text */
    VEC(size_t) ends;
    struct buf text;
};

void split_deinit(struct split *split);
/* False when a quote is not closed, or something follows a closing quote. */
MUST_USE bool split_line(struct split *split, struct bytes line);
/* Append a word, quoted when it has to be, so that split_line reads the same bytes. */
void split_append_word(struct buf *out, struct bytes word);
/* Append it in double quotes, everything but printable ASCII escaped; split_line reads the same bytes. */
void split_append_quoted(struct buf *out, struct bytes word);

#endif
