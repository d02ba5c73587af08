/* SPDX-License-Identifier: MIT */
/* How sorted sets lie in memory: for store/zset.c, which changes them, and store/value_zset.c alone. */
#ifndef STARLING_STORE_ZSET_FORMS_H
#define STARLING_STORE_ZSET_FORMS_H

#include "store/members.h"
#include "store/rank_node.h"
#include "store/zset.h"

/* A large one.  Each member is in the tree, and is found by its name. */
struct zset {
    struct members members;
    struct rank_tree tree;
};

struct zset *zset_new_large(struct value_space *space);
/* A member of that name is not there. */
void zset_add_member(struct zset *large, struct bytes name, double score);
/* The score that a packed element stands for; false when it is none. */
MUST_USE bool zset_read_score(const struct packed_item *item, double *out);
/* The same of an element that is known to be one. */
double zset_score_of_item(const struct packed_item *item);

#endif
