/* SPDX-License-Identifier: MIT */
#include "store/chunk_tree.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    FREE_CHUNK_COST = 2,
    FREE_COST_BYTES = 4096, /* of memory that costs as much as an entry */
    READ_AHEAD = 8,         /* chunks that are fetched before they are touched */
};

/* ---- looking ------------------------------------------------------------------------------------- */

struct chunk_at chunks_find(const struct chunks *c, uint64_t index, uint64_t *within)
{
    struct chunk_at at;

    *within = index;
    at.leaf = chunk_slots_find(&c->root, c->count, within);
    at.slot = chunk_slots_find(&chunk_tree_leaf(c, at.leaf)->slots,
                               chunk_slots_at(&c->root, at.leaf)->count, within);
    return at;
}

bool chunks_next(const struct chunks *c, struct chunk_at *at)
{
    if (at->slot + 1 < chunk_tree_leaf_count(c, at->leaf)) {
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
    at->slot = chunk_tree_leaf_count(c, at->leaf) - 1;
    return true;
}

const struct chunk *chunks_get(const struct chunks *c, struct chunk_at at)
{
    return chunk_tree_slot(c, at)->child;
}

uint64_t chunks_count_at(const struct chunks *c, struct chunk_at at)
{
    return chunk_tree_slot(c, at)->count;
}

/* ---- sums ------------------------------------------------------------------------------------------ */

static void add_chunk(struct chunk_sums *sums, const struct chunk *chunk)
{
    sums->chunk_count++;
    sums->bytes += chunk_size(chunk);
    sums->room_bytes += chunk->capacity;
    sums->data_bytes += chunk_used(chunk);
}

static void subtract_chunk(struct chunk_sums *sums, const struct chunk *chunk)
{
    sums->chunk_count--;
    sums->bytes -= chunk_size(chunk);
    sums->room_bytes -= chunk->capacity;
    sums->data_bytes -= chunk_used(chunk);
}

static void add_sums(struct chunk_sums *to, const struct chunk_sums *other)
{
    to->chunk_count += other->chunk_count;
    to->bytes += other->bytes;
    to->room_bytes += other->room_bytes;
    to->data_bytes += other->data_bytes;
}

static void subtract_sums(struct chunk_sums *from, const struct chunk_sums *other)
{
    from->chunk_count -= other->chunk_count;
    from->bytes -= other->bytes;
    from->room_bytes -= other->room_bytes;
    from->data_bytes -= other->data_bytes;
}

static size_t leaf_size(const struct chunk_leaf *leaf)
{
    return sizeof(*leaf) + leaf->slots.cap * sizeof(*leaf->slots.items);
}

/* ---- leaves ---------------------------------------------------------------------------------------- */

static void prefetch_chunk(const struct chunk_slots *slots, uint32_t i)
{
    if (i < slots->count) {
        prefetch(chunk_slots_at(slots, i)->child);
    }
}

/* A copy of a leaf that is shared, which holds its chunks as well. */
static struct chunk_leaf *copy_leaf(struct chunks *c, const struct chunk_leaf *leaf)
{
    struct chunk_leaf *twin = mem_alloc_zeroed(MEM_STORE, sizeof(*twin));

    c->sums.bytes += sizeof(*twin);
    chunk_slots_copy(&leaf->slots, &twin->slots, &c->sums.bytes);
    twin->sums = leaf->sums;
    for (uint32_t i = 0; i < twin->slots.count; i++) {
        struct chunk *chunk = chunk_slots_at(&twin->slots, i)->child;

        prefetch_chunk(&twin->slots, i + READ_AHEAD);
        piece_hold(&chunk->piece);
    }
    return twin;
}

/* The one way to a leaf that is about to change. */
static struct chunk_leaf *change_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_slot *slot = chunk_slots_at(&c->root, at);
    struct chunk_leaf *leaf = slot->child;

    if (UNLIKELY(piece_is_shared(&leaf->piece))) {
        bool is_last;

        slot->child = copy_leaf(c, leaf);
        c->sums.bytes -= leaf_size(leaf);
        is_last = piece_let_go(&leaf->piece, &c->holder, leaf_size(leaf));
        ASSERT(!is_last);
    }
    return slot->child;
}

