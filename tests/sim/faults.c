/* SPDX-License-Identifier: MIT */
/* What goes wrong, and when: a table of all kinds, those of the network and of processes. */
#include "tests/sim/faults.h"

#include "node/inside.h"

#include <stdio.h>

enum {
    ORDERLY_MS = 15000, /* after that a node that was asked to end is killed */
    LOOK_US = 200,
    LOOKS = 10000, /* for so many a write is waited for */
};

int64_t fault_ms(struct world *world, int64_t least, int64_t most)
{
    return least + (int64_t)rng_below(&world->rng, (uint64_t)(most - least + 1));
}

void fault_note(struct world *world, const char *what, int node, int64_t ms)
{
    if (world->options.is_verbose) {
        printf("%10.4f  ---- %s %d for %lld ms\n", (double)world->now_us / 1e6, what, node,
               (long long)ms);
    }
}

void fault_later(struct world *world, int node, int64_t ms, sim_event_fn *run)
{
    struct sim_event *event = world_schedule(world, world->now_us + ms * 1000, run);

    event->node = node;
}

int fault_other(struct world *world, int node)
{
    int other = (int)rng_below(&world->rng, (uint64_t)world->node_count - 1);

    return other < node ? other : other + 1;
}

void fault_excuse(struct world *world, int node)
{
    const struct sim_node *n = &world->nodes[node];
    uint32_t siblings = check_siblings_of(world, node);

    shared_memory_lost(world, node);
    sync_memory_lost(world, node);
    world->nodes[node].has_lost_memory = true;
    world->memory_losses++;
    for (int c = 0; c < world->options.clients; c++) {
        for (int k = 0; k < SIM_KEYS; k++) {
            struct sim_key *key = &world->clients[c].keys[k];
            char name[32];

            snprintf(name, sizeof(name), "c%d:k%d", c, k);
            key->acked_by &= ~(1U << node);
            if (key->acked_by != 0 && check_may_replace(n, name) &&
                (key->acked_by & siblings) == 0) {
                key->acked_by = 0;
            }
        }
    }
}

int fault_choose(struct world *world, uint32_t nodes)
{
    int chosen = -1;
    uint64_t seen = 0;

    for (int i = 0; i < world->node_count; i++) {
        if (((nodes >> i) & 1) && rng_one_in(&world->rng, ++seen)) {
            chosen = i;
        }
    }
    return chosen;
}

/* ---- the network ----------------------------------------------------------------------------------- */

static void unblock_all(struct world *world)
{
    for (int i = 0; i < world->node_count; i++) {
        for (int j = 0; j < world->node_count; j++) {
            world->blocked[i][j] = false;
        }
    }
}

void fault_end_partition(struct world *world, struct sim_event *event)
{
    (void)event;
    unblock_all(world);
}

/* Two groups that cannot hear each other; sometimes only in one direction. */
static void partition(struct world *world, int node)
{
    uint64_t group = rng_u64(&world->rng);
    bool is_one_way = rng_one_in(&world->rng, 4);
    int64_t ms = fault_ms(world, 200, 4000);

    for (int i = 0; i < world->node_count; i++) {
        for (int j = 0; j < world->node_count; j++) {
            bool side_i = (group >> i) & 1;
            bool side_j = (group >> j) & 1;

            if (side_i != side_j && (!is_one_way || side_i)) {
                world->blocked[i][j] = true;
            }
        }
    }
    fault_note(world, is_one_way ? "one-way partition" : "partition", (int)(group & 0xfff), ms);
    world->partitions++;
    fault_later(world, node, ms, fault_end_partition);
}

static void end_way(struct world *world, struct sim_event *event)
{
    world->blocked[event->node][event->number] = false;
}

/* One node no longer hears another one, which hears it. */
static void one_way(struct world *world, int node)
{
    int other = fault_other(world, node);
    int64_t ms = fault_ms(world, 200, 4000);
    struct sim_event *event = world_schedule(world, world->now_us + ms * 1000, end_way);

    fault_note(world, "a broken way from", node, ms);
    world->blocked[node][other] = true;
    event->node = node;
    event->number = (uint64_t)other;
}

