/* SPDX-License-Identifier: MIT */
/* With sync-replicas: faults that begin when the in-sync set of a shard changes.  Each waits for its moment, of some milliseconds, which
 * others hardly ever hit. */
#include "tests/sim/faults.h"

#include "cluster/state.h"
#include "node/inside.h"

enum {
    LOOK_US = 500,
    LOOKS = 6000, /* for so many it is waited for */
    LEFT_BEHIND_MS = 2500,
};

/* event->node: a primary; event->number: the replica that is looked at, and below it how often. */
static void look_later(struct world *world, int primary, int replica, uint64_t looks,
                       sim_event_fn *look)
{
    struct sim_event *event = world_schedule(world, world->now_us + LOOK_US, look);

    event->node = primary;
    event->number = (uint64_t)replica << 32 | looks;
}

static void look_again(struct world *world, const struct sim_event *event, sim_event_fn *look)
{
    uint64_t looks = event->number & UINT32_MAX;

    if (looks < LOOKS) {
        look_later(world, event->node, (int)(event->number >> 32), looks + 1, look);
    }
}

static bool is_over(const struct world *world, const struct sim_event *event)
{
    return world->has_healed || world->nodes[event->node].node == NULL ||
           cluster_is_replica(world->nodes[event->node].node->cluster);
}

/* What they have they keep, and nobody can ask them for it. */
static void pause_all(struct world *world, uint32_t nodes)
{
    for (int i = 0; i < world->node_count; i++) {
        if ((nodes >> i) & 1) {
            fault_note(world, "pause", i, LEFT_BEHIND_MS);
            sim_node_pause(world, i, LEFT_BEHIND_MS);
        }
    }
}

/* event->number: the nodes that are paused then. */
static void end_later(struct world *world, int primary, uint32_t others, int64_t ms,
                      sim_event_fn *run)
{
    struct sim_event *event = world_schedule(world, world->now_us + ms * 1000, run);

    event->node = primary;
    event->number = others;
}

/* ---- one joins ------------------------------------------------------------------------------------ */

static void end_unheard(struct world *world, struct sim_event *event)
{
    if (!world->has_healed) {
        pause_all(world, (uint32_t)event->number);
        fault_cut_off(world, event->node, fault_ms(world, 1500, 3000));
    }
}

static void end_for_good(struct world *world, struct sim_event *event)
{
    if (!world->has_healed) {
        pause_all(world, (uint32_t)event->number);
        (void)fault_kill(world, event->node, fault_ms(world, 1500, 4000));
    }
}

/* Nobody but these is heard by the node, though all hear it. */
static void hear_only(struct world *world, int node, uint32_t others)
{
    for (int i = 0; i < world->node_count; i++) {
        world->blocked[i][node] = world->blocked[i][node] || (i != node && !((others >> i) & 1));
    }
    world->partitions++;
    fault_later(world, node, LEFT_BEHIND_MS, fault_end_partition);
}

/* It follows, and is proposed as a member, or is one. */
static bool has_joined(const struct world *world, int primary, int replica)
{
    const struct cluster *c = world->nodes[primary].node->cluster;
    const struct node *other = world->nodes[replica].node;
    struct cluster_sync_view view;
    struct shard_sync_member member;
    bool is_put = false;

    if (other == NULL || !other->data.is_complete) {
        return false;
    }
    member = (struct shard_sync_member){.node = *cluster_my_id(other->cluster),
                                        .memory = other->data.memory};
    for (size_t i = 0; i < c->sync.joiner_count; i++) {
        const struct sync_joiner *joiner = &c->sync.joiners[i];

        is_put = is_put || (joiner->is_put && joiner->member.memory == member.memory &&
                            cluster_id_equal(&joiner->member.node, &member.node));
    }
    cluster_sync_view(c, &view);
    return is_put || shard_sync_has(&view.agreed, &member);
}

/* From now on it gets nothing more; its primary keeps what it has and is out of reach, or does not hear that it is a member, answers
 * clients for a while, and ends. */
static void leave_joiner_behind(struct world *world, int primary, int replica)
{
    uint32_t others = check_replicas_of(world, primary) & ~(1U << replica);

    fault_note(world, "left behind while it joins is", replica, LEFT_BEHIND_MS);
    network_hold_stream(world, primary, replica, world->now_us + LEFT_BEHIND_MS * 1000);
    if (rng_one_in(&world->rng, 2)) {
        end_later(world, primary, others, fault_ms(world, 0, 30), end_unheard);
    } else {
        hear_only(world, primary, others);
        end_later(world, primary, others, fault_ms(world, 20, 300), end_for_good);
    }
}

static void look_for_joiner(struct world *world, struct sim_event *event)
{
    if (is_over(world, event)) {
        return;
    }
    if (has_joined(world, event->node, (int)(event->number >> 32))) {
        leave_joiner_behind(world, event->node, (int)(event->number >> 32));
    } else {
        look_again(world, event, look_for_joiner);
    }
}

/* A member is started anew, and has to join again while what it lacks comes slowly. */
void fault_joiner(struct world *world, int node)
{
    int replica = fault_choose(world, check_replicas_of(world, node));

    if (replica >= 0 && fault_cut_power(world, replica, fault_ms(world, 20, 800))) {
        network_slow_stream(world, node, replica, world->now_us + LOOKS * LOOK_US);
        look_later(world, node, replica, 0, look_for_joiner);
    }
}

/* ---- one leaves ----------------------------------------------------------------------------------- */

static void end_unsaved(struct world *world, struct sim_event *event)
{
    if (is_over(world, event)) {
        return;
    }
    pause_all(world, (uint32_t)event->number & check_replicas_of(world, event->node));
    if (fault_cut_power(world, event->node, fault_ms(world, 20, 200))) {
        world->nodes[event->node].disk_hangs_until_us = 0;
    }
}

static void look_for_leaver(struct world *world, struct sim_event *event)
{
    int replica = (int)(event->number >> 32);
    const struct node *other = world->nodes[replica].node;
    const struct shard_sync *set;

    if (is_over(world, event) || other == NULL) {
        return;
    }
    set = &world->nodes[event->node].node->sync_side.view.agreed;
    if (shard_sync_find(set, cluster_my_id(other->cluster)) == NULL) {
        end_later(world, event->node, ~(1U << replica), fault_ms(world, 20, 200), end_unsaved);
    } else {
        look_again(world, event, look_for_leaver);
    }
}

/* A member that is late is taken out of the set, and its primary, which cannot save that, starts anew while the others cannot be
 * asked. */
void fault_leaver(struct world *world, int node)
{
    uint32_t replicas = check_replicas_of(world, node);
    int replica = fault_choose(world, replicas);

    if (replica < 0 || (replicas & (replicas - 1)) == 0) {
        return;
    }
    fault_note(world, "left behind is", replica, LEFT_BEHIND_MS);
    network_hold_stream(world, node, replica, world->now_us + LEFT_BEHIND_MS * 1000);
    world->nodes[node].disk_hangs_until_us = world->now_us + LEFT_BEHIND_MS * 1000;
    look_later(world, node, replica, 0, look_for_leaver);
}
