/* SPDX-License-Identifier: MIT */
/* Owned bytes that wait, in the order in which they came, to be given out in parts.  All-zero is valid and empty.
 *
 * They lie in buffers of about BUF_QUEUE_PART each, so that many megabytes can come without ever being moved: one
 * buffer would be copied, and its new pages be mapped, in one long step each time it grows.
 *
 * Invariants:  (1) only the last buffer may be empty
 *              (2) given <= length of the first */
#ifndef STARLING_BASE_BUF_QUEUE_H
#define STARLING_BASE_BUF_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/vec.h"

enum {
    BUF_QUEUE_PART = 16 * 1024,
};

struct buf_queue {
    VEC(struct buf) parts;
    size_t first; /* those before are gone */
    size_t given; /* bytes of the first */
};

void buf_queue_deinit(struct buf_queue *queue);
bool buf_queue_is_empty(const struct buf_queue *queue);
/* Where to append; until the next call. */
struct buf *buf_queue_end(struct buf_queue *queue);
/* Append up to max_bytes of the oldest to out; they are gone from here.  Fewer may be given even if there are
 * more, but at least one. */
void buf_queue_give(struct buf_queue *queue, size_t max_bytes, struct buf *out);

#endif
