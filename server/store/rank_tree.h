/* SPDX-License-Identifier: MIT */
/* Members of a sorted set in order: by score, and where scores are equal by the bytes of the name.
 *
 * A B+ tree with counts over references of members, whose scores and names stay where they
 * are, in the members.  It takes some nine bytes a member; the rank of a member, the member of a
 * rank, insertion and removal are each a way from the root to a leaf.
 *
 * Before a full leaf is split, its members move to a neighbour that has room, and then two full ones
 * become three: leaves are filled to more than four fifths in the mean, however members come.
 *
 * Invariants:  (1) members are in order, each once
 *              (2) all leaves have the same distance from the root, and are linked in order
 *              (3) bytes are exact: nodes as the slab hands them out
 *              (4) a node is never empty
 * Members are borrowed: a member stays where it is while it is in a tree, and its score does not change.
 * All-zero but for the space is empty.  Owns its nodes.  Loop thread only. */
#ifndef STARLING_STORE_RANK_TREE_H
#define STARLING_STORE_RANK_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "store/member.h"
#include "store/value_space.h"

struct rank_tree {
    struct value_space *space;
    uint64_t root; /* reference of a node; 0: none */
    uint64_t count;
    uint64_t bytes;
    uint32_t height; /* of inner nodes above each leaf */
};

enum rank_order {
    RANK_BY_SCORE, /* the name is not looked at */
    RANK_BY_NAME,  /* the score is not: for trees in which all are equal */
    RANK_BY_BOTH,
};

/* A place between members: before those that are equal to it, or after them. */
struct rank_bound {
    enum rank_order order;
    uint64_t image; /* of the score, see rank_bound_score */
    struct bytes name;
    bool is_after;
};

struct rank_bound rank_bound_score(double score, bool is_after);
struct rank_bound rank_bound_name(struct bytes name, bool is_after);
struct rank_bound rank_bound_member(double score, struct bytes name, bool is_after);

static inline struct rank_tree rank_tree_make(struct value_space *space)
{
    return (struct rank_tree){.space = space};
}

/* Its score is no NaN; an equal member is not there. */
void rank_tree_insert(struct rank_tree *tree, const struct member *m);
/* It is there. */
void rank_tree_remove(struct rank_tree *tree, const struct member *m);
/* How many members are before the bound. */
uint64_t rank_tree_count_before(const struct rank_tree *tree, const struct rank_bound *bound);

/* A place on the way through the members: valid until the next change. */
struct rank_cursor {
    const struct rank_tree *tree;
    uint64_t leaf; /* 0: beyond either end */
    unsigned index;
};

/* At the member of that rank, which is there. */
struct rank_cursor rank_tree_seek(const struct rank_tree *tree, uint64_t rank);
/* The member at the cursor, which is then one further on, or one back; NULL beyond the end. */
const struct member *rank_cursor_next(struct rank_cursor *cursor);
const struct member *rank_cursor_previous(struct rank_cursor *cursor);

/* Free nodes while the budget, in entries (store/value.h), lasts; true when none is left.  Nothing else may
 * be done to what is left. */
bool rank_tree_free(struct rank_tree *tree, size_t *budget);
/* Assert every invariant; slow. */
void rank_tree_check(const struct rank_tree *tree);

#endif
