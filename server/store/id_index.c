/* SPDX-License-Identifier: MIT */
#include "store/id_index.h"

#include "base/assert.h"
#include "base/mem.h"

#include <string.h>

enum {
    LEAF_CAP_MIN = 2,
    LEAF_CAP_SHRINK = 16, /* above this a leaf that has become emptier gives memory back */
    SLOTS_MIN = 1,
    READ_AHEAD = 8, /* pieces that are fetched before they are touched */
};

void id_index_init(struct id_index *x, size_t item_size, const struct id_children *children)
{
    ASSERT(item_size >= sizeof(struct stream_id) && item_size % 8 == 0);
    *x = (struct id_index){.item_size = (uint32_t)item_size, .children = children};
}

/* ---- leaves and slots ----------------------------------------------------------------------------------- */

static struct id_slot *slot_at(const struct id_index *x, uint32_t leaf)
{
    DEBUG_ASSERT(leaf < x->slot_count);
    return &x->slots[x->slot_start + leaf];
}

static struct id_leaf *leaf_at(const struct id_index *x, uint32_t leaf)
{
    return slot_at(x, leaf)->leaf;
}

static uint8_t *item_in(const struct id_index *x, struct id_leaf *leaf, uint32_t item)
{
    return leaf->items + (size_t)(leaf->start + item) * x->item_size;
}

static struct stream_id id_in(const struct id_index *x, struct id_leaf *leaf, uint32_t item)
{
    struct stream_id id;

    memcpy(&id, item_in(x, leaf, item), sizeof(id));
    return id;
}

static size_t leaf_size(const struct id_index *x, size_t cap)
{
    return sizeof(struct id_leaf) + cap * x->item_size;
}

static struct id_leaf *new_leaf(const struct id_index *x, size_t cap, struct id_pool *pool)
{
    struct id_leaf *leaf = mem_alloc(MEM_STORE, leaf_size(x, cap));

    ASSERT(cap <= ID_LEAF_ITEMS);
    *leaf = (struct id_leaf){.cap = (uint16_t)cap};
    id_pool_add(pool, leaf_size(x, cap));
    return leaf;
}

static void free_leaf(const struct id_index *x, struct id_leaf *leaf, struct id_pool *pool)
{
    bool is_last = piece_let_go(&leaf->piece, &pool->holder, leaf_size(x, leaf->cap));

    ASSERT(is_last);
    id_pool_subtract(pool, leaf_size(x, leaf->cap));
    mem_free(MEM_STORE, leaf);
}

/* A copy of a leaf that is shared, which holds what its items refer to as well. */
static struct id_leaf *copy_leaf(const struct id_index *x, struct id_leaf *leaf,
                                 struct id_pool *pool)
{
    struct id_leaf *twin = new_leaf(x, leaf->cap, pool);

    twin->start = leaf->start;
    twin->count = leaf->count;
    memcpy(item_in(x, twin, 0), item_in(x, leaf, 0), (size_t)leaf->count * x->item_size);
    for (uint32_t i = 0; i < leaf->count && x->children != NULL; i++) {
        if (i + READ_AHEAD < leaf->count) {
            prefetch(x->children->piece(item_in(x, leaf, i + READ_AHEAD)));
        }
        piece_hold(x->children->piece(item_in(x, leaf, i)));
    }
    return twin;
}

/* The one way to a leaf that is about to change. */
static struct id_leaf *leaf_for_change(struct id_index *x, uint32_t at, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_at(x, at);

    if (UNLIKELY(piece_is_shared(&leaf->piece))) {
        bool is_last;

        slot_at(x, at)->leaf = copy_leaf(x, leaf, pool);
        id_pool_subtract(pool, leaf_size(x, leaf->cap));
        is_last = piece_let_go(&leaf->piece, &pool->holder, leaf_size(x, leaf->cap));
        ASSERT(!is_last);
    }
    return leaf_at(x, at);
}

/* The same items, from the start of a leaf of another size on. */
static struct id_leaf *resize_leaf(struct id_index *x, uint32_t at, size_t cap,
                                   struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_for_change(x, at, pool);
    struct id_leaf *other = new_leaf(x, cap, pool);

    ASSERT(leaf->count <= cap);
    memcpy(other->items, item_in(x, leaf, 0), (size_t)leaf->count * x->item_size);
    other->count = leaf->count;
    slot_at(x, at)->leaf = other;
    free_leaf(x, leaf, pool);
    return other;
}

