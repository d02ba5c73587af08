/* SPDX-License-Identifier: MIT */
/* A hash table of references to entries that never stops to grow as a whole.
 *
 * A table is cut by the highest bits of the hash into shards of about a thousand entries, each an
 * array of cache-line buckets.  It grows and shrinks by steps of one shard: the array of one shard
 * is made a little longer or shorter, or one shard is split in two, or two are merged.  Arrays
 * have the lengths that the slab has sizes for, so none of their memory is unused.
 *
 *     hash   | prefix: names the shard | tag: 16 bits | rest |
 *     home bucket of a tag = tag * home_count / 65536
 *
 * Shards are split in order (linear hashing): those before `split` have prefixes of depth + 1
 * bits and are in `upper`, the others have depth bits and are in `lower`.
 *
 *     depth 2, split 1:   upper [000][001]   lower  -  [01][10][11]
 *
 * Placement is monotone in the hash, so the order (prefix, tag) is the same before and after any
 * step: a place in the order of hashes, called a position, is a cursor that resizing cannot upset.
 *
 * Invariants:  (1) an entry lies in its home bucket, or in one behind it in the same shard; every
 *                  full bucket it passed counted it
 *              (2) the last buckets of a shard, from home_count on, are home to nobody
 *              (3) a table without entries owns nothing
 *              (4) next_expiry_ms is no later than the earliest expiry in the shard
 *              (5) while a walk is on, a shard that is about to be rearranged is handed over first
 * A table owns its shards and bucket arrays, and not the entries.  All-zero (but for its number) is
 * an empty table. */
#ifndef STARLING_STORE_TABLE_H
#define STARLING_STORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "base/vec.h"
#include "store/bucket.h"
#include "store/entry.h"
#include "store/slab.h"
#include "store/walk.h"

enum {
    TABLE_TAG_BITS = 16,
    TABLE_SLAB_BUCKETS = SLAB_OBJECT_MAX / BUCKET_BYTES, /* longer arrays lie on the heap */
    TABLE_SEGMENT_BITS = 6,                              /* shards are allocated 64 at a time */
    TABLE_SEGMENT_SHARDS = 1 << TABLE_SEGMENT_BITS,
};

/* Half a cache line: a lookup reads one on its way, and of a large table that is a miss. */
struct shard {
    struct bucket *buckets; /* NULL without */
    uint16_t home_count;
    uint16_t bucket_count;
    uint16_t count;
    uint16_t volatile_count;
    int64_t next_expiry_ms; /* INT64_MAX when no entry has an expiry */
    uint32_t walk_epoch;    /* the walk that the marks below and in the buckets belong to */
    bool is_walked;         /* nothing in it is to be handed over any more */
};

_Static_assert(sizeof(struct shard) == BUCKET_BYTES / 2, "two shards to a cache line");

struct table {
    struct shard **lower; /* segments of shards; a segment that holds none is NULL */
    struct shard **upper;
    uint32_t shard_count; /* (1 << depth) + split, or 0 */
    uint32_t split;
    uint32_t depth;
    uint32_t number; /* database or slot */
    uint64_t count;
    uint64_t volatile_count; /* an entry with an expiry whose fields expire as well counts twice */
    uint64_t bucket_count;
    uint64_t long_bucket_count; /* of these, in arrays on the heap */
    uint64_t expected_count;    /* so many entries are said to come; 0: unknown */
    uint64_t sweep_position;    /* the shard whose turn to be resized is next */
    uint64_t entry_bytes;       /* slab objects of its entries */
    uint64_t large_bytes;       /* memory that keys and values of its entries have of their own */
};

struct table_shared;

/* The object behind the reference is handed over, of the table with that number. */
typedef void walk_hand_fn(struct table_shared *shared, uint32_t number, uint64_t ref);

/* A point-in-time walk on its way. */
struct walk {
    bool is_on;
    bool is_cluster;
    uint32_t epoch; /* of this walk, or of the last one; 0 before the first */
    const uint64_t *slots;
    bool is_of_members; /* tables are covered that have a number other than 0 */
    walk_hand_fn *hand;
    walk_sink_fn *sink; /* of entries */
    void *context;
    bool has_enough; /* the running step ends with its bucket */
    uint32_t table;  /* place of the walk: table, shard by position, bucket */
    uint64_t position;
    uint32_t bucket;
};

/* Who is to be told of changes: one word, so that a change asks once. */
enum table_listener {
    LISTENER_WALK = 1 << 0,     /* walk.is_on */
    LISTENER_OBSERVER = 1 << 1, /* of the key space */
};

/* What an entry is for a bucket, while a shard is being rearranged. */
struct table_item {
    uint64_t ref;
    uint64_t hash; /* of merged or resized shards: the tag alone */
};

/* What all tables of a key space share. */
struct table_shared {
    struct slab slab;
    uint64_t hash_seed;
    uint32_t depth_max;
    size_t directory_bytes;
    size_t long_bytes;  /* arrays on the heap, which the slab has no size for */
    uint32_t listeners; /* enum table_listener */
    struct walk walk;
    bool has_members; /* the tables' objects are members (store/member.h), not entries */
    const struct value_types *types;
    VEC(struct table_item) scratch;
};

