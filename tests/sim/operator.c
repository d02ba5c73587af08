/* SPDX-License-Identifier: MIT */
/* An operator: commands at bad moments, and what a sensible one does in the end. */
#include "tests/sim/faults.h"

#include "base/bitset.h"
#include "cluster/report.h"
#include "cluster/state.h"
#include "council/state.h"
#include "node/inside.h"

#include <stdarg.h>
#include <stdio.h>

void operator_tell(struct world *world, int node, const char *format, ...)
{
    char command[128];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    fault_note(world, command, node, 0);
    world->operations++;
    world->last_operation_us = world->now_us;
    admin_tell(world, node, command);
}

static void id_of(struct world *world, int node, char id[64])
{
    struct node_facts facts;

    node_facts(world->nodes[node].node, &facts);
    snprintf(id, 64, "%s", facts.id);
}

static bool knows(struct world *world, int node, int other)
{
    struct cluster_node_view view;
    char id[64];
    size_t index;

    if (world->nodes[node].node == NULL || world->nodes[other].node == NULL) {
        return false;
    }
    id_of(world, other, id);
    if (!cluster_find_node(world->nodes[node].node->cluster, bytes_from_text(id), &index)) {
        return false;
    }
    cluster_node_at(world->nodes[node].node->cluster, index, sim_node_clock(&world->nodes[node]),
                    &view);
    return !view.is_in_handshake;
}

static void meet(struct world *world, int node, int other)
{
    operator_tell(world, node, "CLUSTER MEET 10.0.0.%d %d %d", world->address[other] + 1, SIM_PORT,
                  SIM_BUS_PORT);
}

/* ---- at bad moments -------------------------------------------------------------------------------- */

void fault_failover(struct world *world, int node)
{
    if (sim_node_runs(&world->nodes[node])) {
        operator_tell(world, node, "CLUSTER FAILOVER");
    }
}

void fault_forced_failover(struct world *world, int node)
{
    if (sim_node_runs(&world->nodes[node])) {
        operator_tell(world, node, "CLUSTER FAILOVER FORCE");
    }
}

void fault_bump_epoch(struct world *world, int node)
{
    if (sim_node_runs(&world->nodes[node])) {
        world->epochs_are_raised = true;
        operator_tell(world, node, "CLUSTER BUMPEPOCH");
    }
}

/* Until it has been done: without it the two would never know each other again. */
static void let_in_again(struct world *world, struct sim_event *event)
{
    int node = event->node;
    int other = (int)event->number;

    if (sim_node_runs(&world->nodes[node])) {
        meet(world, node, other);
    }
    if (knows(world, node, other) && knows(world, other, node)) {
        return;
    }
    event = world_schedule(world, world->now_us + 1000000, let_in_again);
    event->node = node;
    event->number = (uint64_t)other;
}

void fault_forget(struct world *world, int node)
{
    int other = fault_other(world, node);
    char id[64];
    struct sim_event *event;

    if (!sim_node_runs(&world->nodes[node]) || world->nodes[other].node == NULL) {
        return;
    }
    id_of(world, other, id);
    fault_excuse(world,
                 other); /* a primary that lost its memory no longer asks it for what it has */
    operator_tell(world, node, "CLUSTER FORGET %s", id);
    world->removed |= 1U << other;
    event = world_schedule(world, world->now_us + fault_ms(world, 0, 300) * 1000, let_in_again);
    event->node = node;
    event->number = (uint64_t)other;
}

/* Whoever has the spare slot gives it away, another one takes it. */
void fault_slots(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    /* One that was reset, and was not let in again, is a cluster by itself. */
    if (!sim_node_runs(n) || cluster_is_replica(n->node->cluster) ||
        cluster_node_count(n->node->cluster) == 1) {
        return;
    }
    operator_tell(world, node,
                  node_owns_slot(n->node, world->spare_slot) ? "CLUSTER DELSLOTS %u"
                                                             : "CLUSTER ADDSLOTS %u",
                  world->spare_slot);
}

static void give_to_two(struct world *world, struct sim_event *event)
{
    int told = 0;

    for (int i = 0; i < world->node_count && told < 2; i++) {
        int node = (event->node + i) % world->node_count;
        const struct sim_node *n = &world->nodes[node];

        if (sim_node_runs(n) && cluster_has_slots(n->node->cluster)) {
            operator_tell(world, node, "CLUSTER DELSLOTS %u", world->spare_slot);
            operator_tell(world, node, "CLUSTER ADDSLOTS %u", world->spare_slot);
            told++;
        }
    }
}

/* Whoever has the spare slot gives it away, and two others are told to take it before they can hear of one another. */
void fault_slot_twice(struct world *world, int node)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *n = &world->nodes[i];

        if (sim_node_runs(n) && node_owns_slot(n->node, world->spare_slot)) {
            operator_tell(world, i, "CLUSTER DELSLOTS %u", world->spare_slot);
        }
    }
    fault_later(world, node, fault_ms(world, 20, 500), give_to_two);
}

