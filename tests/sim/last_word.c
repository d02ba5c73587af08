/* SPDX-License-Identifier: MIT */
/* An operator lets all slots of a primary go, by a word that is read in the same pass as what clients have asked before, and that pass stands
 * still before it reads.
 *
 * Where another node has its place by then, what was executed in that pass is to be told to nobody, though the node has no slots any more
 * when the pass ends, and so neither has a lease nor seems to have lost one (shared.c).  Where the lease lasts, what was executed under it is to
 * be told, and no connection ends. */
#include "tests/sim/faults.h"

#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/report.h"
#include "node/inside.h"
#include "resp/writer.h"

#include <stdio.h>

enum {
    RUNS_MAX = 30, /* of slots, in one word */
    WORDS_MAX = 2 + 2 * RUNS_MAX,
    PART = 4,       /* one of so many worlds has this fault, */
    TIMES = 4,      /* so often */
    FIRST_MS = 200, /* clients have written something by then */
    STANDS_MS = 40, /* where nothing fails: no lease ends by that */
    BACK_MS = 5000,
    CLOSED_MS = 100,
};

/* The runs of slots that the node owns, as words behind what is done with them. */
static void write_words(const struct sim_node *n, const char *what, struct buf *out)
{
    char numbers[2 * RUNS_MAX][8];
    struct bytes words[WORDS_MAX] = {BYTES_LITERAL("CLUSTER"), bytes_from_text(what)};
    struct cluster_slot_range run;
    uint32_t slot = 0;
    size_t count = 0;

    while (count < 2 * RUNS_MAX && cluster_next_range(n->node->cluster, 0, &slot, &run)) {
        snprintf(numbers[count], sizeof(numbers[count]), "%u", run.first);
        snprintf(numbers[count + 1], sizeof(numbers[count + 1]), "%u", run.last);
        count += 2;
    }
    for (size_t i = 0; i < count; i++) {
        words[2 + i] = bytes_from_text(numbers[i]);
    }
    resp_write_request(out, words, 2 + count);
}

/* In all that it served: what it serves still is not to go to who has none of its keys. */
static bool is_replaced(const struct world *world, const struct sim_node *n)
{
    bool is_any = false;

    for (int shard = 0; shard < world->options.primaries; shard++) {
        const struct sim_reigns *reigns = &world->reigns[shard];

        if (((n->served_at_start >> shard) & 1) && reigns->list.count > 0) {
            if (reigns->list.items[reigns->list.count - 1].node == n->index) {
                return false;
            }
            is_any = true;
        }
    }
    return is_any;
}

/* Nobody fetches the answer. */
static void close_session(struct sim_node *n, struct sim_event *event)
{
    node_session_closed(n->node, session_find(&n->node->sessions, event->number));
}

static void hang_up(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];

    if (n->life != event->life || session_find(&n->node->sessions, event->number) == NULL) {
        return;
    }
    if (!sim_node_runs(n)) {
        struct sim_event *later = world_schedule(world, n->paused_until_us, hang_up);

        later->node = event->node;
        later->life = event->life;
        later->number = event->number;
        return;
    }
    sim_node_pass(world, n, close_session, event);
}

static void hand_in(struct sim_node *n, struct sim_event *event)
{
    struct session_peer peer = {.is_loopback = true, .address = "operator"};
    struct session *s = node_session_open(n->node, &peer, NULL);
    struct sim_event *later =
        world_schedule(n->world, n->world->now_us + CLOSED_MS * 1000, hang_up);

    later->node = n->index;
    later->life = n->life;
    later->number = s->id;
    node_session_input(n->node, s, buf_bytes(&event->bytes));
}

static void say(struct world *world, struct sim_event *event)
{
    struct sim_node *n = &world->nodes[event->node];
    enum sim_word word = n->word;

    if (n->life != event->life || n->node == NULL || !n->is_pass_open) {
        return;
    }
    n->word = SIM_WORD_NONE;
    if (word == SIM_WORD_NONE || (word == SIM_WORD_WHEN_REPLACED && !is_replaced(world, n))) {
        return; /* it stood still for another reason than that, or goes on serving */
    }
    fault_note(world, "all slots are let go of by", n->index, 0);
    world->last_words++;
    world->operations++;
    world->last_operation_us = world->now_us;
    write_words(n, "DELSLOTSRANGE", &event->bytes);
    sim_node_pass(world, n, hand_in, event);
}

