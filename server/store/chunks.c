/* SPDX-License-Identifier: MIT */
#include "store/chunks.h"

#include "base/assert.h"
#include "store/chunk_tree.h"

enum {
    MERGE_BYTES = CHUNK_BYTES / 4 * 3, /* neighbours with no more than this become one */
};

/* ---- inserting ------------------------------------------------------------------------------------- */

static struct chunk *chunk_of_item(const struct packed_item *item, size_t capacity,
                                   bool is_front_room)
{
    size_t size = packed_size(item);
    struct chunk *chunk = chunk_new(capacity > size ? capacity : size, is_front_room);

    if (is_front_room) {
        chunk->start -= size;
    } else {
        chunk->end += size;
    }
    (void)packed_write(chunk->data + chunk->start, item);
    return chunk;
}

static bool is_lone(const struct chunks *c, struct chunk_at at)
{
    return chunk_is_lone(chunks_get(c, at), chunks_count_at(c, at));
}

static bool has_place_for(const struct chunks *c, struct chunk_at at, size_t size)
{
    return !is_lone(c, at) && chunk_used(chunks_get(c, at)) + size <= CHUNK_BYTES;
}

/* Into a chunk that has a place for it. */
static void insert_in_chunk(struct chunks *c, struct chunk_at at, size_t place,
                            const struct packed_item *item)
{
    struct chunk *chunk = chunk_tree_change(c, at);
    size_t size = packed_size(item);

    if (chunk_room(chunk) < size) {
        size_t before = place - chunk->start;
        size_t capacity = chunk_used(chunk) + size;

        capacity = capacity * 2 < CHUNK_BYTES ? capacity * 2 : CHUNK_BYTES;
        chunk_tree_resize(c, at, capacity, before == 0);
        chunk = chunk_tree_change(c, at);
        place = chunk->start + before;
    }
    place = chunk_open_gap(chunk, place, size);
    (void)packed_write(chunk->data + place, item);
    chunk_tree_note(c, at, 1, (int64_t)size);
}

/* What a new chunk beside this one is to have room for: one that became full makes it likely that the next
 * one will, too. */
static size_t capacity_beside(const struct chunks *c, struct chunk_at at)
{
    return !is_lone(c, at) && chunk_used(chunks_get(c, at)) > CHUNK_BYTES / 2 ? CHUNK_BYTES
                                                                              : CHUNK_SMALL_BYTES;
}

/* At the left end of the chunk there, which may be a neighbour's right one. */
static void insert_left_of(struct chunks *c, struct chunk_at at, const struct packed_item *item)
{
    size_t size = packed_size(item);
    bool is_large = size > CHUNK_ELEMENT_MAX;
    struct chunk_at left = at;

    if (!is_large && has_place_for(c, at, size)) {
        insert_in_chunk(c, at, chunks_get(c, at)->start, item);
    } else if (!is_large && chunks_previous(c, &left) && has_place_for(c, left, size)) {
        insert_in_chunk(c, left, chunks_get(c, left)->end, item);
    } else {
        size_t capacity = is_large ? size : capacity_beside(c, at);

        (void)chunk_tree_insert(c, at, chunk_of_item(item, capacity, true), 1);
    }
}

static void insert_right_of(struct chunks *c, struct chunk_at at, const struct packed_item *item)
{
    size_t size = packed_size(item);
    bool is_large = size > CHUNK_ELEMENT_MAX;
    struct chunk_at right = at;

    if (!is_large && has_place_for(c, at, size)) {
        insert_in_chunk(c, at, chunks_get(c, at)->end, item);
    } else if (!is_large && chunks_next(c, &right) && has_place_for(c, right, size)) {
        insert_in_chunk(c, right, chunks_get(c, right)->start, item);
    } else {
        size_t capacity = is_large ? size : capacity_beside(c, at);

        at.slot++;
        (void)chunk_tree_insert(c, at, chunk_of_item(item, capacity, false), 1);
    }
}

/* The elements before the place, `within` of them, become a chunk of their own in front of the rest, or those
 * behind do: the smaller part moves.  Returns where the second one is. */