/* Its data go with it: the shard it leaves has one copy less. */
void fault_replicate(struct world *world, int node)
{
    int other = fault_other(world, node);
    struct node_facts facts;

    if (!sim_node_runs(&world->nodes[node]) || world->nodes[other].node == NULL) {
        return;
    }
    node_facts(world->nodes[node].node, &facts);
    if (!facts.is_primary) {
        char id[64];

        id_of(world, other, id);
        fault_excuse(world, node);
        operator_tell(world, node, "CLUSTER REPLICATE %s", id);
    }
}

static bool sits_on(const struct sim_node *n, const struct seat *seat)
{
    return n->node != NULL && !n->is_clone &&
           cluster_id_equal(cluster_my_id(n->node->cluster), &seat->node) &&
           n->node->cluster->council->seat_key == seat->key;
}

/* A reset member is away for good.  With it and those that have lost their folder, or were reset a moment ago, the majority could be: after
 * that TAKEOVER is what is left. */
static bool may_reset(const struct world *world, const struct sim_node *n)
{
    const struct seats *seats = council_seats(n->node->cluster->council);
    size_t left = 0;

    for (int other = 0; other < world->node_count; other++) {
        const struct sim_node *o = &world->nodes[other];

        left += o->node == NULL ? 1 : 0; /* it may have a seat, and comes back */
        for (size_t i = 0; i < seats->members.count && o != n; i++) {
            left += sits_on(o, &seats->members.items[i]) ? 1 : 0;
        }
    }
    return seats->members.count == 0 || left >= seat_set_majority(&seats->members);
}

void fault_reset(struct world *world, int node)
{
    struct node_facts facts;

    if (!sim_node_runs(&world->nodes[node])) {
        return;
    }
    node_facts(world->nodes[node].node, &facts);
    if (!facts.is_primary && may_reset(world, &world->nodes[node])) {
        fault_excuse(world, node);
        operator_tell(world, node,
                      rng_one_in(&world->rng, 2) ? "CLUSTER RESET HARD" : "CLUSTER RESET SOFT");
    }
}

/* ---- what a sensible one does ----------------------------------------------------------------------- */

/* Somebody who is gone for good: no machine has this id any more. */
static bool is_nobody(struct world *world, const char *id)
{
    for (int i = 0; i < world->node_count; i++) {
        char its[64];

        if (world->nodes[i].node == NULL) {
            return false; /* it may be this one */
        }
        id_of(world, i, its);
        if (strcmp(its, id) == 0) {
            return false;
        }
    }
    return true;
}

static void forget_nobodies(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    for (size_t i = 1; i < cluster_node_count(n->node->cluster); i++) {
        struct cluster_node_view view;

        cluster_node_at(n->node->cluster, i, sim_node_clock(n), &view);
        if (!view.is_in_handshake && is_nobody(world, view.id->text)) {
            operator_tell(world, node, "CLUSTER FORGET %s", view.id->text);
            return; /* the others in the next round */
        }
    }
}

/* Replicas of the node, as they say. */
static int replicas_of(struct world *world, const char *id)
{
    int count = 0;

    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node == NULL) {
            continue;
        }
        node_facts(world->nodes[i].node, &facts);
        count += strcmp(facts.primary_id, id) == 0 ? 1 : 0;
    }
    return count;
}

/* A primary of slots that has fewer replicas than it should, or -1. */
static int find_needy(struct world *world)
{
    for (int shard = 0; shard < world->options.primaries; shard++) {
        char ignored[256];
        char id[64];
        int owner =
            check_only_owner(world, check_sample_slot(world, shard), ignored, sizeof(ignored));

        if (owner >= 0) {
            id_of(world, owner, id);
            if (replicas_of(world, id) < world->options.replicas_each) {
                return owner;
            }
        }
    }
    return -1;
}

static bool has_slots(const struct world *world, const char *id)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i].node;

        if (node != NULL && strcmp(cluster_my_id(node->cluster)->text, id) == 0) {
            return cluster_has_slots(node->cluster);
        }
    }
    return true; /* as far as anybody sees */
}

/* What it has is perhaps all that is left of slots whose primary is gone for good: it takes over when that is whole, and what
 * becomes of it otherwise is for people to decide. */
static bool is_left_of_shard(const struct world *world, int node)
{
    const struct cluster *c = world->nodes[node].node->cluster;
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (record == NULL || !cluster_id_equal(&record->primary, cluster_my_primary_id(c))) {
        return false;
    }
    return bitset_count(record->slots, SHARD_SLOT_WORDS) >
           (bitset_has(record->slots, world->spare_slot) ? 1 : 0);
}

