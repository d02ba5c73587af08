/* SPDX-License-Identifier: MIT */
#include "base/buf_queue.h"

#include "base/assert.h"

#include <string.h>

enum {
    GONE_MAX = 64, /* places of buffers that are gone, before the others move up */
};

void buf_queue_deinit(struct buf_queue *queue)
{
    for (size_t i = queue->first; i < queue->parts.count; i++) {
        buf_deinit(&queue->parts.items[i]);
    }
    VEC_DEINIT(&queue->parts);
    *queue = (struct buf_queue){0};
}

bool buf_queue_is_empty(const struct buf_queue *queue)
{
    size_t count = queue->parts.count - queue->first;

    return count == 0 || (count == 1 && queue->parts.items[queue->first].len == queue->given);
}

struct buf *buf_queue_end(struct buf_queue *queue)
{
    size_t count = queue->parts.count;

    if (count == queue->first || queue->parts.items[count - 1].len >= BUF_QUEUE_PART) {
        VEC_PUSH(&queue->parts, (struct buf){0});
        count++;
    }
    ASSERT(queue->first < count);
    return &queue->parts.items[count - 1];
}

static void drop_first(struct buf_queue *queue)
{
    size_t left = queue->parts.count - queue->first - 1;

    buf_deinit(&queue->parts.items[queue->first++]);
    queue->given = 0;
    if (left == 0 || queue->first == GONE_MAX) {
        memmove(queue->parts.items, queue->parts.items + queue->first,
                left * sizeof(queue->parts.items[0]));
        queue->parts.count = left;
        queue->first = 0;
    }
}

void buf_queue_give(struct buf_queue *queue, size_t max_bytes, struct buf *out)
{
    struct buf *first = &queue->parts.items[queue->first];
    struct bytes rest;

    ASSERT(!buf_queue_is_empty(queue) && max_bytes > 0);
    ASSERT(queue->given < first->len);
    rest = bytes_from(buf_bytes(first), queue->given);
    rest = bytes_prefix(rest, max_bytes < rest.len ? max_bytes : rest.len);
    buf_append_bytes(out, rest);
    queue->given += rest.len;
    if (queue->given == first->len) {
        drop_first(queue);
    }
}
