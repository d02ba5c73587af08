/* SPDX-License-Identifier: MIT */
/* References to the pieces of a sequence, each with how many elements are in it: what leaves and root of
 * store/chunks.h are made of.
 *
 * They lie side by side, so that finding an index adds up an array, and have room at both ends, so that
 * either end grows without moving the others.
 *
 * Invariants:  (1) start + count <= cap
 * All-zero is empty.  Owns the array, not what it refers to.  *bytes is kept up to date by what was allocated and
 * freed. */
#ifndef STARLING_STORE_CHUNK_SLOTS_H
#define STARLING_STORE_CHUNK_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

/* A reference to a chunk or a leaf. */
struct chunk_slot {
    void *child;
    uint64_t count; /* elements in it */
};

/* References, in order, with room before and behind. */
struct chunk_slots {
    struct chunk_slot *items;
    uint32_t start;
    uint32_t count;
    uint32_t cap;
};

static inline struct chunk_slot *chunk_slots_at(const struct chunk_slots *s, uint32_t i)
{
    DEBUG_ASSERT(i < s->count);
    return &s->items[s->start + i];
}

/* Before number i, or behind the last. */
void chunk_slots_insert(struct chunk_slots *s, uint32_t i, struct chunk_slot slot, size_t *bytes);
void chunk_slots_remove(struct chunk_slots *s, uint32_t i);
/* The slot that has element *index of `total`, which they have together; *index becomes its number in there. */
uint32_t chunk_slots_find(const struct chunk_slots *s, uint64_t total, uint64_t *index);
/* The same references in an array of its own. */
void chunk_slots_copy(const struct chunk_slots *from, struct chunk_slots *to, size_t *bytes);
void chunk_slots_free(struct chunk_slots *s, size_t *bytes);

#endif