static void insert_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_leaf *leaf = mem_alloc_zeroed(MEM_STORE, sizeof(*leaf));

    c->sums.bytes += sizeof(*leaf);
    chunk_slots_insert(&c->root, at, (struct chunk_slot){.child = leaf}, &c->sums.bytes);
}

static void unlink_leaf(struct chunks *c, uint32_t at)
{
    chunk_slots_remove(&c->root, at);
    if (c->root.count == 0) {
        chunk_slots_free(&c->root, &c->sums.bytes);
    }
}

/* It has no chunks any more. */
static void remove_empty_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_leaf *leaf = change_leaf(c, at);
    bool is_last = piece_let_go(&leaf->piece, &c->holder, leaf_size(leaf));

    ASSERT(is_last && leaf->slots.count == 0 && leaf->sums.chunk_count == 0);
    chunk_slots_free(&leaf->slots, &c->sums.bytes);
    c->sums.bytes -= sizeof(*leaf);
    mem_free(MEM_STORE, leaf);
    unlink_leaf(c, at);
}

/* All of a leaf that others hold as well. */
static void let_go_of_leaf(struct chunks *c, uint32_t at)
{
    struct chunk_slot *slot = chunk_slots_at(&c->root, at);
    struct chunk_leaf *leaf = slot->child;
    bool is_last;

    c->count -= slot->count;
    subtract_sums(&c->sums, &leaf->sums);
    c->sums.bytes -= leaf_size(leaf);
    is_last = piece_let_go(&leaf->piece, &c->holder, leaf_size(leaf) + leaf->sums.bytes);
    ASSERT(!is_last);
    unlink_leaf(c, at);
}

void chunks_move_leaf(struct chunks *from, uint32_t leaf, struct chunks *to)
{
    struct chunk_slot slot = *chunk_slots_at(&from->root, leaf);
    struct chunk_sums sums = ((const struct chunk_leaf *)slot.child)->sums;

    ASSERT(to->root.count == 0 || to->holder.is_image == from->holder.is_image);
    sums.bytes += leaf_size(slot.child);
    subtract_sums(&from->sums, &sums);
    from->count -= slot.count;
    unlink_leaf(from, leaf);
    to->holder = from->holder;
    chunk_slots_insert(&to->root, to->root.count, slot, &to->sums.bytes);
    add_sums(&to->sums, &sums);
    to->count += slot.count;
}

/* Move `count` chunks, the last of `from` or the first, to an empty leaf beside it. */
static void move_slots(struct chunks *c, uint32_t from_at, uint32_t to_at, uint32_t count)
{
    struct chunk_leaf *from = change_leaf(c, from_at);
    struct chunk_leaf *to = change_leaf(c, to_at);
    uint32_t first = to_at > from_at ? from->slots.count - count : 0;
    uint64_t moved = 0;

    for (uint32_t i = first; i < first + count; i++) {
        const struct chunk_slot *slot = chunk_slots_at(&from->slots, i);

        prefetch_chunk(&from->slots, i + READ_AHEAD);
        chunk_slots_insert(&to->slots, to->slots.count, *slot, &c->sums.bytes);
        add_chunk(&to->sums, slot->child);
        moved += slot->count;
    }
    from->slots.start += first == 0 ? count : 0;
    from->slots.count -= count;
    subtract_sums(&from->sums, &to->sums);
    chunk_slots_at(&c->root, from_at)->count -= moved;
    chunk_slots_at(&c->root, to_at)->count += moved;
}

void chunk_tree_split(struct chunks *c, struct chunk_at at)
{
    uint32_t behind = chunk_tree_leaf_count(c, at.leaf) - at.slot;

    ASSERT(at.slot > 0 && behind > 0);
    if (at.slot < behind) {
        insert_leaf(c, at.leaf);
        move_slots(c, at.leaf + 1, at.leaf, at.slot);
    } else {
        insert_leaf(c, at.leaf + 1);
        move_slots(c, at.leaf, at.leaf + 1, behind);
    }
}

/* ---- chunks ---------------------------------------------------------------------------------------- */

static void let_go_of_chunk(struct chunks *c, struct chunk *chunk)
{
    if (piece_let_go(&chunk->piece, &c->holder, chunk_size(chunk))) {
        chunk_free(chunk);
    }
}

