/* SPDX-License-Identifier: MIT */
/* A sequence of elements of any length, in chunks (store/chunk.h).
 *
 * References to the chunks, each with the number of its elements, lie in leaves of up to CHUNKS_OF_LEAF, and
 * references to the leaves in the root:
 *
 *     root    leaf: 300 | leaf: 512 | leaf: 7
 *               |
 *     leaf    chunk: 680 | chunk: 677 | ...
 *
 * Finding an index adds up numbers that lie side by side.  A change moves the elements of one chunk at most,
 * the references of one leaf, and now and then those of the root.  Leaves and root have room at both
 * ends, as chunks have.  Chunks and leaves may be shared with images (store/piece.h).
 *
 * Invariants:  (1) leaves have chunks, chunks have elements; the numbers add up
 *              (2) an element larger than CHUNK_ELEMENT_MAX is alone in its chunk; other chunks have
 *                  CHUNK_BYTES at most
 *              (3) bytes is what was allocated but for the struct itself, room_bytes what of it is
 *                  room for elements, data_bytes what of that is taken: shared pieces count as ours
 *              (4) chunks and leaves that others hold as well do not change: store/chunk_tree.h alone makes
 *                  them writable
 * What is read is borrowed until the next change.
 *
 * What changes elements is in chunks.c; the tree, and the sequence as a whole, in chunk_tree.c. */
#ifndef STARLING_STORE_CHUNKS_H
#define STARLING_STORE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/chunk.h"
#include "store/chunk_slots.h"
#include "store/piece.h"

enum {
    CHUNKS_OF_LEAF = 512,
};

/* What chunks take, and how many there are. */
struct chunk_sums {
    uint64_t chunk_count;
    size_t bytes;
    size_t room_bytes;
    size_t data_bytes;
};

struct chunks {
    struct chunk_slots root;
    uint64_t count;         /* elements */
    struct chunk_sums sums; /* with leaves and root */
    struct piece_holder holder;
};

/* Where a chunk is. */
struct chunk_at {
    uint32_t leaf;
    uint32_t slot;
};

/* All-zero is empty.  Free all of it, or what the budget (entries) is good for; true when all is gone.  What
 * others hold stays theirs. */
bool chunks_free(struct chunks *c, size_t *budget);
/* What freeing it costs, in entries. */
size_t chunks_free_cost(const struct chunks *c);
void chunks_copy(const struct chunks *from, struct chunks *to);
/* An image of the sequence, for the time of a copy of the root: it stays as it is now.  Nothing but looking,
 * chunks_move_leaf and chunks_free may be done with it.  kept_bytes as in store/piece.h. */
void chunks_share(struct chunks *from, size_t *kept_bytes, struct chunks *image);
/* A leaf goes, as it is, to the end of another sequence. */
void chunks_move_leaf(struct chunks *from, uint32_t leaf, struct chunks *to);
/* Assert every invariant; slow. */
void chunks_check(const struct chunks *c);

/* ---- looking ------------------------------------------------------------------------------------- */

/* The chunk that has element number index (less than count), and which of its elements that is. */
struct chunk_at chunks_find(const struct chunks *c, uint64_t index, uint64_t *within);
/* The next chunk; false behind the last.  The same to the left. */
bool chunks_next(const struct chunks *c, struct chunk_at *at);
bool chunks_previous(const struct chunks *c, struct chunk_at *at);
const struct chunk *chunks_get(const struct chunks *c, struct chunk_at at);
uint64_t chunks_count_at(const struct chunks *c, struct chunk_at at);

/* ---- changing: texts of items must not lie in the sequence --------------------------------------------- */

/* Before element number index; index may be the count. */
void chunks_insert(struct chunks *c, uint64_t index, const struct packed_item *item);
void chunks_replace(struct chunks *c, uint64_t index, const struct packed_item *item);
/* Take out `count` elements, which are there, from number index on.  Whole chunks of them go to the end of another
 * sequence, in leaves, however many: unless that is NULL. */
void chunks_remove(struct chunks *c, uint64_t index, uint64_t count, struct chunks *removed);
/* Take out up to limit elements equal to the item, the first or the last; how many there were. */
uint64_t chunks_remove_equal(struct chunks *c, const struct packed_item *item, uint64_t limit,
                             bool is_from_right);
/* Packed elements, `count` of them, which are small, behind all others. */
void chunks_append_packed(struct chunks *c, struct bytes elements, uint64_t count);

#endif
