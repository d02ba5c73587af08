/* SPDX-License-Identifier: MIT */
/* A chunk: packed elements (store/packed.h) with room before and behind them, so that either end grows
 * without moving the rest.
 *
 *     room | element | element | ... | room
 *          start                     end    capacity
 *
 * Invariants:  (1) start <= end <= capacity
 *              (2) between start and end lie whole elements, and at least one
 * A place in a chunk is an offset from its data on.  A chunk is owned by who made it, and by whoever holds it
 * besides (store/chunk_tree.h); while there are several it does not change. */
#ifndef STARLING_STORE_CHUNK_H
#define STARLING_STORE_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/packed.h"
#include "store/piece.h"

enum {
    CHUNK_BYTES =
        8192 - 48, /* of elements at most, unless one of them alone is larger: with what the
                               * allocator needs it is two pages */
    CHUNK_SMALL_BYTES = 1024, /* where the next chunk is not sure to become full */
    CHUNK_ELEMENT_MAX = 1024, /* what is larger has a chunk of its own */
};

struct chunk {
    struct piece piece;
    size_t start;
    size_t end;
    size_t capacity;
    uint8_t data[];
};

static inline size_t chunk_used(const struct chunk *chunk)
{
    return chunk->end - chunk->start;
}

static inline size_t chunk_room(const struct chunk *chunk)
{
    return chunk->capacity - chunk_used(chunk);
}

static inline size_t chunk_size(const struct chunk *chunk)
{
    return sizeof(*chunk) + chunk->capacity;
}

static inline struct bytes chunk_bytes(const struct chunk *chunk)
{
    return bytes_make(chunk->data + chunk->start, chunk_used(chunk));
}

/* Is it there for one large element alone? */
static inline bool chunk_is_lone(const struct chunk *chunk, uint64_t count)
{
    return count == 1 && chunk_used(chunk) > CHUNK_ELEMENT_MAX;
}

/* Without elements; its room is in front of where they will be, or behind. */
struct chunk *chunk_new(size_t capacity, bool is_front_room);
void chunk_free(struct chunk *chunk);
/* A chunk of its own, with the same elements at the same places. */
struct chunk *chunk_twin(const struct chunk *chunk);
/* The same with another capacity, which they fit. */
struct chunk *chunk_copy(const struct chunk *chunk, size_t capacity, bool is_front_room);

/* Make a gap of size bytes, for which there is room, at the place; where it begins afterwards.  The shorter
 * side moves if it can. */
size_t chunk_open_gap(struct chunk *chunk, size_t at, size_t size);
/* Take out what lies there. */
void chunk_close_gap(struct chunk *chunk, size_t from, size_t to);
/* The place behind the first `count` elements of `total`. */
size_t chunk_place(const struct chunk *chunk, uint64_t count, uint64_t total);

/* Take out elements equal to the item: skip the first few, then take so many.  How many were taken. */
uint64_t chunk_remove_equal(struct chunk *chunk, const struct packed_item *item, uint64_t skip,
                            uint64_t count);
/* How many are equal. */
uint64_t chunk_count_equal(struct bytes elements, const struct packed_item *item);

#endif