/* Where an entry is. */
struct table_place {
    struct shard *shard;
    uint32_t bucket;
    uint32_t place;
    uint64_t ref;
};

/* A shard and the part of the order of hashes that it covers. */
struct table_span {
    struct shard *shard;
    unsigned level; /* bits of its prefix */
    uint64_t start; /* smallest hash of it */
    uint64_t next;  /* smallest hash of the next one; 0 for the last */
};

static inline struct shard *table_segment_at(struct shard *const *segments, uint64_t index)
{
    return &segments[index >> TABLE_SEGMENT_BITS][index & (TABLE_SEGMENT_SHARDS - 1)];
}

/* The shard of a hash.  The table must not be empty. */
static inline struct shard *table_shard(const struct table *table, uint64_t hash, unsigned *level)
{
    uint64_t index = hash >> (63 - table->depth);

    if (index < 2 * (uint64_t)table->split) {
        *level = table->depth + 1;
        return table_segment_at(table->upper, index);
    }
    *level = table->depth;
    return table_segment_at(table->lower, index >> 1);
}

static inline struct bucket *shard_bucket(const struct shard *shard, uint64_t bucket)
{
    return &shard->buckets[bucket];
}

static inline uint16_t table_tag(uint64_t hash, unsigned level)
{
    return (uint16_t)((hash << level) >> (64 - TABLE_TAG_BITS));
}

static inline uint32_t table_home(const struct shard *shard, uint16_t tag)
{
    return (uint32_t)(((uint64_t)tag * shard->home_count) >> TABLE_TAG_BITS);
}

static inline struct entry *table_entry(const struct table_shared *shared, uint64_t ref)
{
    return slab_at(&shared->slab, ref);
}

bool table_find(const struct table_shared *shared, const struct table *table, uint64_t hash,
                struct bytes key, struct table_place *out);
/* The same for who needs only the entry, or NULL. */
struct entry *table_find_entry(const struct table_shared *shared, const struct table *table,
                               uint64_t hash, struct bytes key);
/* Of a table of members: the same. */
bool table_find_member(const struct table_shared *shared, const struct table *table, uint64_t hash,
                       struct bytes name, struct table_place *out);
/* The place that holds the reference, whatever lies behind it. */
bool table_find_ref(const struct table *table, uint64_t hash, uint64_t ref,
                    struct table_place *out);
/* The entry with exactly this hash, or NULL. */
struct entry *table_find_hash(const struct table_shared *shared, const struct table *table,
                              uint64_t hash);
/* Hints to the processor, each step over many keys before the next: what the one fetches, the next
 * reads. */
void table_prefetch_shard(const struct table *table, uint64_t hash);
void table_prefetch_bucket(const struct table *table, uint64_t hash);
void table_prefetch_entry(const struct table_shared *shared, const struct table *table,
                          uint64_t hash);
/* The key must not be there.  Places found before are void afterwards. */
void table_insert(struct table_shared *shared, struct table *table, uint64_t hash, uint64_t ref,
                  int64_t expire_at_ms);
/* Take the reference out; the entry itself is the caller's.  Its walk has been told before
 * (table_before_change).  Places are void afterwards. */
void table_remove(struct table_shared *shared, struct table *table, uint64_t hash,
                  const struct table_place *place, int64_t expire_at_ms);
/* The entry has moved. */
void table_put_ref(const struct table_place *place, uint64_t ref);
/* The entry's expiry has changed. */
void table_note_expiry(struct table *table, struct shard *shard, int64_t old_ms, int64_t new_ms);
/* The entry there is about to change or go: the walk sees it first. */
void table_before_change(struct table_shared *shared, const struct table *table,
                         const struct table_place *place);

/* The shard that covers a position; false when the table is empty. */
bool table_span_at(const struct table *table, uint64_t position, struct table_span *out);
uint64_t table_entry_hash(const struct table_shared *shared, uint64_t ref);
int64_t table_expire_at_ms(const struct table_shared *shared, uint64_t ref);
/* When the first field of the entry expires, at the earliest; EXPIRE_NEVER when none does. */
int64_t table_fields_due_ms(const struct table_shared *shared, uint64_t ref);
/* Any reference of the table, each about as likely; it has some. */
uint64_t table_random(const struct table *table, struct rng *rng);

typedef void table_visit_fn(void *context, uint64_t ref);
/* Visit about count references in the order of hashes from the position on; where to go on, 0 at the end
 * (store/scan.c). */
uint64_t table_scan(const struct table_shared *shared, const struct table *table, uint64_t position,
                    size_t count, table_visit_fn *visit, void *context);
/* Free shards and bucket arrays; entries must be gone or are the caller's.  The number stays. */
void table_clear(struct table_shared *shared, struct table *table);
void table_check(const struct table_shared *shared, const struct table *table);

#endif
