/* SPDX-License-Identifier: MIT */
/* Answers from the state as it is. */
#include "cluster/facts.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/forgotten.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/sync_set.h"

/* Since when may its primary have written what it does not have? */
static struct mono_time followed_until(const struct cluster *c)
{
    return c->status.is_from_disk ? mono_earlier(c->status.data_as_of, c->status.link_down_since)
                                  : c->status.link_down_since;
}

const char *facts_why_not_eligible(const struct cluster *c)
{
    int64_t limit_ms = c->config.replica_ping_period_ms +
                       c->config.node_timeout_ms * c->config.replica_validity_factor;

    ASSERT(c->config.node_timeout_ms > 0);
    if (node_is_primary(c->me)) {
        return "it is a primary";
    }
    if (c->has_status && c->data.verdict == DATA_FOREIGN) {
        return "its data is not its shard's";
    }
    if (!facts_is_complete(c)) {
        return "its data is not complete";
    }
    if (c->config.replica_no_failover) {
        return "cluster-replica-no-failover is set";
    }
    /* However long ago it was, who has left says nothing newer. */
    if (c->config.replica_validity_factor != 0 && !c->status.is_link_up &&
        !facts_has_primary_left(c) && mono_ms_between(followed_until(c), c->now) > limit_ms) {
        return "its data is too old";
    }
    return NULL;
}

bool facts_is_eligible(const struct cluster *c)
{
    return facts_why_not_eligible(c) == NULL;
}

bool facts_has_primary_left(const struct cluster *c)
{
    const struct cluster_node *primary = nodes_find(c, &c->me->primary);
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (record == NULL || !council_is_agreed(c->council, &c->me->shard) ||
        !cluster_id_equal(&record->primary, &c->me->primary) ||
        bitset_count(record->slots, SHARD_SLOT_WORDS) == 0) {
        return false;
    }
    return primary == NULL
               ? forgotten_has(c, &record->primary)
               : facts_was_heard(primary) && !cluster_id_equal(&primary->shard, &record->shard);
}

bool facts_is_primary_gone(const struct cluster *c, const struct shard_record *record)
{
    const struct cluster_node *primary = nodes_find(c, &record->primary);

    return primary == NULL || primary->is_in_handshake || primary->is_failed ||
           ((primary == c->me || facts_was_heard(primary)) &&
            !cluster_id_equal(&primary->shard, &record->shard));
}

bool facts_is_shard_gone(const struct cluster *c, const struct cluster_id *shard)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (cluster_id_equal(&node->shard, shard) && !node->is_in_handshake && !node->is_failed) {
            return false;
        }
    }
    return true;
}

struct shard_data facts_own_data(const struct cluster *c)
{
    return shard_data_make(&c->status.history, c->status.offset, &c->status.lineage);
}

struct shard_place facts_place_by(const struct cluster *c, const struct shard_record *record,
                                  const struct cluster_node *node)
{
    struct shard_data data = node == c->me ? facts_own_data(c) : node->data;

    if (record == NULL || shard_record_is_none(record)) {
        return (struct shard_place){
            .offset = data.offset, .is_of_shard = true, .has_no_tail = true};
    }
    return shard_place_of(record, &data);
}

struct shard_place facts_place(const struct cluster *c, const struct cluster_node *node)
{
    return facts_place_by(c, council_find(c->council, &node->shard), node);
}

/* Of the same primary; or it is to be that, and follows another one still: it has not heard so yet. */
static bool is_sibling_of(const struct cluster_node *node, const struct cluster_node *candidate)
{
    return !node_is_primary(node) && (cluster_id_equal(&node->primary, &candidate->primary) ||
                                      (cluster_id_equal(&node->id, &candidate->primary) &&
                                       cluster_id_equal(&node->shard, &candidate->shard)));
}

const struct cluster_node *facts_find_better_sibling(const struct cluster *c,
                                                     const struct shard_record *record,
                                                     const struct cluster_node *candidate)
{
    uint64_t offset = facts_place_by(c, record, candidate).offset;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node != candidate && is_sibling_of(node, candidate) && node_is_reachable(node) &&
            node->has_answered && node->is_eligible && sync_set_permits(record, &node->id) &&
            facts_place_by(c, record, node).offset > offset) {
            return node;
        }
    }
    return NULL;
}

const struct cluster_id *cluster_my_id(const struct cluster *cluster)
{
    return &cluster->me->id;
}

const struct cluster_id *cluster_my_primary_id(const struct cluster *cluster)
{
    return &cluster->me->primary;
}

bool cluster_is_replica(const struct cluster *cluster)
{
    return !node_is_primary(cluster->me);
}

bool cluster_is_ok(const struct cluster *cluster, struct mono_time now)
{
    return cluster->is_map_ok && (!node_owns_slots(cluster->me) || cluster_has_lease(cluster, now));
}

bool cluster_is_whole_council(const struct cluster *cluster)
{
    return council_is_member(cluster->council) && seats_count(council_seats(cluster->council)) == 1;
}

bool cluster_has_slots(const struct cluster *cluster)
{
    return cluster->me->slot_count > 0;
}

bool cluster_owns_slot(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return cluster->owner[slot] == cluster->me;
}

const struct cluster_id *cluster_slot_owner(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return cluster->owner[slot] != NULL ? &cluster->owner[slot]->id : NULL;
}

bool cluster_shard_owns_slot(const struct cluster *cluster, uint16_t slot)
{
    const struct cluster_node *owner;

    ASSERT(slot < SLOT_COUNT);
    owner = cluster->owner[slot];
    return owner != NULL &&
           (owner == cluster->me || cluster_id_equal(&owner->id, &cluster->me->primary));
}

bool cluster_lost_slot(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    if (!bitset_has(cluster->lost, slot)) {
        return false;
    }
    return !ranges_have(cluster, slot) ||
           (shard_ranges_of_slot(&cluster->ranges, slot)->kind == SHARD_RANGE_GIVEN &&
            !ranges_hold_back(cluster, slot));
}

void cluster_note_cleaned(struct cluster *cluster)
{
    for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (cluster_lost_slot(cluster, (uint16_t)slot)) {
            bitset_remove(cluster->lost, slot);
        }
    }
}

bool cluster_next_move(const struct cluster *cluster, size_t *index, uint16_t *slot)
{
    if (*index >= cluster->moves.count) {
        return false;
    }
    *slot = cluster->moves.items[(*index)++].slot;
    return true;
}
