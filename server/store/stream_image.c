/* SPDX-License-Identifier: MIT */
#include "store/stream_image.h"

#include "base/assert.h"
#include "base/mem.h"
#include "store/stream_codec.h"
#include "store/value_space.h"

enum {
    LARGE_BYTES =
        64 * 1024, /* of all of it, which is not written in one go however few entries there are */
    COST_BYTES = 256, /* of what is written, which cost as much as an element */
};

struct stream_image {
    struct value_image base;
    struct stream *stream; /* that the image is */
    struct stream_encoder encoder;
    bool has_more;
};

static bool is_wanted(const struct value_ops *ops, void *memory)
{
    const struct stream *s = memory;

    (void)ops;
    return s->count > VALUE_IMAGE_COUNT || s->pool.bytes > LARGE_BYTES;
}

static struct value_image *begin(struct value_space *space, const struct value_ops *ops,
                                 void *memory)
{
    struct stream_image *image = mem_alloc_zeroed(MEM_STORE, sizeof(*image));

    (void)ops;
    image->stream = stream_share(memory, &space->kept_bytes);
    image->has_more = true;
    stream_encoder_begin(&image->encoder, image->stream, 0);
    return &image->base;
}

static bool step(struct value_image *base, size_t *budget, struct buf *out)
{
    struct stream_image *image = CONTAINER_OF(base, struct stream_image, base);

    while (image->has_more && *budget > 0) {
        size_t before = out->len;
        size_t cost;

        image->has_more = stream_encoder_next(&image->encoder, out);
        cost = 1 + (out->len - before) / COST_BYTES;
        *budget -= cost < *budget ? cost : *budget;
    }
    return !image->has_more;
}

/* ---- what is left behind ----------------------------------------------------------------------------------------- */

/* Of the pieces those that the stream does not hold are counted as kept. */
static size_t bytes(const void *memory)
{
    (void)memory;
    return sizeof(struct stream_image) + sizeof(struct stream);
}

static size_t free_cost(const void *memory)
{
    const struct stream_image *image = memory;

    return (size_t)image->stream->pool.piece_count * ID_PIECE_COST;
}

static bool free_image(void **memory, size_t *budget)
{
    struct stream_image *image = *memory;

    if (!stream_free(image->stream, budget)) {
        return false;
    }
    mem_free(MEM_STORE, image);
    *memory = NULL;
    return true;
}

static const struct value_ops remains_ops = {
    .bytes = bytes,
    .free_cost = free_cost,
    .free = free_image,
};

static struct value_remains end(struct value_image *base)
{
    return (struct value_remains){
        .ops = &remains_ops,
        .memory = CONTAINER_OF(base, struct stream_image, base),
    };
}

const struct value_image_ops stream_image_ops = {
    .is_wanted = is_wanted,
    .begin = begin,
    .step = step,
    .end = end,
};
