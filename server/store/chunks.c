/* SPDX-License-Identifier: MIT */
#include "store/chunks.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    MERGE_BYTES = CHUNK_BYTES / 4 * 3, /* neighbours with no more than this become one */
    FREE_CHUNK_COST = 2,
    FREE_COST_BYTES = 4096, /* of memory that costs as much as an entry */
};

/* ---- leaves ---------------------------------------------------------------------------------------- */

static struct chunk_slots *leaf_at(const struct chunks *c, uint32_t leaf)
{
    return chunk_slots_at(&c->root, leaf)->child;
}

static void insert_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_slots *leaf = mem_alloc_zeroed(MEM_STORE, sizeof(*leaf));

    c->bytes += sizeof(*leaf);
    chunk_slots_insert(&c->root, at, (struct chunk_slot){.child = leaf}, &c->bytes);
}

static void remove_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_slots *leaf = leaf_at(c, at);

    ASSERT(leaf->count == 0);
    chunk_slots_free(leaf, &c->bytes);
    c->bytes -= sizeof(*leaf);
    mem_free(MEM_STORE, leaf);
    chunk_slots_remove(&c->root, at);
    if (c->root.count == 0) {
        chunk_slots_free(&c->root, &c->bytes);
    }
}

/* The second half of a full leaf becomes one of its own. */
static void split_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_slots *leaf = leaf_at(c, at);
    struct chunk_slots *other;

    insert_leaf(c, at + 1);
    other = leaf_at(c, at + 1);
    while (other->count < CHUNKS_OF_LEAF / 2) {
        struct chunk_slot slot = *chunk_slots_at(leaf, leaf->count - 1);

        chunk_slots_remove(leaf, leaf->count - 1);
        chunk_slots_at(&c->root, at)->count -= slot.count;
        chunk_slots_at(&c->root, at + 1)->count += slot.count;
        chunk_slots_insert(other, 0, slot, &c->bytes);
    }
}

/* ---- chunks ---------------------------------------------------------------------------------------- */

static struct chunk_slot *slot_of(const struct chunks *c, struct chunk_at at)
{
    return chunk_slots_at(leaf_at(c, at.leaf), at.slot);
}

const struct chunk *chunks_get(const struct chunks *c, struct chunk_at at)
{
    return slot_of(c, at)->child;
}

uint64_t chunks_count_at(const struct chunks *c, struct chunk_at at)
{
    return slot_of(c, at)->count;
}

static void note_chunk(struct chunks *c, const struct chunk *chunk)
{
    c->bytes += chunk_size(chunk);
    c->room_bytes += chunk->capacity;
    c->data_bytes += chunk_used(chunk);
}

static void unnote_chunk(struct chunks *c, const struct chunk *chunk)
{
    c->bytes -= chunk_size(chunk);
    c->room_bytes -= chunk->capacity;
    c->data_bytes -= chunk_used(chunk);
}

/* The one way to a chunk that is about to change.  Whoever shares chunks with a point-in-time image makes a
 * copy here of one that is older than the image, and puts it in the other's place. */
static struct chunk *chunk_for_change(struct chunks *c, struct chunk_at at)
{
    return slot_of(c, at)->child;
}

static void add_count(struct chunks *c, struct chunk_at at, uint64_t count)
{
    slot_of(c, at)->count += count;
    chunk_slots_at(&c->root, at.leaf)->count += count;
    c->count += count;
}

static void subtract_count(struct chunks *c, struct chunk_at at, uint64_t count)
{
    slot_of(c, at)->count -= count;
    chunk_slots_at(&c->root, at.leaf)->count -= count;
    c->count -= count;
}

/* A chunk becomes that of this place, before the one that was there; which may be behind the last of a leaf.
 * Returns where it is. */
static struct chunk_at insert_chunk(struct chunks *c, struct chunk_at at, struct chunk *chunk,
                                    uint64_t count)
{
    if (c->root.count == 0) {
        insert_leaf(c, 0);
    }
    if (leaf_at(c, at.leaf)->count == CHUNKS_OF_LEAF) {
        if (at.leaf + 1 == c->root.count && at.slot == CHUNKS_OF_LEAF) {
            at = (struct chunk_at){.leaf = at.leaf + 1};
            insert_leaf(c, at.leaf);
        } else if (at.leaf == 0 && at.slot == 0) {
            insert_leaf(c, 0);
        } else {
            split_leaf(c, at.leaf);
            if (at.slot > CHUNKS_OF_LEAF / 2) {
                at.slot -= CHUNKS_OF_LEAF / 2;
                at.leaf++;
            }
        }
    }
    chunk_slots_insert(leaf_at(c, at.leaf), at.slot, (struct chunk_slot){.child = chunk},
                       &c->bytes);
    note_chunk(c, chunk);
    c->chunk_count++;
    add_count(c, at, count);
    return at;
}

/* It is no longer one of ours. */
static struct chunk *unlink_chunk(struct chunks *c, struct chunk_at at)
{
    struct chunk_slot slot = *slot_of(c, at);

