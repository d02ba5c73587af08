/* SPDX-License-Identifier: MIT */
/* Characters in bytes, and how many columns of a terminal they take. */
#ifndef STARLING_CLI_UTF8_H
#define STARLING_CLI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct utf8_char {
    uint32_t code; /* the byte itself when it is not valid */
    size_t len;    /* bytes; 1 when not valid, 0 of nothing */
    bool is_valid;
};

/* The character in front of text. */
struct utf8_char utf8_decode(struct bytes text);
/* Columns of one character: 0 of combining marks, 2 of wide ones. */
size_t utf8_width(uint32_t code);
/* Columns of all of text. */
size_t utf8_text_width(struct bytes text);
/* Where the character behind, or in front of, at begins; at is a character's start.  A character
 * takes the combining marks behind it along. */
size_t utf8_next(struct bytes text, size_t at);
size_t utf8_previous(struct bytes text, size_t at);

#endif
