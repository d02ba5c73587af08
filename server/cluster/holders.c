/* SPDX-License-Identifier: MIT */
#include "cluster/holders.h"

static bool could_hold(const struct cluster *c, const struct cluster_node *node,
                       const struct cluster_id *primary)
{
    return cluster_id_equal(&node->shard, &c->me->shard) && !node->is_in_handshake &&
           !cluster_id_equal(&node->id, primary);
}

void holders_note(const struct cluster *c, struct shard_record *record)
{
    record->holder_count = 0;
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (could_hold(c, node, &record->primary) && record->holder_count < SHARD_HOLDERS_MAX) {
            record->holders[record->holder_count++] = node->id;
        }
    }
}

bool holders_are_others(const struct cluster *c, const struct shard_record *record)
{
    size_t count = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (could_hold(c, node, &c->me->id)) {
            count++;
            if (!shard_record_has_holder(record, &node->id) &&
                record->holder_count < SHARD_HOLDERS_MAX) {
                return true;
            }
        }
    }
    return count < record->holder_count;
}
