/* SPDX-License-Identifier: MIT */
/* Whoever takes over has data that are its shard's, and not less than another one that it can hear. */
#include "tests/sim/world.h"

#include "cluster/facts.h"
#include "cluster/forgotten.h"
#include "cluster/report.h"
#include "cluster/state.h"
#include "node/inside.h"

enum {
    QUIET_US = 2500000,
    KNOWN_MS = 500,          /* so new is what a node was told that goes by it */
    OPERATION_US = 10000000, /* so long what an operator asked for may be tried */
};

void check_note_line(struct world *world, struct sim_node *n, int shard)
{
    struct sim_line *line = &world->lines[shard];

    line->node = n->index;
    line->life = n->life;
    line->history = *oplog_history(n->node->journal.log);
    line->lineage = *oplog_lineage(n->node->journal.log);
}

/* Nothing but ends of processes for so long: whoever runs can be reached by all who run. */
static bool is_quiet(const struct world *world)
{
    return world->now_us - world->last_disturbance_us > QUIET_US &&
           (world->operations == 0 || world->now_us - world->last_operation_us > OPERATION_US);
}

/* Nobody serves the shard that the node takes over: what others have grows no more. */
static bool has_ended(const struct world *world, const struct sim_node *n)
{
    for (int shard = 0; shard < world->options.primaries; shard++) {
        const struct sim_line *line = &world->lines[shard];

        if (node_owns_slot(n->node, check_sample_slot(world, shard))) {
            return world->nodes[line->node].node == NULL ||
                   world->nodes[line->node].life != line->life;
        }
    }
    return false;
}

/* It has heard that the other one has more than so much. */
static bool knows_better(const struct sim_node *n, const struct sim_node *other, uint64_t offset)
{
    const struct cluster *c = n->node->cluster;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (cluster_id_equal(&node->id, cluster_my_id(other->node->cluster))) {
            return node->link == LINK_UP && node_is_reachable(node) && node->is_eligible &&
                   mono_ms_between((struct mono_time){.us = node->answered_us}, c->now) <
                       KNOWN_MS &&
                   node->data.offset > offset;
        }
    }
    return false;
}

/* Whom it asks before it proposes itself, and who can be reached then, comes first; when it has proposed itself whoever comes back
 * meanwhile is too late. */
static void note_decision(struct world *world, struct sim_node *n)
{
    bool has_decided = n->node->cluster->takeover.phase == TAKEOVER_AGREEING;
    uint64_t offset = oplog_end(n->node->journal.log);

    for (int i = 0; i < world->node_count && has_decided && !n->has_decided; i++) {
        const struct sim_node *other = &world->nodes[i];
        bool is_better = other->node != NULL && other != n && knows_better(n, other, offset);

        n->better_known = (n->better_known & ~(1U << i)) | (is_better ? 1U << i : 0);
    }
    n->has_decided = has_decided;
}

/* It asked for its place itself, and had heard what the other one has when it proposed itself. */
static bool knew_better(const struct sim_node *n, const struct sim_node *other)
{
    if (n->node->cluster->stats.elections_won == n->elections_won) {
        return false;
    }
    return n->has_decided ? ((n->better_known >> other->index) & 1) != 0
                          : knows_better(n, other, oplog_previous_end(n->node->journal.log));
}

/* Of two replicas of one history the one with more takes over, when it can be reached. */
static void check_siblings(struct world *world, const struct sim_node *n)
{
    const struct history_id *history = oplog_previous_history(n->node->journal.log);
    uint64_t offset = oplog_previous_end(n->node->journal.log);

    for (int i = 0; i < world->node_count; i++) {
        const struct sim_node *other = &world->nodes[i];
        struct node_facts facts;

        if (i == n->index || !sim_node_runs(other) || !other->was_replica ||
            !((is_quiet(world) && world->now_us - other->started_us >= QUIET_US) ||
              (has_ended(world, n) && knew_better(n, other)))) {
            continue;
        }
        node_facts(other->node, &facts);
        if (history_id_equal(&facts.history, history) && facts.offset > offset &&
            other->node->data.is_complete) {
            world_fail(world, "node %d takes over with %llu bytes, and node %d has %llu", n->index,
                       (unsigned long long)offset, i, (unsigned long long)facts.offset);
        }
    }
}

