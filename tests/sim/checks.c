/* SPDX-License-Identifier: MIT */
/* What must hold at every moment. */
#include "tests/sim/faults.h"

#include "cluster/nodes.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "cluster/state.h"
#include "council/record_table.h"
#include "council/state.h"
#include "node/inside.h"
#include "spec/slot.h"

#include <stdio.h>

/* ---- one primary a slot and epoch ------------------------------------------------------------- */

static void claim(struct world *world, struct sim_node *n, unsigned slot, uint64_t epoch)
{
    struct claim mine = {.slot = slot, .epoch = epoch, .node = n->index};

    for (size_t i = 0; i < world->claim_count; i++) {
        const struct claim *c = &world->claims[i];

        if (c->slot == slot && c->epoch == epoch) {
            /* A copy of a node takes turns with it: that they never serve at once is seen by check_leases. */
            if (c->node != n->index && !world->epochs_are_raised && !world->has_clones) {
                world_fail(world, "nodes %d and %d both accept writes for slot %u in epoch %llu",
                           c->node, n->index, slot, (unsigned long long)epoch);
            }
            return;
        }
    }
    if (world->claim_count == world->claim_cap) {
        world->claims =
            vec_grow(world->claims, &world->claim_cap, world->claim_count + 1, sizeof(mine));
    }
    world->claims[world->claim_count++] = mine;
}

static bool may_write(const struct sim_node *n, unsigned slot)
{
    return n->node != NULL && node_owns_slot(n->node, slot) &&
           cluster_has_lease(n->node->cluster, sim_node_clock(n).mono);
}

int check_only_owner(struct world *world, unsigned slot, char *reason, size_t size)
{
    int owner = -1;

    for (int i = 0; i < world->node_count; i++) {
        if (may_write(&world->nodes[i], slot)) {
            if (owner >= 0) {
                snprintf(reason, size, "slot %u is served by %d and %d", slot, owner, i);
                return -1;
            }
            owner = i;
        }
    }
    if (owner < 0) {
        snprintf(reason, size, "slot %u is served by nobody", slot);
    }
    return owner;
}

static bool serves_spare_slot(const struct sim_node *n)
{
    return may_write(n, n->world->spare_slot) &&
           cluster_serves_plainly(n->node->cluster, (uint16_t)n->world->spare_slot);
}

/* The slot that goes from hand to hand has one owner that serves it, too. */
static void check_spare_slot(struct world *world, struct sim_node *n)
{
    if (!serves_spare_slot(n)) {
        return;
    }
    for (int i = 0; i < world->node_count; i++) {
        if (i != n->index && serves_spare_slot(&world->nodes[i])) {
            world_fail(world, "nodes %d and %d both serve slot %u, which is given and taken away",
                       n->index, i, world->spare_slot);
        }
    }
}

/* A stopped process counts too: its lease must have run out before another one has its slots. */
static void check_leases(struct world *world, struct sim_node *n, const struct node_facts *facts)
{
    for (int shard = 0; shard < world->options.primaries; shard++) {
        unsigned slot = check_sample_slot(world, shard);

        if (!may_write(n, slot)) {
            continue;
        }
        claim(world, n, slot, facts->config_epoch);
        for (int i = 0; i < world->node_count; i++) {
            if (i != n->index && may_write(&world->nodes[i], slot)) {
                world_fail(world, "nodes %d and %d hold a lease for slot %u at the same time",
                           n->index, i, slot);
            }
        }
    }
}

/* ---- a grant is not longer than the promise that it is ------------------------------------------- */

/* In real time. */
static int64_t real_us(const struct sim_node *n, struct mono_time at)
{
    return (int64_t)((double)(at.us - n->clock_offset_us) / n->clock_rate);
}

static const struct sim_node *find_member(const struct world *world, const struct cluster_id *id)
{
    for (int i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i].node;

        if (node != NULL && cluster_id_equal(&node->cluster->council->me, id)) {
            return &world->nodes[i];
        }
    }
    return NULL;
}