/* The chunk of the slot is another one with the same elements. */
static void replace_chunk(struct chunks *c, struct chunk_leaf *leaf, struct chunk_slot *slot,
                          struct chunk *chunk)
{
    struct chunk *old = slot->child;

    subtract_chunk(&leaf->sums, old);
    subtract_chunk(&c->sums, old);
    add_chunk(&leaf->sums, chunk);
    add_chunk(&c->sums, chunk);
    slot->child = chunk;
    let_go_of_chunk(c, old);
}

struct chunk *chunk_tree_change(struct chunks *c, struct chunk_at at)
{
    struct chunk_leaf *leaf = change_leaf(c, at.leaf);
    struct chunk_slot *slot = chunk_slots_at(&leaf->slots, at.slot);
    struct chunk *chunk = slot->child;

    if (UNLIKELY(piece_is_shared(&chunk->piece))) {
        replace_chunk(c, leaf, slot, chunk_twin(chunk));
    }
    return slot->child;
}

void chunk_tree_resize(struct chunks *c, struct chunk_at at, size_t capacity, bool is_front_room)
{
    struct chunk_leaf *leaf = change_leaf(c, at.leaf);
    struct chunk_slot *slot = chunk_slots_at(&leaf->slots, at.slot);

    replace_chunk(c, leaf, slot, chunk_copy(slot->child, capacity, is_front_room));
}

void chunk_tree_note(struct chunks *c, struct chunk_at at, int64_t count, int64_t data_bytes)
{
    struct chunk_leaf *leaf = change_leaf(c, at.leaf);

    chunk_slots_at(&leaf->slots, at.slot)->count += (uint64_t)count;
    chunk_slots_at(&c->root, at.leaf)->count += (uint64_t)count;
    c->count += (uint64_t)count;
    leaf->sums.data_bytes += (size_t)data_bytes;
    c->sums.data_bytes += (size_t)data_bytes;
}

/* Where a chunk can be put that is to be at this place. */
static struct chunk_at make_room(struct chunks *c, struct chunk_at at)
{
    if (c->root.count == 0) {
        insert_leaf(c, 0);
    }
    if (chunk_tree_leaf_count(c, at.leaf) < CHUNKS_OF_LEAF) {
        return at;
    }
    if (at.leaf + 1 == c->root.count && at.slot == CHUNKS_OF_LEAF) {
        at = (struct chunk_at){.leaf = at.leaf + 1};
        insert_leaf(c, at.leaf);
    } else if (at.leaf == 0 && at.slot == 0) {
        insert_leaf(c, 0);
    } else {
        chunk_tree_split(c, (struct chunk_at){.leaf = at.leaf, .slot = CHUNKS_OF_LEAF / 2});
        if (at.slot > CHUNKS_OF_LEAF / 2) {
            at.slot -= CHUNKS_OF_LEAF / 2;
            at.leaf++;
        }
    }
    return at;
}

struct chunk_at chunk_tree_insert(struct chunks *c, struct chunk_at at, struct chunk *chunk,
                                  uint64_t count)
{
    struct chunk_leaf *leaf;

    ASSERT(!piece_is_shared(&chunk->piece));
    at = make_room(c, at);
    leaf = change_leaf(c, at.leaf);
    chunk_slots_insert(&leaf->slots, at.slot, (struct chunk_slot){.child = chunk}, &c->sums.bytes);
    add_chunk(&leaf->sums, chunk);
    add_chunk(&c->sums, chunk);
    chunk_tree_note(c, at, (int64_t)count, 0);
    return at;
}

void chunk_tree_append(struct chunks *c, struct chunk *chunk, uint64_t count)
{
    struct chunk_at at = {0};

    if (c->root.count > 0) {
        at.leaf = c->root.count - 1;
        at.slot = chunk_tree_leaf_count(c, at.leaf);
    }
    (void)chunk_tree_insert(c, at, chunk, count);
}

