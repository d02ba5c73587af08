/* SPDX-License-Identifier: MIT */
/* The in-sync set of a shard: who has everything that its primary has acknowledged, besides the primary.
 *
 * With sync-replicas n in a record, a reply to a write leaves its primary when all members of the set have the write, and
 * the set has n members at least.  So each of them has whatever was acknowledged while it was one, and only they may
 * take over.  The set changes by agreement alone: a candidate, which reads the record by its ballot, reads the set as it is.
 *
 * A member is a node and its memory: a number that a node draws when it is started, and counts up whenever what it has is
 * replaced or cut short.  Who has lost its memory has another number, and is no member any more, whatever the record
 * still says of it.
 *
 * Invariants:  (1) members are holders of the record, none comes twice, no memory is 0
 *              (2) without sync-replicas there are none
 * Part of a record: plain values. */
#ifndef STARLING_COUNCIL_SHARD_SYNC_H
#define STARLING_COUNCIL_SHARD_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cluster_id.h"
#include "base/codec.h"

enum {
    SHARD_SYNC_MAX = 16, /* members */
    SHARD_MEMORIES_IN_A_LIFE =
        1024 * 1024, /* fewer times what a node has is replaced while it runs */
};

struct shard_sync_member {
    struct cluster_id node;
    uint64_t memory;
};

struct shard_sync {
    uint32_t required; /* sync-replicas; 0: replies wait for nobody */
    size_t count;
    struct shard_sync_member members[SHARD_SYNC_MAX];
};

/* NULL: it is none. */
const struct shard_sync_member *shard_sync_find(const struct shard_sync *sync,
                                                const struct cluster_id *node);
/* Is it one, with the memory that it has now? */
bool shard_sync_has(const struct shard_sync *sync, const struct shard_sync_member *member);
/* May it take over, as far as the set goes? */
bool shard_sync_permits(const struct shard_sync *sync, const struct shard_sync_member *member);
bool shard_sync_equal(const struct shard_sync *a, const struct shard_sync *b);
/* In place of what it was a member with before; false: there is no room. */
bool shard_sync_add(struct shard_sync *sync, const struct shard_sync_member *member);
void shard_sync_remove(struct shard_sync *sync, const struct cluster_id *node);

/* Of a node that was started as start, and draws its first memory from that: was this one of this life? */
bool shard_memory_is_of(uint64_t memory, uint64_t start);

/* 1 required, 1 members, for each 20 node, 8 memory */
void shard_sync_encode(struct buf *out, const struct shard_sync *sync);
/* Fails on what is not as the invariants say, but for (1)'s holders. */
void shard_sync_decode(struct decoder *d, struct shard_sync *out);
bool shard_sync_makes_sense(const struct shard_sync *sync);

#endif