static void break_one(struct world *world, int node)
{
    (void)node;
    if (world->conn_count > 0) {
        network_break(world, world->conns[rng_below(&world->rng, world->conn_count)], -1);
    }
}

/* One end learns that the connection is gone, the other one never does. */
static void half_break(struct world *world, int node)
{
    (void)node;
    if (world->conn_count > 0) {
        network_break(world, world->conns[rng_below(&world->rng, world->conn_count)],
                      (int)rng_below(&world->rng, 2));
    }
}

/* The link by which a write is on its way to the owner of a slot that is hot; 0 for none. */
static uint64_t link_with_write(const struct node *node)
{
    for (size_t i = 0; i < node->copy_owners.count; i++) {
        const struct peer_lane *lane = &node->copy_owners.items[i]->data;

        for (size_t k = lane->first; k < lane->answers.count; k++) {
            const struct peer_answer *answer = &lane->answers.items[k];
            const struct session *s = answer->kind == PEER_ANSWER_CALL
                                          ? session_find(&node->sessions, answer->session)
                                          : NULL;

            if (s != NULL && s->hold.kind == HOLD_FORWARD && s->hold.may_write) {
                return lane->link;
            }
        }
    }
    return 0;
}

static void break_link(struct world *world, int node, uint64_t link)
{
    for (size_t i = 0; i < world->conn_count; i++) {
        struct sim_conn *conn = world->conns[i];
        const struct sim_end *end = &conn->ends[0];

        if (end->kind == END_LINK && end->node == node && end->link == link &&
            end->life == world->nodes[node].life) {
            fault_note(world, "the answer to a write is lost to", node, 0);
            network_break(world, conn, -1);
        }
    }
}

/* event->number: how often it was looked. */
static void look_for_write(struct world *world, struct sim_event *event)
{
    if (event->number == LOOKS || world->has_healed) {
        return;
    }
    for (int i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i].node;
        uint64_t link = node != NULL ? link_with_write(node) : 0;

        if (link != 0) {
            break_link(world, i, link);
            return;
        }
    }
    world_schedule(world, world->now_us + LOOK_US, look_for_write)->number = event->number + 1;
}

/* It has been executed by then, or not. */
static void lose_answer(struct world *world, int node)
{
    (void)node;
    if (world->options.has_copies) {
        (void)world_schedule(world, world->now_us, look_for_write);
    }
}

/* Without a secret anybody may say anything. */
static void replay(struct world *world, int node)
{
    if (!world->options.has_secret) {
        return;
    }
    fault_note(world, "old frames are played to", node, 0);
    network_replay(world, node);
}

/* ---- processes ------------------------------------------------------------------------------------- */

void fault_restart(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->node == NULL) {
        /* A full one stays so.  Where nothing can be made durable a node does not start in a cluster. */
        n->disk.fault = n->disk.fault == DISK_FULL ? DISK_FULL : DISK_WELL;
        sim_node_start(world, event->node);
    }
}

static bool end_for(struct world *world, int node, int64_t ms, bool is_power_cut)
{
    if (world->nodes[node].node == NULL) {
        return false;
    }
    fault_note(world, is_power_cut ? "power cut of" : "kill", node, ms);
    fault_excuse(world, node);
    sim_node_kill(world, node, is_power_cut);
    fault_later(world, node, ms, fault_restart);
    return true;
}

bool fault_cut_power(struct world *world, int node, int64_t ms)
{
    return end_for(world, node, ms, true);
}

bool fault_kill(struct world *world, int node, int64_t ms)
{
    return end_for(world, node, ms, false);
}

static void cut_power(struct world *world, int node)
{
    (void)fault_cut_power(world, node, fault_ms(world, 20, 4000));
}

static void kill_one(struct world *world, int node)
{
    (void)end_for(world, node, fault_ms(world, 20, 4000), false);
}

