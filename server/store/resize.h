/* SPDX-License-Identifier: MIT */
/* How tables grow and shrink: one shard at a time, at most some 20 us a step.
 *
 * The fill of the whole table is held near 84 %, and the mean of entries in a shard below 700.  An
 * insert that finds it above splits the shard whose turn it is, or lengthens its array; a removal that
 * finds it far below merges two, or shortens one.  Only a shard that is crowded itself is lengthened
 * out of turn.
 *
 * A table that knows how many entries are to come (expected_count) is split ahead of them, while that moves
 * few, and its shards get at once the length that they will need.  As what it was told may be wrong, it believes no more
 * than eight times of what has come: some seventy bytes an entry at most are in vain. */
#ifndef STARLING_STORE_RESIZE_H
#define STARLING_STORE_RESIZE_H

#include <stdbool.h>

#include "store/table.h"

/* Give an empty table its first shard. */
void resize_open(struct table_shared *shared, struct table *table);
/* Should the shard be longer before another entry comes? */
bool resize_is_crowded(const struct shard *shard);
/* A longer array for the shard, with one entry more: item.hash is its tag. */
void resize_add(struct table_shared *shared, struct table *table, struct shard *shard,
                struct table_item item);
/* hash is that of the new entry. */
void resize_after_insert(struct table_shared *shared, struct table *table, uint64_t hash);
/* An empty table gives up all it owns. */
void resize_after_remove(struct table_shared *shared, struct table *table);

#endif
