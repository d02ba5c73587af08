/* SPDX-License-Identifier: MIT */
/* The number of a table of members is that of its image, and 0 without: so the marks of the walk
 * (store/walk_marks.h) do for members what they do for keys. */
#include "store/members_image.h"

#include "base/assert.h"
#include "base/buf_queue.h"
#include "base/mem.h"
#include "store/keyspace.h"
#include "store/members.h"
#include "store/walk_marks.h"

struct members_image {
    struct value_image base;
    const struct value_ops *ops;
    void *memory;
    struct members *members; /* of the memory */
    int64_t base_ms;         /* of a volatile hash: what times count from; else 0 */
    uint64_t count;          /* of members at the begin, */
    uint64_t left;           /* and of those not yet in early */
    struct buf_queue early;  /* encoded */
    uint64_t position;       /* place: shard by position, bucket */
    uint32_t bucket;
    bool has_begun;    /* the count was given out */
    bool is_orphan;    /* the value was removed: the memory is the image's to let go */
    size_t kept_bytes; /* of an orphan */
};

enum {
    PART_BYTES = 16 * 1024, /* given out at a time: many may have come early */
};

static bool is_wanted(const struct value_ops *ops, void *memory)
{
    return members_count(ops->members(memory)) > VALUE_IMAGE_COUNT;
}

/* A member that is about to change, or whose turn has come. */
static void hand_member(struct table_shared *shared, uint32_t number, uint64_t ref)
{
    struct value_space *space = shared->walk.context;
    struct members_image *image = space->images.items[number - 1];
    struct buf *early = buf_queue_end(&image->early);

    if (UNLIKELY(image->base_ms != 0)) {
        const struct member *m = slab_at(&shared->slab, ref);
        int64_t expire_at_ms = member_expire_at_ms(m);

        value_encode_field_expiry(early, expire_at_ms == EXPIRE_NEVER ? 0 : expire_at_ms,
                                  image->base_ms);
    }
    image->ops->encode_member(slab_at(&shared->slab, ref), early);
    image->left--;
}

/* The first free number; images are few. */
static uint32_t take_number(struct value_space *space, struct members_image *image)
{
    for (uint32_t i = 0; i < space->images.count; i++) {
        if (space->images.items[i] == NULL) {
            space->images.items[i] = image;
            return i + 1;
        }
    }
    VEC_PUSH(&space->images, image);
    return (uint32_t)space->images.count;
}

static struct value_image *begin(struct value_space *space, const struct value_ops *ops,
                                 void *memory)
{
    struct members_image *image = mem_alloc_zeroed(MEM_STORE, sizeof(*image));

    image->ops = ops;
    image->memory = memory;
    image->members = ops->members(memory);
    image->left = image->count = members_count(image->members);
    image->base_ms =
        members_volatile_count(image->members) > 0 ? members_next_expiry_ms(image->members) : 0;
    ASSERT(image->members->table.number == 0);
    image->members->table.number = take_number(space, image);
    space->image_count++;
    space->members.walk.is_on = true;
    space->members.walk.is_of_members = true;
    space->members.walk.hand = hand_member;
    space->members.walk.context = space;
    space->members.listeners |= LISTENER_WALK;
    return &image->base;
}

/* Go through the buckets from where the last step ended. */
static void step_table(struct members_image *image, size_t *budget)
{
    struct table_shared *shared = &image->members->space->members;
    struct table *table = &image->members->table;
    struct table_span span;

    while (*budget > 0 && image->left > 0) {
        ASSERT(table_span_at(table, image->position, &span));
        while (*budget > 0 && image->bucket < span.shard->bucket_count) {
            uint32_t cost = 1 + walk_go_through(shared, table, span.shard, image->bucket++);

            *budget -= cost < *budget ? cost : *budget;
        }
        if (image->bucket >= span.shard->bucket_count) {
            image->position = span.next;
            image->bucket = 0;
        }
    }
}

/* Give out the next part of what was encoded; true when that was all. */
static bool give_early(struct members_image *image, struct buf *out)
{
    if (!buf_queue_is_empty(&image->early)) {
        buf_queue_give(&image->early, PART_BYTES, out);
    }
    return buf_queue_is_empty(&image->early);
}

static bool step(struct value_image *base, size_t *budget, struct buf *out)
{
    struct members_image *image = CONTAINER_OF(base, struct members_image, base);

    if (!image->has_begun) {
        image->has_begun = true;
        if (image->base_ms != 0) {
            encode_u64_le(out, (uint64_t)image->base_ms);
        }
        value_encode_len(out, image->count);
    }
    if (give_early(image, out)) {
        step_table(image, budget);
        (void)give_early(image, out);
    }
    return image->left == 0 && buf_queue_is_empty(&image->early);
}

static struct value_remains end(struct value_image *base)
{
    struct members_image *image = CONTAINER_OF(base, struct members_image, base);
    struct value_space *space = image->members->space;
    struct value_remains remains = {.ops = image->ops};

    ASSERT(space->images.items[image->members->table.number - 1] == image);
    space->images.items[image->members->table.number - 1] = NULL;
    image->members->table.number = 0;
    space->image_count--;
    if (space->image_count == 0) {
        space->images.count = 0;
        space->members.walk.is_on = false;
        space->members.listeners &= ~(uint32_t)LISTENER_WALK;
    }
    if (image->is_orphan) {
        space->kept_bytes -= image->kept_bytes;
        remains.memory = image->memory;
    }
    buf_queue_deinit(&image->early);
    mem_free(MEM_STORE, image);
    return remains;
}

static bool adopt(const struct value_ops *ops, void *memory)
{
    const struct members *members = ops->members(memory);
    struct members_image *image;

    if (members->table.number == 0) {
        return false;
    }
    image = members->space->images.items[members->table.number - 1];
    ASSERT(!image->is_orphan && image->memory == memory);
    image->is_orphan = true;
    image->kept_bytes = ops->bytes(memory);
    members->space->kept_bytes += image->kept_bytes;
    return true;
}

const struct value_image_ops members_image_ops = {
    .is_wanted = is_wanted,
    .begin = begin,
    .step = step,
    .end = end,
    .adopt = adopt,
};