    subtract_count(c, at, slot.count);
    unnote_chunk(c, slot.child);
    c->chunk_count--;
    chunk_slots_remove(leaf_at(c, at.leaf), at.slot);
    if (leaf_at(c, at.leaf)->count == 0) {
        remove_leaf(c, at.leaf);
    }
    return slot.child;
}

static void remove_chunk(struct chunks *c, struct chunk_at at)
{
    chunk_free(unlink_chunk(c, at));
}

static void append_chunk(struct chunks *c, struct chunk *chunk, uint64_t count)
{
    struct chunk_at at = {0};

    if (c->root.count > 0) {
        at.leaf = c->root.count - 1;
        at.slot = leaf_at(c, at.leaf)->count;
    }
    (void)insert_chunk(c, at, chunk, count);
}

static void resize_chunk(struct chunks *c, struct chunk_at at, size_t capacity, bool is_front_room)
{
    struct chunk *chunk = chunk_for_change(c, at);

    unnote_chunk(c, chunk);
    chunk = chunk_resize(chunk, capacity, is_front_room);
    note_chunk(c, chunk);
    slot_of(c, at)->child = chunk;
}

/* ---- looking ------------------------------------------------------------------------------------- */

struct chunk_at chunks_find(const struct chunks *c, uint64_t index, uint64_t *within)
{
    struct chunk_at at;

    *within = index;
    at.leaf = chunk_slots_find(&c->root, c->count, within);
    at.slot =
        chunk_slots_find(leaf_at(c, at.leaf), chunk_slots_at(&c->root, at.leaf)->count, within);
    return at;
}

bool chunks_next(const struct chunks *c, struct chunk_at *at)
{
    if (at->slot + 1 < leaf_at(c, at->leaf)->count) {
        at->slot++;
        return true;
    }
    if (at->leaf + 1 == c->root.count) {
        return false;
    }
    *at = (struct chunk_at){.leaf = at->leaf + 1};
    return true;
}

bool chunks_previous(const struct chunks *c, struct chunk_at *at)
{
    if (at->slot > 0) {
        at->slot--;
        return true;
    }
    if (at->leaf == 0) {
        return false;
    }
    at->leaf--;
    at->slot = leaf_at(c, at->leaf)->count - 1;
    return true;
}

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
    struct chunk *chunk = chunk_for_change(c, at);
    size_t size = packed_size(item);

    if (chunk_room(chunk) < size) {
        size_t before = place - chunk->start;
        size_t capacity = chunk_used(chunk) + size;

        capacity = capacity * 2 < CHUNK_BYTES ? capacity * 2 : CHUNK_BYTES;
        resize_chunk(c, at, capacity, before == 0);
        chunk = chunk_for_change(c, at);
        place = chunk->start + before;
    }
    place = chunk_open_gap(chunk, place, size);
    (void)packed_write(chunk->data + place, item);
    c->data_bytes += size;
    add_count(c, at, 1);
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

        (void)insert_chunk(c, at, chunk_of_item(item, capacity, true), 1);
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
        (void)insert_chunk(c, at, chunk_of_item(item, capacity, false), 1);
    }
}

/* The elements before the place, `within` of them, become a chunk of their own in front of the rest, or those
 * behind do: the smaller part moves.  Returns where the second one is. */
static struct chunk_at split_chunk(struct chunks *c, struct chunk_at at, size_t place,
                                   uint64_t within)
{
    struct chunk *chunk = chunk_for_change(c, at);
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
    c->data_bytes -= moved;
    subtract_count(c, at, count);
    to = insert_chunk(c, to, other, count);
    if (is_left_moved) {
        bool has_next = chunks_next(c, &to);

        ASSERT(has_next);
    }
    return to;
}

static void insert_first(struct chunks *c, const struct packed_item *item)
{
    size_t size = packed_size(item);

    (void)insert_chunk(
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
    append_chunk(c, chunk, count);
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
        resize_chunk(c, at, used + size, false);
    }
    chunk = chunk_for_change(c, at);
    place = chunk_open_gap(chunk, chunk->end, size);
    memcpy(chunk->data + place, chunk_bytes(chunks_get(c, next)).data, size);
    c->data_bytes += size;
    count = chunks_count_at(c, next);
    remove_chunk(c, next);
    add_count(c, at, count);
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
    struct chunk *chunk = chunk_for_change(c, at);
    uint64_t total = chunks_count_at(c, at);
    size_t from = chunk_place(chunk, within, total);
    size_t to = chunk_place(chunk, within + count, total);

    chunk_close_gap(chunk, from, to);
    c->data_bytes -= to - from;
    subtract_count(c, at, count);
}