static struct chunk_at split_chunk(struct chunks *c, struct chunk_at at, size_t place,
                                   uint64_t within)
{
    struct chunk *chunk = chunk_tree_change(c, at);
    size_t before = place - chunk->start;
    size_t after = chunk->end - place;
    bool is_left_moved = before < after;
    size_t moved = is_left_moved ? before : after;
    uint64_t count = is_left_moved ? within : chunks_count_at(c, at) - within;
    struct chunk *other = chunk_new(moved * 2, !is_left_moved);
    struct chunk_at to = at;

    ASSERT(before > 0 && after > 0);
    if (is_left_moved) {
        memcpy(other->data, chunk->data + chunk->start, moved);
        other->end = moved;
        chunk->start = place;
    } else {
        other->start = other->capacity - moved;
        memcpy(other->data + other->start, chunk->data + place, moved);
        chunk->end = place;
        to.slot++;
    }
    chunk_tree_note(c, at, -(int64_t)count, -(int64_t)moved);
    to = chunk_tree_insert(c, to, other, count);
    if (is_left_moved) {
        bool has_next = chunks_next(c, &to);

        ASSERT(has_next);
    }
    return to;
}

static void insert_first(struct chunks *c, const struct packed_item *item)
{
    size_t size = packed_size(item);

    (void)chunk_tree_insert(
        c, (struct chunk_at){0},
        chunk_of_item(item, size > CHUNK_ELEMENT_MAX ? size : CHUNK_SMALL_BYTES, false), 1);
}

void chunks_insert(struct chunks *c, uint64_t index, const struct packed_item *item)
{
    struct chunk_at at;
    uint64_t within;
    uint64_t total;
    size_t place;

    ASSERT(index <= c->count);
    if (c->count == 0) {
        insert_first(c, item);
        return;
    }
    if (index == c->count) {
        insert_right_of(c, chunks_find(c, index - 1, &within), item);
        return;
    }
    at = chunks_find(c, index, &within);
    if (within == 0) {
        insert_left_of(c, at, item);
        return;
    }
    total = chunks_count_at(c, at);
    place = chunk_place(chunks_get(c, at), within, total);
    if (packed_size(item) <= CHUNK_ELEMENT_MAX && has_place_for(c, at, packed_size(item))) {
        insert_in_chunk(c, at, place, item);
        return;
    }
    insert_left_of(c, split_chunk(c, at, place, within), item);
}

void chunks_append_packed(struct chunks *c, struct bytes elements, uint64_t count)
{
    struct chunk *chunk =
        chunk_new(elements.len * 2 < CHUNK_BYTES ? elements.len * 2 : CHUNK_BYTES, false);

    ASSERT(elements.len <= CHUNK_BYTES && count > 0);
    memcpy(chunk->data, elements.data, elements.len);
    chunk->end = elements.len;
    chunk_tree_append(c, chunk, count);
}

/* ---- removing -------------------------------------------------------------------------------------- */

/* The chunk there and the one behind it become one if they are small. */
static bool merge_with_next(struct chunks *c, struct chunk_at at)
{
    struct chunk_at next = at;
    size_t used;
    size_t size;
    uint64_t count;
    struct chunk *chunk;
    size_t place;

    if (!chunks_next(c, &next)) {
        return false;
    }
    used = chunk_used(chunks_get(c, at));
    size = chunk_used(chunks_get(c, next));
    if (used + size > MERGE_BYTES || is_lone(c, at) || is_lone(c, next)) {
        return false;
    }
    if (chunk_room(chunks_get(c, at)) < size) {
        chunk_tree_resize(c, at, used + size, false);
    }
    chunk = chunk_tree_change(c, at);
    place = chunk_open_gap(chunk, chunk->end, size);
    memcpy(chunk->data + place, chunk_bytes(chunks_get(c, next)).data, size);
    count = chunks_count_at(c, next);
    chunk_tree_remove(c, next);
    chunk_tree_note(c, at, (int64_t)count, (int64_t)size);
    return true;
}

/* After something was taken out of the chunk there. */
static void settle(struct chunks *c, struct chunk_at at)
{
    struct chunk_at left = at;

    if (chunks_previous(c, &left) && merge_with_next(c, left)) {
        at = left;
    }
    (void)merge_with_next(c, at);
}

static void remove_in_chunk(struct chunks *c, struct chunk_at at, uint64_t within, uint64_t count)
{
    struct chunk *chunk = chunk_tree_change(c, at);
    uint64_t total = chunks_count_at(c, at);
    size_t from = chunk_place(chunk, within, total);
    size_t to = chunk_place(chunk, within + count, total);

    chunk_close_gap(chunk, from, to);
    chunk_tree_note(c, at, -(int64_t)count, -(int64_t)(to - from));
}