/* Behind all that has come until then. */
static void say_last(struct world *world, struct sim_event *event)
{
    struct sim_event *next = world_schedule(world, world->now_us + 1, say);

    next->node = event->node;
    next->life = event->life;
}

void last_word_await(struct world *world, struct sim_node *n)
{
    struct sim_event *event = world_schedule(world, n->paused_until_us - 1, say_last);

    event->node = n->index;
    event->life = n->life;
}

static void stand(struct sim_node *n, int64_t ms, enum sim_word word)
{
    n->stop_ms = ms;
    n->word = word;
}

void fault_last_word(struct world *world, int node)
{
    for (int i = 0; i < world->node_count; i++) {
        struct sim_node *n = &world->nodes[(node + i) % world->node_count];

        if (sim_node_runs(n) && !n->is_clone &&
            cluster_has_lease(n->node->cluster, sim_node_clock(n).mono) &&
            check_first_replica_of(world, n->index) >= 0) {
            stand(n, n->timeout_ms + fault_ms(world, 300, 800), SIM_WORD_WHEN_REPLACED);
            fault_note(world, "a last word is read late by", n->index, n->stop_ms);
            world->pauses++;
            return;
        }
    }
}

static void begin(struct world *world, struct sim_event *event)
{
    if (!world->has_healed) {
        fault_last_word(world, event->node);
    }
}

void last_word_start(struct world *world, int64_t until_us)
{
    struct rng rng;
    int64_t rest_us = until_us - world->now_us;

    rng_init(&rng, ~world->options.seed);
    if (world->options.only_fault != NULL || !rng_one_in(&rng, PART)) {
        return;
    }
    for (int i = 0; i < TIMES; i++) {
        struct sim_event *event = world_schedule(
            world, world->now_us + FIRST_MS * 1000 + (int64_t)rng_below(&rng, (uint64_t)rest_us),
            begin);

        event->node = (int)rng_below(&rng, (uint64_t)world->node_count);
    }
}

/* ---- when nothing fails ----------------------------------------------------------------------------- */

static bool is_back(struct world *world, int shard, int node)
{
    char reason[256];

    return check_only_owner(world, check_sample_slot(world, shard), reason, sizeof(reason)) == node;
}

static uint64_t dropped_by(const struct sim_node *n)
{
    return n->node->counters.lease_dropped;
}

void last_word_calm(struct world *world, int shard)
{
    char reply[256] = "";
    int node = check_only_owner(world, check_sample_slot(world, shard), reply, sizeof(reply));
    struct sim_node *n = &world->nodes[node < 0 ? 0 : node];
    int64_t until_us = world->now_us + BACK_MS * 1000;
    struct buf back = {0};
    uint64_t dropped = dropped_by(n);
    uint64_t words = world->last_words;
    bool is_given_back = false;

    if (node < 0) {
        world_fail(world, "%s though nothing fails", reply);
        return;
    }
    write_words(n, "ADDSLOTSRANGE", &back);
    stand(n, STANDS_MS, SIM_WORD_ALWAYS);
    while (world->last_words == words && world->now_us < until_us && world->failure[0] == '\0') {
        world_run_until(world, world->now_us + 1000);
    }
    world_run_until(world, world->now_us + 1000);
    if (world->failure[0] == '\0' && dropped_by(n) != dropped) {
        world_fail(world, "node %d closed %llu connections when it let its last slot go", node,
                   (unsigned long long)(dropped_by(n) - dropped));
    }
    if (world->failure[0] == '\0' && cluster_has_slots(n->node->cluster)) {
        world_fail(world, "node %d has slots though it was told to let them all go", node);
    }
    world_run_until(world, world->now_us + CLOSED_MS * 2000);
    while (world->failure[0] == '\0' && !is_back(world, shard, node)) {
        if (!is_given_back) {
            struct sim_event event = {.bytes = buf_steal(&back)};

            sim_node_pass(world, n, hand_in, &event);
            buf_deinit(&event.bytes); /* what is left of them, if a pass keeps them */
            is_given_back = true;
        }
        world_run_until(world, world->now_us + 1000);
        if (world->now_us > until_us) {
            world_fail(world, "shard %d is not served by node %d that has got it back", shard,
                       node);
        }
    }
    buf_deinit(&back);
}
