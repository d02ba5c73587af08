/* SPDX-License-Identifier: MIT */
/* Slots whose keys are here and for nobody to see, since they come in for a move that is not over, or were given away and
 * are not yet removed: the key space hides them (keyspace_hide_slots).
 *
 * A primary knows them by what it does, a replica by its shard's agreed record.
 *
 * Invariant:  (1) hidden is what the key space was told last */
#ifndef STARLING_NODE_STAGING_H
#define STARLING_NODE_STAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bitset.h"
#include "spec/slot.h"

struct node;
struct keyspace;

struct staging {
    uint64_t hidden[BITSET_WORDS(SLOT_COUNT)];
    const struct keyspace *told; /* which key space that was */
    bool hides;                  /* any */
};

/* Records, the table of slots or the key space may have changed. */
void staging_refresh(struct node *node);

static inline bool staging_hides(const struct staging *staging, uint16_t slot)
{
    return staging->hides && bitset_has(staging->hidden, slot);
}

#endif