void chunks_remove(struct chunks *c, uint64_t index, uint64_t count, struct chunks *removed)
{
    uint64_t within;

    ASSERT(count <= c->count && index <= c->count - count);
    while (count > 0) {
        struct chunk_at at = chunks_find(c, index, &within);
        uint64_t here = chunks_count_at(c, at) - within;

        here = here < count ? here : count;
        if (here == chunks_count_at(c, at) && removed != NULL) {
            append_chunk(removed, unlink_chunk(c, at), here);
        } else if (here == chunks_count_at(c, at)) {
            remove_chunk(c, at);
        } else {
            remove_in_chunk(c, at, within, here);
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

    if (packed_size(item) == old_size) {
        (void)packed_write(chunk_for_change(c, at)->data + place, item);
        return;
    }
    chunks_remove(c, index, 1, NULL);
    chunks_insert(c, index, item);
}

/* Take out elements of one chunk that are equal, `skip` of them excepted; true when the chunk is gone. */
static bool remove_equal_in(struct chunks *c, struct chunk_at at, const struct packed_item *item,
                            uint64_t skip, uint64_t count)
{
    struct chunk *chunk = chunk_for_change(c, at);
    size_t used = chunk_used(chunk);
    uint64_t taken;

    if (count == chunks_count_at(c, at)) {
        remove_chunk(c, at);
        return true;
    }
    taken = chunk_remove_equal(chunk, item, skip, count);
    ASSERT(taken == count);
    c->data_bytes -= used - chunk_used(chunk);
    subtract_count(c, at, count);
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

/* ---- as a whole ------------------------------------------------------------------------------------ */

static size_t chunk_free_cost(const struct chunk *chunk)
{
    return FREE_CHUNK_COST + chunk->capacity / FREE_COST_BYTES;
}

size_t chunks_free_cost(const struct chunks *c)
{
    return (size_t)c->chunk_count * FREE_CHUNK_COST + c->room_bytes / FREE_COST_BYTES;
}

bool chunks_free(struct chunks *c, size_t *budget)
{
    while (c->root.count > 0 && *budget > 0) {
        struct chunk_at last = {.leaf = c->root.count - 1};
        size_t cost;

        last.slot = leaf_at(c, last.leaf)->count - 1;
        cost = chunk_free_cost(chunks_get(c, last));
        remove_chunk(c, last);
        *budget -= cost < *budget ? cost : *budget;
    }
    return c->root.count == 0;
}

void chunks_copy(const struct chunks *from, struct chunks *to)
{
    struct chunk_at at = {0};
    bool has_more = from->count > 0;

    *to = (struct chunks){0};
    while (has_more) {
        const struct chunk *chunk = chunks_get(from, at);
        struct chunk *twin = chunk_new(chunk_used(chunk), false);

        memcpy(twin->data, chunk->data + chunk->start, chunk_used(chunk));
        twin->end = chunk_used(chunk);
        append_chunk(to, twin, chunks_count_at(from, at));
        has_more = chunks_next(from, &at);
    }
}

static void check_chunk(const struct chunk *chunk, uint64_t count)
{
    const uint8_t *at = chunk->data + chunk->start;
    bool has_large = false;
    bool is_canonical;
    uint64_t found;
    bool is_sound = packed_check(chunk_bytes(chunk), &found, &is_canonical, NULL);

    ASSERT(chunk->start <= chunk->end && chunk->end <= chunk->capacity);
    ASSERT(is_sound && is_canonical && found == count && count > 0);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *next = packed_next(at);

        has_large = has_large || next - at > CHUNK_ELEMENT_MAX;
        at = next;
    }
    ASSERT(count == 1 || (!has_large && chunk_used(chunk) <= CHUNK_BYTES));
}

/* The numbers of one leaf, added to those of all. */
static void check_leaf(const struct chunk_slots *leaf, uint64_t expected, struct chunks *sum)
{
    uint64_t count = 0;

    ASSERT(leaf->count > 0 && leaf->count <= CHUNKS_OF_LEAF);
    ASSERT(leaf->start + leaf->count <= leaf->cap);
    for (uint32_t i = 0; i < leaf->count; i++) {
        const struct chunk_slot *slot = chunk_slots_at(leaf, i);

        check_chunk(slot->child, slot->count);
        note_chunk(sum, slot->child);
        count += slot->count;
    }
    ASSERT(count == expected);
    sum->chunk_count += leaf->count;
    sum->count += count;
    sum->bytes += sizeof(*leaf) + leaf->cap * sizeof(*leaf->items);
}

void chunks_check(const struct chunks *c)
{
    struct chunks sum = {.bytes = c->root.cap * sizeof(*c->root.items)};

    ASSERT(c->root.start + c->root.count <= c->root.cap);
    for (uint32_t i = 0; i < c->root.count; i++) {
        check_leaf(leaf_at(c, i), chunk_slots_at(&c->root, i)->count, &sum);
    }
    ASSERT(sum.count == c->count && sum.chunk_count == c->chunk_count);
    ASSERT(sum.bytes == c->bytes);
    ASSERT(sum.room_bytes == c->room_bytes && sum.data_bytes == c->data_bytes);
}
