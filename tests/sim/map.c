/* SPDX-License-Identifier: MIT */
/* Which slots stand for what, and who follows whom. */
#include "tests/sim/world.h"

#include "node/inside.h"
#include "spec/slot.h"

#include <stdio.h>

/* One slot of each shard stands for all of them: shards never exchange slots here. */
unsigned check_sample_slot(const struct world *world, int shard)
{
    return (unsigned)(shard * SLOT_COUNT / world->options.primaries + 7);
}

static bool is_used(const struct world *world, unsigned slot)
{
    char name[32];

    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (slot_of_key(bytes_from_text(name)) == slot) {
                return true;
            }
        }
        client_pair_name(c, 'a', name);
        if (slot_of_key(bytes_from_text(name)) == slot) {
            return true;
        }
    }
    for (int k = 0; k < SIM_SHARED; k++) {
        snprintf(name, sizeof(name), "shared:%d", k);
        if (slot_of_key(bytes_from_text(name)) == slot) {
            return true;
        }
    }
    return false;
}

unsigned check_find_spare_slot(const struct world *world)
{
    unsigned slot = SLOT_COUNT - 1;

    while (is_used(world, slot)) {
        slot--;
    }
    return slot;
}

unsigned check_find_free_slots(const struct world *world, unsigned count)
{
    unsigned slot = check_sample_slot(world, 0) + 1;

    for (unsigned free = 0; free < count; slot++) {
        free = is_used(world, slot) ? 0 : free + 1;
    }
    return slot - count;
}

int check_shard_of(const struct world *world, const char *key)
{
    int shard = 0;

    if (moves_is_slot(world, slot_of_key(bytes_from_text(key)))) {
        return world->options.primaries;
    }
    while (shard + 1 < world->options.primaries &&
           slot_of_key(bytes_from_text(key)) >=
               (unsigned)((shard + 1) * SLOT_COUNT / world->options.primaries)) {
        shard++;
    }
    return shard;
}

/* Those that are alive and follow it, by bit. */
static uint32_t followers_of(const struct world *world, const char *id)
{
    uint32_t followers = 0;

    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &facts);
            followers |= strcmp(facts.primary_id, id) == 0 ? 1U << i : 0;
        }
    }
    return followers;
}

uint32_t check_replicas_of(const struct world *world, int primary)
{
    struct node_facts its;

    if (world->nodes[primary].node == NULL) {
        return 0;
    }
    node_facts(world->nodes[primary].node, &its);
    return followers_of(world, its.id);
}

uint32_t check_siblings_of(const struct world *world, int node)
{
    struct node_facts its;

    if (world->nodes[node].node == NULL) {
        return 0;
    }
    node_facts(world->nodes[node].node, &its);
    return its.is_primary ? 0 : followers_of(world, its.primary_id) & ~(1U << node);
}

int check_first_replica_of(const struct world *world, int primary)
{
    uint32_t replicas = check_replicas_of(world, primary);
    int first = 0;

    while (replicas != 0 && ((replicas >> first) & 1) == 0) {
        first++;
    }
    return replicas != 0 ? first : -1;
}
