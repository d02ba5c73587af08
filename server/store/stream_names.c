/* SPDX-License-Identifier: MIT */
/* Groups of a stream and consumers of a group by name: an array of pointers in the order of names. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/stream_state.h"

#include <string.h>

enum {
    CAP_MIN = 1,
};

uint32_t stream_names_seek(const struct stream_names *names, struct bytes name, bool *is_there)
{
    uint32_t low = 0;
    uint32_t high = names->count;

    *is_there = false;
    /* Whoever reads or copies them has them in order. */
    if (high > 0 && bytes_compare(names->items[high - 1]->name, name) < 0) {
        return high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = bytes_compare(names->items[middle]->name, name);

        if (order == 0) {
            *is_there = true;
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct stream_named *stream_names_find(const struct stream_names *names, struct bytes name)
{
    bool is_there;
    uint32_t place = stream_names_seek(names, name, &is_there);

    return is_there ? names->items[place] : NULL;
}

void stream_names_insert(struct stream_names *names, uint32_t place, struct stream_named *named,
                         struct id_pool *pool)
{
    ASSERT(place <= names->count);
    if (names->count == names->cap) {
        uint32_t cap = names->cap == 0 ? CAP_MIN : names->cap * 2;

        names->items = mem_realloc(MEM_STORE, names->items, cap * sizeof(struct stream_named *));
        pool->bytes += (cap - names->cap) * sizeof(struct stream_named *);
        names->cap = cap;
    }
    memmove(names->items + place + 1, names->items + place,
            (names->count - place) * sizeof(struct stream_named *));
    names->items[place] = named;
    names->count++;
}

struct stream_named *stream_names_add(struct stream_names *names, struct bytes name, size_t size,
                                      struct id_pool *pool)
{
    struct stream_named *named = mem_alloc_zeroed(MEM_STORE, size + name.len);
    char *text = (char *)named + size;
    bool is_there;
    uint32_t place = stream_names_seek(names, name, &is_there);

    ASSERT(!is_there);
    if (name.len > 0) {
        memcpy(text, name.data, name.len);
    }
    named->name = bytes_make(text, name.len);
    id_pool_add(pool, size + name.len);
    stream_names_insert(names, place, named, pool);
    return named;
}

void stream_names_unlink(struct stream_names *names, uint32_t place, struct id_pool *pool)
{
    ASSERT(place < names->count);
    names->count--;
    memmove(names->items + place, names->items + place + 1,
            (names->count - place) * sizeof(struct stream_named *));
    if (names->count == 0) {
        pool->bytes -= names->cap * sizeof(struct stream_named *);
        mem_free(MEM_STORE, names->items);
        *names = (struct stream_names){0};
    }
}

void stream_named_free(struct stream_named *named, size_t size, struct id_pool *pool)
{
    id_pool_subtract(pool, size + named->name.len);
    mem_free(MEM_STORE, named);
}