/* One that owns nothing and serves nobody, follows such a one, or that a shard has too many of. */
static bool is_to_spare(struct world *world, int node)
{
    struct node_facts facts;

    node_facts(world->nodes[node].node, &facts);
    if (facts.is_primary) {
        return !cluster_has_slots(world->nodes[node].node->cluster) &&
               replicas_of(world, facts.id) == 0;
    }
    if (is_nobody(world, facts.primary_id)) {
        return !is_left_of_shard(world, node);
    }
    return replicas_of(world, facts.primary_id) > world->options.replicas_each ||
           !has_slots(world, facts.primary_id);
}

static void spread_replicas(struct world *world)
{
    int needy = find_needy(world);
    char id[64];

    for (int i = 0; i < world->node_count && needy >= 0; i++) {
        if (i != needy && sim_node_runs(&world->nodes[i]) && knows(world, i, needy) &&
            is_to_spare(world, i)) {
            struct node_facts facts;

            id_of(world, needy, id);
            fault_excuse(world, i);
            node_facts(world->nodes[i].node, &facts);
            if (facts.is_primary && facts.key_count > 0) {
                operator_tell(world, i, "FLUSHALL"); /* reset, and ended before that was saved */
            }
            operator_tell(world, i, "CLUSTER REPLICATE %s", id);
            return;
        }
    }
}

/* A shard of the spare slot alone has nodes that others are in need of. */
static void dissolve_spare_shard(struct world *world)
{
    for (int i = 0; i < world->node_count && find_needy(world) >= 0; i++) {
        const struct sim_node *n = &world->nodes[i];
        bool has_others = false;

        for (int shard = 0; shard < world->options.primaries && sim_node_runs(n); shard++) {
            has_others = has_others || node_owns_slot(n->node, check_sample_slot(world, shard));
        }
        if (sim_node_runs(n) && !has_others && node_owns_slot(n->node, world->spare_slot)) {
            operator_tell(world, i, "CLUSTER DELSLOTS %u", world->spare_slot);
        }
    }
}

/* To whom others take for its owner, they refuse it: each primary is asked in turn. */
static void give_spare_slot(struct world *world)
{
    int turn = (int)(world->operations % (uint64_t)world->node_count);

    for (int i = 0; i < world->node_count; i++) {
        if (world->nodes[i].node == NULL ||
            node_owns_slot(world->nodes[i].node, world->spare_slot)) {
            return; /* somebody has it, or may have it */
        }
    }
    for (int i = 0; i < world->node_count; i++) {
        int node = (turn + i) % world->node_count;
        const struct sim_node *n = &world->nodes[node];

        if (sim_node_runs(n) && !cluster_is_replica(n->node->cluster) &&
            cluster_has_slots(n->node->cluster)) {
            operator_tell(world, node, "CLUSTER ADDSLOTS %u", world->spare_slot);
            return;
        }
    }
}

static bool owns_any(struct world *world, unsigned slot)
{
    for (int i = 0; i < world->node_count; i++) {
        if (world->nodes[i].node == NULL || node_owns_slot(world->nodes[i].node, slot)) {
            return true; /* or may own it, once it is back */
        }
    }
    return false;
}

/* Who has most of the keys from slot first to last, as tools look for it: a primary, since others cannot be given slots. */
static int find_richest(const struct world *world, unsigned first, unsigned last)
{
    uint64_t most = 0;
    int richest = -1;

    for (int i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i].node;
        uint64_t keys = 0;

        if (node == NULL || cluster_is_replica(node->cluster)) {
            continue;
        }
        for (unsigned slot = first; slot <= last; slot++) {
            keys += keyspace_slot_count(node->data.keyspace, slot);
        }
        if (richest < 0 || keys > most) {
            most = keys;
            richest = i;
        }
    }
    return richest;
}

bool operator_give_lost_slots(struct world *world)
{
    bool is_any = false;

    for (unsigned first = 0; first < SLOT_COUNT; first++) {
        unsigned last = first;
        int richest;

        if (owns_any(world, first)) {
            continue;
        }
        while (last + 1 < SLOT_COUNT && !owns_any(world, last + 1)) {
            last++;
        }
        richest = find_richest(world, first, last);
        if (richest >= 0) {
            operator_tell(world, richest, "CLUSTER ADDSLOTSRANGE %u %u", first, last);
            is_any = true;
        }
        first = last;
    }
    return is_any;
}

void operator_mend(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        if (!sim_node_runs(&world->nodes[i])) {
            continue;
        }
        for (int j = 0; j < world->node_count; j++) {
            if (i != j && world->nodes[j].node != NULL && !knows(world, i, j)) {
                meet(world, i, j);
            }
        }
        forget_nobodies(world, i);
    }
    spread_replicas(world);
    dissolve_spare_shard(world);
    give_spare_slot(world);
}
