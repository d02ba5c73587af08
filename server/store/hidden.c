/* SPDX-License-Identifier: MIT */
/* Slots whose keys nobody is to see: they are looked up, changed and walked as all others, but no scan, count or random
 * choice comes by them, they neither expire nor make room by themselves, and observers hear nothing of them. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/keyspace_state.h"

#include <string.h>

void keyspace_hide_slots(struct keyspace *ks, const uint64_t *slots)
{
    size_t bytes = BITSET_WORDS(SLOT_COUNT) * sizeof(uint64_t);

    ASSERT(ks->is_cluster);
    if (slots == NULL || bitset_count(slots, BITSET_WORDS(SLOT_COUNT)) == 0) {
        mem_free(MEM_STORE, ks->hidden);
        ks->hidden = NULL;
        return;
    }
    if (ks->hidden == NULL) {
        ks->hidden = mem_alloc(MEM_STORE, bytes);
    }
    memcpy(ks->hidden, slots, bytes);
}

bool keyspace_is_hidden(const struct keyspace *ks, unsigned slot)
{
    return keyspace_hides(ks, slot);
}

uint64_t keyspace_hidden_count(const struct keyspace *ks)
{
    uint64_t count = 0;

    for (size_t slot = 0; ks->hidden != NULL && slot < SLOT_COUNT; slot++) {
        slot = bitset_next(ks->hidden, SLOT_COUNT, slot, true);
        count += slot < SLOT_COUNT ? ks->tables[slot].count : 0;
    }
    return count;
}

uint64_t keyspace_hidden_expire_count(const struct keyspace *ks)
{
    uint64_t count = 0;

    for (size_t slot = 0; ks->hidden != NULL && slot < SLOT_COUNT; slot++) {
        slot = bitset_next(ks->hidden, SLOT_COUNT, slot, true);
        if (slot < SLOT_COUNT) {
            count += ks->tables[slot].volatile_count -
                     (ks->field_counts != NULL ? ks->field_counts[slot] : 0);
        }
    }
    return count;
}
