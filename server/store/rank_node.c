/* SPDX-License-Identifier: MIT */
#include "store/rank_node.h"

#include "base/assert.h"
#include "store/rank_tree.h"

enum {
    PLACE_MAX = UINT16_MAX,
};

bool rank_is_before(const struct slab *slab, uint64_t image, uint64_t ref,
                    const struct rank_bound *bound)
{
    int order;

    if (bound->order != RANK_BY_NAME && image != bound->image) {
        return image < bound->image;
    }
    if (bound->order == RANK_BY_SCORE) {
        return bound->is_after;
    }
    order = bytes_compare(member_name(slab_at(slab, ref)), bound->name);
    return order < 0 || (order == 0 && bound->is_after);
}

/* ---- leaves --------------------------------------------------------------------------------- */

static uint16_t place_of(const struct rank_leaf *leaf, uint64_t image)
{
    uint64_t distance = image > leaf->base ? (image - leaf->base) >> leaf->shift : 0;

    return distance > PLACE_MAX ? PLACE_MAX : (uint16_t)distance;
}

/* Would the image be cut at an end of the leaf's range? */
static bool is_outside(const struct rank_leaf *leaf, uint64_t image)
{
    return image < leaf->base || (image - leaf->base) >> leaf->shift > PLACE_MAX;
}

/* Fit the range to the members, with half of its width to spare on either side, so that members that
 * come in order ask for another one less and less often. */
static void fit_range(const struct slab *slab, struct rank_leaf *leaf)
{
    uint64_t images[RANK_LEAF_MAX];
    uint64_t first;
    uint64_t last;
    uint64_t spare;
    uint64_t width;

    ASSERT(leaf->count > 0);
    for (unsigned i = 0; i < leaf->count; i++) {
        prefetch(slab_at(slab, rank_number(leaf->refs[i])));
    }
    for (unsigned i = 0; i < leaf->count; i++) {
        images[i] = rank_image_at(slab, rank_number(leaf->refs[i]));
    }
    first = rank_image_at(slab, rank_number(leaf->refs[0]));
    last = rank_image_at(slab, rank_number(leaf->refs[leaf->count - 1]));
    spare = (last - first) / 2;
    leaf->base = first > spare ? first - spare : 0;
    width = last - leaf->base;
    width = width > UINT64_MAX - spare ? UINT64_MAX : width + spare;
    leaf->shift = 0;
    while (width >> leaf->shift > PLACE_MAX) {
        leaf->shift++;
    }
    for (unsigned i = 0; i < leaf->count; i++) {
        leaf->places[i] = place_of(leaf, images[i]);
    }
}

