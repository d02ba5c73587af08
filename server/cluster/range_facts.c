/* SPDX-License-Identifier: MIT */
#include "cluster/range_facts.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/facts.h"

#include <string.h>

void ranges_forget(struct cluster *c)
{
    c->ranges = (struct shard_ranges){0};
    c->are_ranges_known = false;
    c->emptied_count = 0;
    memset(c->taken, 0, sizeof(c->taken));
    c->has_taken = false;
    c->own.back_from = (struct cluster_id){0};
    c->take_again_at = (struct mono_time){0};
}

/* Is the slot in the record of another shard, as far as we know? */
static bool is_claimed(const struct cluster *c, uint16_t slot)
{
    const struct cluster_node *owner = c->owner[slot];
    const struct shard_record *record =
        owner != NULL && owner != c->me ? council_find(c->council, &owner->shard) : NULL;

    return record != NULL && bitset_has(record->slots, slot);
}

bool ranges_have(const struct cluster *c, uint16_t slot)
{
    return shard_ranges_of_slot(&c->ranges, slot) != NULL;
}

bool ranges_has_ended(const struct cluster *c, const struct cluster_id *id)
{
    for (size_t i = 0; i < RANGES_ENDED_MAX; i++) {
        if (cluster_id_equal(&c->ended_ranges[i], id)) {
            return true;
        }
    }
    return false;
}

bool ranges_hold_back(const struct cluster *c, uint16_t slot)
{
    const struct shard_range *range = shard_ranges_of_slot(&c->ranges, slot);

    return range != NULL && range->kind == SHARD_RANGE_GIVEN && !is_claimed(c, slot);
}

void ranges_add_arrived(const struct cluster *c, const struct cluster_id *from,
                        uint64_t out[FRAME_SLOT_WORDS])
{
    for (size_t i = 1; i < c->nodes.count && council_has_moves(c->council); i++) {
        const struct cluster_node *node = c->nodes.items[i];
        bool is_asked_for = from == NULL || cluster_id_equal(from, &node->shard);
        const struct shard_record *record =
            is_asked_for && node_is_primary(node) ? council_find(c->council, &node->shard) : NULL;

        for (size_t at = 0; record != NULL && at < record->ranges.count; at++) {
            if (record->ranges.items[at].kind == SHARD_RANGE_GIVEN &&
                cluster_id_equal(&record->ranges.items[at].shard, &c->me->shard)) {
                shard_range_add_to(&record->ranges.items[at], out);
            }
        }
    }
}

bool ranges_await(const struct cluster *c, struct mono_time now, uint16_t slot)
{
    if ((c->ranges.count == 0 && !c->has_taken) || !mono_is_before(now, c->await_until)) {
        return false;
    }
    return (bitset_has(c->taken, slot) && c->owner[slot] == c->me) || ranges_hold_back(c, slot);
}

void ranges_note_agreed(struct cluster *c)
{
    if (!c->has_taken) {
        return;
    }
    c->has_taken = false;
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        uint64_t left = c->taken[i] & c->me->slots[i] & ~c->agreed[i];

        c->is_routing_changed = c->is_routing_changed || left != c->taken[i];
        c->taken[i] = left;
        c->has_taken = c->has_taken || left != 0;
    }
}

void ranges_note_keys(struct cluster *c, const uint64_t *filled)
{
    c->emptied_count = 0;
    for (size_t i = 0; i < c->ranges.count; i++) {
        const struct shard_range *range = &c->ranges.items[i];
        uint64_t slots[FRAME_SLOT_WORDS] = {0};
        uint64_t left = 0;

        shard_range_add_to(range, slots);
        for (size_t word = 0; filled != NULL && word < FRAME_SLOT_WORDS; word++) {
            left |= slots[word] & filled[word];
        }
        if (left == 0 && range->kind == SHARD_RANGE_GIVEN) { /* of others it was not looked */
            c->emptied[c->emptied_count++] = range->id;
        }
    }
}

bool ranges_is_emptied(const struct cluster *c, const struct shard_range *range)
{
    for (size_t i = 0; i < c->emptied_count; i++) {
        if (cluster_id_equal(&c->emptied[i], &range->id)) {
            return true;
        }
    }
    return false;
}

void ranges_check(const struct cluster *c)
{
    ASSERT(node_is_primary(c->me) || (c->ranges.count == 0 && !c->has_taken));
    ASSERT(shard_ranges_make_sense(&c->ranges));
    ASSERT(c->emptied_count <= SHARD_RANGES_MAX);
    for (size_t i = 0; i < c->ranges.count; i++) {
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            bool is_ours = c->owner[slot] == c->me;

            ASSERT(!shard_range_has(&c->ranges.items[i], (uint16_t)slot) || !is_ours ||
                   c->ranges.items[i].kind == SHARD_RANGE_OUT);
        }
    }
}
