/* SPDX-License-Identifier: MIT */
/* Slots that go from shard to shard by themselves: a few in a row, with counters in them that clients add to, one client each.
 *
 * Looked at is, after each pass of whoever serves them, that nobody else does, and, when that is another shard than before, that
 * it has each counter as the one before had it at last; by clients, that a counter has grown by what they have added, and never
 * by more.  In the end no move is under way, and nobody but the owner has keys in these slots. */
#include "tests/sim/faults.h"

#include "base/num.h"
#include "cluster/range_admin.h"
#include "cluster/report.h"
#include "cluster/route.h"
#include "node/inside.h"
#include "spec/slot.h"

#include <stdio.h>

enum {
    NOBODY = -1,
    LOOK_US = 250,     /* between two looks at how far a move is */
    LOOK_MS = 3000,    /* for so long */
    CANCEL_PART = 6,   /* one of so many moves is cancelled, */
    EXPORT_PART = 3,   /* one of so many is asked for at the source, */
    HARMLESS_PART = 4, /* and one of so many left alone */
    CALM_MOVE_MS = 8000,
};

/* ---- the slots, and their keys ------------------------------------------------------------------- */

bool moves_is_slot(const struct world *world, unsigned slot)
{
    return slot >= world->moves.first_slot && slot < world->moves.first_slot + SIM_MOVING_SLOTS;
}

/* A key a slot, and another one beside it. */
static void find_keys(struct sim_moves *moves)
{
    int found = 0;

    for (unsigned number = 0; found < SIM_MOVING_SLOTS; number++) {
        char name[SIM_MOVING_NAME];
        unsigned at;

        snprintf(name, sizeof(name), "m%u", number);
        at = slot_of_key(bytes_from_text(name)) - moves->first_slot;
        if (at < SIM_MOVING_SLOTS && moves->keys[2 * at].name[0] == '\0') {
            snprintf(moves->keys[2 * at].name, SIM_MOVING_NAME, "m%u", number);
            snprintf(moves->keys[2 * at + 1].name, SIM_MOVING_NAME, "{m%u}b", number);
            found++;
        }
    }
}

void moves_init(struct world *world)
{
    world->moves = (struct sim_moves){.first_slot = check_find_free_slots(world, SIM_MOVING_SLOTS)};
    find_keys(&world->moves);
}

static uint64_t version_at(const struct sim_node *n, const struct sim_moving_key *key)
{
    uint64_t version = 0;

    return check_peek(n, key->name, &version) ? version : 0;
}

static bool serves(const struct sim_node *n)
{
    unsigned slot = n->world->moves.first_slot;

    return n->node != NULL && node_owns_slot(n->node, slot) &&
           cluster_has_lease(n->node->cluster, sim_node_clock(n).mono) &&
           cluster_serves_plainly(n->node->cluster, (uint16_t)slot);
}

static int find_owner(const struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        if (serves(&world->nodes[i])) {
            return i;
        }
    }
    return NOBODY;
}

/* ---- what must hold ------------------------------------------------------------------------------- */

/* So much may have been added by the new owner already, in the pass in which it was made that. */
static uint64_t open_of(const struct world *world, int key)
{
    uint64_t open = world->moves.keys[key].open;

    for (int c = 0; c < world->options.clients; c++) {
        const struct sim_client *client = &world->clients[c];

        open += client->request == REQUEST_MOVING && client->pending_key == key ? 1 : 0;
    }
    return open;
}

/* It has been primary all the time since the one before served last: then it is the one that had the keys sent. */
static void check_taken(struct world *world, const struct sim_node *n)
{
    struct sim_moves *moves = &world->moves;

    world->moves_done++;
    if (n->no_primary_us >= moves->seen_us || n->started_us >= moves->seen_us) {
        return; /* what only its own memory had may be gone */
    }
    for (int i = 0; i < SIM_MOVING_KEYS; i++) {
        const struct sim_moving_key *key = &moves->keys[i];
        uint64_t version = version_at(n, key);

        if (version < key->kept || version > key->kept + open_of(world, i)) {
            world_fail(world, "slots went from node %d to node %d, and %s from %llu to %llu",
                       moves->keeper, n->index, key->name, (unsigned long long)key->kept,
                       (unsigned long long)version);
        }
    }
}

static void note_kept(struct sim_moves *moves, const struct sim_node *n)
{
    for (int i = 0; i < SIM_MOVING_KEYS; i++) {
        moves->keys[i].kept = version_at(n, &moves->keys[i]);
    }
}

