/* SPDX-License-Identifier: MIT */
/* What a slot costs is what its owner says of it: CLUSTER SLOT-STATS, or, for keys and where a server does not know that,
 * CLUSTER COUNTKEYSINSLOT.  Load is what happened between two looks. */
#include "cli/cluster_reshard.h"

#include "base/num.h"
#include "cli/cluster_carry_out.h"
#include "cli/connect.h"
#include "cli/slot_costs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOK_MS = 2000,
};

struct rebalancing {
    const struct options *options;
    struct cluster_view view;
    VEC(struct slot_holder) holders; /* as nodes of the view */
    struct slot_plan plan;
    double costs[SLOT_COUNT];
};

/* ---- weights ----------------------------------------------------------------------------------- */

static bool take_weight(struct rebalancing *r, const char *text)
{
    struct bytes word = bytes_from_text(text);
    size_t equals = bytes_find_byte(word, '=');
    char id[MAP_ID_TEXT];
    size_t index;

    bytes_to_text(bytes_prefix(word, equals), id, sizeof(id));
    index = cluster_view_find(&r->view, id);
    if (index == r->view.nodes.count || !view_is_data_primary(&r->view.nodes.items[index].info)) {
        view_say(VIEW_BAD, "No such master node %s", id);
        return false;
    }
    return num_parse_f64(bytes_from(word, equals + 1), &r->holders.items[index].weight);
}

/* 1 each; those without slots only get some when that was asked for. */
static bool weigh(struct rebalancing *r)
{
    for (size_t i = 0; i < r->view.nodes.count; i++) {
        const struct map_node *info = &r->view.nodes.items[i].info;
        struct slot_holder holder = {.slots = info->slots};
        bool counts = info->slot_count > 0 || r->options->cluster_uses_empty;

        holder.weight = view_is_data_primary(info) && counts ? 1 : 0;
        VEC_PUSH(&r->holders, holder);
    }
    for (size_t i = 0; i < r->options->cluster_weight_count; i++) {
        if (!take_weight(r, r->options->cluster_weights[i])) {
            return false;
        }
    }
    return true;
}

/* ---- costs ------------------------------------------------------------------------------------- */

static bool look(const struct rebalancing *r, double costs[SLOT_COUNT])
{
    for (size_t i = 0; i < r->view.nodes.count; i++) {
        const struct view_node *node = &r->view.nodes.items[i];
        struct errmsg error = {0};

        if (node->info.slot_count > 0 && view_is_data_primary(&node->info) &&
            !slot_costs_fetch(node, r->options->cluster_measure, costs, &error)) {
            view_say(VIEW_BAD, "Node %s:%u: %s", node->info.host, node->info.port, error.text);
            return false;
        }
    }
    return true;
}

static bool find_costs(struct rebalancing *r)
{
    double *before;
    bool is_ok;

    if (r->options->cluster_measure != CLUSTER_BY_LOAD) {
        return look(r, r->costs);
    }
    before = mem_alloc(MEM_CLI, SLOT_COUNT * sizeof(*before));
    memset(before, 0, SLOT_COUNT * sizeof(*before));
    view_say(VIEW_STEP, "Looking at the load of slots...");
    is_ok = look(r, before) &&
            interrupt_sleep(NULL, r->options->has_interval ? r->options->interval_ms : LOOK_MS) &&
            look(r, r->costs);
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        r->costs[slot] = r->costs[slot] > before[slot] ? r->costs[slot] - before[slot] : 0;
    }
    mem_free(MEM_CLI, before);
    return is_ok;
}

/* ---- the plan ---------------------------------------------------------------------------------- */

static void show_shares(const struct rebalancing *r)
{
    static const char *const units[] = {
        [CLUSTER_BY_SLOTS] = "slots",
        [CLUSTER_BY_KEYS] = "keys",
        [CLUSTER_BY_MEMORY] = "bytes",
        [CLUSTER_BY_LOAD] = "commands",
    };

    for (size_t i = 0; i < r->holders.count; i++) {
        const struct map_node *info = &r->view.nodes.items[i].info;
        double has = 0;
        double gets = 0;

        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            has += bitset_has(info->slots, slot) ? r->costs[slot] : 0;
        }
        gets = has;
        for (size_t j = 0; j < r->plan.moves.count; j++) {
            const struct slot_move *move = &r->plan.moves.items[j];

            for (size_t slot = 0; slot < SLOT_COUNT && (move->from == i || move->to == i); slot++) {
                if (bitset_has(move->slots, slot)) {
                    gets += move->to == i ? r->costs[slot] : -r->costs[slot];
                }
            }
        }
        if (view_is_data_primary(info) && (info->slot_count > 0 || gets > 0)) {
            printf("%s:%u (%.8s...) weight %g: %.0f %s, then %.0f\n", info->host, info->port,
                   info->id, r->holders.items[i].weight, has, units[r->options->cluster_measure],
                   gets);
        }
    }
}

static int rebalance(struct rebalancing *r)
{
    double total = 0;
    size_t count = 0;

    if (!cluster_may_move(&r->view) || !weigh(r) || !find_costs(r)) {
        return 1;
    }
    for (size_t i = 0; i < r->holders.count; i++) {
        total += r->holders.items[i].weight;
        count += r->holders.items[i].weight > 0 ? 1 : 0;
    }
    if (count == 0) {
        view_say(VIEW_BAD, "No master has a weight above 0.");
        return 1;
    }
    slot_plan_rebalance(&r->plan, r->holders.items, r->holders.count, r->costs,
                        r->options->cluster_threshold_percent);
    if (r->plan.moves.count == 0) {
        printf("*** No rebalancing needed! All nodes are within the %.2f%% threshold.\n",
               r->options->cluster_threshold_percent);
        return 0;
    }
    view_say(VIEW_STEP, "Rebalancing across %zu nodes. Total weight = %.2f", count, total);
    show_shares(r);
    cluster_show_plan(&r->view, &r->plan, false);
    return r->options->cluster_dry_run ? 0 : cluster_carry_out(r->options, &r->view, &r->plan);
}

int cluster_rebalance(const struct cluster_target *target)
{
    struct rebalancing *r = mem_alloc(MEM_CLI, sizeof(*r));
    int exit_code;

    *r = (struct rebalancing){.options = target->options};
    exit_code = cluster_open(&r->view, target) ? rebalance(r) : 1;
    slot_plan_deinit(&r->plan);
    VEC_DEINIT(&r->holders);
    cluster_view_close(&r->view);
    mem_free(MEM_CLI, r);
    return exit_code;
}
