/* SPDX-License-Identifier: MIT */
#include "store/list_image.h"

#include "base/mem.h"
#include "store/chunks.h"
#include "store/value_space.h"

enum {
    LARGE_BYTES = 64 * 1024, /* of elements, which are not written in one go however few they are */
    COST_BYTES = 256,        /* of an element that cost as much as one more */
};

struct list_image {
    struct value_image base;
    struct chunks left;    /* leaves that were not wholly written, */
    struct chunks written; /* and those that were, to be freed */
    uint32_t slot;         /* where the next element is: the chunk of the first leaf, */
    size_t place;          /* and in its elements */
    bool has_begun;        /* the count was given out */
};

static bool is_wanted(const struct value_ops *ops, void *memory)
{
    const struct chunks *chunks = memory;

    (void)ops;
    return chunks->count > VALUE_IMAGE_COUNT || chunks->sums.data_bytes > LARGE_BYTES;
}

static struct value_image *begin(struct value_space *space, const struct value_ops *ops,
                                 void *memory)
{
    struct list_image *image = mem_alloc_zeroed(MEM_STORE, sizeof(*image));

    (void)ops;
    chunks_share(memory, &space->kept_bytes, &image->left);
    return &image->base;
}

/* Write elements of one chunk; true when it is done. */
static bool write_chunk(struct list_image *image, const struct chunk *chunk, size_t *budget,
                        struct buf *out)
{
    struct bytes elements = chunk_bytes(chunk);
    const uint8_t *begin = (const uint8_t *)elements.data;
    const uint8_t *at = begin + image->place;
    const uint8_t *end = begin + elements.len;

    while (at<end && * budget> 0) {
        struct packed_item item;
        const uint8_t *next = packed_read(at, &item);
        size_t cost = 1 + (size_t)(next - at) / COST_BYTES;

        value_encode_item(out, &item);
        *budget -= cost < *budget ? cost : *budget;
        at = next;
    }
    image->place = (size_t)(at - begin);
    return at == end;
}

static bool step(struct value_image *base, size_t *budget, struct buf *out)
{
    struct list_image *image = CONTAINER_OF(base, struct list_image, base);

    if (!image->has_begun) {
        image->has_begun = true;
        value_encode_len(out, image->left.count);
    }
    while (chunks_free(&image->written, budget) && image->left.count > 0 && *budget > 0) {
        struct chunk_at at = {.slot = image->slot};

        if (write_chunk(image, chunks_get(&image->left, at), budget, out)) {
            bool has_next = chunks_next(&image->left, &at);

            image->place = 0;
            image->slot = at.slot;
            if (!has_next || at.leaf > 0) {
                chunks_move_leaf(&image->left, 0, &image->written);
            }
        }
    }
    return image->left.count == 0;
}

/* ---- what is left behind ----------------------------------------------------------------------------- */

/* Of the pieces those that the list does not hold are counted as kept. */
static size_t bytes(const void *memory)
{
    (void)memory;
    return sizeof(struct list_image);
}

static size_t free_cost(const void *memory)
{
    const struct list_image *image = memory;

    return chunks_free_cost(&image->left) + chunks_free_cost(&image->written);
}

static bool free_image(void **memory, size_t *budget)
{
    struct list_image *image = *memory;

    if (!chunks_free(&image->written, budget) || !chunks_free(&image->left, budget)) {
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
        .memory = CONTAINER_OF(base, struct list_image, base),
    };
}

const struct value_image_ops list_image_ops = {
    .is_wanted = is_wanted,
    .begin = begin,
    .step = step,
    .end = end,
};
