/* SPDX-License-Identifier: MIT */
/* A block: bytes on the heap that may have several holders, such as a large value that is still
 * being sent to one client when another removes it.
 *
 * Invariants:  (1) len <= capacity_bytes
 *              (2) holders > 0; who changes the bytes has made sure to be the only one
 * Each holder owns one hold; the last to let go frees the block.  Loop thread only. */
#ifndef STARLING_BASE_BLOCK_H
#define STARLING_BASE_BLOCK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/mem.h"

struct block {
    uint64_t len;
    uint64_t capacity_bytes;
    uint32_t holders;
    char data[];
};

/* With one holder, the caller, and a copy of contents, which capacity_bytes has room for. */
MUST_USE struct block *block_new(struct bytes contents, size_t capacity_bytes);
/* Another capacity, at least len; there is one holder. */
MUST_USE struct block *block_resize(struct block *block, size_t capacity_bytes);
/* One holder more. */
struct block *block_hold(struct block *block);
/* One holder less. */
void block_release(struct block *block);
/* All the memory it takes. */
size_t block_bytes(const struct block *block);

static inline struct bytes block_contents(const struct block *block)
{
    return bytes_make(block->data, block->len);
}

#endif
