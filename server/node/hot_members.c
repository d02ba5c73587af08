/* SPDX-License-Identifier: MIT */
#include "node/hot_members.h"

#include "cluster/report.h"
#include "node/inside.h"

static bool is_well(const struct cluster_node_view *view)
{
    return !view->is_me && !view->is_replica && !view->is_in_handshake && !view->is_failed &&
           !view->is_failing && view->is_linked && view->slot_count > 0;
}

size_t hot_members_count(const struct node *node)
{
    size_t count = 0;

    for (size_t i = 1; i < cluster_node_count(node->cluster); i++) {
        struct cluster_node_view view;

        cluster_node_at(node->cluster, i, node->now, &view);
        count += is_well(&view);
    }
    return count < HOT_MEMBERS_MAX ? count : HOT_MEMBERS_MAX;
}

static bool can_be(const struct node *node, const struct cluster_id *id)
{
    struct cluster_node_view view;
    size_t index;

    if (!cluster_find_node(node->cluster, bytes_make(id->text, CLUSTER_ID_LEN), &index)) {
        return false;
    }
    cluster_node_at(node->cluster, index, node->now, &view);
    return is_well(&view);
}

bool hot_members_are_to_ask(struct node *node)
{
    struct placement *p = &node->hot_members.placement;

    if (!placement_is_to_ask(p, node->now.mono)) {
        return false;
    }
    placement_note_asked(p, node->now.mono);
    return true;
}

bool hot_members_know_room(const struct node *node)
{
    return placement_is_known(&node->hot_members.placement, node->now.mono);
}

bool hot_members_choose(const struct node *node, struct hot_slot *hot, size_t wanted)
{
    const struct cluster_id *ids[PLACEMENT_LOADS_MAX];
    size_t count = placement_order(&node->hot_members.placement, hot->slot, ids);
    size_t before = hot->member_count;

    for (size_t i = 0; i < count && hot->member_count < wanted; i++) {
        if (hot_slot_member(hot, ids[i]) == NULL && can_be(node, ids[i])) {
            hot->members[hot->member_count++] = (struct hot_member){.node = *ids[i]};
        }
    }
    return hot->member_count > before;
}

bool hot_members_look(const struct node *node, struct hot_slot *hot)
{
    bool has_changed = false;

    for (size_t i = hot->member_count; i-- > 0;) {
        struct hot_member *member = &hot->members[i];
        bool is_ready = member->has_accepted &&
                        lender_has_lease_of(&node->lending.lender, &member->node, node->now.mono);

        if (can_be(node, &member->node)) {
            has_changed = has_changed || member->is_ready != is_ready;
            member->is_ready = is_ready;
        } else {
            *member = hot->members[--hot->member_count];
            has_changed = true;
        }
    }
    return has_changed;
}

static unsigned count_served(const struct node *node)
{
    const struct hot_slots *known = &node->hot_copies.known;
    unsigned count = 0;

    for (size_t i = 0; i < known->count; i++) {
        count +=
            hot_slot_member(&known->items[i]->hot, cluster_my_id(node->cluster)) != NULL ? 1 : 0;
    }
    return count;
}

bool hot_members_answer(const struct node *node, unsigned busy, struct buf *out)
{
    const struct placement_load load = {.busy = busy, .serves = count_served(node)};

    if (!node->role.is_primary || !placement_has_room(busy)) {
        return false;
    }
    placement_load_encode(&load, out);
    return true;
}

void hot_members_take_answer(struct node *node, const struct cluster_id *sender,
                             struct bytes answer)
{
    struct placement_load load;

    if (placement_load_decode(answer, &load)) {
        load.node = *sender;
        placement_take(&node->hot_members.placement, &load);
    }
}
