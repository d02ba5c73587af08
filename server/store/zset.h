/* SPDX-License-Identifier: MIT */
/* Sorted sets: members with a score each, in the order of scores, and of names where scores are equal.
 *
 *     packed   pairs of member and score in that order behind the head (store/packed.h), which counts
 *              them; the score as an integer when it is one and no minus zero, else as text
 *     large    members (store/members.h) with their scores, and a rank tree (store/rank_tree.h)
 *
 * Invariants:  (1) no score is NaN; minus zero keeps its sign where it is put into one that has outgrown what is small,
 *                  as a stock server does, and becomes zero elsewhere; it has the rank of zero, and equals it
 *              (2) ranks count from 0, from the lowest score
 *              (3) it has outgrown what is small as soon as a directive's limit is passed, and stays so,
 *                  however it lies in memory
 * Views and cursors borrow: they are valid until the next change. */
#ifndef STARLING_STORE_ZSET_H
#define STARLING_STORE_ZSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "store/packed.h"
#include "store/rank_tree.h"
#include "store/value.h"

struct zset;

enum {
    ZSET_PACKED_COUNT_MAX =
        128, /* members of a packed one: up to here a scan beats the large form */
};

/* One that is looked at; all-zero is empty. */
struct zset_view {
    struct bytes packed;
    const struct zset *large; /* NULL: packed */
};

struct zset_element {
    struct bytes name;
    double score;
};

/* e may be NULL: an empty one. */
struct zset_view zset_view_of(const struct entry *e);
struct zset_view zset_view_of_draft(const struct value_draft *draft);

uint64_t zset_count(const struct zset_view *view);
/* False when there is no such member. */
MUST_USE bool zset_find(const struct zset_view *view, struct bytes name, double *score);
/* The same, and how many members are before it. */
MUST_USE bool zset_find_rank(const struct zset_view *view, struct bytes name, double *score,
                             uint64_t *rank);
/* How many members are before the bound. */
uint64_t zset_count_before(const struct zset_view *view, const struct rank_bound *bound);

struct zset_cursor {
    struct zset_view view;
    struct rank_cursor large;
    const char *at; /* of a packed one; NULL beyond either end */
    char scratch[PACKED_SCRATCH];
};

/* At the member of that rank; beyond the end when there is none. */
void zset_seek(const struct zset_view *view, uint64_t rank, struct zset_cursor *out);
/* The member at the cursor, which is then one further on, or one back; false beyond the end.  The name is
 * borrowed until the next call. */
bool zset_next(struct zset_cursor *cursor, struct zset_element *out);
bool zset_previous(struct zset_cursor *cursor, struct zset_element *out);

enum zset_change {
    ZSET_SAME, /* it had that score */
    ZSET_ADDED,
    ZSET_UPDATED,
};

/* The member has that score from now on, which is no NaN.  The name must not be borrowed from the draft. */
enum zset_change zset_put(struct value_draft *draft, struct bytes name, double score);
/* All of an empty draft is put from here on, as the result of a computation or what is read: its zeros keep their signs, */
void zset_begin_whole(struct value_draft *draft);
/* until it is complete, and known whether it is small.  Nothing but putting is done to it meanwhile. */
void zset_end_whole(struct value_draft *draft);
/* False when there was none.  The name may be borrowed from the draft, and is void afterwards. */
bool zset_remove(struct value_draft *draft, struct bytes name);
/* Remove so many members from that rank on; they are there. */
void zset_remove_ranks(struct value_draft *draft, uint64_t first, uint64_t count);

#endif
