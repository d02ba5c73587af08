/* SPDX-License-Identifier: MIT */
/* Sets of integers alone: a sorted array behind the head of a packed collection (store/value_set.h). */
#ifndef STARLING_STORE_SET_INTEGERS_H
#define STARLING_STORE_SET_INTEGERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

enum {
    SET_MARK_PACKED = 0,
    SET_MARK_INTEGERS = 1,
};

int64_t integers_at(struct bytes packed, size_t index);
/* The index where it is, or where it would have to be. */
bool integers_find(struct bytes packed, int64_t integer, size_t *index);
/* Bytes that the array would have with one more. */
size_t integers_size_with(struct bytes packed, int64_t integer);
/* The integer is not there. */
void integers_add(struct buf *packed, int64_t integer);
void integers_remove(struct buf *packed, size_t index);
/* Assert that it is sorted and as wide as it must be. */
void integers_check(struct bytes packed);

#endif
