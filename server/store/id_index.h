/* SPDX-License-Identifier: MIT */
/* An ordered map from ids of a stream to values of one size: nodes of a stream, pending entries of a group, ids that
 * are pending of a consumer.
 *
 * Items, each an id and its value behind it, lie in leaves of up to ID_LEAF_ITEMS; references to the leaves in
 * the root, each with an id that the leaf's are not below:
 *
 *     root    from 0-0 | from 17-3 | from 40-0
 *               |
 *     leaf    2-1 value | 9-0 value | 17-2 value
 *
 * Finding an id is two binary searches.  A change moves items of one leaf at most, and now and then references
 * of the root.  Both have room at their ends, so that what is added at the end or taken from the front moves
 * nothing.  A leaf that has become much emptier gives memory back; a leaf without items goes.
 *
 * Leaves, and what items refer to, may be shared with images (store/piece.h): a leaf is copied before it changes.
 *
 * Invariants:  (1) ids rise, from item to item and from leaf to leaf
 *              (2) no leaf is empty
 *              (3) the bytes of the pool are exactly what was allocated in it, shared pieces included; those of an
                  image's pool are what they were when it began, less what was freed since
 * An item is a struct that begins with a struct stream_id; its size is a multiple of 8.  Items are borrowed until
 * the next change.  Loop thread only. */
#ifndef STARLING_STORE_ID_INDEX_H
#define STARLING_STORE_ID_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/piece.h"
#include "store/stream_id.h"

enum {
    ID_LEAF_ITEMS = 512,
    ID_PIECE_COST = 2, /* of freeing one, in entries */
};

/* What was allocated for several indexes and what they refer to, together. */
struct id_pool {
    size_t bytes;
    uint64_t piece_count; /* allocations that are worth counting when all is freed */
    struct piece_holder holder;
};

static inline void id_pool_add(struct id_pool *pool, size_t bytes)
{
    pool->bytes += bytes;
    pool->piece_count++;
}

static inline void id_pool_subtract(struct id_pool *pool, size_t bytes)
{
    pool->bytes -= bytes;
    pool->piece_count--;
}

/* So much of one belongs to another. */
static inline void id_pool_move(struct id_pool *from, struct id_pool *to, struct id_pool moved)
{
    from->bytes -= moved.bytes;
    from->piece_count -= moved.piece_count;
    to->bytes += moved.bytes;
    to->piece_count += moved.piece_count;
}

struct id_leaf {
    struct piece piece;
    uint16_t start;
    uint16_t count;
    uint16_t cap;
    _Alignas(8) uint8_t items[];
};

struct id_slot {
    struct stream_id from; /* of the first slot: not looked at */
    struct id_leaf *leaf;
    int64_t low; /* see id_index_low */
};

/* Pieces that items refer to, one each, and that are held by whoever holds the leaf. */
struct id_children {
    struct piece *(*piece)(const void *item);
    size_t (*size)(const void *item);
    void (*free)(const void *item);
};

struct id_index {
    const struct id_children *children; /* NULL: none */
    struct id_slot *slots;
    uint32_t slot_start;
    uint32_t slot_count;
    uint32_t slot_cap;
    uint32_t item_size;
    uint64_t count;
};

/* Where an item is. */
struct id_at {
    uint32_t leaf;
    uint32_t item;
};

void id_index_init(struct id_index *x, size_t item_size, const struct id_children *children);
/* Free all of it, or what the budget (entries; a piece costs ID_PIECE_COST) is good for; true when all is gone. */
bool id_index_free(struct id_index *x, struct id_pool *pool, size_t *budget);
/* An equal one, without children. */
void id_index_copy(const struct id_index *from, struct id_index *to, struct id_pool *pool);
/* An image of the index, for the time of a copy of the root: it stays as it is now.  Nothing but looking and
 * id_index_free may be done with it. */
void id_index_share(const struct id_index *from, struct id_index *to);
/* Assert every invariant; slow.  What it has allocated, without children, is added to *sum. */
void id_index_check(const struct id_index *x, struct id_pool *sum);

/* ---- looking ------------------------------------------------------------------------------------------- */

/* The first item that is not below the id; false when all are. */
bool id_index_seek(const struct id_index *x, struct stream_id id, struct id_at *out);
/* The last item that is not above the id; false when all are. */
bool id_index_seek_back(const struct id_index *x, struct stream_id id, struct id_at *out);
/* The item with the id; false when there is none. */
bool id_index_find(const struct id_index *x, struct stream_id id, struct id_at *out);
/* The last of all; false when there is none. */
bool id_index_last(const struct id_index *x, struct id_at *out);
/* The item that so many are before; false when there are no more than that. */
bool id_index_skip(const struct id_index *x, uint64_t number, struct id_at *out);
/* The next one; false behind the last.  The same to the front. */
bool id_index_next(const struct id_index *x, struct id_at *at);
bool id_index_previous(const struct id_index *x, struct id_at *at);
const void *id_index_get(const struct id_index *x, struct id_at at);

/* ---- lower bounds ---------------------------------------------------------------------------------------- */

/* Whoever searches for something else than ids can keep a lower bound of it for each leaf, so that not all of them have to be
 * looked at: that of a leaf is never above what was noted of an item that is in it.  Nothing noted: INT64_MAX. */
uint32_t id_index_leaf_count(const struct id_index *x);
uint32_t id_index_leaf_items(const struct id_index *x, uint32_t leaf);
int64_t id_index_low(const struct id_index *x, uint32_t leaf);
/* A look at all of its items has shown it. */
void id_index_put_low(struct id_index *x, uint32_t leaf, int64_t low);
/* It is so low for an item with this id, or may become it. */
void id_index_note_low(struct id_index *x, struct stream_id id, int64_t low);

/* ---- changing ------------------------------------------------------------------------------------------- */

/* The value of this item, but not its id, may be changed until the next call. */
void *id_index_change(struct id_index *x, struct id_at at, struct id_pool *pool);
/* A new item with this id, which is not there yet, and a value of zeros. */
void *id_index_insert(struct id_index *x, struct stream_id id, struct id_pool *pool);
/* What it refers to is the caller's. */
void id_index_remove(struct id_index *x, struct id_at at, struct id_pool *pool);

/* Remove all items, which have no children, of which `is_wanted` says so: a look at each, and no search. */
void id_index_remove_if(struct id_index *x,
                        bool (*is_wanted)(const void *context, const void *item),
                        const void *context, struct id_pool *pool);

/* The items of the first leaf, which there is, side by side, and the id of the item behind them, or
 * STREAM_ID_MAX. */
const void *id_index_first_leaf(const struct id_index *x, size_t *count, struct stream_id *behind);
/* It becomes the last leaf of another index, whose ids are smaller. */
void id_index_move_first_leaf(struct id_index *from, struct id_pool *from_pool, struct id_index *to,
                              struct id_pool *to_pool);

#endif
