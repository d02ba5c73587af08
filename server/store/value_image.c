/* SPDX-License-Identifier: MIT */
#include "store/value_image.h"

#include "base/assert.h"
#include "store/keyspace_state.h"

bool value_image_is_wanted(const struct keyspace *ks, const struct entry *e)
{
    const struct value_ops *ops = value_ops_of(ks->shared.types, e);
    void *memory = entry_memory(e);

    return memory != NULL && ops->image != NULL && ops->image->is_wanted(ops, memory);
}

struct value_image *value_image_begin(struct keyspace *ks, const struct entry *e)
{
    const struct value_ops *ops = value_ops_of(ks->shared.types, e);
    struct value_image *image;

    ASSERT(value_image_is_wanted(ks, e));
    image = ops->image->begin(&ks->values, ops, entry_memory(e));
    image->ops = ops->image;
    return image;
}

bool value_image_step(struct value_image *image, size_t *budget, struct buf *out)
{
    return image->ops->step(image, budget, out);
}

void value_image_end(struct keyspace *ks, struct value_image *image)
{
    struct value_remains remains = image->ops->end(image);

    reclaim_memory(ks, remains.ops, remains.memory);
}
