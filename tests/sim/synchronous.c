/* SPDX-License-Identifier: MIT */
/* With sync-replicas what was acknowledged survives any change of who serves, as long as one of those who had to have it keeps
 * its memory: whatever WAIT said, and whether or not anybody asked. */
#include "tests/sim/world.h"

#include "cluster/nodes.h"
#include "cluster/state.h"
#include "node/inside.h"
#include "spec/slot.h"

#include <stdio.h>

/* CLUSTER FORGET gives up what a node may have had, wherever it is said; the primary counts on its word until it hears of that, and
 * not any more from then on. */
static bool is_given_up(const struct world *world, const struct sim_node *n,
                        const struct cluster_id *id)
{
    const struct cluster_node *known = nodes_find(n->node->cluster, id);

    for (int i = 0; i < world->node_count && known != NULL; i++) {
        const struct node *other = world->nodes[i].node;

        for (size_t k = 0; other != NULL && k < other->cluster->forgotten.count; k++) {
            const struct forgotten *record = &other->cluster->forgotten.items[k];

            if (cluster_id_equal(&record->id, id) && record->admission > known->admission) {
                return true;
            }
        }
    }
    return false;
}

uint32_t sync_holders(const struct world *world, const struct sim_node *n)
{
    const struct shard_sync *set = &n->node->sync_side.view.agreed;
    uint32_t holders = 1U << n->index;

    if (!n->node->sync_side.is_on || set->required == 0) {
        return 0;
    }
    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *other = &world->nodes[i];

        /* One that was reset, given another primary, or came back without its data, has nothing any more, and is of the set until that
         * is agreed. */
        if (other->node != NULL && !other->is_clone && !other->has_lost_memory &&
            cluster_id_equal(cluster_my_primary_id(other->node->cluster),
                             cluster_my_id(n->node->cluster)) &&
            shard_sync_find(set, cluster_my_id(other->node->cluster)) != NULL &&
            !is_given_up(world, n, cluster_my_id(other->node->cluster))) {
            holders |= 1U << i;
        }
    }
    return holders;
}

void sync_note_ok(const struct sim_client *client, struct sim_key *key)
{
    if (client->answer_holders != 0) {
        key->sync_version = key->version;
        key->sync_holders = client->answer_holders;
    }
}

void sync_check_kept(struct world *world, struct sim_node *n, int shard)
{
    for (int i = 0; i < world->options.clients * SIM_KEYS; i++) {
        const struct sim_key *key = &world->clients[i / SIM_KEYS].keys[i % SIM_KEYS];
        char name[32];
        uint64_t version = 0;

        snprintf(name, sizeof(name), "c%d:k%d", i / SIM_KEYS, i % SIM_KEYS);
        if (key->sync_holders == 0 || check_shard_of(world, name) != shard ||
            !node_owns_slot(n->node, slot_of_key(bytes_from_text(name)))) {
            continue;
        }
        world->syncs_checked++;
        if (!check_peek(n, name, &version) || !key_shows(key, version, key->sync_version)) {
            world_fail(world,
                       "node %d begins to serve with version %llu of %s, and %llu was acknowledged "
                       "by sync-replicas (holders %x)",
                       n->index, (unsigned long long)version, name,
                       (unsigned long long)key->sync_version, (unsigned)key->sync_holders);
        }
    }
}

void sync_memory_lost(struct world *world, int node)
{
    uint32_t rest = ~(1U << node);

    for (int c = 0; c < world->options.clients; c++) {
        world->clients[c].answer_holders &= rest;
        for (int k = 0; k < SIM_KEYS; k++) {
            world->clients[c].keys[k].sync_holders &= rest;
        }
    }
}
