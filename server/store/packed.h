/* SPDX-License-Identifier: MIT */
/* Packed elements: what small collections, and pieces of large ones, are made of.
 *
 * Elements lie one behind the other without gaps, each a string or, when its text is the canonical
 * form of a 64-bit integer, that integer.  The coding is that of the elements of a listpack, so
 * that snapshots of other servers are taken over as they are:
 *
 *     head | data | size of head and data, readable from the right
 *
 *     0xxxxxxx                 0..127
 *     10xxxxxx                 string of up to 63 bytes
 *     110xxxxx xxxxxxxx        13 bits, signed
 *     1110xxxx xxxxxxxx        string of up to 4095 bytes
 *     11110000 + 4 bytes       string
 *     11110001 .. 11110100     2, 3, 4 or 8 bytes of integer
 *
 * Numbers behind the head are little-endian, in the head big-endian.  The size at the end has
 * seven bits a byte, the highest first, and all its bytes but the first have bit 7 set.
 *
 * Invariants:  (1) equal texts have equal codings: an integer is never stored as a string (but what
 *                  came from elsewhere may be, see packed_check)
 *              (2) the places between elements, and no others, may be handed in
 * Nothing here allocates but what grows a buffer.  Loop thread only. */
#ifndef STARLING_STORE_PACKED_H
#define STARLING_STORE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/num.h"

enum {
    PACKED_STRING_6_MAX = 63,
    PACKED_STRING_12_MAX = 4095,
    PACKED_OVERHEAD_MAX = 10, /* bytes around the data of an element at most */
    PACKED_SCRATCH = NUM_I64_TEXT + 1,
};

/* An element, read or to be written: text, or an integer. */
struct packed_item {
    struct bytes text; /* borrowed */
    int64_t integer;
    bool is_integer;
};

/* What the bytes are as an element. */
struct packed_item packed_item(struct bytes text);
struct packed_item packed_item_integer(int64_t integer);
/* Its text; an integer's is written into scratch (PACKED_SCRATCH bytes). */
struct bytes packed_item_text(const struct packed_item *item, char *scratch);
bool packed_item_equals(const struct packed_item *a, const struct packed_item *b);

/* Bytes that it takes. */
size_t packed_size(const struct packed_item *item);
/* Write it where there is room; the place behind it. */
uint8_t *packed_write(uint8_t *at, const struct packed_item *item);
/* Read the element there; the place behind it. */
const uint8_t *packed_read(const uint8_t *at, struct packed_item *out);
const uint8_t *packed_next(const uint8_t *at);
/* The start of the element that ends there. */
const uint8_t *packed_previous(const uint8_t *at);
/* Is the element there equal to the item? */
bool packed_is(const uint8_t *at, const struct packed_item *item);
/* The first element from `at` on that is equal, looking at every step-th, or NULL. */
const uint8_t *packed_find(const uint8_t *at, const uint8_t *end, const struct packed_item *item,
                           unsigned step);
/* The place behind `count` elements. */
const uint8_t *packed_skip(const uint8_t *at, size_t count);

/* ---- in a buffer: places are offsets -------------------------------------------------------------- */

/* Insert the elements; the place behind them.  Texts must not lie in the buffer. */
size_t packed_insert(struct buf *buf, size_t at, const struct packed_item *items, size_t count);
void packed_append(struct buf *buf, const struct packed_item *item);
/* Another element in place of the one there; the place behind it.  Its text must not lie in the buffer. */
size_t packed_replace(struct buf *buf, size_t at, const struct packed_item *item);
void packed_erase(struct buf *buf, size_t from, size_t to);

/* ---- packed collections: a head of two bytes, then elements ------------------------------------------ */

enum {
    PACKED_HEAD_BYTES = 2,
    PACKED_COUNT_BITS = 14,
    PACKED_COUNT_MAX = (1 << PACKED_COUNT_BITS) - 1,
};

/* How many elements, pairs or the like there are, and the type's own mark (0 to 3).  A collection without
 * bytes is empty. */
static inline unsigned packed_count(struct bytes packed)
{
    const uint8_t *at = (const uint8_t *)packed.data;

    return packed.len == 0 ? 0 : (at[0] | (unsigned)at[1] << 8) & PACKED_COUNT_MAX;
}

static inline unsigned packed_mark(struct bytes packed)
{
    return packed.len == 0 ? 0 : ((const uint8_t *)packed.data)[1] >> (PACKED_COUNT_BITS - 8);
}

/* Write the head; a buffer without bytes gets one. */
void packed_put_head(struct buf *packed, unsigned count, unsigned mark);

/* To the address of what is empty, which may be none, nothing can be added. */
static inline const uint8_t *packed_begin(struct bytes packed)
{
    const uint8_t *at = (const uint8_t *)packed.data;

    return packed.len > 0 ? at + PACKED_HEAD_BYTES : at;
}

static inline const uint8_t *packed_end(struct bytes packed)
{
    const uint8_t *at = (const uint8_t *)packed.data;

    return packed.len > 0 ? at + packed.len : at;
}

/* ---- what others wrote ------------------------------------------------------------------------------ */

/* Are these elements, every one whole and with the right size at its end?  *count: how many.  Integers that
 * are stored as strings are found by packed_find only as strings: *is_canonical tells that there
 * are none. */
MUST_USE bool packed_check(struct bytes elements, uint64_t *count, bool *is_canonical,
                           struct errmsg *error);

#endif
