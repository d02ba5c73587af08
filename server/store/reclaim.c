/* SPDX-License-Identifier: MIT */
/* What was removed and is freed in slices: large values, whole tables; and pages given back. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace_state.h"
#include "store/value_image.h"

enum {
    AT_ONCE_COST = 64, /* what costs no more to free, in entries, is freed at once */
    PAGE_COST = 180,   /* of giving a page back */
};

void reclaim_memory(struct keyspace *ks, const struct value_ops *ops, void *memory)
{
    size_t budget = SIZE_MAX;

    if (memory == NULL || value_image_adopts(ops, memory)) {
        return;
    }
    if (ops->free_cost(memory) > AT_ONCE_COST) {
        ks->pending_bytes += ops->bytes(memory);
        VEC_PUSH(&ks->dead_values, ((struct reclaim_value){ops, memory}));
    } else {
        bool is_freed = ops->free(&memory, &budget);

        ASSERT(is_freed);
    }
}

void reclaim_table(struct keyspace *ks, struct table *table)
{
    uint32_t number = table->number;

    if (table->count == 0) {
        return;
    }
    ks->pending_bytes += table->entry_bytes + table->large_bytes;
    ks->dead_entry_bytes += table->entry_bytes;
    ks->large_bytes -= table->large_bytes;
    VEC_PUSH(&ks->dead_tables, ((struct reclaim_table){.table = *table}));
    *table = (struct table){.number = number};
}

/* Free of the last dead value what the budget is good for. */
static void free_value_slice(struct keyspace *ks, size_t *budget)
{
    struct reclaim_value *last = &ks->dead_values.items[ks->dead_values.count - 1];

    ks->pending_bytes -= last->ops->bytes(last->memory);
    if (last->ops->free(&last->memory, budget)) {
        ks->dead_values.count--;
    } else {
        ks->pending_bytes += last->ops->bytes(last->memory);
    }
}

/* Returns what it cost. */
static size_t free_dead_entry(struct keyspace *ks, uint64_t ref)
{
    struct entry *e = table_entry(&ks->shared, ref);
    const struct value_ops *ops = value_ops_of(ks->shared.types, e);
    struct block *key = entry_key_block(e);
    void *memory = entry_memory(e);
    size_t cost = memory != NULL ? ops->free_cost(memory) : 0;

    ks->pending_bytes -= slab_object_size(&ks->shared.slab, ref);
    ks->dead_entry_bytes -= slab_object_size(&ks->shared.slab, ref);
    ks->pending_bytes -= key != NULL ? block_bytes(key) : 0;
    ks->pending_bytes -= memory != NULL ? ops->bytes(memory) : 0;
    slab_free(&ks->shared.slab, ref);
    reclaim_memory(ks, &value_string, key);
    reclaim_memory(ks, ops, memory);
    /* What costs more has only been put off. */
    return 1 + (cost <= AT_ONCE_COST ? cost : 0);
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
            size_t cost = free_dead_entry(ks, ref);

            *budget -= cost < *budget ? cost : *budget;
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
        while (*budget > 0 && dead->bucket < span.shard->bucket_count) {
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

    while (ks->dead_values.count > 0 && budget > 0) {
        free_value_slice(ks, &budget);
    }
    while (ks->dead_tables.count > 0 && budget > 0) {
        free_table_slice(ks, &budget);
    }
    release_pages(slab, &budget);
    return compact_step(ks, &budget) || slab_release_pages(slab, 0) || ks->dead_values.count > 0 ||
           ks->dead_tables.count > 0;
}

void reclaim_all(struct keyspace *ks)
{
    while (ks->dead_tables.count > 0) {
        struct reclaim_table *last = &ks->dead_tables.items[ks->dead_tables.count - 1];
        size_t budget = SIZE_MAX;

        if (last->table.large_bytes == 0) {
            /* Entries without memory of their own go with the arena. */
            table_clear(&ks->shared, &last->table);
            ks->dead_tables.count--;
        } else {
            free_table_slice(ks, &budget);
        }
    }
    while (ks->dead_values.count > 0) {
        size_t budget = SIZE_MAX;

        free_value_slice(ks, &budget);
    }
    VEC_DEINIT(&ks->dead_tables);
    VEC_DEINIT(&ks->dead_values);
    ks->pending_bytes = 0;
    ks->dead_entry_bytes = 0;
}
