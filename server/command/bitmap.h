/* SPDX-License-Identifier: MIT */
/* Bytes as bits, eight bytes at a time.
 *
 * Bit 0 is the highest bit of the first byte.  Behind the last byte all bits are 0. */
#ifndef STARLING_COMMAND_BITMAP_H
#define STARLING_COMMAND_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

bool bitmap_get(struct bytes b, uint64_t bit);
/* The bit must be there. */
void bitmap_put(char *data, uint64_t bit, bool is_set);

/* bits (1 to 64) of them from bit first on, the first as the highest of the number. */
uint64_t bitmap_get_number(struct bytes b, uint64_t first, unsigned bits);
/* All of them must be there. */
void bitmap_put_number(char *data, uint64_t first, unsigned bits, uint64_t number);

/* How many bits are set from first to last (included, both within b). */
uint64_t bitmap_count(struct bytes b, uint64_t first, uint64_t last);
/* The first bit of that value from first to last (included, both within b); -1: none. */
int64_t bitmap_find(struct bytes b, uint64_t first, uint64_t last, bool is_set);

enum bitmap_op {
    BITMAP_AND,
    BITMAP_OR,
    BITMAP_XOR,
    BITMAP_NOT,   /* of one source */
    BITMAP_DIFF,  /* in the first source and in none of the others */
    BITMAP_DIFF1, /* not in the first source and in one of the others at least */
    BITMAP_ANDOR, /* in the first source and in one of the others at least */
    BITMAP_ONE,   /* in one source, no more */
};

/* Combine the sources (one at least, which may be of different lengths) into out of len bytes. */
void bitmap_combine(enum bitmap_op op, const struct bytes *sources, size_t count, char *out,
                    size_t len);

#endif