void chunk_tree_remove(struct chunks *c, struct chunk_at at)
{
    struct chunk_leaf *leaf = change_leaf(c, at.leaf);
    struct chunk *chunk = chunk_slots_at(&leaf->slots, at.slot)->child;

    chunk_tree_note(c, at, -(int64_t)chunk_slots_at(&leaf->slots, at.slot)->count, 0);
    subtract_chunk(&leaf->sums, chunk);
    subtract_chunk(&c->sums, chunk);
    chunk_slots_remove(&leaf->slots, at.slot);
    let_go_of_chunk(c, chunk);
    if (leaf->slots.count == 0) {
        remove_empty_leaf(c, at.leaf);
    }
}

/* ---- as a whole ------------------------------------------------------------------------------------ */

size_t chunks_free_cost(const struct chunks *c)
{
    return (size_t)c->sums.chunk_count * FREE_CHUNK_COST + c->sums.room_bytes / FREE_COST_BYTES;
}

/* Free the last chunk, or let go of the last leaf; what it cost. */
static size_t free_last(struct chunks *c)
{
    struct chunk_at last = {.leaf = c->root.count - 1};
    size_t cost = FREE_CHUNK_COST;

    if (piece_is_shared(&chunk_tree_leaf(c, last.leaf)->piece)) {
        let_go_of_leaf(c, last.leaf);
        return cost;
    }
    last.slot = chunk_tree_leaf_count(c, last.leaf) - 1;
    cost += chunks_get(c, last)->capacity / FREE_COST_BYTES;
    chunk_tree_remove(c, last);
    return cost;
}

bool chunks_free(struct chunks *c, size_t *budget)
{
    while (c->root.count > 0 && *budget > 0) {
        size_t cost = free_last(c);

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

        chunk_tree_append(to, chunk_copy(chunk, chunk_used(chunk), false),
                          chunks_count_at(from, at));
        has_more = chunks_next(from, &at);
    }
}

void chunks_share(struct chunks *from, size_t *kept_bytes, struct chunks *image)
{
    ASSERT(!from->holder.is_image);
    from->holder.kept_bytes = kept_bytes;
    *image = (struct chunks){
        .count = from->count,
        .sums = from->sums,
        .holder = {.kept_bytes = kept_bytes, .is_image = true},
    };
    image->sums.bytes -= from->root.cap * sizeof(*from->root.items);
    chunk_slots_copy(&from->root, &image->root, &image->sums.bytes);
    for (uint32_t i = 0; i < image->root.count; i++) {
        struct chunk_leaf *leaf = chunk_slots_at(&image->root, i)->child;

        piece_hold(&leaf->piece);
    }
}

/* ---- checking -------------------------------------------------------------------------------------- */

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

static bool sums_equal(const struct chunk_sums *a, const struct chunk_sums *b)
{
    return a->chunk_count == b->chunk_count && a->bytes == b->bytes &&
           a->room_bytes == b->room_bytes && a->data_bytes == b->data_bytes;
}

/* Returns how many elements are in the leaf. */
static uint64_t check_leaf(const struct chunk_leaf *leaf)
{
    struct chunk_sums sums = {0};
    uint64_t count = 0;

    ASSERT(leaf->slots.count > 0 && leaf->slots.count <= CHUNKS_OF_LEAF);
    ASSERT(leaf->slots.start + leaf->slots.count <= leaf->slots.cap);
    for (uint32_t i = 0; i < leaf->slots.count; i++) {
        const struct chunk_slot *slot = chunk_slots_at(&leaf->slots, i);

        check_chunk(slot->child, slot->count);
        add_chunk(&sums, slot->child);
        count += slot->count;
    }
    ASSERT(sums_equal(&sums, &leaf->sums));
    return count;
}

void chunks_check(const struct chunks *c)
{
    struct chunk_sums sums = {.bytes = c->root.cap * sizeof(*c->root.items)};
    uint64_t count = 0;

    ASSERT(c->root.start + c->root.count <= c->root.cap);
    for (uint32_t i = 0; i < c->root.count; i++) {
        const struct chunk_leaf *leaf = chunk_tree_leaf(c, i);

        ASSERT(check_leaf(leaf) == chunk_slots_at(&c->root, i)->count);
        add_sums(&sums, &leaf->sums);
        sums.bytes += leaf_size(leaf);
        count += chunk_slots_at(&c->root, i)->count;
    }
    ASSERT(count == c->count && sums_equal(&sums, &c->sums));
}
