/* SPDX-License-Identifier: MIT */
/* Nodes of a rank tree (store/rank_tree.h), which alone uses them.
 *
 * A leaf has references of members in order, 40 bits each, and beside them 16 bits of each score: how
 * far its image is from the leaf's base, shifted, and cut at either end.  The image is the double as
 * an integer of the same order.  Such a place in the leaf's range never tells a wrong order, at most
 * none: then the members themselves are asked.
 *
 *     leaf    512 bytes   base | next | previous | count | shift | 70 places | 70 references
 *     inner  1024 bytes   count | 44 times each: image and reference of the child's first member,
 *                         child, members below it
 *
 * Invariants:  (1) places do not descend, and each is that of its member's image
 *              (2) what an inner node says of a child is exact
 * Nodes are objects of the slab of a value space; numbers are in the machine's own byte order. */
#ifndef STARLING_STORE_RANK_NODE_H
#define STARLING_STORE_RANK_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "store/member.h"
#include "store/slab.h"

struct rank_bound;

enum {
    RANK_LEAF_MAX = 70,
    RANK_INNER_MAX = 44,
    RANK_REF_BYTES = 5,
};

struct rank_leaf {
    uint64_t base;
    uint8_t next[RANK_REF_BYTES];
    uint8_t previous[RANK_REF_BYTES];
    uint8_t count;
    uint8_t shift;
    uint16_t places[RANK_LEAF_MAX];
    uint8_t refs[RANK_LEAF_MAX][RANK_REF_BYTES];
};

struct rank_inner {
    uint64_t count;
    uint64_t images[RANK_INNER_MAX];
    uint8_t firsts[RANK_INNER_MAX][RANK_REF_BYTES];
    uint8_t children[RANK_INNER_MAX][RANK_REF_BYTES];
    uint8_t counts[RANK_INNER_MAX][RANK_REF_BYTES];
};

_Static_assert(sizeof(struct rank_leaf) == 512, "a leaf is eight cache lines");
_Static_assert(sizeof(struct rank_inner) <= 1024, "an inner node is sixteen cache lines");

static inline uint64_t rank_number(const uint8_t *at)
{
    uint32_t low;

    memcpy(&low, at, sizeof(low));
    return low | (uint64_t)at[4] << 32;
}

static inline void rank_put_number(uint8_t *at, uint64_t number)
{
    uint32_t low = (uint32_t)number;

    memcpy(at, &low, sizeof(low));
    at[4] = (uint8_t)(number >> 32);
}

/* The image of a score; both zeros have the same. */
static inline uint64_t rank_image(double score)
{
    uint64_t bits;

    score = score == 0 ? 0 : score;
    memcpy(&bits, &score, sizeof(bits));
    return bits >> 63 != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline uint64_t rank_image_at(const struct slab *slab, uint64_t ref)
{
    return rank_image(member_score(slab_at(slab, ref)));
}

/* Is the member, whose image is given, before the bound? */
bool rank_is_before(const struct slab *slab, uint64_t image, uint64_t ref,
                    const struct rank_bound *bound);

/* ---- leaves --------------------------------------------------------------------------------- */

/* How many of its members are before the bound. */
unsigned rank_leaf_count_before(const struct slab *slab, const struct rank_leaf *leaf,
                                const struct rank_bound *bound);
/* There is room. */
void rank_leaf_insert(const struct slab *slab, struct rank_leaf *leaf, unsigned index,
                      uint64_t ref);
void rank_leaf_erase(struct rank_leaf *leaf, unsigned index, unsigned count);
/* Move the last members of left in front of those of right, or the first of right behind those of left,
 * where there is room. */
void rank_leaf_move_right(const struct slab *slab, struct rank_leaf *left, struct rank_leaf *right,
                          unsigned count);
void rank_leaf_move_left(const struct slab *slab, struct rank_leaf *left, struct rank_leaf *right,
                         unsigned count);
void rank_leaf_check(const struct slab *slab, const struct rank_leaf *leaf);

/* ---- inner nodes ---------------------------------------------------------------------------- */

/* The child that members at the bound belong to: the last whose first member is before it. */
unsigned rank_inner_find(const struct slab *slab, const struct rank_inner *inner,
                         const struct rank_bound *bound);
/* Members below the first `end` children. */
uint64_t rank_inner_sum(const struct rank_inner *inner, unsigned end);
void rank_inner_put_first(struct rank_inner *inner, unsigned index, uint64_t image, uint64_t ref);
/* Make place for a child; nothing is said of it yet. */
void rank_inner_open(struct rank_inner *inner, unsigned index);
void rank_inner_erase(struct rank_inner *inner, unsigned index, unsigned count);
/* Copy count children from one node behind those of another, where there is room. */
void rank_inner_append(struct rank_inner *to, const struct rank_inner *from, unsigned index,
                       unsigned count);

#endif
