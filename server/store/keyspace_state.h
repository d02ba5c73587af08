/* SPDX-License-Identifier: MIT */
/* The inside of struct keyspace, for the files of this room that make it up: keyspace.c (one
 * key), many.c (counts, random), memory.c, scan.c, expire.c, walk.c, reclaim.c and compact.c. */
#ifndef STARLING_STORE_KEYSPACE_STATE_H
#define STARLING_STORE_KEYSPACE_STATE_H

#include "base/bitset.h"
#include "base/vec.h"
#include "spec/slot.h"
#include "store/compact.h"
#include "store/keyspace.h"
#include "store/table.h"

enum {
    SLOT_GROUP_BITS = 6, /* slots are counted in groups of 64, for random choice */
    SLOT_GROUPS = SLOT_COUNT >> SLOT_GROUP_BITS,
    POSITION_BITS_PLAIN = 48,   /* of a scan cursor: a prefix of the hash */
    POSITION_BITS_CLUSTER = 39, /* and the slot above it: 53 bits in all, exact in a double */
};

/* A table that was flushed: its entries are still to be freed. */
struct reclaim_table {
    struct table table;
    uint64_t position;
    uint32_t bucket;
};

/* Where the search for expired entries goes on. */
struct expire_place {
    uint32_t table;
    uint64_t position;
    uint32_t bucket;
};

struct keyspace {
    bool is_cluster;
    uint32_t table_count;
    unsigned position_bits;
    uint32_t clock_s; /* last use of entries that are set */
    struct table *tables;
    uint64_t *occupied;     /* bitset: tables with entries */
    uint64_t *volatiles;    /* bitset: tables with expiries */
    uint64_t *group_counts; /* cluster mode: entries in each group of slots */
    uint64_t count;
    uint64_t volatile_count;
    size_t large_bytes;
    struct table_shared shared;
    struct expire_place expire;
    struct compact compact;
    VEC(struct reclaim_table) dead_tables;
    VEC(struct block *) dead_blocks;
    size_t pending_bytes;
};

/* First table from number on whose bit is set, or table_count. */
uint32_t keyspace_next_table(const struct keyspace *ks, const uint64_t *bits, uint32_t number);

/* Let go of it; when nobody else holds it, it is freed now if small, by and by if large. */
void reclaim_block(struct keyspace *ks, struct block *block);
/* The entries of the table are freed by and by; the table is empty afterwards. */
void reclaim_table(struct keyspace *ks, struct table *table);
/* Free all that waits but slab objects: the arena is about to go. */
void reclaim_all(struct keyspace *ks);

#endif