/* Until when does the member let nobody take the place of the node?  INT64_MAX: it does not sit where it sat when it granted. */
static int64_t promised_us(const struct sim_node *member, const struct council *of)
{
    const struct council *c = member->node->cluster->council;
    const struct record_state *r = record_find(c, &of->lease.shard);
    struct mono_time until = c->forgotten_until;

    if (!seats_has_key(&of->seats, &c->me, c->seat_key) ||
        !cluster_id_equal(&c->seats.council, &of->seats.council)) {
        return INT64_MAX;
    }
    if (r != NULL && mono_is_before(until, r->former_until)) {
        until = r->former_until;
    }
    if (r != NULL && mono_is_before(until, r->promised_until) &&
        (cluster_id_equal(&r->holder, &of->me) || cluster_id_is_none(&r->holder))) {
        until = r->promised_until;
    }
    return real_us(member, until);
}

/* The simulator sees every member's memory, so one promise that is too short shows, though no majority is of that kind. */
static void check_grants(struct world *world, struct sim_node *n)
{
    const struct council *c = n->node->cluster->council;
    struct mono_time now = sim_node_clock(n).mono;

    if (world->has_clones || !mono_is_before(now, council_lease_end(c))) {
        return;
    }
    for (size_t i = 0; i < c->lease.grant_count; i++) {
        const struct grant *grant = &c->lease.grants[i];
        const struct sim_node *member = find_member(world, &grant->member);

        if (member != NULL && grant->seat_key == member->node->cluster->council->seat_key &&
            mono_is_before(now, grant->until) &&
            promised_us(member, c) < real_us(n, grant->until)) {
            world_fail(world,
                       "node %d counts on a grant of node %d for %lld us more than that has "
                       "promised",
                       n->index, member->index,
                       (long long)(real_us(n, grant->until) - promised_us(member, c)));
        }
    }
}

/* ---- what replicas have confirmed ------------------------------------------------------------- */

bool check_may_replace(const struct sim_node *n, const char *key)
{
    return n->node != NULL && n->was_replica &&
           cluster_shard_owns_slot(n->node->cluster, (uint16_t)slot_of_key(bytes_from_text(key)));
}

static void check_promoted(struct world *world, struct sim_node *n)
{
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            const struct sim_key *key = &world->clients[c].keys[k];
            char name[32];
            uint64_t version = 0;

            if (!(key->acked_by & (1U << n->index))) {
                continue;
            }
            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (!node_owns_slot(n->node, slot_of_key(bytes_from_text(name)))) {
                continue; /* it has gone over to a primary without a replica since */
            }
            if (!check_peek(n, name, &version) || !key_shows(key, version, key->waited_version)) {
                world_fail(world,
                           "node %d was promoted with version %llu of %s, but had confirmed %llu",
                           n->index, (unsigned long long)version, name,
                           (unsigned long long)key->waited_version);
            }
        }
    }
}

static bool is_news(struct sim_node *n, const struct node_facts *facts)
{
    struct sim_seen now = {
        .history = facts->history,
        .offset = facts->offset,
        .key_count = facts->key_count,
        .life = n->life,
        .is_loading = n->node->loading.phase != LOAD_IDLE,
    };
    struct sim_seen *seen = &n->pairs_seen;
    bool is_same = history_id_equal(&now.history, &seen->history) && now.offset == seen->offset &&
                   now.key_count == seen->key_count && now.life == seen->life &&
                   now.is_loading == seen->is_loading;

    *seen = now;
    return !is_same;
}

/* What a transaction wrote together is seen together: at primaries, at replicas, after take-overs and resyncs. */
static void check_pairs(struct world *world, struct sim_node *n)
{
    if (n->node->loading.phase != LOAD_IDLE) {
        return; /* the file at start is read key by key */
    }
    for (int c = 0; c < world->options.clients; c++) {
        char name[32];
        uint64_t a = 0;
        uint64_t b = 0;

        client_pair_name(c, 'a', name);
        (void)check_peek(n, name, &a);
        client_pair_name(c, 'b', name);
        (void)check_peek(n, name, &b);
        if (a != b) {
            world_fail(world,
                       "half a transaction is seen at node %d: client %d, versions %llu and %llu",
                       n->index, c, (unsigned long long)a, (unsigned long long)b);
        }
    }
}

