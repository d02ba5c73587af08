/* SPDX-License-Identifier: MIT */
/* What goes wrong, and when. */
#include "tests/sim/world.h"

#include "cluster/report.h"
#include "node/inside.h"

#include <stdarg.h>
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
    shared_memory_lost(world, node);
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

/* ---- an operator ------------------------------------------------------------------------------ */

static void tell(struct world *world, int node, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell(struct world *world, int node, const char *format, ...)
{
    char command[128];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    note(world, command, node, 0);
    world->operations++;
    world->last_operation_us = world->now_us;
    admin_tell(world, node, command);
}

static bool knows(struct world *world, int node, int other)
{
    struct node_facts facts;
    struct cluster_node_view view;
    size_t index;

    if (world->nodes[node].node == NULL || world->nodes[other].node == NULL) {
        return false;
    }
    node_facts(world->nodes[other].node, &facts);
    if (!cluster_find_node(world->nodes[node].node->cluster, bytes_from_text(facts.id), &index)) {
        return false;
    }
    cluster_node_at(world->nodes[node].node->cluster, index, sim_node_clock(&world->nodes[node]),
                    &view);
    return !view.is_in_handshake;
}

/* Until it has been done: without it the two would never know each other again. */
static void let_in_again(struct world *world, struct sim_event *event)
{
    int node = event->node;
    int other = (int)event->number;

    if (sim_node_runs(&world->nodes[node])) {
        tell(world, node, "CLUSTER MEET 10.0.0.%d %d %d", other + 1, SIM_PORT, SIM_BUS_PORT);
    }
    if (knows(world, node, other) && knows(world, other, node)) {
        return;
    }
    event = world_schedule(world, world->now_us + 1000000, let_in_again);
    event->node = node;
    event->number = (uint64_t)other;
}

static void remove_for_a_while(struct world *world, int node, int other)
{
    struct node_facts facts;
    struct sim_event *event;

    if (other == node || world->nodes[other].node == NULL) {
        return;
    }
    node_facts(world->nodes[other].node, &facts);
    excuse(world, other); /* a primary that lost its memory no longer asks it for what it has */
    tell(world, node, "CLUSTER FORGET %s", facts.id);
    event = world_schedule(world, world->now_us + between_ms(world, 0, 300) * 1000, let_in_again);
    event->node = node;
    event->number = (uint64_t)other;
}

static void operate(struct world *world, int node)
{
    int other = (int)rng_below(&world->rng, (uint64_t)world->node_count);

    if (!sim_node_runs(&world->nodes[node])) {
        return;
    }
    switch (rng_below(&world->rng, 4)) {
    case 0:
        tell(world, node, "CLUSTER FAILOVER");
        break;
    case 1:
        tell(world, node, "CLUSTER FAILOVER FORCE");
        break;
    case 2:
        world->epochs_are_raised = true;
        tell(world, node, "CLUSTER BUMPEPOCH");
        break;
    default:
        remove_for_a_while(world, node, other);
        break;
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
    switch (rng_below(&world->rng, 9)) {
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
    case 4:
    case 5:
    case 6:
        operate(world, node);
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
