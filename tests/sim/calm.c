/* SPDX-License-Identifier: MIT */
/* When nothing fails any more, planned changes cost nothing: whoever holds a lease keeps it, but for
 * the one that hands its shard over; and within a round trip from when the new primary serves, every
 * node sends clients to it. */
#include "tests/sim/world.h"

#include "cluster/cluster.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "node/inside.h"

#include <stdio.h>

enum {
    NOBODY = -1,
    SETTLE_MS = 1000,
    CALM_MS = 60000,    /* until then they have to come to rest */
    TAKEOVER_MS = 5000, /* CLUSTER FAILOVER gives up after that */
    RETRY_MS = 100,
    BUMP_MS = 200,   /* between two new epochs */
    WATCH_MS = 1500, /* one node timeout and a half: a lease that is not renewed shows */
};

static bool is_primary(const struct sim_node *n)
{
    struct node_facts facts;

    node_facts(n->node, &facts);
    return facts.is_primary;
}

/* Run for so long, and look at every lease once a millisecond. */
static bool watch(struct world *world, int64_t us, int hands_over)
{
    int64_t until_us = world->now_us + us;

    while (world->now_us < until_us && world->failure[0] == '\0') {
        int64_t next_us = world->now_us + 1000;

        world_run_until(world, next_us < until_us ? next_us : until_us);
        for (int i = 0; i < world->node_count; i++) {
            struct sim_node *n = &world->nodes[i];
            bool has_lease = cluster_has_lease(n->node->cluster, sim_node_clock(n).mono);

            if (n->had_lease && !has_lease && i != hands_over && is_primary(n)) {
                world_fail(world, "node %d lost its lease although nothing failed", i);
            }
            n->had_lease = has_lease;
        }
    }
    return world->failure[0] == '\0';
}

static int replica_of(struct world *world, int primary)
{
    struct node_facts its;

    node_facts(world->nodes[primary].node, &its);
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        node_facts(world->nodes[i].node, &facts);
        if (strcmp(facts.primary_id, its.id) == 0) {
            return i;
        }
    }
    return NOBODY;
}

/* Whom a client is sent to that asks this node for the slot; NOBODY when it gets an error. */
static int points_to(struct world *world, int node, unsigned slot)
{
    const struct sim_node *n = &world->nodes[node];
    struct route_request request = {.slot = (uint16_t)slot};
    struct route_target target = {.host = ""};
    enum route_kind kind =
        cluster_route(n->node->cluster, sim_node_clock(n).mono, &request, &target);

    if (kind == ROUTE_SERVE) {
        return node;
    }
    return kind == ROUTE_MOVED ? network_node_at(world, bytes_from_text(target.host)) : NOBODY;
}

/* A replica that has come back a moment ago is in the in-sync set when that is agreed: until then it is refused, and says so. */
static bool begin_hand_over(struct world *world, int heir, char *reply, size_t size)
{
    int64_t until_us = world->now_us + TAKEOVER_MS * 1000;
    bool is_begun;

    do {
        is_begun = admin_command(world, heir, "CLUSTER FAILOVER", reply, size);
    } while (!is_begun && strstr(reply, "in-sync set") != NULL && world->now_us < until_us &&
             watch(world, RETRY_MS * 1000, NOBODY));
    return is_begun;
}

static void hand_over(struct world *world, int shard)
{
    unsigned slot = check_sample_slot(world, shard);
    char reply[256];
    int old = check_only_owner(world, slot, reply, sizeof(reply));
    int heir = old == NOBODY ? NOBODY : replica_of(world, old);
    int64_t until_us;

    if (heir == NOBODY || !begin_hand_over(world, heir, reply, sizeof(reply))) {
        world_fail(world, "shard %d cannot be handed over: %s", shard, reply);
        return;
    }
    world->is_handing_over = true;
    until_us = world->now_us + TAKEOVER_MS * 1000;
    while (points_to(world, heir, slot) != heir && watch(world, 100, old)) {
        if (world->now_us >= until_us) {
            world_fail(world, "node %d did not take over from node %d", heir, old);
        }
    }
    if (!watch(world, 2 * SIM_ONE_WAY_US, old)) {
        return;
    }
    for (int i = 0; i < world->node_count; i++) {
        if (points_to(world, i, slot) != heir) {
            world_fail(world, "node %d sends clients to node %d a round trip after node %d serves",
                       i, points_to(world, i, slot), heir);
        }
    }
    watch(world, WATCH_MS * 1000, NOBODY);
    world->is_handing_over = false;
}

/* Nobody stands still or is about to end, and nobody takes anybody for failing or is without a link to anybody. */
static bool is_calm_at(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];
    struct cluster *c;

    if (!sim_node_runs(n) || n->node->ending.phase != ENDING_NOT) {
        return false; /* or has ended a moment ago, and is started soon */
    }
    c = n->node->cluster;
    if (!cluster_is_ok(c, sim_node_clock(n).mono)) {
        return false;
    }
    for (size_t i = 1; i < cluster_node_count(c); i++) {
        struct cluster_node_view view;

        cluster_node_at(c, i, sim_node_clock(n), &view);
        if (!view.is_linked || view.is_failing || view.is_failed) {
            return false;
        }
    }
    return true;
}

static bool is_calm(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        if (!is_calm_at(world, i)) {
            return false;
        }
    }
    return true;
}

/* What was begun or delayed while things failed comes to its end first. */
static void settle(struct world *world)
{
    int64_t until_us = world->now_us + CALM_MS * 1000;

    world->is_calm = true;
    /* A take-over that an operator has asked for is tried for so long. */
    if (world->operations > 0) {
        world_run_until(world, world->last_operation_us + TAKEOVER_MS * 1000);
    }
    do {
        world_run_until(world, world->now_us + SETTLE_MS * 1000);
        if (world->now_us >= until_us) {
            world_fail(world, "the nodes do not come to rest");
        }
    } while (world->failure[0] == '\0' && !is_calm(world));
}

void calm_run(struct world *world)
{
    char reply[256];

    settle(world);
    world->only_shared = true;
    clients_start(world);
    readers_check_messages(world);
    for (int i = 0; i < world->node_count; i++) {
        world->nodes[i].had_lease = false;
    }
    hand_over(world, (int)(world->options.seed % (uint64_t)world->options.primaries));
    moves_calm(world);
    for (int i = 0; i < world->node_count && watch(world, BUMP_MS * 1000, NOBODY); i++) {
        if (is_primary(&world->nodes[i]) &&
            !admin_command(world, i, "CLUSTER BUMPEPOCH", reply, sizeof(reply))) {
            world_fail(world, "node %d answers CLUSTER BUMPEPOCH with %s", i, reply);
        }
    }
    if (watch(world, WATCH_MS * 1000, NOBODY)) {
        last_word_calm(world,
                       (int)((world->options.seed + 1) % (uint64_t)world->options.primaries));
    }
}
