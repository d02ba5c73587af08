/* SPDX-License-Identifier: MIT */
/* The inside of an image of one value, for those who give up values that have one. */
#ifndef STARLING_STORE_VALUE_IMAGE_STATE_H
#define STARLING_STORE_VALUE_IMAGE_STATE_H

#include "base/buf.h"
#include "store/members.h"
#include "store/value.h"

struct value_image {
    const struct value_ops *ops;
    void *memory;
    struct members *members; /* of the memory */
    int64_t base_ms;         /* of a volatile hash: what times count from; else 0 */
    uint64_t count;          /* of members at the begin, */
    uint64_t left;           /* and of those not yet in early */
    struct buf early;        /* encoded, not yet given out */
    uint64_t position;       /* place: shard by position, bucket */
    uint32_t bucket;
    bool has_begun;       /* the count was given out */
    bool is_orphan;       /* the value was removed: the memory is the image's to let go */
    size_t pending_bytes; /* of an orphan, counted as such by the key space */
};

/* The image of the value with this memory, or NULL. */
static inline struct value_image *value_image_of(const struct value_ops *ops, void *memory)
{
    const struct members *members = ops->members != NULL ? ops->members(memory) : NULL;

    if (members == NULL || members->table.number == 0) {
        return NULL;
    }
    return members->space->images.items[members->table.number - 1];
}

#endif
