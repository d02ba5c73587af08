/* SPDX-License-Identifier: MIT */
/* A growing array of any plain type: struct { T *items; size_t count, cap; } and macros.
 *
 *     VEC(struct bytes) words = {0};
 *     VEC_PUSH(&words, b);
 *     VEC_DEINIT(&words);
 */
#ifndef STARLING_BASE_VEC_H
#define STARLING_BASE_VEC_H

#include <stddef.h>

#include "base/assert.h"
#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
        size_t cap;                                                                                \
    }

/* Room for extra more items. */
#define VEC_RESERVE(vec, extra)                                                                    \
    do {                                                                                           \
        if ((vec)->cap - (vec)->count < (extra)) {                                                 \
            (vec)->items = vec_grow((vec)->items, &(vec)->cap, (vec)->count + (extra),             \
                                    sizeof(*(vec)->items));                                        \
        }                                                                                          \
    } while (0)

#define VEC_PUSH(vec, item)                                                                        \
    do {                                                                                           \
        VEC_RESERVE(vec, 1);                                                                       \
        (vec)->items[(vec)->count++] = (item);                                                     \
    } while (0)

#define VEC_POP(vec) ((vec)->items[--(vec)->count])

/* Remove by moving the last item into the gap: order is lost. */
#define VEC_REMOVE_AT(vec, index)                                                                  \
    do {                                                                                           \
        ASSERT((size_t)(index) < (vec)->count);                                                    \
        (vec)->items[index] = (vec)->items[--(vec)->count];                                        \
    } while (0)

#define VEC_DEINIT(vec)                                                                            \
    do {                                                                                           \
        mem_free(MEM_BASE, (vec)->items);                                                          \
        (vec)->items = NULL;                                                                       \
        (vec)->count = 0;                                                                          \
        (vec)->cap = 0;                                                                            \
    } while (0)

/* The growth behind VEC_RESERVE; adopts items and updates *cap. */
MUST_USE void *vec_grow(void *items, size_t *cap, size_t wanted, size_t item_size);

#endif
