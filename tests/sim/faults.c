/* SPDX-License-Identifier: MIT */
/* What goes wrong, and when. */
#include "tests/sim/world.h"

#include <stdio.h>

static int64_t between_ms(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)rng_below(&world->rng, (uint64_t)(most - least + 1));
}

static void note(struct world *world, const char *what, int node, int64_t ms)
{
    if (world->options.is_verbose) {
        printf("%10.4f  ---- %s %d for %lld ms\n", (double)world->now_us / 1e6, what, node,
               (long long)ms);
    }
}

static void unblock_all(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        for (int j = 0; j < world->node_count; j++) {
            world->blocked[i][j] = false;
        }
    }
}

static void end_partition(struct world *world, struct sim_event *event)
{
    (void)event;
    unblock_all(world);
}

/* Two groups that cannot hear each other; sometimes only in one direction. */
static void partition(struct world *world)
{
    uint64_t group = rng_u64(&world->rng);
    bool is_one_way = rng_one_in(&world->rng, 4);
    int64_t ms = between_ms(world, 200, 4000);

    for (int i = 0; i < world->node_count; i++) {
        for (int j = 0; j < world->node_count; j++) {
            bool side_i = (group >> i) & 1;
            bool side_j = (group >> j) & 1;

            if (side_i != side_j && (!is_one_way || side_i)) {
                world->blocked[i][j] = true;
            }
        }
    }
    note(world, is_one_way ? "one-way partition" : "partition", (int)(group & 0xfff), ms);
    world->partitions++;
    world_schedule(world, world->now_us + ms * 1000, end_partition);
}

static void restart(struct world *world, struct sim_event *event)
{
    if (world->nodes[event->node].node == NULL) {
        sim_node_start(world, event->node);
    }
}

/* What it had confirmed from memory is excused from now on. */
static void excuse(struct world *world, int node)
{
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            struct sim_key *key = &world->clients[c].keys[k];

            if ((key->acked_by & (1U << node)) && world->nodes[node].was_replica) {
                key->acked_by = 0;
            }
            key->acked_by &= ~(1U << node);
        }
    }
}

static void kill_one(struct world *world)
{
    int node = (int)rng_below(&world->rng, (uint64_t)world->node_count);
    int64_t ms = between_ms(world, 20, 4000);
    struct sim_event *event;

    if (world->nodes[node].node == NULL) {
        return;
    }
    note(world, "kill", node, ms);
    excuse(world, node);
    sim_node_kill(world, node);
    event = world_schedule(world, world->now_us + ms * 1000, restart);
    event->node = node;
}

static void break_some(struct world *world)
{
    if (world->conn_count > 0) {
        network_break(world, world->conns[rng_below(&world->rng, world->conn_count)], -1);
    }
}

static void one_fault(struct world *world, struct sim_event *event)
{
    int64_t until_us = (int64_t)event->number;
    int node = (int)rng_below(&world->rng, (uint64_t)world->node_count);
    int64_t ms;
    struct sim_event *next;

    if (world->now_us >= until_us) {
        return;
    }
    switch (rng_below(&world->rng, 6)) {
    case 0:
        partition(world);
        break;
    case 1:
    case 2:
        kill_one(world);
        break;
    case 3:
        ms = between_ms(world, 30, 3000);
        note(world, "pause", node, ms);
        sim_node_pause(world, node, ms);
        break;
    default:
        break_some(world);
        break;
    }
    next = world_schedule(world, world->now_us + between_ms(world, 100, 1500) * 1000, one_fault);
    next->number = event->number;
}

void faults_start(struct world *world, int64_t until_us)
{
    struct sim_event *event = world_schedule(world, world->now_us + 1000, one_fault);

    event->number = (uint64_t)until_us;
}

void faults_heal(struct world *world)
{
    unblock_all(world);
    for (int i = 0; i < world->node_count; i++) {
        if (world->nodes[i].node == NULL) {
            sim_node_start(world, i);
        }
    }
}
