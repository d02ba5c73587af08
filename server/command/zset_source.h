/* SPDX-License-Identifier: MIT */
/* What sorted sets are made of by ZUNION and its like: the values of some keys.  The one place that knows
 * which types can be combined.  And the one sorted set of commands that look at no other. */
#ifndef STARLING_COMMAND_ZSET_SOURCE_H
#define STARLING_COMMAND_ZSET_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "command/exec.h"
#include "store/zset.h"

/* A sorted set, or a set, whose members all have the score 1.  Borrowed until the next change of the key
 * space. */
struct zset_source {
    struct zset_view view;
    struct value set; /* when is_set */
    bool is_set;
    uint64_t count;
    size_t number; /* of the source in its request */
    double weight; /* 1 unless somebody says otherwise */
};

/* The sorted set that is the first key, empty when there is none.  False after -WRONGTYPE. */
MUST_USE bool zset_read(struct exec *x, struct zset_view *out);
/* The value of the key that is that argument; a missing one is empty.  False after -WRONGTYPE. */
MUST_USE bool zset_source_open(struct exec *x, size_t index, struct zset_source *out);
/* False when there is no such member. */
MUST_USE bool zset_source_find(const struct zset_source *source, struct bytes name, double *score);

/* False: enough. */
typedef bool zset_source_visit_fn(void *context, const struct zset_element *element);
/* Visit members, in no particular order, until the visitor has enough. */
void zset_source_visit(const struct zset_source *source, zset_source_visit_fn *visit,
                       void *context);

#endif
