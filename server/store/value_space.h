/* SPDX-License-Identifier: MIT */
/* Where the large values of one key space have their memory, and what counts as small there.
 *
 * Members of large hashes, sets and sorted sets, the buckets that name them, and nodes of ordered
 * structures are objects of a slab of their own, beside that of the entries: the two are accounted
 * for apart, and only entries move in a compaction.
 *
 * Owns the slab; the values in it are owned by their entries, and must be gone before it. */
#ifndef STARLING_STORE_VALUE_SPACE_H
#define STARLING_STORE_VALUE_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "store/table.h"

/* What clients are told is small (OBJECT ENCODING): the directives of the same names.  How a value really
 * lies in memory goes by its bytes.  Sizes are in bytes, counts in elements. */
struct value_limits {
    uint64_t hash_max_listpack_entries;
    uint64_t hash_max_listpack_value;
    uint64_t set_max_intset_entries;
    uint64_t set_max_listpack_entries;
    uint64_t set_max_listpack_value;
    uint64_t zset_max_listpack_entries;
    uint64_t zset_max_listpack_value;
    int64_t list_max_listpack_size; /* elements; negative: -1 to -5 for 4 to 64 KB */
    uint64_t hll_sparse_max_bytes;  /* of a HyperLogLog, whose form this does decide */
    uint64_t stream_node_max_bytes;
    uint64_t stream_node_max_entries;
    uint64_t stream_idmp_duration; /* seconds */
    uint64_t stream_idmp_maxsize;  /* iids of a producer */
};

extern const struct value_limits value_limits_default;

struct members_image;

struct value_space {
    const struct value_types *types;
    struct value_limits limits;
    struct table_shared members; /* what the tables of members share (store/members.h) */
    VEC(struct members_image *)
    images; /* of members, by number, from 1; NULL where there is none */
    uint32_t image_count;
    size_t kept_bytes; /* of what images hold and no value does any more */
};

/* arena_bytes as for slab_init. */
void value_space_init(struct value_space *space, const struct value_types *types,
                      uint64_t hash_seed, size_t arena_bytes);
void value_space_deinit(struct value_space *space);
/* Bytes of its pages, used or idle, and of what is known about each. */
size_t value_space_bytes(const struct value_space *space);

#endif