static void kill_now(struct world *world, struct sim_event *event)
{
    (void)end_for(world, event->node, fault_ms(world, 1500, 4000), false);
}

/* A primary ends while one of its replicas is behind, and the disk of one that is not hangs: that one can be reached. */
static void kill_before_laggard(struct world *world, int node)
{
    uint32_t replicas = check_replicas_of(world, node);
    int64_t ms = fault_ms(world, 50, 400);
    int64_t hang_ms = ms + fault_ms(world, 500, 3000);
    int laggard = check_first_replica_of(world, node);

    if (replicas == 0 || (world->options.sync_replicas == 0 && (replicas & (replicas - 1)) == 0)) {
        return; /* with sync-replicas nothing is lost by one that is the only one */
    }
    if (world->options.sync_replicas > 0) {
        laggard = fault_choose(world, replicas); /* the first has joined first */
    }
    for (int i = 0; i < world->node_count; i++) {
        if ((replicas & (1U << i)) == 0) {
            continue;
        }
        if (i == laggard) {
            fault_note(world, "left behind is", i, ms);
            network_hold_stream(world, node, i, world->now_us + 2 * ms * 1000);
        } else {
            world->nodes[i].disk_hangs_until_us = world->now_us + hang_ms * 1000;
        }
    }
    fault_later(world, node, ms, kill_now);
}

/* At once: is there still one that has what was not saved? */
static void cut_shard(struct world *world, int node)
{
    struct node_facts its;
    char shard[41];

    if (world->nodes[node].node == NULL) {
        return;
    }
    node_facts(world->nodes[node].node, &its);
    memcpy(shard, its.is_primary ? its.id : its.primary_id, sizeof(shard));
    for (int i = 0; i < world->node_count; i++) {
        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &its);
            if (strcmp(its.is_primary ? its.id : its.primary_id, shard) == 0) {
                cut_power(world, i);
            }
        }
    }
}

static void kill_primaries(struct world *world, int node)
{
    (void)node;
    for (int i = 0; i < world->node_count; i++) {
        struct node_facts facts;

        if (world->nodes[i].node != NULL) {
            node_facts(world->nodes[i].node, &facts);
            if (facts.is_primary) {
                kill_one(world, i);
            }
        }
    }
}

void fault_cut_off(struct world *world, int node, int64_t ms)
{
    fault_note(world, "cut off is", node, ms);
    for (int i = 0; i < world->node_count; i++) {
        world->blocked[i][node] = i != node;
        world->blocked[node][i] = i != node;
    }
    world->partitions++;
    fault_later(world, node, ms, fault_end_partition);
}

void fault_hit(struct world *world, int node)
{
    int64_t ms = fault_ms(world, 20, 3000);

    world->last_disturbance_us = world->now_us;
    switch (rng_below(&world->rng, 5)) {
    case 0:
        fault_note(world, "pause", node, ms);
        sim_node_pause(world, node, ms);
        break;
    case 1:
        fault_cut_off(world, node, ms);
        break;
    case 2:
        (void)fault_cut_power(world, node, ms);
        break;
    default:
        (void)end_for(world, node, ms, false);
        break;
    }
}

static void force(struct world *world, struct sim_event *event)
{
    fault_forced_failover(world, event->node);
}

static void cut_off_now(struct world *world, struct sim_event *event)
{
    if (!world->has_healed) {
        fault_cut_off(world, event->node, fault_ms(world, 1500, 3000));
    }
}

/* A primary is replaced that cannot hear its heir, so it has writes of its own and does not get the heir's; then nobody hears that
 * one any more. */
static void usurp(struct world *world, int node)
{
    int heir = check_first_replica_of(world, node);

    if (heir < 0) {
        return;
    }
    fault_note(world, "to be replaced unheard is", node, 0);
    world->blocked[node][heir] = true;
    world->blocked[heir][node] = true;
    fault_later(world, heir, fault_ms(world, 20, 200), force);
    fault_later(world, heir, fault_ms(world, 1200, 2500), cut_off_now);
}