/* A removal may come back from a node that was away: of those whom a primary does not know for that it asks nobody what they have. */
static uint32_t find_removed(const struct world *world, const struct sim_node *primary)
{
    uint32_t removed = 0;

    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *n = &world->nodes[i];

        if (((world->removed >> i) & 1) && n != primary && n->node != NULL &&
            nodes_find(primary->node->cluster, cluster_my_id(n->node->cluster)) == NULL) {
            removed |= 1U << i;
        }
    }
    return removed;
}

static void excuse_removed(struct world *world, const struct sim_node *primary)
{
    uint32_t removed = find_removed(world, primary);

    if (removed != 0) {
        shared_excuse_removed(world, primary, removed);
    }
    for (int c = 0; c < world->options.clients && removed != 0; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            struct sim_key *key = &world->clients[c].keys[k];
            char name[32];

            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if ((key->acked_by & removed) != 0 &&
                node_owns_slot(primary->node, slot_of_key(bytes_from_text(name)))) {
                key->acked_by &= ~removed;
            }
        }
    }
}

/* With each history in which slots are served memory may be lost: who was replaced unheard, and takes its place again from one that was
 * removed meanwhile, has been no replica. */
static void note_history(struct world *world, struct sim_node *n, const struct history_id *history)
{
    if (!history_id_equal(&n->served_history, history)) {
        n->served_history = *history;
        world->takeovers++;
    }
}

void check_after_pass(struct world *world, struct sim_node *n)
{
    struct node_facts facts;

    node_facts(n->node, &facts);
    n->has_lost_memory = n->has_lost_memory && !n->node->cluster->data.is_complete;
    check_leases(world, n, &facts);
    check_grants(world, n);
    check_spare_slot(world, n);
    moves_look(world, n);
    if (is_news(n, &facts)) {
        check_pairs(world, n);
    }
    if (world->removed != 0 && facts.is_primary && cluster_has_slots(n->node->cluster)) {
        excuse_removed(world, n);
    }
    if (facts.is_primary && cluster_has_slots(n->node->cluster)) {
        note_history(world, n, &facts.history);
    }
    if (n->was_replica && facts.is_primary && cluster_has_slots(n->node->cluster)) {
        check_promoted(world, n);
    } else if (n->was_replica && facts.is_primary) {
        fault_excuse(world, n->index); /* it was reset, and has forgotten what it had */
    }
    n->was_replica = !facts.is_primary;
    n->elections_won = n->node->cluster->stats.elections_won;
}

/* Which keys of the clients differ: for the message. */
static void list_differences(struct world *world, int a, int b, char *out, size_t size)
{
    size_t len = 0;

    out[0] = '\0';
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            char name[32];
            uint64_t at_a = 0;
            uint64_t at_b = 0;

            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            if (!check_peek(&world->nodes[a], name, &at_a)) {
                at_a = 0;
            }
            if (!check_peek(&world->nodes[b], name, &at_b)) {
                at_b = 0;
            }
            if (at_a != at_b && len + 64 < size) {
                len += (size_t)snprintf(out + len, size - len, " %s: %llu and %llu;", name,
                                        (unsigned long long)at_a, (unsigned long long)at_b);
            }
        }
    }
}

/* ---- equal offsets, equal data ---------------------------------------------------------------- */

static int find_by_id(const struct world *world, const char *id)
{
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &facts);
            if (strcmp(facts.id, id) == 0) {
                return i;
            }
        }
    }
    return -1;
}

void check_replicas_equal(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts mine;
        struct node_facts its;
        int primary;

        if (world->nodes[i].node == NULL) {
            continue;
        }
        node_facts(world->nodes[i].node, &mine);
        primary = mine.is_primary || !mine.link_up ? -1 : find_by_id(world, mine.primary_id);
        if (primary < 0) {
            continue;
        }
        node_facts(world->nodes[primary].node, &its);
        if (its.is_primary && history_id_equal(&mine.history, &its.history) &&
            mine.offset == its.offset &&
            node_digest(world->nodes[i].node) != node_digest(world->nodes[primary].node)) {
            char differences[512];

            list_differences(world, i, primary, differences, sizeof(differences));
            world_fail(world, "replica %d differs from its primary %d at offset %llu:%s", i,
                       primary, (unsigned long long)mine.offset, differences);
        }
    }
}
