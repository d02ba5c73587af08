/* SPDX-License-Identifier: MIT */
#include "store/value_space.h"

#include "base/assert.h"

enum {
    DEPTH_MAX = 31, /* bits that name a shard of members: enough for 10^12 of them */
};

const struct value_limits value_limits_default = {
    .hash_max_listpack_entries = 512,
    .hash_max_listpack_value = 64,
    .set_max_intset_entries = 512,
    .set_max_listpack_entries = 128,
    .set_max_listpack_value = 64,
    .zset_max_listpack_entries = 128,
    .zset_max_listpack_value = 64,
    .list_max_listpack_size = -2,
    .hll_sparse_max_bytes = 3000,
    .stream_node_max_bytes = 4096,
    .stream_node_max_entries = 100,
    .stream_idmp_duration = 100,
    .stream_idmp_maxsize = 100,
};

void value_space_init(struct value_space *space, const struct value_types *types,
                      uint64_t hash_seed, size_t arena_bytes)
{
    *space = (struct value_space){.types = types, .limits = value_limits_default};
    slab_init(&space->members.slab, arena_bytes);
    space->members.hash_seed = hash_seed;
    space->members.depth_max = DEPTH_MAX;
    space->members.has_members = true;
    space->members.types = types;
}

void value_space_deinit(struct value_space *space)
{
    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++) {
        ASSERT(space->members.slab.object_bytes[kind] == 0);
    }
    ASSERT(space->image_count == 0 && space->kept_bytes == 0);
    VEC_DEINIT(&space->images);
    VEC_DEINIT(&space->members.scratch);
    slab_deinit(&space->members.slab);
    *space = (struct value_space){0};
}

size_t value_space_bytes(const struct value_space *space)
{
    const struct slab *slab = &space->members.slab;
    size_t bytes = slab_idle_bytes(slab) + slab_overhead_bytes(slab);

    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++) {
        bytes += slab->page_bytes[kind];
    }
    return bytes;
}