void moves_look(struct world *world, struct sim_node *n)
{
    struct sim_moves *moves = &world->moves;
    const struct cluster_id *shard = cluster_my_shard_id(n->node->cluster);

    if (cluster_is_replica(n->node->cluster) || n->node->loading.phase != LOAD_IDLE) {
        n->no_primary_us = world->now_us;
        n->may_have_old_keys = true;
    }
    if (!serves(n)) {
        /* What it has executed before it stood still, or was without a lease, counts. */
        if (n->index == moves->keeper && n->life == moves->life &&
            n->no_primary_us < moves->seen_us && node_owns_slot(n->node, moves->first_slot)) {
            note_kept(moves, n);
        }
        return;
    }
    for (int i = 0; i < world->node_count; i++) {
        if (i != n->index && serves(&world->nodes[i])) {
            world_fail(world, "nodes %d and %d both serve slot %u, which moves", n->index, i,
                       moves->first_slot);
        }
    }
    if (moves->seen_us > 0 && !cluster_id_equal(&moves->shard, shard)) {
        check_taken(world, n);
    }
    note_kept(moves, n);
    n->may_have_old_keys = false;
    moves->keeper = n->index;
    moves->life = n->life;
    moves->shard = *shard;
    moves->seen_us = world->now_us;
}

bool moves_are_settled(struct world *world, char *reason, size_t size)
{
    const struct sim_moves *moves = &world->moves;
    int owner = check_only_owner(world, moves->first_slot, reason, size);

    for (int i = 0; i < world->node_count && owner >= 0; i++) {
        const struct node *node = world->nodes[i].node;
        /* Who takes over with data from before the slots were given does not remove their keys. */
        bool is_primary = !cluster_is_replica(node->cluster) && !world->nodes[i].may_have_old_keys;

        if (cluster_range_count(node->cluster) > 0) {
            snprintf(reason, size, "a move of slots is under way at node %d", i);
            return false;
        }
        for (unsigned at = 0; at < SIM_MOVING_SLOTS && i != owner && is_primary; at++) {
            if (keyspace_slot_count(node->data.keyspace, moves->first_slot + at) > 0) {
                snprintf(reason, size, "node %d has keys of slot %u, which is node %d's", i,
                         moves->first_slot + at, owner);
                return false;
            }
        }
    }
    return owner >= 0;
}

/* ---- clients -------------------------------------------------------------------------------------- */

void moves_ask(struct world *world, struct sim_client *client)
{
    int per_client = SIM_MOVING_KEYS / world->options.clients;
    int key = client->index * per_client + (int)rng_below(&world->rng, (uint64_t)per_client);

    client->request = REQUEST_MOVING;
    client->pending_key = key;
    client_turn_to(world, client, world->moves.keys[key].name);
    client_send(world, client, 2, "INCR", world->moves.keys[key].name);
}

/* It may have been executed, or be yet. */
void moves_give_up(struct world *world, struct sim_client *client)
{
    if (client->request == REQUEST_MOVING) {
        world->moves.keys[client->pending_key].open++;
    }
}

/* What grew by more than one has grown by something of what is open.  What was given up by a take-over comes back when who took
 * over loses all it had and hands the shard to who was there before, who has most (docs/cluster.md): then the key goes on from
 * there. */
void moves_take_sum(struct world *world, struct sim_client *client, uint64_t sum)
{
    struct sim_moving_key *key = &world->moves.keys[client->pending_key];
    bool is_back = key->acked_upsets != client->answer_upsets && sum > key->acked + 1 + key->open;
    uint64_t wanted = (is_back && key->given_up > key->acked ? key->given_up : key->acked) + 1;

    if (sum > wanted + key->open) {
        world_fail(world, "%s was %llu, %llu additions may have come since, and it is %llu",
                   key->name, (unsigned long long)key->acked, (unsigned long long)key->open + 1,
                   (unsigned long long)sum);
    }
    if (sum < wanted && key->acked_upsets == client->answer_upsets) {
        world_fail(world, "%s was %llu, and is %llu behind an addition, though nobody was replaced",
                   key->name, (unsigned long long)key->acked, (unsigned long long)sum);
    }
    key->open -= sum > wanted ? sum - wanted : 0;
    if (sum <= key->acked && key->acked > key->given_up) {
        key->given_up = key->acked;
    }
    key->acked = sum;
    key->acked_upsets = client->answer_upsets;
    client->request = REQUEST_NONE;
}

/* ---- an operator asks for moves ------------------------------------------------------------------- */

/* A primary of a shard that is whole: not one that has these slots alone. */
static bool could_receive(const struct world *world, int node)
{
    const struct sim_node *n = &world->nodes[node];
    bool is_one = false;

    for (int shard = 0; shard < world->options.primaries && sim_node_runs(n); shard++) {
        is_one = is_one || node_owns_slot(n->node, check_sample_slot(world, shard));
    }
    return is_one && !cluster_is_replica(n->node->cluster);
}

