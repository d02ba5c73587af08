/* SPDX-License-Identifier: MIT */
/* Growth by doubling. */
#include "base/vec.h"

#include <stdint.h>

void *vec_grow(void *items, size_t *cap, size_t wanted, size_t item_size)
{
    size_t next = *cap < 8 ? 8 : *cap * 2;

    if (next < wanted) {
        next = wanted;
    }
    ASSERT(next <= SIZE_MAX / item_size);
    *cap = next;
    return mem_realloc(MEM_BASE, items, next * item_size);
}
