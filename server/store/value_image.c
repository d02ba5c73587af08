/* SPDX-License-Identifier: MIT */
/* The number of a table of members is that of its image, and 0 without: so the marks of the walk
 * (store/walk_marks.h) do for members what they do for keys. */
#include "store/value_image.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace_state.h"
#include "store/members.h"
#include "store/value_image_state.h"
#include "store/walk_marks.h"

enum {
    LARGE_COUNT = 512, /* members from which on a value is not written in one go */
};

bool value_image_is_wanted(const struct keyspace *ks, const struct entry *e)
{
    const struct value_ops *ops = value_ops_of(ks->shared.types, e);
    void *memory = entry_memory(e);

    return memory != NULL && ops->members != NULL &&
           members_count(ops->members(memory)) > LARGE_COUNT;
}

/* A member that is about to change, or whose turn has come. */
static void hand_member(struct table_shared *shared, uint32_t number, uint64_t ref)
{
    struct value_space *space = shared->walk.context;
    struct value_image *image = space->images.items[number - 1];

    if (UNLIKELY(image->base_ms != 0)) {
        const struct member *m = slab_at(&shared->slab, ref);
        int64_t expire_at_ms = member_expire_at_ms(m);

        value_encode_field_expiry(&image->early, expire_at_ms == EXPIRE_NEVER ? 0 : expire_at_ms,
                                  image->base_ms);
    }
    image->ops->encode_member(slab_at(&shared->slab, ref), &image->early);
    image->left--;
}

/* The first free number; images are few. */
static uint32_t take_number(struct value_space *space, struct value_image *image)
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

struct value_image *value_image_begin(struct keyspace *ks, const struct entry *e)
{
    struct value_space *space = &ks->values;
    struct value_image *image = mem_alloc_zeroed(MEM_STORE, sizeof(*image));

    ASSERT(value_image_is_wanted(ks, e));
    image->ops = value_ops_of(ks->shared.types, e);
    image->memory = entry_memory(e);
    image->members = image->ops->members(image->memory);
    image->left = image->count = members_count(image->members);
    image->base_ms = entry_is_volatile(e) ? members_next_expiry_ms(image->members) : 0;
    ASSERT(image->members->table.number == 0);
    image->members->table.number = take_number(space, image);
    space->image_count++;
    space->members.walk.is_on = true;
    space->members.walk.is_of_members = true;
    space->members.walk.hand = hand_member;
    space->members.walk.context = space;
    space->members.listeners |= LISTENER_WALK;
    return image;
}

/* Go through the buckets from where the last step ended. */
static void step_table(struct value_image *image, size_t *budget)
{
    struct table_shared *shared = &image->members->space->members;
    struct table *table = &image->members->table;
    struct table_span span;

    while (*budget > 0 && image->left > 0) {
        ASSERT(table_span_at(table, image->position, &span));
        while (*budget > 0 && image->bucket < span.shard->bucket_count) {
            uint32_t cost = 1 + walk_hand_bucket(shared, table, span.shard, image->bucket++);

            *budget -= cost < *budget ? cost : *budget;
        }
        if (image->bucket >= span.shard->bucket_count) {
            image->position = span.next;
            image->bucket = 0;
        }
    }
}

bool value_image_step(struct value_image *image, size_t *budget, struct buf *out)
{
    if (!image->has_begun) {
        image->has_begun = true;
        if (image->base_ms != 0) {
            encode_u64_le(out, (uint64_t)image->base_ms);
        }
        value_encode_len(out, image->count);
    }
    step_table(image, budget);
    buf_append_bytes(out, buf_bytes(&image->early));
    buf_clear(&image->early);
    return image->left == 0;
}

void value_image_end(struct keyspace *ks, struct value_image *image)
{
    struct value_space *space = &ks->values;

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
        ks->pending_bytes -= image->pending_bytes;
        reclaim_memory(ks, image->ops, image->memory);
    }
    buf_deinit(&image->early);
    mem_free(MEM_STORE, image);
}