/* How many of the ascending places are below the limit. */
static unsigned count_below(const uint16_t *places, unsigned count, uint32_t limit)
{
    unsigned start = 0;

    while (count > 0) {
        unsigned half = count / 2;

        if (places[start + half] < limit) {
            start += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return start;
}

unsigned rank_leaf_count_before(const struct slab *slab, const struct rank_leaf *leaf,
                                const struct rank_bound *bound)
{
    unsigned low = 0;
    unsigned high = leaf->count;

    if (bound->order != RANK_BY_NAME) {
        uint32_t place = place_of(leaf, bound->image);

        low = count_below(leaf->places, leaf->count, place);
        high = low + count_below(leaf->places + low, leaf->count - low, place + 1);
    }
    while (low < high) {
        unsigned middle = (low + high) / 2;
        uint64_t ref = rank_number(leaf->refs[middle]);

        if (rank_is_before(slab, rank_image_at(slab, ref), ref, bound)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Make room for count members in front of that of the index. */
static void open_gap(struct rank_leaf *leaf, unsigned index, unsigned count)
{
    unsigned behind = leaf->count - index;

    ASSERT(index <= leaf->count && leaf->count + count <= RANK_LEAF_MAX);
    memmove(leaf->places + index + count, leaf->places + index, behind * sizeof(leaf->places[0]));
    memmove(leaf->refs + index + count, leaf->refs + index, behind * sizeof(leaf->refs[0]));
    leaf->count = (uint8_t)(leaf->count + count);
}

void rank_leaf_insert(const struct slab *slab, struct rank_leaf *leaf, unsigned index, uint64_t ref)
{
    uint64_t image = rank_image_at(slab, ref);

    open_gap(leaf, index, 1);
    rank_put_number(leaf->refs[index], ref);
    if (is_outside(leaf, image)) {
        fit_range(slab, leaf);
    } else {
        leaf->places[index] = place_of(leaf, image);
    }
}

void rank_leaf_erase(struct rank_leaf *leaf, unsigned index, unsigned count)
{
    unsigned behind;

    ASSERT(index + count <= leaf->count);
    behind = leaf->count - index - count;
    memmove(leaf->places + index, leaf->places + index + count, behind * sizeof(leaf->places[0]));
    memmove(leaf->refs + index, leaf->refs + index + count, behind * sizeof(leaf->refs[0]));
    leaf->count = (uint8_t)(leaf->count - count);
}

/* The places of members that have just come from another leaf. */
static void place_members(const struct slab *slab, struct rank_leaf *leaf, unsigned index,
                          unsigned count)
{
    for (unsigned i = index; i < index + count; i++) {
        prefetch(slab_at(slab, rank_number(leaf->refs[i])));
    }
    if (count == leaf->count) {
        fit_range(slab, leaf);
        return;
    }
    for (unsigned i = index; i < index + count; i++) {
        uint64_t image = rank_image_at(slab, rank_number(leaf->refs[i]));

        if (is_outside(leaf, image)) {
            fit_range(slab, leaf);
            return;
        }
        leaf->places[i] = place_of(leaf, image);
    }
}

void rank_leaf_move_right(const struct slab *slab, struct rank_leaf *left, struct rank_leaf *right,
                          unsigned count)
{
    ASSERT(count <= left->count);
    open_gap(right, 0, count);
    memcpy(right->refs, left->refs + left->count - count, count * sizeof(left->refs[0]));
    left->count = (uint8_t)(left->count - count);
    place_members(slab, right, 0, count);
}

void rank_leaf_move_left(const struct slab *slab, struct rank_leaf *left, struct rank_leaf *right,
                         unsigned count)
{
    unsigned end = left->count;

    ASSERT(count <= right->count);
    open_gap(left, end, count);
    memcpy(left->refs + end, right->refs, count * sizeof(left->refs[0]));
    rank_leaf_erase(right, 0, count);
    place_members(slab, left, end, count);
}

void rank_leaf_check(const struct slab *slab, const struct rank_leaf *leaf)
{
    ASSERT(leaf->count > 0 && leaf->count <= RANK_LEAF_MAX);
    for (unsigned i = 0; i < leaf->count; i++) {
        ASSERT(leaf->places[i] == place_of(leaf, rank_image_at(slab, rank_number(leaf->refs[i]))));
    }
}

/* ---- inner nodes ---------------------------------------------------------------------------- */

unsigned rank_inner_find(const struct slab *slab, const struct rank_inner *inner,
                         const struct rank_bound *bound)
{
    unsigned low = 1; /* what is before the first child's first belongs to it all the same */
    unsigned high = (unsigned)inner->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (rank_is_before(slab, inner->images[middle], rank_number(inner->firsts[middle]),
                           bound)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

uint64_t rank_inner_sum(const struct rank_inner *inner, unsigned end)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < end; i++) {
        sum += rank_number(inner->counts[i]);
    }
    return sum;
}

void rank_inner_put_first(struct rank_inner *inner, unsigned index, uint64_t image, uint64_t ref)
{
    inner->images[index] = image;
    rank_put_number(inner->firsts[index], ref);
}

/* Move the children from index on to another index. */
static void shift_children(struct rank_inner *inner, unsigned index, unsigned to)
{
    size_t count = (size_t)inner->count - index;

    memmove(inner->images + to, inner->images + index, count * sizeof(inner->images[0]));
    memmove(inner->firsts + to, inner->firsts + index, count * sizeof(inner->firsts[0]));
    memmove(inner->children + to, inner->children + index, count * sizeof(inner->children[0]));
    memmove(inner->counts + to, inner->counts + index, count * sizeof(inner->counts[0]));
}

void rank_inner_open(struct rank_inner *inner, unsigned index)
{
    ASSERT(index <= inner->count && inner->count < RANK_INNER_MAX);
    shift_children(inner, index, index + 1);
    inner->count++;
}

void rank_inner_erase(struct rank_inner *inner, unsigned index, unsigned count)
{
    ASSERT(index + count <= inner->count);
    shift_children(inner, index + count, index);
    inner->count -= count;
}

void rank_inner_append(struct rank_inner *to, const struct rank_inner *from, unsigned index,
                       unsigned count)
{
    size_t end = (size_t)to->count;

    ASSERT(index + count <= from->count && end + count <= RANK_INNER_MAX);
    memcpy(to->images + end, from->images + index, count * sizeof(to->images[0]));
    memcpy(to->firsts + end, from->firsts + index, count * sizeof(to->firsts[0]));
    memcpy(to->children + end, from->children + index, count * sizeof(to->children[0]));
    memcpy(to->counts + end, from->counts + index, count * sizeof(to->counts[0]));
    to->count += count;
}
