/* SPDX-License-Identifier: MIT */
/* Plain counting: holders are all on the loop thread. */
#include "base/block.h"

#include "base/assert.h"

struct block *block_new(struct bytes contents, size_t capacity_bytes)
{
    struct block *block = mem_alloc(MEM_STORE, sizeof(*block) + capacity_bytes);

    ASSERT(contents.len <= capacity_bytes);
    block->len = contents.len;
    block->capacity_bytes = capacity_bytes;
    block->holders = 1;
    if (contents.len > 0) {
        memcpy(block->data, contents.data, contents.len);
    }
    return block;
}

struct block *block_resize(struct block *block, size_t capacity_bytes)
{
    ASSERT(block->holders == 1 && block->len <= capacity_bytes);
    block = mem_realloc(MEM_STORE, block, sizeof(*block) + capacity_bytes);
    block->capacity_bytes = capacity_bytes;
    return block;
}

struct block *block_hold(struct block *block)
{
    block->holders++;
    ASSERT(block->holders > 1);
    return block;
}

void block_release(struct block *block)
{
    ASSERT(block->holders > 0);
    block->holders--;
    if (block->holders == 0) {
        mem_free(MEM_STORE, block);
    }
}

size_t block_bytes(const struct block *block)
{
    return sizeof(*block) + block->capacity_bytes;
}
