/* SPDX-License-Identifier: MIT */
#include "cli/cluster_carry_out.h"

#include "cli/cluster_check.h"
#include "cli/slot_mover.h"

#include <inttypes.h>
#include <stdio.h>

bool cluster_may_move(const struct cluster_view *view)
{
    bool may = cluster_check_agreement(view);

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];

        if (node->client == NULL && view_is_data_primary(&node->info)) {
            view_say(VIEW_BAD, "Node %.8s at %s:%u cannot be asked: %s", node->info.id,
                     node->info.host, node->info.port, node->error.text);
            may = false;
        }
        for (size_t j = 0; j < node->map.open_slots.count; j++) {
            const struct map_open_slot *open = &node->map.open_slots.items[j];

            if (cluster_map_is_own(&node->map, open)) {
                view_say(VIEW_BAD, "Node %s:%u has slot %u in %s state (%.8s).", node->info.host,
                         node->info.port, open->slot,
                         open->is_migrating ? "migrating" : "importing", open->peer_id);
                may = false;
            }
        }
    }
    if (!may) {
        view_say(VIEW_BAD, "Please fix your cluster problems before slots move: --cluster check "
                           "tells more, --cluster fix ends moves that were broken off.");
    }
    return may;
}

void cluster_show_plan(const struct cluster_view *view, const struct slot_plan *plan,
                       bool each_slot)
{
    for (size_t i = 0; i < plan->moves.count; i++) {
        const struct slot_move *move = &plan->moves.items[i];
        const struct map_node *from = &view->nodes.items[move->from].info;
        const struct map_node *to = &view->nodes.items[move->to].info;

        if (!each_slot) {
            printf("Moving %zu slots from %s:%u to %s:%u\n", move->slot_count, from->host,
                   from->port, to->host, to->port);
            continue;
        }
        for (size_t slot = bitset_next(move->slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
             slot = bitset_next(move->slots, SLOT_COUNT, slot + 1, true)) {
            printf("    Moving slot %zu from %s\n", slot, from->id);
        }
    }
}

int cluster_carry_out(const struct options *options, const struct cluster_view *view,
                      const struct slot_plan *plan)
{
    struct slot_mover mover;
    struct errmsg error = {0};
    enum slot_mover_status status = SLOT_MOVER_OK;
    size_t total = 0;

    for (size_t i = 0; i < plan->moves.count; i++) {
        total += plan->moves.items[i].slot_count;
    }
    slot_mover_open(&mover, options, view);
    for (size_t i = 0; i < plan->moves.count && status == SLOT_MOVER_OK; i++) {
        const struct slot_move *move = &plan->moves.items[i];

        status = slot_mover_move(&mover, &view->nodes.items[move->from],
                                 &view->nodes.items[move->to], move->slots, &error);
    }
    slot_mover_close(&mover);
    switch (status) {
    case SLOT_MOVER_OK:
        view_say(VIEW_GOOD, "%zu slots with %" PRIu64 " keys were moved.", mover.slots, mover.keys);
        return 0;
    case SLOT_MOVER_FAILED:
        view_say(VIEW_BAD, "%s", error.text);
        break;
    case SLOT_MOVER_INTERRUPTED:
        view_say(VIEW_WARN,
                 "Interrupted: %zu of %zu slots were moved, the others are where they were.",
                 mover.slots, total);
        break;
    }
    return 1;
}
