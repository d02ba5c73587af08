/* SPDX-License-Identifier: MIT */
/* How the walk (store/walk.h) knows what it has handed over.
 *
 * A bucket carries a mark, a shard the epoch of the walk its marks belong to and a mark of its own
 * for all of it.  Marks of another epoch mean nothing: they are wiped when this walk first comes to
 * the shard, so neither the end nor the cancelling of a walk has anything to clear.
 *
 * Invariant:  while a walk is on, an entry that was there at its start and has not been handed
 *             over lies in an unmarked bucket of an unmarked shard, and no other entry does. */
#ifndef STARLING_STORE_WALK_MARKS_H
#define STARLING_STORE_WALK_MARKS_H

#include "base/attr.h"
#include "base/bitset.h"
#include "store/table.h"

static inline bool walk_covers(const struct walk *walk, uint32_t table_number)
{
    if (walk->is_of_members) {
        return walk->is_on && table_number != 0;
    }
    return walk->is_on && (walk->slots == NULL || bitset_has(walk->slots, table_number));
}

/* Hand over the bucket's entries unless that was done; returns how many. */
uint32_t walk_hand_bucket(struct table_shared *shared, const struct table *table,
                          struct shard *shard, uint32_t bucket);
/* The same for those who go from bucket to bucket: the entries of the next one are fetched meanwhile. */
uint32_t walk_go_through(struct table_shared *shared, const struct table *table,
                         struct shard *shard, uint32_t bucket);
void walk_hand_shard(struct table_shared *shared, const struct table *table, struct shard *shard);
/* All of a table, before its entries go all at once. */
void walk_hand_table(struct table_shared *shared, const struct table *table);

/* Something in the bucket is about to change, or to be added. */
static inline void walk_before_change(struct table_shared *shared, const struct table *table,
                                      struct shard *shard, uint32_t bucket)
{
    if (UNLIKELY(walk_covers(&shared->walk, table->number))) {
        (void)walk_hand_bucket(shared, table, shard, bucket);
    }
}

/* The shard's entries are about to change places. */
static inline void walk_before_resize(struct table_shared *shared, const struct table *table,
                                      struct shard *shard)
{
    if (UNLIKELY(walk_covers(&shared->walk, table->number))) {
        walk_hand_shard(shared, table, shard);
    }
}

/* The shard is new: what it has or will have was handed over, or made after the start. */
static inline void walk_mark_new(const struct table_shared *shared, const struct table *table,
                                 struct shard *shard)
{
    if (UNLIKELY(walk_covers(&shared->walk, table->number))) {
        shard->walk_epoch = shared->walk.epoch;
        shard->is_walked = true;
    }
}

#endif
