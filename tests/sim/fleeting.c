/* SPDX-License-Identifier: MIT */
/* Copies go with what they are of: a key that expires, which one client writes and all read anywhere, is shown by nobody after
 * anybody was told that it is there no more; and what its owner has flushed no member shows. */
#include "tests/sim/world.h"

#include "base/num.h"
#include "cluster/report.h"
#include "node/inside.h"

#include <stdio.h>

#define NAME "fleeting"

enum {
    WRITE_PART = 12,
    LEAST_MS = 200,
    MORE_MS = 800,
    DRAIN_MS = 100, /* less than a lease */
};

static size_t reigns_of(const struct world *world)
{
    return world->reigns[check_shard_of(world, NAME)].list.count;
}

void fleeting_ask(struct world *world, struct sim_client *client)
{
    struct sim_fleeting *fleeting = &world->fleeting;
    bool is_write = client->index == 0 && rng_one_in(&world->rng, WRITE_PART);
    char version[24];
    char ms[24];

    if (rng_one_in(&world->rng, 2)) {
        client->primaries[check_shard_of(world, NAME)] =
            (int)rng_below(&world->rng, (uint64_t)world->node_count);
    }
    client_turn_to(world, client, NAME);
    client->request = REQUEST_FLEETING;
    client->pending_op = is_write;
    if (is_write) {
        snprintf(version, sizeof(version), "%llu", (unsigned long long)++fleeting->sent);
        snprintf(ms, sizeof(ms), "%d", LEAST_MS + (int)rng_below(&world->rng, MORE_MS));
        client_send(world, client, 5, "SET", NAME, version, "PX", ms);
    } else {
        client_send(world, client, 2, "GET", NAME);
    }
}

/* Who takes over may have it again: what was told before counts as long as one node serves. */
static void take_read(struct world *world, const struct sim_client *client, uint64_t version)
{
    struct sim_fleeting *fleeting = &world->fleeting;

    if (version == 0 && fleeting->acked == fleeting->sent &&
        client->sent_at_us > fleeting->acked_us && fleeting->acked_reigns == reigns_of(world)) {
        world->expiries_seen += fleeting->gone != fleeting->acked;
        fleeting->gone = fleeting->acked;
        fleeting->gone_us = world->now_us;
        fleeting->gone_reigns = reigns_of(world);
    } else if (version != 0 && version == fleeting->gone &&
               client->sent_at_us > fleeting->gone_us &&
               fleeting->gone_reigns == reigns_of(world)) {
        world_fail(world, "node %d shows version %llu of %s, and it was gone %lld us before",
                   client->node, (unsigned long long)version, NAME,
                   (long long)(client->sent_at_us - fleeting->gone_us));
    }
}

void fleeting_take_answer(struct world *world, struct sim_client *client,
                          const struct resp_value *value)
{
    struct sim_fleeting *fleeting = &world->fleeting;
    uint64_t version = 0;

    if (client->pending_op != 0) {
        fleeting->acked = fleeting->sent;
        fleeting->acked_us = world->now_us;
        fleeting->acked_reigns = reigns_of(world);
    } else {
        (void)(value->type != RESP_NULL && num_parse_u64(resp_value_bytes(value), &version));
        take_read(world, client, version);
    }
    client->request = REQUEST_NONE;
}

/* ---- what is flushed ------------------------------------------------------------------------------ */

static bool has_value(struct world *world, int node)
{
    char reply[256];

    return admin_command(world, node, "GET shared:0", reply, sizeof(reply)) && reply[0] == '$' &&
           reply[1] != '-';
}

void fleeting_check_flush(struct world *world)
{
    char reply[256];
    int owner;
    bool had_copy[SIM_NODES_MAX] = {false};

    world->clients_run = false;
    world_run_until(world, world->now_us + DRAIN_MS * 1000);
    owner = check_only_owner(world, check_sample_slot(world, check_shard_of(world, "shared:0")),
                             reply, sizeof(reply));
    for (int i = 0; i < world->node_count && owner >= 0; i++) {
        uint64_t reads = world->nodes[i].node->borrowing.reads;

        had_copy[i] =
            i != owner && has_value(world, i) && world->nodes[i].node->borrowing.reads > reads;
    }
    if (owner < 0 || !admin_command(world, owner, "FLUSHALL", reply, sizeof(reply))) {
        return; /* another take-over was asked for, or slots are under way */
    }
    for (int i = 0; i < world->node_count; i++) {
        world->flushed_copies += had_copy[i];
        if (had_copy[i] && has_value(world, i)) {
            world_fail(world, "node %d shows a copy of what node %d has flushed", i, owner);
        }
    }
}