/* Room for one more slot behind the last. */
static void grow_slots(struct id_index *x, struct id_pool *pool)
{
    uint32_t cap = x->slot_cap == 0 ? SLOTS_MIN : x->slot_cap * 2;
    struct id_slot *slots;

    if (x->slot_start + x->slot_count < x->slot_cap) {
        return;
    }
    if (x->slot_start > x->slot_cap / 2) {
        /* What came in behind and went in front has left room there. */
        memmove(x->slots, x->slots + x->slot_start, x->slot_count * sizeof(*x->slots));
        x->slot_start = 0;
        return;
    }
    slots = mem_alloc(MEM_STORE, cap * sizeof(*slots));
    if (x->slot_count > 0) {
        memcpy(slots, x->slots + x->slot_start, x->slot_count * sizeof(*slots));
    }
    mem_free(MEM_STORE, x->slots);
    pool->bytes += (cap - x->slot_cap) * sizeof(*slots);
    x->slots = slots;
    x->slot_start = 0;
    x->slot_cap = cap;
}

static void insert_slot(struct id_index *x, uint32_t at, struct id_slot slot, struct id_pool *pool)
{
    struct id_slot *to;

    if (at == 0 && x->slot_start > 0) {
        x->slot_start--;
    } else {
        grow_slots(x, pool);
        to = x->slots + x->slot_start + at;
        memmove(to + 1, to, (x->slot_count - at) * sizeof(*to));
    }
    x->slot_count++;
    *slot_at(x, at) = slot;
}

static void remove_slot(struct id_index *x, uint32_t at, struct id_pool *pool)
{
    struct id_slot *slot = slot_at(x, at);

    if (at == 0) {
        x->slot_start++;
    } else {
        memmove(slot, slot + 1, (x->slot_count - at - 1) * sizeof(*slot));
    }
    x->slot_count--;
    if (x->slot_count == 0) {
        pool->bytes -= x->slot_cap * sizeof(*x->slots);
        mem_free(MEM_STORE, x->slots);
        x->slots = NULL;
        x->slot_start = 0;
        x->slot_cap = 0;
    }
}

/* ---- looking ------------------------------------------------------------------------------------------- */

