/* SPDX-License-Identifier: MIT */
#include "store/chunk.h"

#include "base/assert.h"
#include "base/mem.h"

struct chunk *chunk_new(size_t capacity, bool is_front_room)
{
    struct chunk *chunk = mem_alloc(MEM_STORE, sizeof(*chunk) + capacity);

    chunk->piece = (struct piece){0};
    chunk->capacity = capacity;
    chunk->start = is_front_room ? capacity : 0;
    chunk->end = chunk->start;
    return chunk;
}

void chunk_free(struct chunk *chunk)
{
    mem_free(MEM_STORE, chunk);
}

struct chunk *chunk_twin(const struct chunk *chunk)
{
    struct chunk *twin = chunk_new(chunk->capacity, false);

    twin->start = chunk->start;
    twin->end = chunk->end;
    memcpy(twin->data + twin->start, chunk->data + chunk->start, chunk_used(chunk));
    return twin;
}

struct chunk *chunk_copy(const struct chunk *chunk, size_t capacity, bool is_front_room)
{
    size_t used = chunk_used(chunk);
    struct chunk *other = chunk_new(capacity, is_front_room);

    ASSERT(used <= capacity);
    other->start = is_front_room ? capacity - used : 0;
    other->end = other->start + used;
    memcpy(other->data + other->start, chunk->data + chunk->start, used);
    return other;
}

/* Neither side alone has the room: the elements move to the middle, so that both have some again. */
static size_t spread(struct chunk *chunk, size_t at, size_t size)
{
    size_t before = at - chunk->start;
    size_t after = chunk->end - at;
    size_t start = (chunk_room(chunk) - size) / 2;
    size_t behind = start + before + size;

    if (start <= chunk->start) {
        memmove(chunk->data + start, chunk->data + chunk->start, before);
        memmove(chunk->data + behind, chunk->data + at, after);
    } else {
        memmove(chunk->data + behind, chunk->data + at, after);
        memmove(chunk->data + start, chunk->data + chunk->start, before);
    }
    chunk->start = start;
    chunk->end = behind + after;
    return start + before;
}

size_t chunk_open_gap(struct chunk *chunk, size_t at, size_t size)
{
    size_t before = at - chunk->start;
    size_t after = chunk->end - at;
    size_t back = chunk->capacity - chunk->end;

    ASSERT(at >= chunk->start && at <= chunk->end);
    ASSERT(size <= chunk_room(chunk));
    if (chunk->start >= size && (before <= after || back < size)) {
        memmove(chunk->data + chunk->start - size, chunk->data + chunk->start, before);
        chunk->start -= size;
        return at - size;
    }
    if (back >= size) {
        memmove(chunk->data + at + size, chunk->data + at, after);
        chunk->end += size;
        return at;
    }
    return spread(chunk, at, size);
}

void chunk_close_gap(struct chunk *chunk, size_t from, size_t to)
{
    size_t before = from - chunk->start;
    size_t after = chunk->end - to;

    ASSERT(chunk->start <= from && from <= to && to <= chunk->end);
    if (before < after) {
        memmove(chunk->data + chunk->start + (to - from), chunk->data + chunk->start, before);
        chunk->start += to - from;
    } else {
        memmove(chunk->data + from, chunk->data + to, after);
        chunk->end -= to - from;
    }
}

size_t chunk_place(const struct chunk *chunk, uint64_t count, uint64_t total)
{
    const uint8_t *at = chunk->data + chunk->start;

    ASSERT(count <= total);
    if (count <= total / 2) {
        return (size_t)(packed_skip(at, count) - chunk->data);
    }
    at = chunk->data + chunk->end;
    for (uint64_t i = count; i < total; i++) {
        at = packed_previous(at);
    }
    return (size_t)(at - chunk->data);
}

uint64_t chunk_count_equal(struct bytes elements, const struct packed_item *item)
{
    const uint8_t *at = (const uint8_t *)elements.data;
    const uint8_t *end = at + elements.len;
    uint64_t count = 0;

    while ((at = packed_find(at, end, item, 1)) != NULL) {
        at = packed_next(at);
        count++;
    }
    return count;
}

uint64_t chunk_remove_equal(struct chunk *chunk, const struct packed_item *item, uint64_t skip,
                            uint64_t count)
{
    uint8_t *end = chunk->data + chunk->end;
    uint8_t *to = chunk->data + chunk->start;
    const uint8_t *kept = to; /* what begins here stays, and was not moved yet */
    const uint8_t *at = to;
    uint64_t taken = 0;

    while (taken < count && (at = packed_find(at, end, item, 1)) != NULL) {
        const uint8_t *next = packed_next(at);

        if (skip > 0) {
            skip--;
        } else {
            memmove(to, kept, (size_t)(at - kept));
            to += at - kept;
            kept = next;
            taken++;
        }
        at = next;
    }
    memmove(to, kept, (size_t)(end - kept));
    to += end - kept;
    chunk->end = (size_t)(to - chunk->data);
    return taken;
}
