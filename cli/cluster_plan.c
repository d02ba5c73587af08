/* SPDX-License-Identifier: MIT */
/* Nodes are dealt out host by host: the first are the primaries.  Replicas are dealt to the
 * primaries in turn and then swapped as long as that lowers the cost of shared hosts. */
#include "cli/cluster_plan.h"

#include "base/assert.h"
#include "spec/slot.h"

#include <string.h>

enum {
    COST_WITH_PRIMARY = 1000, /* of a replica on its primary's host */
    COST_WITH_REPLICA = 1,    /* of two replicas of one primary on one host */
    SWAP_ROUNDS_MAX = 100,
};

void cluster_plan_deinit(struct cluster_plan *plan)
{
    VEC_DEINIT(&plan->nodes);
    VEC_DEINIT(&plan->primaries);
    VEC_DEINIT(&plan->replicas);
}

static bool is_same_host(const struct cluster_plan *plan, size_t a, size_t b)
{
    return strcmp(plan->nodes.items[a].host, plan->nodes.items[b].host) == 0;
}

static size_t count_earlier_on_host(const struct cluster_plan *plan, size_t index)
{
    size_t count = 0;

    for (size_t i = 0; i < index; i++) {
        count += is_same_host(plan, i, index) && !plan->nodes.items[i].is_arbiter ? 1 : 0;
    }
    return count;
}

static size_t count_data_nodes(const struct cluster_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->nodes.count; i++) {
        count += plan->nodes.items[i].is_arbiter ? 0 : 1;
    }
    return count;
}

/* The first node of every host, then the second of every host ... : primaries until there are
 * enough, replicas from then on. */
static void deal_roles(struct cluster_plan *plan, size_t primary_count)
{
    size_t dealt = 0;
    size_t data_nodes = count_data_nodes(plan);

    for (size_t round = 0; dealt < data_nodes; round++) {
        for (size_t i = 0; i < plan->nodes.count; i++) {
            if (plan->nodes.items[i].is_arbiter || count_earlier_on_host(plan, i) != round) {
                continue;
            }
            plan->nodes.items[i].is_primary = dealt < primary_count;
            if (dealt < primary_count) {
                VEC_PUSH(&plan->primaries, i);
            } else {
                VEC_PUSH(&plan->replicas, i);
            }
            dealt++;
        }
    }
}

static void deal_slots(struct cluster_plan *plan)
{
    size_t count = plan->primaries.count;
    size_t next = 0;

    for (size_t i = 0; i < count; i++) {
        struct plan_node *node = &plan->nodes.items[plan->primaries.items[i]];
        size_t end = ((i + 1) * SLOT_COUNT * 2 + count) / (2 * count); /* rounded */

        node->first_slot = (uint16_t)next;
        node->last_slot = (uint16_t)(end - 1);
        next = end;
    }
    ASSERT(next == SLOT_COUNT);
}

/* What the replica would cost under the given primary, if it left its own place. */
static size_t cost_of(const struct cluster_plan *plan, size_t replica, size_t primary,
                      size_t leaving)
{
    size_t cost = is_same_host(plan, replica, primary) ? COST_WITH_PRIMARY : 0;

    for (size_t i = 0; i < plan->replicas.count; i++) {
        size_t other = plan->replicas.items[i];

        if (other != replica && other != leaving && plan->nodes.items[other].primary == primary &&
            is_same_host(plan, replica, other)) {
            cost += COST_WITH_REPLICA;
        }
    }
    return cost;
}

static bool swap_if_better(struct cluster_plan *plan, size_t a, size_t b)
{
    struct plan_node *left = &plan->nodes.items[a];
    struct plan_node *right = &plan->nodes.items[b];
    size_t primary = left->primary;

    if (primary == right->primary ||
        cost_of(plan, a, right->primary, b) + cost_of(plan, b, primary, a) >=
            cost_of(plan, a, primary, b) + cost_of(plan, b, right->primary, a)) {
        return false;
    }
    left->primary = right->primary;
    right->primary = primary;
    return true;
}

static void deal_replicas(struct cluster_plan *plan)
{
    bool is_better = true;

    for (size_t i = 0; i < plan->replicas.count; i++) {
        plan->nodes.items[plan->replicas.items[i]].primary =
            plan->primaries.items[i % plan->primaries.count];
    }
    for (int round = 0; is_better && round < SWAP_ROUNDS_MAX; round++) {
        is_better = false;
        for (size_t i = 0; i < plan->replicas.count; i++) {
            for (size_t j = i + 1; j < plan->replicas.count; j++) {
                is_better |= swap_if_better(plan, plan->replicas.items[i], plan->replicas.items[j]);
            }
        }
    }
    for (size_t i = 0; i < plan->replicas.count; i++) {
        size_t replica = plan->replicas.items[i];

        plan->shared_hosts +=
            is_same_host(plan, replica, plan->nodes.items[replica].primary) ? 1 : 0;
    }
}

bool cluster_plan_make(struct cluster_plan *plan, size_t replicas_each, struct errmsg *error)
{
    size_t data_nodes = count_data_nodes(plan);
    size_t primary_count = data_nodes / (replicas_each + 1);

    if (primary_count == 0 || plan->nodes.count < PLAN_NODES_MIN) {
        errmsg_set(
            error,
            "*** ERROR: Invalid configuration for cluster creation.\n"
            "*** A Starling cluster needs a primary, and at least %d nodes so that one can fail.\n"
            "*** This is not possible with %zu nodes, of which %zu are arbiters, and %zu replicas "
            "per node.",
            PLAN_NODES_MIN, plan->nodes.count, plan->nodes.count - data_nodes, replicas_each);
        return false;
    }
    if (primary_count > SLOT_COUNT) {
        errmsg_set(error, "*** ERROR: More primaries than slots.");
        return false;
    }
    plan->primaries.count = 0;
    plan->replicas.count = 0;
    plan->shared_hosts = 0;
    deal_roles(plan, primary_count);
    deal_slots(plan);
    deal_replicas(plan);
    return true;
}
