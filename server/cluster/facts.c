/* SPDX-License-Identifier: MIT */
/* Answers from the state as it is. */
#include "cluster/facts.h"

#include "base/assert.h"
#include "base/bitset.h"

const char *facts_why_not_eligible(const struct cluster *c)
{
    int64_t limit_ms = c->config.replica_ping_period_ms +
                       c->config.node_timeout_ms * c->config.replica_validity_factor;

    ASSERT(c->config.node_timeout_ms > 0);
    if (node_is_primary(c->me)) {
        return "it is a primary";
    }
    if (!facts_is_complete(c)) {
        return "its data is not complete";
    }
    if (c->config.replica_no_failover) {
        return "cluster-replica-no-failover is set";
    }
    if (c->config.replica_validity_factor != 0 && !c->status.is_link_up &&
        mono_ms_between(c->status.link_down_since, c->now) > limit_ms) {
        return "its data is too old";
    }
    return NULL;
}

bool facts_is_eligible(const struct cluster *c)
{
    return facts_why_not_eligible(c) == NULL;
}

const struct cluster_node *facts_find_better_sibling(const struct cluster *c,
                                                     const struct cluster_node *candidate,
                                                     const struct history_id *history,
                                                     uint64_t offset)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node != candidate && !node_is_primary(node) &&
            cluster_id_equal(&node->primary, &candidate->primary) && node_is_reachable(node) &&
            node->has_answered && node->is_eligible && history_id_equal(&node->history, history) &&
            node->offset > offset) {
            return node;
        }
    }
    return NULL;
}

const struct cluster_id *cluster_my_id(const struct cluster *cluster)
{
    return &cluster->me->id;
}

bool cluster_is_replica(const struct cluster *cluster)
{
    return !node_is_primary(cluster->me);
}

bool cluster_is_ok(const struct cluster *cluster, struct mono_time now)
{
    return cluster->is_map_ok && (!node_owns_slots(cluster->me) || cluster_has_lease(cluster, now));
}

bool cluster_is_whole_council(const struct cluster *cluster)
{
    return council_is_member(cluster->council) && seats_count(council_seats(cluster->council)) == 1;
}

bool cluster_has_slots(const struct cluster *cluster)
{
    return cluster->me->slot_count > 0;
}

bool cluster_owns_slot(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return cluster->owner[slot] == cluster->me;
}

bool cluster_lost_slot(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return bitset_has(cluster->lost, slot);
}
