/* SPDX-License-Identifier: MIT */
/* The tree under a sequence of chunks (store/chunks.h), which alone uses it: leaves, the references in them,
 * and what they add up to.
 *
 * Whatever is about to change is first made ours alone: a leaf that is shared is copied, then the chunk.
 *
 * Invariants:  (1) the sums of a leaf are those of its chunks; what holds a leaf holds its chunks through it
 *              (2) a leaf's number of elements is in the root, beside the reference */
#ifndef STARLING_STORE_CHUNK_TREE_H
#define STARLING_STORE_CHUNK_TREE_H

#include "store/chunks.h"

struct chunk_leaf {
    struct piece piece;
    struct chunk_slots slots;
    struct chunk_sums sums; /* of the chunks */
};

static inline const struct chunk_leaf *chunk_tree_leaf(const struct chunks *c, uint32_t leaf)
{
    return chunk_slots_at(&c->root, leaf)->child;
}

static inline uint32_t chunk_tree_leaf_count(const struct chunks *c, uint32_t leaf)
{
    return chunk_tree_leaf(c, leaf)->slots.count;
}

static inline const struct chunk_slot *chunk_tree_slot(const struct chunks *c, struct chunk_at at)
{
    return chunk_slots_at(&chunk_tree_leaf(c, at.leaf)->slots, at.slot);
}

/* Does anybody else hold the chunk, by its leaf or itself? */
static inline bool chunk_tree_is_shared(const struct chunks *c, struct chunk_at at)
{
    return piece_is_shared(&chunk_tree_leaf(c, at.leaf)->piece) ||
           piece_is_shared(&chunks_get(c, at)->piece);
}

/* The chunk there, to be changed until the next call of this module.  How many elements it has, and how many
 * bytes of them, is to be told afterwards (chunk_tree_note). */
struct chunk *chunk_tree_change(struct chunks *c, struct chunk_at at);
/* The chunk there has so many elements, and bytes of them, more: or less. */
void chunk_tree_note(struct chunks *c, struct chunk_at at, int64_t count, int64_t data_bytes);
/* The same elements with another capacity, which they fit. */
void chunk_tree_resize(struct chunks *c, struct chunk_at at, size_t capacity, bool is_front_room);
/* A chunk becomes that of this place, before the one that was there; which may be behind the last of a leaf.
 * Returns where it is. */
struct chunk_at chunk_tree_insert(struct chunks *c, struct chunk_at at, struct chunk *chunk_take,
                                  uint64_t count);
/* Behind all others. */
void chunk_tree_append(struct chunks *c, struct chunk *chunk_take, uint64_t count);
void chunk_tree_remove(struct chunks *c, struct chunk_at at);
/* The chunks before the place, which is not the first of its leaf, become a leaf of their own in front of
 * those from there on. */
void chunk_tree_split(struct chunks *c, struct chunk_at at);

#endif