/* The last leaf whose ids may be as low as the id; there are leaves. */
static uint32_t find_leaf(const struct id_index *x, struct stream_id id)
{
    uint32_t low = 0;
    uint32_t high = x->slot_count;

    /* Most ids come in behind all others. */
    if (stream_id_compare(slot_at(x, high - 1)->from, id) <= 0) {
        return high - 1;
    }
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (stream_id_compare(slot_at(x, middle)->from, id) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* How many items of the leaf are below the id. */
static uint32_t count_below(const struct id_index *x, struct id_leaf *leaf, struct stream_id id)
{
    uint32_t low = 0;
    uint32_t high = leaf->count;

    if (high > 0 && stream_id_compare(id_in(x, leaf, high - 1), id) < 0) {
        return high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (stream_id_compare(id_in(x, leaf, middle), id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool id_index_seek(const struct id_index *x, struct stream_id id, struct id_at *out)
{
    *out = (struct id_at){0};
    if (x->count == 0) {
        return false;
    }
    out->leaf = find_leaf(x, id);
    out->item = count_below(x, leaf_at(x, out->leaf), id);
    if (out->item < leaf_at(x, out->leaf)->count) {
        return true;
    }
    *out = (struct id_at){.leaf = out->leaf + 1};
    return out->leaf < x->slot_count;
}

bool id_index_seek_back(const struct id_index *x, struct stream_id id, struct id_at *out)
{
    if (!id_index_seek(x, id, out)) {
        return id_index_last(x, out);
    }
    if (stream_id_compare(id_in(x, leaf_at(x, out->leaf), out->item), id) == 0) {
        return true;
    }
    return id_index_previous(x, out);
}

bool id_index_find(const struct id_index *x, struct stream_id id, struct id_at *out)
{
    return id_index_seek(x, id, out) &&
           stream_id_compare(id_in(x, leaf_at(x, out->leaf), out->item), id) == 0;
}

bool id_index_last(const struct id_index *x, struct id_at *out)
{
    if (x->count == 0) {
        return false;
    }
    out->leaf = x->slot_count - 1;
    out->item = leaf_at(x, out->leaf)->count - 1U;
    return true;
}

bool id_index_skip(const struct id_index *x, uint64_t number, struct id_at *out)
{
    *out = (struct id_at){0};
    if (number >= x->count) {
        return false;
    }
    while (number >= leaf_at(x, out->leaf)->count) {
        number -= leaf_at(x, out->leaf)->count;
        out->leaf++;
    }
    out->item = (uint32_t)number;
    return true;
}

bool id_index_next(const struct id_index *x, struct id_at *at)
{
    if (at->item + 1 < leaf_at(x, at->leaf)->count) {
        at->item++;
        return true;
    }
    if (at->leaf + 1 == x->slot_count) {
        return false;
    }
    *at = (struct id_at){.leaf = at->leaf + 1};
    return true;
}

bool id_index_previous(const struct id_index *x, struct id_at *at)
{
    if (at->item > 0) {
        at->item--;
        return true;
    }
    if (at->leaf == 0) {
        return false;
    }
    at->leaf--;
    at->item = leaf_at(x, at->leaf)->count - 1U;
    return true;
}

const void *id_index_get(const struct id_index *x, struct id_at at)
{
    DEBUG_ASSERT(at.item < leaf_at(x, at.leaf)->count);
    return item_in(x, leaf_at(x, at.leaf), at.item);
}

/* ---- lower bounds ---------------------------------------------------------------------------------------- */

uint32_t id_index_leaf_count(const struct id_index *x)
{
    return x->slot_count;
}

uint32_t id_index_leaf_items(const struct id_index *x, uint32_t leaf)
{
    return leaf_at(x, leaf)->count;
}

int64_t id_index_low(const struct id_index *x, uint32_t leaf)
{
    return slot_at(x, leaf)->low;
}

void id_index_put_low(struct id_index *x, uint32_t leaf, int64_t low)
{
    slot_at(x, leaf)->low = low;
}

void id_index_note_low(struct id_index *x, struct stream_id id, int64_t low)
{
    struct id_slot *slot = slot_at(x, find_leaf(x, id));

    slot->low = low < slot->low ? low : slot->low;
}

/* ---- changing ------------------------------------------------------------------------------------------- */

void *id_index_change(struct id_index *x, struct id_at at, struct id_pool *pool)
{
    return item_in(x, leaf_for_change(x, at.leaf, pool), at.item);
}

/* The second half of a full leaf becomes one of its own. */
static void split_leaf(struct id_index *x, uint32_t at, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_for_change(x, at, pool);
    uint16_t moved = leaf->count / 2;
    struct id_leaf *other = new_leaf(x, ID_LEAF_ITEMS, pool);

    leaf->count = (uint16_t)(leaf->count - moved);
    memcpy(other->items, item_in(x, leaf, leaf->count), (size_t)moved * x->item_size);
    other->count = moved;
    insert_slot(x, at + 1, (struct id_slot){id_in(x, other, 0), other, slot_at(x, at)->low}, pool);
}

/* A place for an item that is to be number at->item of its leaf: the leaf is made larger, or becomes two. */
static void make_room(struct id_index *x, struct stream_id id, struct id_at *at,
                      struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_at(x, at->leaf);
    bool is_at_end = at->item == leaf->count;
    size_t cap = (size_t)leaf->count * 2;

    if (leaf->count < leaf->cap &&
        (leaf->start > leaf->cap / 2 || !is_at_end || leaf->start + leaf->count < leaf->cap)) {
        return;
    }
    if (leaf->count < ID_LEAF_ITEMS && leaf->cap < ID_LEAF_ITEMS) {
        cap = cap < LEAF_CAP_MIN ? LEAF_CAP_MIN : cap;
        (void)resize_leaf(x, at->leaf, cap < ID_LEAF_ITEMS ? cap : ID_LEAF_ITEMS, pool);
    } else if (is_at_end && at->leaf + 1 == x->slot_count) {
        *at = (struct id_at){.leaf = at->leaf + 1};
        insert_slot(x, at->leaf, (struct id_slot){id, new_leaf(x, ID_LEAF_ITEMS, pool), INT64_MAX},
                    pool);
    } else if (leaf->count == ID_LEAF_ITEMS) {
        split_leaf(x, at->leaf, pool);
        leaf = leaf_at(x, at->leaf);
        if (at->item > leaf->count) {
            *at = (struct id_at){.leaf = at->leaf + 1, .item = at->item - leaf->count};
        }
    }
}

/* Move the items from number `item` on up, or those before it down. */
static uint8_t *open_gap(struct id_index *x, uint32_t at, uint32_t item, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_for_change(x, at, pool);
    bool has_room_behind = leaf->start + leaf->count < leaf->cap;
    uint32_t behind = leaf->count - item;

    ASSERT(leaf->count < leaf->cap);
    if (leaf->start > 0 && (item < behind || !has_room_behind)) {
        /* Without room behind, all room is in front, and is halved for what comes in behind. */
        uint16_t moved = has_room_behind ? 1 : (uint16_t)(leaf->start - leaf->start / 2);
        uint8_t *from = item_in(x, leaf, 0);
        uint8_t *tail = item_in(x, leaf, item);

        leaf->start = (uint16_t)(leaf->start - moved);
        memmove(item_in(x, leaf, 0), from, (size_t)item * x->item_size);
        memmove(item_in(x, leaf, item + 1), tail, (size_t)behind * x->item_size);
    } else {
        memmove(item_in(x, leaf, item + 1), item_in(x, leaf, item), (size_t)behind * x->item_size);
    }
    leaf->count++;
    return item_in(x, leaf, item);
}

void *id_index_insert(struct id_index *x, struct stream_id id, struct id_pool *pool)
{
    struct id_at at = {0};
    uint8_t *item;

    if (x->count == 0) {
        insert_slot(x, 0, (struct id_slot){id, new_leaf(x, LEAF_CAP_MIN, pool), INT64_MAX}, pool);
    } else {
        at.leaf = find_leaf(x, id);
        at.item = count_below(x, leaf_at(x, at.leaf), id);
        ASSERT(at.item == leaf_at(x, at.leaf)->count ||
               stream_id_compare(id_in(x, leaf_at(x, at.leaf), at.item), id) != 0);
        make_room(x, id, &at, pool);
    }
    item = open_gap(x, at.leaf, at.item, pool);
    memset(item, 0, x->item_size);
    memcpy(item, &id, sizeof(id));
    x->count++;
    return item;
}

/* After items of the leaf have gone. */
static void settle_leaf(struct id_index *x, uint32_t at, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_at(x, at);
    size_t cap = leaf->cap;

    while (cap > LEAF_CAP_SHRINK && leaf->count <= cap / 4) {
        cap /= 2;
    }
    if (leaf->count == 0) {
        free_leaf(x, leaf, pool);
        remove_slot(x, at, pool);
    } else if (cap < leaf->cap) {
        (void)resize_leaf(x, at, cap, pool);
    }
}

void id_index_remove(struct id_index *x, struct id_at at, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_for_change(x, at.leaf, pool);
    uint32_t behind = leaf->count - at.item - 1;

    ASSERT(at.item < leaf->count);
    if (at.item < behind) {
        memmove(item_in(x, leaf, 1), item_in(x, leaf, 0), (size_t)at.item * x->item_size);
        leaf->start++;
    } else {
        memmove(item_in(x, leaf, at.item), item_in(x, leaf, at.item + 1),
                (size_t)behind * x->item_size);
    }
    leaf->count--;
    x->count--;
    settle_leaf(x, at.leaf, pool);
}

void id_index_remove_if(struct id_index *x,
                        bool (*is_wanted)(const void *context, const void *item),
                        const void *context, struct id_pool *pool)
{
    ASSERT(x->children == NULL);
    /* From the back, so that the leaves to come stay where they are. */
    for (uint32_t at = x->slot_count; at > 0; at--) {
        struct id_leaf *leaf = leaf_for_change(x, at - 1, pool);
        uint16_t kept = 0;

        for (uint16_t i = 0; i < leaf->count; i++) {
            if (!is_wanted(context, item_in(x, leaf, i))) {
                memmove(item_in(x, leaf, kept++), item_in(x, leaf, i), x->item_size);
            }
        }
        x->count -= (uint64_t)(leaf->count - kept);
        leaf->count = kept;
        settle_leaf(x, at - 1, pool);
    }
}

const void *id_index_first_leaf(const struct id_index *x, size_t *count, struct stream_id *behind)
{
    struct id_leaf *leaf = leaf_at(x, 0);

    *count = leaf->count;
    *behind = x->slot_count > 1 ? id_in(x, leaf_at(x, 1), 0) : STREAM_ID_MAX;
    return item_in(x, leaf, 0);
}

void id_index_move_first_leaf(struct id_index *from, struct id_pool *from_pool, struct id_index *to,
                              struct id_pool *to_pool)
{
    struct id_slot slot = *slot_at(from, 0);
    size_t size = leaf_size(from, slot.leaf->cap);

    ASSERT(from->item_size == to->item_size);
    from->count -= slot.leaf->count;
    id_pool_subtract(from_pool, size);
    remove_slot(from, 0, from_pool);
    slot.from = id_in(to, slot.leaf, 0);
    to->count += slot.leaf->count;
    id_pool_add(to_pool, size);
    insert_slot(to, to->slot_count, slot, to_pool);
}

/* ---- as a whole ------------------------------------------------------------------------------------------ */

/* Let go of what the last item of a leaf refers to. */
static void let_go_of_child(const struct id_index *x, struct id_leaf *leaf, struct id_pool *pool)
{
    const uint8_t *item = item_in(x, leaf, leaf->count - 1U);
    size_t size = x->children->size(item);

    id_pool_subtract(pool, size);
    if (piece_let_go(x->children->piece(item), &pool->holder, size)) {
        x->children->free(item);
    }
}

/* All of a leaf that others hold as well. */
static void let_go_of_leaf(struct id_index *x, uint32_t at, struct id_pool *pool)
{
    struct id_leaf *leaf = leaf_at(x, at);
    size_t size = leaf_size(x, leaf->cap);
    bool is_last;

    id_pool_subtract(pool, size);
    for (uint32_t i = 0; i < leaf->count && x->children != NULL; i++) {
        size_t child_size = x->children->size(item_in(x, leaf, i));

        id_pool_subtract(pool, child_size);
        size += child_size;
    }
    is_last = piece_let_go(&leaf->piece, &pool->holder, size);
    ASSERT(!is_last);
    x->count -= leaf->count;
    remove_slot(x, at, pool);
}

bool id_index_free(struct id_index *x, struct id_pool *pool, size_t *budget)
{
    while (x->slot_count > 0 && *budget > 0) {
        uint32_t last = x->slot_count - 1;
        struct id_leaf *leaf = leaf_at(x, last);

        *budget -= ID_PIECE_COST < *budget ? ID_PIECE_COST : *budget;
        if (piece_is_shared(&leaf->piece)) {
            let_go_of_leaf(x, last, pool);
            continue;
        }
        if (x->children != NULL) {
            let_go_of_child(x, leaf, pool);
            leaf->count--;
            x->count--;
        } else {
            x->count -= leaf->count;
            leaf->count = 0;
        }
        if (leaf->count == 0) {
            free_leaf(x, leaf, pool);
            remove_slot(x, last, pool);
        }
    }
    return x->slot_count == 0;
}

void id_index_share(const struct id_index *from, struct id_index *to)
{
    *to = *from;
    if (from->slot_count > 0) {
        to->slots = mem_alloc(MEM_STORE, from->slot_cap * sizeof(*to->slots));
        memcpy(to->slots + to->slot_start, from->slots + from->slot_start,
               from->slot_count * sizeof(*to->slots));
    }
    for (uint32_t i = 0; i < to->slot_count; i++) {
        if (i + READ_AHEAD < to->slot_count) {
            prefetch(leaf_at(to, i + READ_AHEAD));
        }
        piece_hold(&leaf_at(to, i)->piece);
    }
}

void id_index_copy(const struct id_index *from, struct id_index *to, struct id_pool *pool)
{
    ASSERT(from->children == NULL);
    id_index_init(to, from->item_size, NULL);
    for (uint32_t i = 0; i < from->slot_count; i++) {
        struct id_leaf *leaf = leaf_at(from, i);
        struct id_leaf *twin = new_leaf(from, leaf->count, pool);

        memcpy(twin->items, item_in(from, leaf, 0), (size_t)leaf->count * from->item_size);
        twin->count = leaf->count;
        insert_slot(to, i, (struct id_slot){slot_at(from, i)->from, twin, slot_at(from, i)->low},
                    pool);
    }
    to->count = from->count;
}

void id_index_check(const struct id_index *x, struct id_pool *sum)
{
    uint64_t count = 0;
    struct stream_id last = STREAM_ID_MIN;

    ASSERT(x->slot_start + x->slot_count <= x->slot_cap);
    sum->bytes += x->slot_cap * sizeof(*x->slots);
    for (uint32_t i = 0; i < x->slot_count; i++) {
        struct id_leaf *leaf = leaf_at(x, i);

        ASSERT(leaf->count > 0 && leaf->start + leaf->count <= leaf->cap);
        ASSERT(leaf->cap <= ID_LEAF_ITEMS);
        ASSERT(i == 0 || stream_id_compare(slot_at(x, i)->from, id_in(x, leaf, 0)) <= 0);
        ASSERT(i == 0 || stream_id_compare(slot_at(x, i)->from, last) > 0);
        for (uint32_t j = 0; j < leaf->count; j++) {
            ASSERT(count + j == 0 || stream_id_compare(last, id_in(x, leaf, j)) < 0);
            last = id_in(x, leaf, j);
        }
        count += leaf->count;
        id_pool_add(sum, leaf_size(x, leaf->cap));
    }
    ASSERT(count == x->count);
}
