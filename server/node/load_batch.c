/* SPDX-License-Identifier: MIT */
#include "node/load_batch.h"

#include "base/assert.h"
#include "base/mem.h"

void load_batch_deinit(struct load_batch *batch)
{
    ASSERT(batch->count == 0);
    mem_free(MEM_NODE, batch->bytes);
    *batch = (struct load_batch){0};
}

/* There is room. */
static struct bytes keep(struct load_batch *batch, struct bytes bytes)
{
    char *at = batch->bytes + batch->used;

    ASSERT(bytes.len <= LOAD_BATCH_BYTES - batch->used);
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    batch->used += bytes.len;
    return bytes_make(at, bytes.len);
}

void load_batch_flush(struct load_batch *batch, struct keyspace *target)
{
    keyspace_prefetch_buckets(target, batch->refs, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        keyspace_put(target, &batch->refs[i], &batch->values[i], batch->expire_at_ms[i]);
        value_discard(keyspace_types(target), &batch->values[i]);
    }
    batch->count = 0;
    batch->used = 0;
}

void load_batch_add(struct load_batch *batch, struct keyspace *target,
                    const struct rdb_record *record)
{
    size_t bytes = record->key.len + record->value->inlined.len;
    struct key_ref ref;

    if (batch->count == LOAD_BATCH_RECORDS || bytes > LOAD_BATCH_BYTES - batch->used) {
        load_batch_flush(batch, target);
    }
    if (bytes > LOAD_BATCH_BYTES) {
        ref = keyspace_ref(target, record->db, record->key);
        keyspace_put(target, &ref, record->value, record->expire_at_ms);
        return;
    }
    if (batch->bytes == NULL) {
        batch->bytes = mem_alloc(MEM_NODE, LOAD_BATCH_BYTES);
    }
    batch->refs[batch->count] = keyspace_ref(target, record->db, keep(batch, record->key));
    batch->values[batch->count] = *record->value;
    batch->values[batch->count].inlined = keep(batch, record->value->inlined);
    batch->expire_at_ms[batch->count] = record->expire_at_ms;
    record->value->memory = NULL;
    batch->count++;
}
