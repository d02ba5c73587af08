/* SPDX-License-Identifier: MIT */
/* What tests and the simulator ask of a whole node. */
#include "node/node.h"

#include "base/assert.h"
#include "cluster/report.h"
#include "node/inside.h"

#include <string.h>

void node_facts(const struct node *node, struct node_facts *out)
{
    ASSERT(!node->role.is_primary || !upstream_is_up(&node->upstream));
    *out = (struct node_facts){
        .is_primary = node->role.is_primary,
        .may_write = node->role.is_primary && !load_is_at_start(&node->loading) &&
                     (node->cluster == NULL || cluster_has_lease(node->cluster, node->now.mono)),
        .cluster_ok = node->cluster != NULL && cluster_is_ok(node->cluster, node->now.mono),
        .history = *oplog_history(node->journal.log),
        .offset = oplog_end(node->journal.log),
        .link_up = !node->role.is_primary && upstream_is_up(&node->upstream),
        .key_count = keyspace_count_all(node->data.keyspace),
        .sync_full = node->counters.sync_full,
        .sync_partial_ok = node->counters.sync_partial_ok,
        .sync_partial_err = node->counters.sync_partial_err,
    };
    if (node->cluster != NULL) {
        struct cluster_node_view me;

        cluster_node_at(node->cluster, 0, node->now, &me);
        out->config_epoch = me.config_epoch;
        memcpy(out->id, me.id->text, sizeof(out->id));
        if (me.primary_id != NULL) {
            memcpy(out->primary_id, me.primary_id->text, sizeof(out->primary_id));
        }
    }
}

bool node_owns_slot(const struct node *node, unsigned slot)
{
    ASSERT(slot < SLOT_COUNT);
    return node->cluster != NULL && cluster_owns_slot(node->cluster, (uint16_t)slot);
}

uint64_t node_digest(const struct node *node)
{
    struct digest digest = {.types = keyspace_types(node->data.keyspace), .lanes = 1};

    digest_all(node, &digest);
    return digest.sums[0];
}
