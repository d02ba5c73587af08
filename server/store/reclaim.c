/* SPDX-License-Identifier: MIT */
/* What was removed and is freed in slices: large blocks, whole tables; and pages given back. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace_state.h"

enum {
    BLOCK_AT_ONCE = 64 * 1024, /* blocks up to here are freed at once */
    BLOCK_SLICE = 1024 * 1024, /* cut off a large block in a step */
    BLOCK_SLICE_COST = 1000,   /* of such a step, in entries */
    PAGE_COST = 180,           /* of giving a page back */
};

void reclaim_block(struct keyspace *ks, struct block *block)
{
    if (block == NULL) {
        return;
    }
    if (block->holders > 1 || block_bytes(block) <= BLOCK_AT_ONCE) {
        block_release(block);
        return;
    }
    ks->pending_bytes += block_bytes(block);
    VEC_PUSH(&ks->dead_blocks, block);
}

void reclaim_table(struct keyspace *ks, struct table *table)
{
    uint32_t number = table->number;

    if (table->count == 0) {
        return;
    }
    ks->pending_bytes += table->entry_bytes + table->large_bytes;
    ks->large_bytes -= table->large_bytes;
    VEC_PUSH(&ks->dead_tables, ((struct reclaim_table){.table = *table}));
    *table = (struct table){.number = number};
}

/* Cut a slice off the last dead block, or free what is left of it.  Shrinking gives the tail
 * back to the system without moving the rest. */
static void free_block_slice(struct keyspace *ks)
{
    struct block **last = &ks->dead_blocks.items[ks->dead_blocks.count - 1];

    if ((*last)->capacity_bytes <= BLOCK_SLICE) {
        ks->pending_bytes -= block_bytes(*last);
        block_release(*last);
        ks->dead_blocks.count--;
        return;
    }
    (*last)->len = 0;
    ks->pending_bytes -= BLOCK_SLICE;
    *last = block_resize(*last, (*last)->capacity_bytes - BLOCK_SLICE);
}

static void free_dead_entry(struct keyspace *ks, uint64_t ref)
{
    struct entry *e = table_entry(&ks->shared, ref);
    struct block *key = entry_key_block(e);
    struct block *value = entry_encoding(e) == VALUE_RAW ? entry_value_block(e) : NULL;

    ks->pending_bytes -= slab_object_size(&ks->shared.slab, ref);
    ks->pending_bytes -= key != NULL ? block_bytes(key) : 0;
    ks->pending_bytes -= value != NULL ? block_bytes(value) : 0;
    slab_free(&ks->shared.slab, ref);
    reclaim_block(ks, key);
    reclaim_block(ks, value);
}

static void free_dead_bucket(struct keyspace *ks, const struct shard *shard, uint32_t at,
                             size_t *budget)
{
    const struct bucket *bucket = shard_bucket(shard, at);

    for (unsigned i = 0; i < BUCKET_PLACES && at + 1 < shard->bucket_count; i++) {
        prefetch(slab_at(&ks->shared.slab, bucket_ref(shard_bucket(shard, at + 1), i)));
    }
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        uint64_t ref = bucket_ref(bucket, i);

        if (ref != 0) {
            free_dead_entry(ks, ref);
            *budget -= *budget > 0 ? 1 : 0;
        }
    }
}

/* Free entries of the last dead table while the budget lasts. */
static void free_table_slice(struct keyspace *ks, size_t *budget)
{
    struct reclaim_table *dead = &ks->dead_tables.items[ks->dead_tables.count - 1];

    while (*budget > 0) {
        struct table_span span;

        ASSERT(table_span_at(&dead->table, dead->position, &span));
        while (dead->bucket<span.shard->bucket_count && * budget> 0) {
            free_dead_bucket(ks, span.shard, dead->bucket++, budget);
        }
        if (dead->bucket < span.shard->bucket_count) {
            return;
        }
        dead->bucket = 0;
        dead->position = span.next;
        if (span.next == 0) {
            table_clear(&ks->shared, &dead->table);
            ks->dead_tables.count--;
            return;
        }
    }
}

/* Give pages back while the budget lasts. */
static void release_pages(struct slab *slab, size_t *budget)
{
    uint32_t before = slab->idle_count;
    size_t cost;

    (void)slab_release_pages(slab, (*budget + PAGE_COST - 1) / PAGE_COST);
    cost = (size_t)(before - slab->idle_count) * PAGE_COST;
    *budget -= cost < *budget ? cost : *budget;
}

bool keyspace_work(struct keyspace *ks, size_t budget)
{
    struct slab *slab = &ks->shared.slab;

    while (ks->dead_blocks.count > 0 && budget > 0) {
        free_block_slice(ks);
        budget -= budget < BLOCK_SLICE_COST ? budget : BLOCK_SLICE_COST;
    }
    while (ks->dead_tables.count > 0 && budget > 0) {
        free_table_slice(ks, &budget);
    }
    release_pages(slab, &budget);
    return compact_step(ks, &budget) || slab_release_pages(slab, 0) || ks->dead_blocks.count > 0 ||
           ks->dead_tables.count > 0;
}

void reclaim_all(struct keyspace *ks)
{
    while (ks->dead_tables.count > 0) {
        struct reclaim_table *last = &ks->dead_tables.items[ks->dead_tables.count - 1];
        size_t budget = SIZE_MAX;

        if (last->table.large_bytes == 0) {
            /* Entries without blocks go with the arena. */
            table_clear(&ks->shared, &last->table);
            ks->dead_tables.count--;
        } else {
            free_table_slice(ks, &budget);
        }
    }
    while (ks->dead_blocks.count > 0) {
        block_release(VEC_POP(&ks->dead_blocks));
    }
    VEC_DEINIT(&ks->dead_tables);
    VEC_DEINIT(&ks->dead_blocks);
    ks->pending_bytes = 0;
}
