/* SPDX-License-Identifier: MIT */
#include "store/chunk_slots.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

enum {
    SLOTS_FIRST = 4,
};

/* More of them, with room where it is needed next. */
static void grow(struct chunk_slots *s, bool is_front_room, size_t *bytes)
{
    uint32_t cap = s->cap == 0 ? SLOTS_FIRST : s->cap * 2;
    struct chunk_slot *items = mem_alloc(MEM_STORE, cap * sizeof(*items));
    uint32_t start = is_front_room ? cap - s->count : 0;

    if (s->count > 0) {
        memcpy(items + start, s->items + s->start, s->count * sizeof(*items));
    }
    mem_free(MEM_STORE, s->items);
    *bytes += (cap - s->cap) * sizeof(*items);
    s->items = items;
    s->start = start;
    s->cap = cap;
}

void chunk_slots_insert(struct chunk_slots *s, uint32_t i, struct chunk_slot slot, size_t *bytes)
{
    bool is_left = i < s->count - i || (i == 0 && s->count > 0);

    ASSERT(i <= s->count);
    if (s->count == s->cap) {
        grow(s, is_left, bytes);
    } else if (is_left ? s->start == 0 : s->start + s->count == s->cap) {
        uint32_t room = s->cap - s->count;
        uint32_t start = is_left ? (room + 1) / 2 : room / 2;

        memmove(s->items + start, s->items + s->start, s->count * sizeof(slot));
        s->start = start;
    }
    if (is_left) {
        s->start--;
        memmove(s->items + s->start, s->items + s->start + 1, i * sizeof(slot));
    } else {
        memmove(s->items + s->start + i + 1, s->items + s->start + i,
                (s->count - i) * sizeof(slot));
    }
    s->count++;
    *chunk_slots_at(s, i) = slot;
}

void chunk_slots_remove(struct chunk_slots *s, uint32_t i)
{
    ASSERT(i < s->count);
    if (i < s->count / 2) {
        memmove(s->items + s->start + 1, s->items + s->start, i * sizeof(*s->items));
        s->start++;
    } else {
        memmove(s->items + s->start + i, s->items + s->start + i + 1,
                (s->count - i - 1) * sizeof(*s->items));
    }
    s->count--;
}

uint32_t chunk_slots_find(const struct chunk_slots *s, uint64_t total, uint64_t *index)
{
    const struct chunk_slot *items = s->items + s->start;
    uint32_t i = 0;

    ASSERT(*index < total);
    if (*index < total / 2) {
        for (; *index >= items[i].count; i++) {
            *index -= items[i].count;
        }
        return i;
    }
    for (i = s->count - 1; total - items[i].count > *index; i--) {
        total -= items[i].count;
    }
    *index -= total - items[i].count;
    return i;
}

void chunk_slots_copy(const struct chunk_slots *from, struct chunk_slots *to, size_t *bytes)
{
    *to = *from;
    if (from->cap > 0) {
        to->items = mem_alloc(MEM_STORE, from->cap * sizeof(*from->items));
        memcpy(to->items + from->start, from->items + from->start,
               from->count * sizeof(*from->items));
        *bytes += from->cap * sizeof(*from->items);
    }
}

void chunk_slots_free(struct chunk_slots *s, size_t *bytes)
{
    *bytes -= s->cap * sizeof(*s->items);
    mem_free(MEM_STORE, s->items);
    *s = (struct chunk_slots){0};
}
