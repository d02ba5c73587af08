/* SPDX-License-Identifier: MIT */
#include "session/hot_reads.h"

#include "base/assert.h"
#include "base/mem.h"

enum {
    FIRST_CAPACITY = 2,
};

static size_t bytes_of(uint32_t capacity)
{
    return sizeof(struct hot_reads) + capacity * sizeof(struct hot_read);
}

size_t hot_reads_bytes(const struct hot_reads *reads)
{
    return reads != NULL ? bytes_of(reads->capacity) : 0;
}

void hot_reads_free(struct hot_reads **reads)
{
    mem_free(MEM_SESSION, *reads);
    *reads = NULL;
}

/* There is room for one more. */
static void grow(struct hot_reads **reads)
{
    uint32_t before = *reads != NULL ? (*reads)->capacity : 0;
    uint32_t capacity = before > 0 ? before * 2 : FIRST_CAPACITY;

    ASSERT(capacity <= HOT_READS_MAX);
    *reads = mem_realloc(MEM_SESSION, *reads, bytes_of(capacity));
    if (before == 0) {
        **reads = (struct hot_reads){0};
    }
    (*reads)->capacity = capacity;
}

static struct hot_read *place_for_one_more(struct hot_reads **reads)
{
    if (*reads != NULL && (*reads)->count == HOT_READS_MAX) {
        uint32_t place = (*reads)->next;

        (*reads)->next = (place + 1) % HOT_READS_MAX;
        return &(*reads)->items[place];
    }
    if (*reads == NULL || (*reads)->count == (*reads)->capacity) {
        grow(reads);
    }
    return &(*reads)->items[(*reads)->count++];
}

struct spread_reader *hot_reads_get(struct hot_reads **reads, uint16_t slot)
{
    struct hot_read *place;

    for (uint32_t i = 0; *reads != NULL && i < (*reads)->count; i++) {
        if ((*reads)->items[i].slot == slot) {
            return &(*reads)->items[i].reader;
        }
    }
    place = place_for_one_more(reads);
    *place = (struct hot_read){.slot = slot};
    return &place->reader;
}
