/* SPDX-License-Identifier: MIT */
/* Everything that has to be true between two steps. */
#include "cluster/check.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/cluster.h"
#include "cluster/data.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"

static void check_node(const struct cluster *c, const struct cluster_node *node)
{
    ASSERT(bitset_count(node->slots, FRAME_SLOT_WORDS) == node->slot_count);
    ASSERT(node->slot_count == 0 || node_is_primary(node));
    ASSERT(!node->is_in_handshake || (node != c->me && node->slot_count == 0));
    ASSERT(!node->is_failed || node != c->me);
    ASSERT(nodes_find(c, &node->id) == node);
    ASSERT(nodes_find_number(c, node->number) == node);
}

void cluster_check(const struct cluster *cluster)
{
    const struct cluster *c = cluster;
    uint32_t assigned = 0;

    ASSERT(c->nodes.count > 0 && c->nodes.items[0] == c->me);
    for (size_t i = 0; i < c->nodes.count; i++) {
        check_node(c, c->nodes.items[i]);
    }
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        const struct cluster_node *owner = c->owner[slot];

        assigned += owner != NULL ? 1 : 0;
        ASSERT(owner == NULL || bitset_has(owner->slots, slot));
        ASSERT(owner != NULL || !bitset_has(c->disowned, slot));
    }
    ASSERT(assigned == c->assigned_count);
    ASSERT(c->me->config_epoch <= c->current_epoch);
    ASSERT(c->last_vote_epoch <= c->current_epoch);
    data_check(c);
    ASSERT(c->file_written <= c->file_sequence);
}
