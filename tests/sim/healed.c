/* SPDX-License-Identifier: MIT */
/* What must come back once faults are over: a whole cluster, whose replicas have what their primaries have, and that has lost nothing
 * that was confirmed. */
#include "tests/sim/world.h"

#include "cluster/report.h"
#include "node/inside.h"
#include "spec/slot.h"

#include <stdio.h>
#include <string.h>

static bool node_agrees(struct world *world, int i, char *reason, size_t size)
{
    struct sim_node *n = &world->nodes[i];
    struct node_facts facts;

    if (n->node == NULL) {
        snprintf(reason, size, "node %d is dead", i);
        return false;
    }
    node_facts(n->node, &facts);
    if (!facts.cluster_ok) {
        snprintf(reason, size, "node %d sees the cluster as failed", i);
        return false;
    }
    if (!facts.is_primary && !facts.link_up) {
        snprintf(reason, size, "replica %d has no link to its primary", i);
        return false;
    }
    if (cluster_node_count(n->node->cluster) != (size_t)world->node_count) {
        snprintf(reason, size, "node %d knows %zu nodes", i, cluster_node_count(n->node->cluster));
        return false;
    }
    return true;
}

static bool shard_is_settled(struct world *world, int shard, char *reason, size_t size)
{
    int owner = check_only_owner(world, check_sample_slot(world, shard), reason, size);
    int replicas = 0;
    struct node_facts its;

    if (owner < 0) {
        return false;
    }
    node_facts(world->nodes[owner].node, &its);
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts mine;

        node_facts(world->nodes[i].node, &mine);
        if (strcmp(mine.primary_id, its.id) != 0) {
            continue;
        }
        replicas++;
        if (mine.offset != its.offset || !history_id_equal(&mine.history, &its.history)) {
            snprintf(reason, size, "replica %d is at %llu, its primary %d at %llu", i,
                     (unsigned long long)mine.offset, owner, (unsigned long long)its.offset);
            return false;
        }
        if (node_digest(world->nodes[i].node) != node_digest(world->nodes[owner].node)) {
            snprintf(reason, size, "replica %d differs from its primary %d", i, owner);
            return false;
        }
    }
    if (replicas != world->options.replicas_each) {
        snprintf(reason, size, "the primary %d of shard %d has %d replicas", owner, shard,
                 replicas);
        return false;
    }
    return true;
}

/* A version that all replicas of its shard confirmed is still there, unless those that could take over lost their memory
 * since. */
static bool waited_is_there(struct world *world, int c, int k, char *reason, size_t size)
{
    const struct sim_key *key = &world->clients[c].keys[k];
    char name[32];
    uint64_t version = 0;
    int owner;

    if (key->waited_version == 0 || key->acked_by == 0) {
        return true;
    }
    snprintf(name, sizeof(name), "c%d:k%d", c, k);
    owner = check_only_owner(world, slot_of_key(bytes_from_text(name)), reason, size);
    if (owner < 0) {
        return false;
    }
    if (!check_peek(&world->nodes[owner], name, &version) ||
        !key_shows(key, version, key->waited_version)) {
        snprintf(reason, size,
                 "%s is at version %llu, but nodes %x have confirmed %llu and never forgot", name,
                 (unsigned long long)version, key->acked_by,
                 (unsigned long long)key->waited_version);
        return false;
    }
    return true;
}

bool check_converged(struct world *world, char *reason, size_t size)
{
    for (int i = 0; i < world->node_count; i++) {
        if (!node_agrees(world, i, reason, size)) {
            return false;
        }
    }
    for (int shard = 0; shard < world->options.primaries; shard++) {
        if (!shard_is_settled(world, shard, reason, size)) {
            return false;
        }
    }
    if (!moves_are_settled(world, reason, size)) {
        return false;
    }
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            if (!waited_is_there(world, c, k, reason, size)) {
                return false;
            }
        }
    }
    for (int i = 0; i < world->node_count; i++) {
        node_check(world->nodes[i].node);
    }
    return true;
}