/* A primary is out of reach and keeps what it has, while its replicas lose what was not on their disks. */
static void lose_memories(struct world *world, int node)
{
    uint32_t replicas = check_replicas_of(world, node);

    for (int i = 0; i < world->node_count; i++) {
        if ((replicas >> i) & 1) {
            (void)fault_cut_power(world, i, fault_ms(world, 20, 300));
        }
    }
    if (replicas != 0) {
        fault_cut_off(world, node, fault_ms(world, 2000, 4000));
    }
}

static void pause_one(struct world *world, int node)
{
    int64_t ms = fault_ms(world, 30, 3000);

    fault_note(world, "pause", node, ms);
    sim_node_pause(world, node, ms);
}

/* In the midst of its next pass that brings anything. */
static void stop_in_pass(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];

    if (sim_node_runs(n)) {
        n->stop_ms = fault_ms(world, 30, 3000);
        fault_note(world, "a stop within a pass of", node, n->stop_ms);
        world->pauses++;
    }
}

/* Nobody tells it anything meanwhile, but clients have asked when it goes on. */
static void stop_unheard(struct world *world, int node)
{
    stop_in_pass(world, node);
    if (world->nodes[node].stop_ms > 0) { /* a lease of a copy is over, and it still stands */
        world->nodes[node].stop_ms = fault_ms(world, 300, 800);
        fault_cut_off(world, node, world->nodes[node].stop_ms + fault_ms(world, 20, 100));
    }
}

static void end_at_last(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->life == event->life && n->node != NULL && !world->has_healed) {
        (void)end_for(world, event->node, fault_ms(world, 20, 1000), false);
    }
}

static void ask_to_end(struct sim_node *n, struct sim_event *event)
{
    (void)event;
    node_shutdown(n->node, false);
}

static void shut_down(struct world *world, int node)
{
    struct sim_node *n = &world->nodes[node];
    struct sim_event *event;

    if (!sim_node_runs(n)) {
        return;
    }
    fault_note(world, "an orderly end of", node, 0);
    n->may_exit = true;
    event = world_schedule(world, world->now_us + ORDERLY_MS * 1000, end_at_last);
    event->node = node;
    event->life = n->life;
    sim_node_pass(world, n, ask_to_end, NULL);
}

void fault_on_exit(struct world *world, int node)
{
    (void)end_for(world, node, fault_ms(world, 20, 2000), false);
}

/* Two machines get each other's address. */
static void swap_addresses(struct world *world, int node)
{
    int other = fault_other(world, node);
    int address = world->address[node];

    if (world->nodes[node].node == NULL || world->nodes[other].node == NULL) {
        return;
    }
    cut_power(world, node);
    cut_power(world, other);
    fault_note(world, "addresses are swapped of", node, other);
    world->address[node] = world->address[other];
    world->address[other] = address;
}

/* ---- which, and when ------------------------------------------------------------------------------- */

struct fault_kind {
    const char *name;
    unsigned weight;
    bool is_end;     /* of processes, and nothing else */
    bool needs_sync; /* without sync-replicas nothing is promised then */
    void (*run)(struct world *world, int node);
};

