/* SPDX-License-Identifier: MIT */
/* Changes of our own role. */
#include "cluster/role.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/data.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/lease.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/slots.h"
#include "cluster/sync_set.h"

#include <inttypes.h>
#include <string.h>

void role_hold_until_saved(struct cluster *c)
{
    nodes_changed(c);
    c->hold_sequence = c->file_sequence + 1;
    ASSERT(c->is_file_dirty);
}

void role_set_config_epoch(struct cluster *c, uint64_t epoch)
{
    c->me->config_epoch = epoch;
    if (c->current_epoch < epoch) {
        c->current_epoch = epoch;
    }
    nodes_changed(c);
    bus_announce(c);
    ASSERT(c->me->config_epoch <= c->current_epoch);
}

void role_want_epoch(struct cluster *c, uint64_t epoch)
{
    if (!node_is_primary(c->me) ||
        (c->me->slot_count == 0 && council_find(c->council, &c->me->shard) == NULL)) {
        role_set_config_epoch(c, epoch);
    } else if (c->own.epoch < epoch) {
        c->own.epoch = epoch;
        c->is_tick_wanted = true;
    }
}

void role_take_over(struct cluster *c, uint64_t epoch)
{
    struct cluster_node *old = nodes_primary_of(c, c->me);

    ASSERT(!node_is_primary(c->me));
    nodes_set_primary(c, c->me);
    if (old != NULL) {
        slots_hand_over(c, old, c->me);
    }
    c->is_promotion_due = true;
    c->is_follow_due = false;
    role_set_config_epoch(c, epoch);
    lease_await(c);
    emit_log(c, LOG_NOTICE, "this node takes over as primary in epoch %" PRIu64, epoch);
    ASSERT(c->is_promotion_due && node_is_primary(c->me));
}

void role_follow(struct cluster *c, const struct cluster_id *primary)
{
    if (!cluster_id_equal(&c->me->primary, primary)) {
        data_forget(c);
    }
    nodes_set_replica(c, c->me, primary);
    c->loses_slots = false;
    c->is_follow_due = true;
    ASSERT(!node_is_primary(c->me));
}

void role_settle(struct cluster *c)
{
    bool is_primary = node_is_primary(c->me);

    if (!is_primary) {
        c->is_promotion_due = false;
        c->doubts_data = false;
        c->had_lease = false;
        c->own.heir = (struct cluster_id){0};
        c->own.epoch = 0;
        sync_set_forget(c);
        for (size_t i = c->moves.count; i-- > 0;) {
            slots_clear_move(c, c->moves.items[i].slot);
        }
        ranges_forget(c);
    }
    ASSERT(is_primary || c->moves.count == 0);
}

static bool overlaps(const uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        if ((a[i] & b[i]) != 0) {
            return true;
        }
    }
    return false;
}

void role_solve_collision(struct cluster *c, const struct cluster_node *other,
                          const uint64_t *claim)
{
    bool has_lease = cluster_has_lease(c, c->now);

    ASSERT(other != c->me);
    ASSERT(node_is_primary(other));
    if (!node_is_primary(c->me) || other->config_epoch != c->me->config_epoch) {
        return;
    }
    /* Without its lease a primary may have been replaced; a greater epoch would then
     * beat its replacement.  Without slots there is nothing to beat. */
    if (c->me->slot_count > 0 && !has_lease) {
        return;
    }
    if (strcmp(c->me->id.text, other->id.text) < 0 ||
        (has_lease && overlaps(c->me->slots, claim))) {
        if (c->own.epoch > c->me->config_epoch) {
            return; /* under way */
        }
        role_want_epoch(c, c->current_epoch + 1);
        emit_log(c, LOG_NOTICE, "config epoch shared with node %s, moving on", other->id.text);
    }
}

/* Who took over in our shard may have given some of its slots to others before we heard of it, and of these after it. */
static const struct cluster_node *find_heir(const struct cluster *c,
                                            const struct cluster_node *claimer)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node_is_primary(node) && node->slot_count > 0 &&
            cluster_id_equal(&node->shard, &c->me->shard)) {
            return node;
        }
    }
    return claimer;
}

/* The last slot of our shard has gone to claimer. */
static void follow_heir(struct cluster *c, const struct cluster_node *claimer)
{
    const struct cluster_node *heir = find_heir(c, claimer);

    ASSERT(node_is_primary(heir));
    emit_log(c, LOG_NOTICE, "node %s owns the slots of this shard now, following it",
             heir->id.text);
    role_follow(c, &heir->id);
}

const struct cluster_node *role_take_claim(struct cluster *c, struct cluster_node *claimer,
                                           const uint64_t *claim)
{
    const struct cluster_node *shard_primary =
        node_is_primary(c->me) ? c->me : nodes_primary_of(c, c->me);
    bool had_slots = shard_primary != NULL && shard_primary->slot_count > 0;
    struct cluster_node *stronger;
    bool took = slots_take_claim(c, claimer, claim, &stronger);

    ASSERT(node_is_primary(claimer));
    ASSERT(!claimer->is_in_handshake);
    if (took && had_slots && shard_primary != claimer && shard_primary->slot_count == 0) {
        follow_heir(c, claimer);
    }
    return stronger;
}

void role_check(const struct cluster *c)
{
    ASSERT(c->me->config_epoch <= c->current_epoch);
    ASSERT(!c->is_promotion_due || node_is_primary(c->me));
    ASSERT(!c->doubts_data || c->is_promotion_due);
    ASSERT(!c->is_follow_due || !node_is_primary(c->me));
    ASSERT(c->file_written <= c->file_sequence);
    ASSERT(c->hold_sequence <= c->file_sequence + 1);
}