static int find_receiver(struct world *world, int from, int owner)
{
    for (int i = 0; i < world->node_count; i++) {
        int node = (from + i) % world->node_count;

        if (node != owner && could_receive(world, node)) {
            return node;
        }
    }
    return NOBODY;
}

static void ask_for_move(struct world *world, int receiver, int owner)
{
    unsigned first = world->moves.first_slot;
    unsigned last = first + SIM_MOVING_SLOTS - 1;

    if (sim_node_runs(&world->nodes[owner]) && rng_one_in(&world->rng, EXPORT_PART)) {
        operator_tell(world, owner, "CLUSTER MIGRATESLOTS SLOTSRANGE %u %u NODE %s", first, last,
                      cluster_my_id(world->nodes[receiver].node->cluster)->text);
    } else {
        operator_tell(world, receiver, "CLUSTER MIGRATION IMPORT %u %u", first, last);
    }
}

static void cancel(struct world *world, struct sim_event *event)
{
    int owner = find_owner(world);

    if (sim_node_runs(&world->nodes[event->node])) {
        operator_tell(world, event->node, "CLUSTER MIGRATION CANCEL ALL");
    }
    if (owner != NOBODY && sim_node_runs(&world->nodes[owner])) {
        operator_tell(world, owner, "CLUSTER CANCELSLOTMIGRATIONS");
    }
}

/* ---- and something fails in the midst of them ------------------------------------------------------ */

static void hit(struct world *world, int receiver)
{
    int owner = find_owner(world);
    int victim = owner == NOBODY || rng_one_in(&world->rng, 2) ? receiver : owner;

    if (rng_one_in(&world->rng, 4)) {
        int replica = check_first_replica_of(world, victim);

        victim = replica >= 0 ? replica : victim;
    }
    fault_hit(world, victim);
}

/* event->number: the phase that is waited for, and below it how often it was looked for. */
static void wait_for_phase(struct world *world, struct sim_event *event)
{
    const struct sim_node *n = &world->nodes[event->node];
    enum receiver_phase wanted = (enum receiver_phase)(event->number >> 32);
    struct sim_event *next;

    if (world->has_healed || n->node == NULL ||
        (event->number & UINT32_MAX) * LOOK_US > LOOK_MS * 1000) {
        return;
    }
    for (size_t i = 0; i < n->node->move_side.count; i++) {
        if (n->node->move_side.items[i]->receiver.phase == wanted) {
            fault_note(world, receiver_phase_name(wanted), event->node, 0);
            hit(world, event->node);
            return;
        }
    }
    next = world_schedule(world, world->now_us + LOOK_US, wait_for_phase);
    next->node = event->node;
    next->number = event->number + 1;
}

void fault_move(struct world *world, int node)
{
    int owner = find_owner(world);
    int receiver = find_receiver(world, node, owner);

    if (owner == NOBODY || receiver == NOBODY) {
        return;
    }
    ask_for_move(world, receiver, owner);
    if (rng_one_in(&world->rng, CANCEL_PART)) {
        fault_later(world, receiver, fault_ms(world, 1, 300), cancel);
    }
    if (!rng_one_in(&world->rng, HARMLESS_PART)) {
        struct sim_event *event = world_schedule(world, world->now_us + LOOK_US, wait_for_phase);

        event->node = receiver;
        event->number = rng_below(&world->rng, RECEIVER_CANCELLING) << 32;
    }
}

/* ---- when nothing fails --------------------------------------------------------------------------- */

void moves_calm(struct world *world)
{
    int64_t until_us = world->now_us + CALM_MOVE_MS * 1000;
    int owner = find_owner(world);
    int receiver =
        find_receiver(world, (int)(world->options.seed % (uint64_t)world->node_count), owner);
    char reply[256] = "";
    char command[64];

    snprintf(command, sizeof(command), "CLUSTER MIGRATION IMPORT %u %u", world->moves.first_slot,
             world->moves.first_slot + SIM_MOVING_SLOTS - 1);
    if (owner == NOBODY || receiver == NOBODY ||
        !admin_command(world, receiver, command, reply, sizeof(reply))) {
        world_fail(world, "slots cannot be moved from node %d to %d: %s", owner, receiver, reply);
        return;
    }
    while (world->failure[0] == '\0' && find_owner(world) != receiver) {
        world_run_until(world, world->now_us + 1000);
        if (world->now_us >= until_us) {
            world_fail(world, "node %d has not got the slots that it asked for", receiver);
        }
    }
}