static const struct fault_kind kinds[] = {
  /* name                    weight  ends   sync   run */
    {"partition",            8,  false, false, partition            },
    {"one way",              6,  false, false, one_way              },
    {"broken connection",    12, false, false, break_one            },
    {"half-open connection", 4,  false, false, half_break           },
    {"lost answer",          4,  false, false, lose_answer          },
    {"old frames",           4,  false, false, replay               },
    {"power cut",            8,  true,  false, cut_power            },
    {"kill",                 6,  true,  false, kill_one             },
    {"all primaries",        2,  true,  false, kill_primaries       },
    {"whole shard",          2,  true,  false, cut_shard            },
    {"laggard",              3,  true,  false, kill_before_laggard  },
    {"usurper",              3,  false, false, usurp                },
    {"memories lost",        3,  false, true,  lose_memories        },
    {"pause",                6,  false, false, pause_one            },
    {"stop within a pass",   6,  false, false, stop_in_pass         },
    {"stop unheard",         3,  false, false, stop_unheard         },
    {"orderly end",          3,  false, false, shut_down            },
    {"swapped addresses",    2,  false, false, swap_addresses       },
    {"full disk",            3,  false, false, fault_full_disk      },
    {"broken disk",          3,  false, false, fault_broken_disk    },
    {"hung disk",            4,  false, false, fault_hung_disk      },
    {"data lost",            2,  false, false, fault_lost_data      },
    {"late snapshot",        2,  false, false, fault_late_snapshot  },
    {"older data",           3,  false, false, fault_older_data     },
    {"folder lost",          2,  false, false, fault_lost_folder    },
    {"cloned folder",        2,  false, false, fault_clone          },
    {"failover",             8,  false, false, fault_failover       },
    {"forced failover",      6,  false, false, fault_forced_failover},
    {"new epoch",            5,  false, false, fault_bump_epoch     },
    {"forget",               6,  false, false, fault_forget         },
    {"slots",                4,  false, false, fault_slots          },
    {"slot twice",           2,  false, false, fault_slot_twice     },
    {"move",                 8,  false, false, fault_move           },
    {"replicate",            3,  false, false, fault_replicate      },
    {"reset",                2,  false, false, fault_reset          },
    {"joiner",               3,  false, true,  fault_joiner         },
    {"leaver",               3,  false, true,  fault_leaver         },
    {"last word",            0,  false, false, fault_last_word      }, /* last_word_start */
};

bool faults_has(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void faults_list(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        fprintf(stderr, "    %s\n", kinds[i].name);
    }
}

static unsigned weight_of(const struct world *world, const struct fault_kind *kind)
{
    const struct sim_options *options = &world->options;

    if (options->only_fault != NULL) {
        return strcmp(options->only_fault, kind->name) == 0;
    }
    if ((world->faults_left_out >> (kind - kinds)) & 1) {
        return 0;
    }
    if (kind->needs_sync && options->sync_replicas == 0) {
        return 0;
    }
    return options->without_fault != NULL && strcmp(options->without_fault, kind->name) == 0
               ? 0
               : kind->weight;
}

static const struct fault_kind *choose(struct world *world)
{
    unsigned sum = 0;
    unsigned left;
    size_t i = 0;

    for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
        sum += weight_of(world, &kinds[k]);
    }
    if (sum == 0) {
        return NULL;
    }
    left = (unsigned)rng_below(&world->rng, sum);
    while (left >= weight_of(world, &kinds[i])) {
        left -= weight_of(world, &kinds[i++]);
    }
    return &kinds[i];
}

static void one_fault(struct world *world, struct sim_event *event)
{
    int64_t until_us = (int64_t)event->number;
    const struct fault_kind *kind;
    struct sim_event *next;

    if (world->now_us >= until_us) {
        return;
    }
    kind = choose(world);
    if (kind != NULL) {
        if (!kind->is_end) {
            world->last_disturbance_us = world->now_us;
        }
        kind->run(world, (int)rng_below(&world->rng, (uint64_t)world->node_count));
    }
    next = world_schedule(world, world->now_us + fault_ms(world, 100, 1500) * 1000, one_fault);
    next->number = event->number;
}

void faults_start(struct world *world, int64_t until_us)
{
    struct sim_event *event = world_schedule(world, world->now_us + 1000, one_fault);

    event->number = (uint64_t)until_us;
    if (world->options.without_fault == NULL ||
        strcmp(world->options.without_fault, "last word") != 0) {
        last_word_start(world, until_us);
    }
}

void faults_heal(struct world *world)
{
    world->has_healed = true;
    unblock_all(world);
    network_end_holds(world);
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *n = &world->nodes[i];

        n->disk_hangs_until_us = 0;
        n->stop_ms = 0;
        n->word = SIM_WORD_NONE;
        if (n->is_clone) {
            fault_end_clone(world, i);
        }
        fault_mend_disk(world, i);
        if (n->node == NULL) {
            sim_node_start(world, i);
        }
    }
}
