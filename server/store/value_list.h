/* SPDX-License-Identifier: MIT */
/* Lists.
 *
 * Small ones lie in their entry, packed, first element first; larger ones are chunks of packed elements
 * (store/chunks.h).  One that has become much smaller again goes back to its entry.
 *
 * Invariants:  (1) packed: VALUE_PACKED_MAX bytes at most; in chunks: more than half of that
 * What is found is borrowed until the next change.  Elements to be written must not lie in the list. */
#ifndef STARLING_STORE_VALUE_LIST_H
#define STARLING_STORE_VALUE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/chunks.h"
#include "store/packed.h"
#include "store/value.h"

enum list_end {
    LIST_LEFT,
    LIST_RIGHT,
};

uint64_t list_count(const struct value *list);

/* ---- reading ------------------------------------------------------------------------------------- */

/* Elements one after the other, towards the right or towards the left. */
struct list_reader {
    const struct chunks *chunks; /* NULL: packed */
    struct chunk_at at;
    const uint8_t *place; /* between two elements */
    const uint8_t *begin; /* of what lies side by side with it */
    const uint8_t *end;
    bool is_leftward;
};

/* Stand before element number index, which exists, to read it first. */
void list_read(const struct value *list, uint64_t index, bool is_leftward, struct list_reader *out);
/* The next element, or false behind the last (before the first). */
bool list_next(struct list_reader *r, struct packed_item *out);

/* ---- changing ------------------------------------------------------------------------------------ */

void list_push(struct value_draft *draft, enum list_end end, struct bytes element);
/* Before element number index, or behind the last. */
void list_insert(struct value_draft *draft, uint64_t index, struct bytes element);
void list_set(struct value_draft *draft, uint64_t index, struct bytes element);
/* Take out `count` elements, which are there, from number index on. */
void list_remove(struct value_draft *draft, uint64_t index, uint64_t count);
/* Take out up to limit elements that are equal, the first or the last; how many there were. */
uint64_t list_remove_equal(struct value_draft *draft, struct bytes element, uint64_t limit,
                           bool is_from_right);

#endif
