/* SPDX-License-Identifier: MIT */
/* Small hashes (store/value_hash.h): packed elements, field, value, field, value.
 *
 * While some field expires each has a third element, its expiry in unix ms, or 0 for never; the mark of
 * the head says so.
 *
 * Invariants:  (1) a field is there once
 *              (2) at most HASH_PACKED_FIELDS fields in VALUE_PACKED_MAX bytes
 *              (3) HASH_MARK_EXPIRIES: some field has an expiry
 * Elements are borrowed until the next change; texts of integers lie in the caller's scratch, which has
 * room for two. */
#ifndef STARLING_STORE_HASH_PACKED_H
#define STARLING_STORE_HASH_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "store/packed.h"
#include "store/value.h"

enum hash_mark {
    HASH_MARK_PAIRS = 0,
    HASH_MARK_EXPIRIES = 1,
};

enum {
    HASH_PAIR = 2, /* elements of a field, beside its expiry */
};

/* How many elements a field has. */
static inline unsigned hash_packed_width(struct bytes packed)
{
    return HASH_PAIR + packed_mark(packed);
}

/* The place of the field's name, or NULL. */
static inline const uint8_t *hash_packed_find(struct bytes packed, struct bytes field)
{
    struct packed_item item = packed_item(field);

    return packed_find(packed_begin(packed), packed_end(packed), &item, hash_packed_width(packed));
}

/* Read the field at the place; the place behind it. */
const uint8_t *hash_packed_read(struct bytes packed, const uint8_t *at, char *scratch,
                                struct value_element *out);
/* The expiry of the field whose value is at the place; 0 for never. */
int64_t hash_packed_expiry(struct bytes packed, const uint8_t *value_at);

/* Set a field, its value and its expiry.  False when there is no room: nothing has happened. */
bool hash_packed_set(struct buf *packed, const struct value_element *field);
/* Another expiry, or 0, for a field that is there.  False when there is no room: nothing has happened. */
bool hash_packed_set_expiry(struct buf *packed, struct bytes field, int64_t expire_at_ms);
/* False when there was none. */
bool hash_packed_remove(struct buf *packed, struct bytes field);
/* When the first field expires; INT64_MAX when none does. */
int64_t hash_packed_next_expiry_ms(struct bytes packed);
/* Assert every invariant; slow. */
void hash_packed_check(struct bytes packed);

#endif