static const struct sim_fork *find_fork(const struct world *world, const struct history_id *history)
{
    for (size_t i = world->forks.count; i-- > 0;) {
        if (history_id_equal(&world->forks.items[i].history, history)) {
            return &world->forks.items[i];
        }
    }
    return NULL;
}

static void note_fork(struct world *world, const struct sim_node *n)
{
    struct sim_fork fork = {
        .history = *oplog_history(n->node->journal.log),
        .from = *oplog_previous_history(n->node->journal.log),
        .at = oplog_previous_end(n->node->journal.log),
    };

    if (find_fork(world, &fork.history) == NULL) {
        VEC_PUSH(&world->forks, fork);
    }
}

/* Is that a place in what who served had?  Nobody else goes on in its own history.  Bytes from before a history began have its name
 * at replicas that got them from who began it. */
static bool is_on_line(const struct world *world, const struct sim_line *line,
                       const struct history_id *history, uint64_t offset)
{
    for (size_t steps = 0; steps <= world->forks.count; steps++) {
        const struct sim_fork *fork = find_fork(world, history);
        uint64_t end = 0;

        if (history_id_equal(history, &line->history) ||
            (lineage_find(&line->lineage, history, &end) && offset <= end)) {
            return true;
        }
        if (fork == NULL || offset > fork->at) {
            break;
        }
        history = &fork->from;
    }
    return false;
}

/* An operator removed who served: one of those who are left takes its place, with what it has, be it with a tail that was given up
 * before (docs/cluster.md).  From what that one served it has to have grown all the same. */
static bool may_have_tail(const struct sim_node *n, const struct sim_line *line)
{
    const struct sim_node *before = &n->world->nodes[line->node];
    const struct lineage *its = oplog_lineage(n->node->journal.log);

    for (size_t i = 0;
         i < its->count && forgotten_has(n->node->cluster, cluster_my_id(before->node->cluster));
         i++) {
        uint64_t end;

        if (history_id_equal(&its->items[i].history, &line->history) ||
            lineage_find(&line->lineage, &its->items[i].history, &end)) {
            return true;
        }
    }
    return false;
}

/* What it had when it began to serve must be a part of what who served before had, unless that one has lost it.  Of one that
 * took over and never served it may have the history, with nothing in it. */
static void check_line(struct world *world, struct sim_node *n, int shard)
{
    const struct sim_line *line = &world->lines[shard];
    const struct lineage *its = oplog_lineage(n->node->journal.log);
    uint64_t offset = oplog_previous_end(n->node->journal.log);
    const struct sim_node *before = &world->nodes[line->node];

    if (line->life == 0 || line->node == n->index || before->node == NULL ||
        before->life != line->life || offset == 0 || may_have_tail(n, line)) {
        return;
    }
    for (size_t i = its->count; i-- > 0 && its->items[i].end == offset;) {
        if (is_on_line(world, line, &its->items[i].history, offset)) {
            return;
        }
    }
    world_fail(world,
               "node %d takes over from node %d with history %.8s up to %llu, which is not the "
               "shard's",
               n->index, line->node, oplog_previous_history(n->node->journal.log)->text,
               (unsigned long long)offset);
}

static void check_takeover(struct world *world, struct sim_node *n)
{
    if (!n->was_replica || !n->node->role.is_primary || !cluster_has_slots(n->node->cluster)) {
        return;
    }
    note_fork(world, n);
    check_siblings(world, n);
    for (int shard = 0; shard < world->options.primaries; shard++) {
        if (node_owns_slot(n->node, check_sample_slot(world, shard))) {
            check_line(world, n, shard);
        }
    }
}

void check_lines(struct world *world, struct sim_node *n)
{
    check_takeover(world, n);
    note_decision(world, n);
}
