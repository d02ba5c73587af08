/* SPDX-License-Identifier: MIT */
#include "council/shard_sync.h"

#include "base/assert.h"

#include <string.h>

static size_t index_of(const struct shard_sync *sync, const struct cluster_id *node)
{
    size_t i = 0;

    ASSERT(sync->count <= SHARD_SYNC_MAX);
    while (i < sync->count && !cluster_id_equal(&sync->members[i].node, node)) {
        i++;
    }
    return i;
}

const struct shard_sync_member *shard_sync_find(const struct shard_sync *sync,
                                                const struct cluster_id *node)
{
    size_t i = index_of(sync, node);

    return i < sync->count ? &sync->members[i] : NULL;
}

bool shard_sync_has(const struct shard_sync *sync, const struct shard_sync_member *member)
{
    const struct shard_sync_member *found = shard_sync_find(sync, &member->node);

    return found != NULL && found->memory == member->memory;
}

bool shard_sync_permits(const struct shard_sync *sync, const struct shard_sync_member *member)
{
    return sync->required == 0 || shard_sync_has(sync, member);
}

/* The order of members says nothing. */
bool shard_sync_equal(const struct shard_sync *a, const struct shard_sync *b)
{
    if (a->required != b->required || a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!shard_sync_has(b, &a->members[i])) {
            return false;
        }
    }
    return true;
}

bool shard_sync_add(struct shard_sync *sync, const struct shard_sync_member *member)
{
    size_t i = index_of(sync, &member->node);

    ASSERT(member->memory != 0);
    if (i == SHARD_SYNC_MAX) {
        return false;
    }
    sync->members[i] = *member;
    sync->count += i == sync->count ? 1 : 0;
    return true;
}

void shard_sync_remove(struct shard_sync *sync, const struct cluster_id *node)
{
    size_t i = index_of(sync, node);

    if (i < sync->count) {
        sync->members[i] = sync->members[--sync->count];
    }
}

bool shard_memory_is_of(uint64_t memory, uint64_t start)
{
    return memory - start < SHARD_MEMORIES_IN_A_LIFE;
}

void shard_sync_encode(struct buf *out, const struct shard_sync *sync)
{
    ASSERT(shard_sync_makes_sense(sync) && sync->required > 0);
    encode_u8(out, (uint8_t)sync->required);
    encode_u8(out, (uint8_t)sync->count);
    for (size_t i = 0; i < sync->count; i++) {
        cluster_id_encode(out, &sync->members[i].node);
        encode_u64_be(out, sync->members[i].memory);
    }
}

void shard_sync_decode(struct decoder *d, struct shard_sync *out)
{
    size_t count;

    *out = (struct shard_sync){.required = decode_u8(d)};
    count = decode_u8(d);
    if (count > SHARD_SYNC_MAX || out->required == 0) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        cluster_id_decode(d, &out->members[i].node);
        out->members[i].memory = decode_u64_be(d);
    }
    out->count = count;
    if (!decoder_is_ok(d) || !shard_sync_makes_sense(out)) {
        d->failed = true;
        *out = (struct shard_sync){0};
    }
}

bool shard_sync_makes_sense(const struct shard_sync *sync)
{
    if (sync->count > SHARD_SYNC_MAX || sync->required > SHARD_SYNC_MAX ||
        (sync->required == 0 && sync->count > 0)) {
        return false;
    }
    for (size_t i = 0; i < sync->count; i++) {
        if (cluster_id_is_none(&sync->members[i].node) || sync->members[i].memory == 0 ||
            index_of(sync, &sync->members[i].node) != i) {
            return false;
        }
    }
    return true;
}
