/* SPDX-License-Identifier: MIT */
/* Ranges of sorted sets, by rank, score or name: from arguments to ranks. */
#ifndef STARLING_COMMAND_ZSET_RANGE_H
#define STARLING_COMMAND_ZSET_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "command/exec.h"
#include "store/zset.h"

enum zset_range_kind {
    ZSET_RANGE_RANK,
    ZSET_RANGE_SCORE,
    ZSET_RANGE_NAME,
};

/* One end of a range. */
struct zset_edge {
    enum {
        ZSET_EDGE_BOUND,
        ZSET_EDGE_BEFORE_ALL,
        ZSET_EDGE_AFTER_ALL,
    } kind;
    struct rank_bound bound;
};

struct zset_range {
    enum zset_range_kind kind;
    bool is_reverse;
    int64_t start, stop; /* by rank, from the side where it begins; negative: from the other */
    struct zset_edge low, high; /* by score or name */
    int64_t skip, limit;        /* of those in the range; limit is negative: all */
};

/* Members from a rank on, ascending. */
struct zset_span {
    uint64_t first;
    uint64_t count;
};

/* The two arguments as the ends of a range of that kind, the low one and the high one (by rank: start
 * and stop); false after an error reply. */
MUST_USE bool zset_read_range(struct exec *x, enum zset_range_kind kind, size_t low, size_t high,
                              struct zset_range *out);
/* Which members are in it. */
struct zset_span zset_resolve(const struct zset_view *view, const struct zset_range *range);

#endif
