/* SPDX-License-Identifier: MIT */
#include "node/staging.h"

#include "cluster/range_admin.h"
#include "node/inside.h"

void staging_refresh(struct node *node)
{
    struct staging *staging = &node->staging;
    uint64_t hidden[BITSET_WORDS(SLOT_COUNT)] = {0};

    if (node->cluster == NULL) {
        return;
    }
    cluster_hidden_slots(node->cluster, hidden);
    if (staging->told == node->data.keyspace &&
        memcmp(hidden, staging->hidden, sizeof(hidden)) == 0) {
        return;
    }
    for (size_t slot = 0; slot < SLOT_COUNT && node->watching.is_observing; slot++) {
        if (bitset_has(hidden, slot) && !bitset_has(staging->hidden, slot)) {
            watching_slot_went(node,
                               (unsigned)slot); /* what removes its keys is not told to anybody */
        }
    }
    memcpy(staging->hidden, hidden, sizeof(hidden));
    staging->told = node->data.keyspace;
    staging->hides = bitset_count(hidden, BITSET_WORDS(SLOT_COUNT)) > 0;
    keyspace_hide_slots(node->data.keyspace, hidden);
}