/* Move whole chunks from the start of the one there on, with `count` elements at most, to another sequence:
 * up to the end of their leaf, which is cut so that they are one of their own.  Returns their elements. */
static uint64_t move_chunks(struct chunks *c, struct chunk_at at, uint64_t count,
                            struct chunks *removed)
{
    uint64_t moved = 0;

    if (at.slot > 0) {
        chunk_tree_split(c, at);
        at = (struct chunk_at){.leaf = at.leaf + 1};
    }
    while (at.slot < chunk_tree_leaf_count(c, at.leaf) && moved + chunks_count_at(c, at) <= count) {
        moved += chunks_count_at(c, at);
        at.slot++;
    }
    ASSERT(at.slot > 0);
    if (at.slot < chunk_tree_leaf_count(c, at.leaf)) {
        chunk_tree_split(c, at);
    }
    chunks_move_leaf(c, at.leaf, removed);
    return moved;
}

void chunks_remove(struct chunks *c, uint64_t index, uint64_t count, struct chunks *removed)
{
    uint64_t within;

    ASSERT(count <= c->count && index <= c->count - count);
    while (count > 0) {
        struct chunk_at at = chunks_find(c, index, &within);
        uint64_t here = chunks_count_at(c, at) - within;

        here = here < count ? here : count;
        if (here < chunks_count_at(c, at)) {
            remove_in_chunk(c, at, within, here);
        } else if (removed == NULL) {
            chunk_tree_remove(c, at);
        } else {
            here = move_chunks(c, at, count, removed);
        }
        count -= here;
    }
    if (c->count > 0) {
        settle(c, chunks_find(c, index < c->count ? index : c->count - 1, &within));
    }
}

void chunks_replace(struct chunks *c, uint64_t index, const struct packed_item *item)
{
    uint64_t within;
    struct chunk_at at = chunks_find(c, index, &within);
    const struct chunk *chunk = chunks_get(c, at);
    size_t place = chunk_place(chunk, within, chunks_count_at(c, at));
    size_t old_size = (size_t)(packed_next(chunk->data + place) - (chunk->data + place));

    /* A large one that is shared is not copied only to be overwritten. */
    if (packed_size(item) == old_size && !(is_lone(c, at) && chunk_tree_is_shared(c, at))) {
        (void)packed_write(chunk_tree_change(c, at)->data + place, item);
        return;
    }
    chunks_remove(c, index, 1, NULL);
    chunks_insert(c, index, item);
}

/* Take out elements of one chunk that are equal, `skip` of them excepted; true when the chunk is gone. */
static bool remove_equal_in(struct chunks *c, struct chunk_at at, const struct packed_item *item,
                            uint64_t skip, uint64_t count)
{
    size_t used = chunk_used(chunks_get(c, at));
    struct chunk *chunk;
    uint64_t taken;

    if (count == chunks_count_at(c, at)) {
        chunk_tree_remove(c, at);
        return true;
    }
    chunk = chunk_tree_change(c, at);
    taken = chunk_remove_equal(chunk, item, skip, count);
    ASSERT(taken == count);
    chunk_tree_note(c, at, -(int64_t)count, (int64_t)chunk_used(chunk) - (int64_t)used);
    return false;
}

uint64_t chunks_remove_equal(struct chunks *c, const struct packed_item *item, uint64_t limit,
                             bool is_from_right)
{
    /* Places behind the one that is looked at stay what they are when we come from the right; from the left
     * it is counted how many elements are done with. */
    uint64_t done = 0;
    uint64_t removed = 0;

    while (removed < limit && done < c->count) {
        uint64_t within;
        struct chunk_at at = chunks_find(c, is_from_right ? c->count - 1 - done : done, &within);
        uint64_t total = chunks_count_at(c, at);
        uint64_t equal = chunk_count_equal(chunk_bytes(chunks_get(c, at)), item);
        uint64_t wanted = equal < limit - removed ? equal : limit - removed;

        removed += wanted;
        done += total - wanted;
        if (wanted > 0 &&
            !remove_equal_in(c, at, item, is_from_right ? equal - wanted : 0, wanted)) {
            /* Into the one that was seen already: what is not yet seen stays apart. */
            struct chunk_at seen = at;

            if (is_from_right) {
                (void)merge_with_next(c, at);
            } else if (chunks_previous(c, &seen)) {
                (void)merge_with_next(c, seen);
            }
        }
    }
    return removed;
}
