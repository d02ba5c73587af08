/* SPDX-License-Identifier: MIT */
/* Compaction: memory given back after many entries went.
 *
 * A page of the slab goes back only when it is empty, and after random deletions nearly every page
 * still holds something.  As exactly one place names each object, objects can move: those of
 * sparse pages into the free places of fuller pages of their class, until the sparse ones are empty.
 *
 *     entries   a sweep over the pages: one that is no fuller than the mean of its class is
 *               closed and its entries move; the key of each tells which bucket names it
 *     buckets   a sweep over the shards: what lies in such a page moves, as the shard names it
 *
 * A class is swept from when a fifth of its pages could be spared until a tenth could; sweeps
 * follow one another as long as pages come free.  What could not be freed then is remembered, and
 * nothing is begun again until much more could be.
 *
 * Invariants:  (1) moving an object changes one reference and nothing else: neither contents nor
 *                  places in buckets, so walks, scans and the search for expired entries go on
 *              (2) entries of flushed tables, which no lookup finds, do not meet a compaction: it
 *                  rests until they are freed
 *              (3) while nothing is sparse, asking costs no more than a look at the counts of each
 *                  class */
#ifndef STARLING_STORE_COMPACT_H
#define STARLING_STORE_COMPACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bitset.h"
#include "store/slab.h"

struct keyspace;

/* Where a compaction stands.  All-zero is none. */
struct compact {
    bool is_on;
    enum slab_kind kind;                              /* that the sweep is over */
    uint64_t wanted[BITSET_WORDS(SLAB_CLASS_COUNT)];  /* classes it is for */
    uint32_t left[SLAB_KIND_COUNT][SLAB_CLASS_COUNT]; /* spare pages that could not be freed */
    uint32_t spare_pages;                             /* of those classes, when it began */
    uint32_t freed_pages;                             /* since */
    uint32_t page;                                    /* entries: next page */
    uint64_t live[SLAB_LIVE_WORDS];                   /* objects of the closed page, */
    uint32_t live_count;                              /* of which so many are left; 0: unknown */
    uint32_t object;                                  /* next one */
    uint32_t last_table;                              /* that had an entry which moved */
    uint32_t table;                                   /* buckets: next table */
    uint64_t position;                                /* next shard of it */
    uint64_t moved_objects;                           /* ever */
};

/* Go on while the budget, in entries, lasts; what was spent is taken from it.  True when there is
 * more to do. */
bool compact_step(struct keyspace *ks, size_t *budget);

#endif
