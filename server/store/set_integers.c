/* SPDX-License-Identifier: MIT */
#include "store/set_integers.h"

#include "base/assert.h"
#include "store/packed.h"

#include <string.h>

enum {
    ARRAY_AT = PACKED_HEAD_BYTES + 1, /* behind the width */
};

static size_t width_of(struct bytes packed)
{
    return packed.len == 0 ? sizeof(int16_t) : (uint8_t)packed.data[PACKED_HEAD_BYTES];
}

static size_t width_for(int64_t integer)
{
    if (integer >= INT16_MIN && integer <= INT16_MAX) {
        return sizeof(int16_t);
    }
    return integer >= INT32_MIN && integer <= INT32_MAX ? sizeof(int32_t) : sizeof(int64_t);
}

static int64_t get(const char *at, size_t width)
{
    int16_t narrow;
    int32_t middle;
    int64_t wide;

    switch (width) {
    case sizeof(narrow):
        memcpy(&narrow, at, sizeof(narrow));
        return narrow;
    case sizeof(middle):
        memcpy(&middle, at, sizeof(middle));
        return middle;
    default:
        memcpy(&wide, at, sizeof(wide));
        return wide;
    }
}

static void put(char *at, size_t width, int64_t integer)
{
    int16_t narrow = (int16_t)integer;
    int32_t middle = (int32_t)integer;

    switch (width) {
    case sizeof(narrow):
        memcpy(at, &narrow, sizeof(narrow));
        return;
    case sizeof(middle):
        memcpy(at, &middle, sizeof(middle));
        return;
    default:
        memcpy(at, &integer, sizeof(integer));
    }
}

int64_t integers_at(struct bytes packed, size_t index)
{
    size_t width = width_of(packed);

    ASSERT(index < packed_count(packed));
    return get(packed.data + ARRAY_AT + index * width, width);
}

bool integers_find(struct bytes packed, int64_t integer, size_t *index)
{
    size_t width = width_of(packed);
    const char *array = packed.data + ARRAY_AT;
    size_t low = 0;
    size_t high = packed_count(packed);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (get(array + middle * width, width) < integer) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *index = low;
    return low < packed_count(packed) && get(array + low * width, width) == integer;
}

size_t integers_size_with(struct bytes packed, int64_t integer)
{
    size_t width = width_of(packed) > width_for(integer) ? width_of(packed) : width_for(integer);

    return ARRAY_AT + (packed_count(packed) + 1) * width;
}

/* Make each integer as wide as that, from the last to the first. */
static void widen(struct buf *packed, size_t width)
{
    size_t old = width_of(buf_bytes(packed));
    unsigned count = packed_count(buf_bytes(packed));
    char *array;

    (void)buf_room(packed, count * (width - old));
    array = packed->data + ARRAY_AT;
    for (size_t i = count; i > 0; i--) {
        put(array + (i - 1) * width, width, get(array + (i - 1) * old, old));
    }
    packed->data[PACKED_HEAD_BYTES] = (char)width;
    packed->len = ARRAY_AT + count * width;
}

void integers_add(struct buf *packed, int64_t integer)
{
    size_t width;
    size_t index;
    bool is_there;
    unsigned count;
    char *at;

    if (packed->len == 0) {
        packed_put_head(packed, 0, SET_MARK_INTEGERS);
        buf_append_byte(packed, (char)width_for(integer));
    }
    if (width_of(buf_bytes(packed)) < width_for(integer)) {
        widen(packed, width_for(integer));
    }
    width = width_of(buf_bytes(packed));
    count = packed_count(buf_bytes(packed));
    is_there = integers_find(buf_bytes(packed), integer, &index);
    ASSERT(!is_there);
    (void)buf_room(packed, width);
    at = packed->data + ARRAY_AT + index * width;
    memmove(at + width, at, (count - index) * width);
    put(at, width, integer);
    packed->len += width;
    packed_put_head(packed, count + 1, SET_MARK_INTEGERS);
}

void integers_remove(struct buf *packed, size_t index)
{
    size_t width = width_of(buf_bytes(packed));
    unsigned count = packed_count(buf_bytes(packed));
    char *at = packed->data + ARRAY_AT + index * width;

    ASSERT(index < count);
    if (count == 1) {
        buf_clear(packed);
        return;
    }
    memmove(at, at + width, (count - index - 1) * width);
    packed->len -= width;
    packed_put_head(packed, count - 1, SET_MARK_INTEGERS);
}

void integers_check(struct bytes packed)
{
    size_t width = width_of(packed);

    ASSERT(packed_count(packed) > 0);
    ASSERT(width == sizeof(int16_t) || width == sizeof(int32_t) || width == sizeof(int64_t));
    ASSERT(packed.len == ARRAY_AT + packed_count(packed) * width);
    for (size_t i = 1; i < packed_count(packed); i++) {
        ASSERT(integers_at(packed, i - 1) < integers_at(packed, i));
    }
}
