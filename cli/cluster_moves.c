/* SPDX-License-Identifier: MIT */
#include "cli/cluster_moves.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void cluster_moves_deinit(struct cluster_moves *moves)
{
    VEC_DEINIT(&moves->items);
}

/* ---- both sides -------------------------------------------------------------------------------- */

static struct cluster_move *find_or_add(struct cluster_moves *moves,
                                        const struct slot_migration *told)
{
    struct cluster_move move = {.told = *told};

    for (size_t i = 0; i < moves->items.count; i++) {
        if (strcmp(moves->items.items[i].told.name, told->name) == 0) {
            return &moves->items.items[i];
        }
    }
    VEC_PUSH(&moves->items, move);
    return &moves->items.items[moves->items.count - 1];
}

/* Who has taken the place of a side is known by that side first. */
static void add(struct cluster_moves *moves, const struct slot_migration *told)
{
    struct cluster_move *move = find_or_add(moves, told);
    struct slot_migration before = move->told;

    if (told->is_import) {
        move->told = *told;
        move->keys_come = told->keys;
        move->is_told_by_target = true;
        memcpy(move->told.from_id, before.from_id, sizeof(before.from_id));
    } else {
        move->keys_left = told->keys;
        memcpy(move->told.from_id, told->from_id, sizeof(told->from_id));
    }
    if (move->told.message.text[0] == '\0') {
        move->told.message = told->is_import ? before.message : told->message;
    }
}

void cluster_moves_add(struct cluster_moves *moves, const struct resp_value *reply)
{
    for (size_t i = 0; i < reply->child_count; i++) {
        struct slot_migration told;

        if (slot_migration_parse(&reply->children[i], &told) && told.state == SLOT_MIGRATION_ON) {
            add(moves, &told);
        }
    }
}

static const struct view_node *find_node(const struct cluster_view *view, const char *id)
{
    for (size_t i = 0; i < view->nodes.count; i++) {
        if (strcmp(view->nodes.items[i].info.id, id) == 0) {
            return &view->nodes.items[i];
        }
    }
    return NULL;
}

static void name_node(const struct view_node *node, const char *id, char out[CLUSTER_MOVE_NODE])
{
    if (node != NULL) {
        snprintf(out, CLUSTER_MOVE_NODE, "%s:%u", node->info.host, node->info.port);
    } else {
        snprintf(out, CLUSTER_MOVE_NODE, "node %.8s", id);
    }
}

void cluster_moves_settle(struct cluster_moves *moves, const struct cluster_view *view)
{
    size_t kept = 0;

    for (size_t i = 0; i < moves->items.count; i++) {
        struct cluster_move *move = &moves->items.items[i];
        const struct view_node *to = find_node(view, move->told.to_id);

        name_node(find_node(view, move->told.from_id), move->told.from_id, move->from);
        name_node(to, move->told.to_id, move->to);
        for (size_t word = 0; to != NULL && word < SLOT_PLAN_WORDS; word++) {
            move->told.slots[word] &= ~to->info.slots[word];
        }
        if (bitset_count(move->told.slots, SLOT_PLAN_WORDS) > 0) {
            moves->items.items[kept++] = *move;
        }
    }
    moves->items.count = kept;
}

/* ---- asking ------------------------------------------------------------------------------------ */

bool cluster_moves_look(struct cluster_moves *moves, const struct cluster_view *view,
                        struct errmsg *error)
{
    bool is_ok = true;

    for (size_t i = 0; i < view->nodes.count; i++) {
        const struct view_node *node = &view->nodes.items[i];
        struct errmsg reason = {0};
        struct resp_value reply;

        if (node->client == NULL || !view_is_data_primary(&node->info)) {
            continue;
        }
        if (slot_migration_fetch(node, &reply, &reason)) {
            cluster_moves_add(moves, &reply);
            resp_value_deinit(&reply);
        } else if (!slot_migration_is_not_known(&reason)) {
            errmsg_set(error, "node %s:%u cannot say which slots move by themselves: %s",
                       node->info.host, node->info.port, reason.text);
            is_ok = false;
        }
    }
    cluster_moves_settle(moves, view);
    return is_ok;
}

/* ---- telling ----------------------------------------------------------------------------------- */

void cluster_move_write(const struct cluster_move *move, struct buf *out)
{
    buf_printf(out, "%s -> %s: %zu slots, %s", move->from, move->to,
               bitset_count(move->told.slots, SLOT_PLAN_WORDS), move->told.step);
    if (move->is_told_by_target && move->keys_left > 0) {
        buf_printf(out, ", %" PRIu64 " of %" PRIu64 " keys", move->keys_come, move->keys_left);
    } else if (move->keys_come > 0) {
        buf_printf(out, ", %" PRIu64 " keys so far", move->keys_come);
    }
    if (move->told.message.text[0] != '\0') {
        buf_printf(out, "; last trouble: %s", move->told.message.text);
    }
}
