/* SPDX-License-Identifier: MIT */
/* The image of one large value: its serialized form as it was at one moment, written in slices while the
 * value goes on to change, or is removed.
 *
 * How that is done is the matter of the value's type (struct value_image_ops):
 *
 *     sets, hashes,     members that are about to change, or to go, are written first, since their order
 *     sorted sets       does not matter; of a value that is removed the image takes the memory over
 *                       (store/members_image.h)
 *     lists             pieces are shared with the image, and are copied before they change
 *                       (store/list_image.h, store/piece.h)
 *
 *     begin --> step, step, ... --> end        (or end earlier)
 *
 * Invariants:  (1) none twice of a value within one walk of its key space
 *              (2) every element that was there at the begin is written once, as it was then
 *              (3) what only images hold is counted in kept_bytes of the value space
 * Loop thread only. */
#ifndef STARLING_STORE_VALUE_IMAGE_H
#define STARLING_STORE_VALUE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "store/keyspace.h"
#include "store/value.h"

enum {
    VALUE_IMAGE_COUNT = 512, /* elements that are written in one go */
};

/* What the image of each type begins with. */
struct value_image {
    const struct value_image_ops *ops;
};

/* What an image has left behind: memory that nobody needs any more, and who knows how to free it. */
struct value_remains {
    const struct value_ops *ops;
    void *memory; /* NULL: nothing */
};

struct value_image_ops {
    /* Is the memory so large that it is not written in one go? */
    bool (*is_wanted)(const struct value_ops *ops, void *memory);
    struct value_image *(*begin)(struct value_space *space, const struct value_ops *ops,
                                 void *memory);
    bool (*step)(struct value_image *image, size_t *budget, struct buf *out);
    struct value_remains (*end)(struct value_image *image);
    /* The owner of the memory lets go of it.  True when an image of it needs it and is its owner from now
     * on.  NULL for images that go on without. */
    bool (*adopt)(const struct value_ops *ops, void *memory);
};

/* Is the value so large that it is not written in one go? */
bool value_image_is_wanted(const struct keyspace *ks, const struct entry *e);
/* From now on.  Nothing is written yet. */
MUST_USE struct value_image *value_image_begin(struct keyspace *ks, const struct entry *e);
/* Append the next part of the serialized form, without the type's number: about budget elements; what was
 * spent is taken from it.  True when that was the last. */
MUST_USE bool value_image_step(struct value_image *image, size_t *budget, struct buf *out);
void value_image_end(struct keyspace *ks, struct value_image *image);

/* For those who give up memory of values: true when an image has taken it over. */
static inline bool value_image_adopts(const struct value_ops *ops, void *memory)
{
    return ops->image != NULL && ops->image->adopt != NULL && ops->image->adopt(ops, memory);
}

#endif
