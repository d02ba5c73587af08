/* SPDX-License-Identifier: MIT */
#include "cluster/ranges.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/role.h"
#include "cluster/slots.h"

#include <string.h>

enum {
    AGAIN_TIMEOUTS = 2, /* what was let go of is taken again behind these */
    AWAIT_MS =
        2000, /* clients wait so long for the new owner, then they are sent there all the same */
};

/* ---- our record ---------------------------------------------------------------------------------- */

void ranges_put(const struct cluster *c, struct shard_record *record)
{
    record->ranges = c->ranges;
}

bool ranges_are_agreed(const struct cluster *c, const struct shard_record *record)
{
    return shard_ranges_equal(&c->ranges, &record->ranges);
}

static struct cluster_node *primary_of(const struct cluster *c, const struct cluster_id *shard)
{
    const struct shard_record *record = council_find(c->council, shard);
    struct cluster_node *node = record != NULL ? nodes_find(c, &record->primary) : NULL;

    return node != NULL && !node->is_in_handshake && node_is_primary(node) ? node : NULL;
}

/* What was given is the other shard's in our table, too; its keys here are to go in the end. */
static void bind_given(struct cluster *c, const struct shard_range *range,
                       struct cluster_node *taker)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (!shard_range_has(range, (uint16_t)slot)) {
            continue;
        }
        if (c->owner[slot] == c->me) {
            slots_bind(c, (uint16_t)slot, taker);
        }
        if (c->owner[slot] != c->me) {
            bitset_add(c->lost, slot);
            bitset_remove(c->taken, slot);
        }
    }
    c->await_until = mono_add_ms(c->now, AWAIT_MS);
    c->is_routing_changed = true;
}

/* What we began to take, and had not agreed when we ended, is not ours yet. */
static void give_back(struct cluster *c, const struct shard_range *range)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (shard_range_has(range, (uint16_t)slot)) {
            if (c->owner[slot] == c->me) {
                slots_bind(c, (uint16_t)slot, primary_of(c, &range->shard));
            }
            bitset_remove(c->lost, slot); /* its keys are staged */
        }
    }
}

/* What ended here is in the record until the next one is agreed.  What was given is given. */
static void leave_out_ended(struct cluster *c)
{
    for (size_t i = c->ranges.count; i-- > 0;) {
        const struct shard_range *range = &c->ranges.items[i];
        const struct cluster_id id = range->id;

        if (range->kind != SHARD_RANGE_GIVEN && ranges_has_ended(c, &id)) {
            shard_ranges_remove(&c->ranges, &id);
        }
    }
}

void ranges_adopt(struct cluster *c, const struct shard_record *record)
{
    ASSERT(node_is_primary(c->me));
    c->ranges = record->ranges;
    leave_out_ended(c);
    c->are_ranges_known = true;
    for (size_t i = 0; i < c->ranges.count; i++) {
        const struct shard_range *range = &c->ranges.items[i];

        if (range->kind == SHARD_RANGE_GIVEN) {
            bind_given(c, range, primary_of(c, &range->shard));
        } else if (shard_range_is_import(range)) {
            give_back(c, range);
            council_ask(c->council, c->now, &range->shard); /* does its source want it still? */
        }
    }
    c->ranges_adopted_at = c->now;
    c->is_routing_changed = true;
}

/* Our table, from the nodes file, may say that slots were given when that was not agreed. */
static void keep_agreed(struct cluster *c, const struct shard_record *record)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (bitset_has(record->slots, slot) && c->owner[slot] != c->me &&
            !bitset_has(c->moving, slot) && !moves_is_claimed(c, (uint16_t)slot)) {
            slots_bind(c, (uint16_t)slot, c->me);
        }
    }
}

void ranges_note_read(struct cluster *c, const struct shard_record *read)
{
    if (!c->are_ranges_known && cluster_id_equal(&read->primary, &c->me->id)) {
        ranges_adopt(c, read);
        keep_agreed(c, read);
    }
    c->are_ranges_known = true;
}

/* ---- news --------------------------------------------------------------------------------------- */

void ranges_note_record(struct cluster *c, const struct shard_record *record)
{
    bool is_mine = cluster_id_equal(&record->shard, &c->me->shard);

    if (c->is_record_pending || (record->ranges.count == 0 && c->ranges.count == 0 && !is_mine)) {
        return; /* a record that waits is looked at with every tick */
    }
    c->is_tick_wanted = c->is_tick_wanted || record->ranges.count > 0 || c->ranges.count > 0;
    c->is_routing_changed = true; /* whose keys are seen, and who waits, may be otherwise now */
}

/* ---- giving and taking --------------------------------------------------------------------------- */

void ranges_give(struct cluster *c, const struct shard_range *range, struct cluster_node *taker)
{
    ASSERT(range->kind == SHARD_RANGE_GIVEN);
    ASSERT(taker != c->me && node_is_primary(taker));
    shard_ranges_remove(&c->ranges, &range->id);
    ASSERT(c->ranges.count < SHARD_RANGES_MAX);
    c->ranges.items[c->ranges.count++] = *range;
    bind_given(c, range, taker);
    c->is_tick_wanted = true;
}

static void bind_taken(struct cluster *c, const struct shard_range *range)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (shard_range_has(range, (uint16_t)slot)) {
            slots_clear_move(c, (uint16_t)slot);
            slots_bind(c, (uint16_t)slot, c->me);
            bitset_add(c->taken, slot);
        }
    }
    c->has_taken = true;
    c->await_until = mono_add_ms(c->now, AWAIT_MS);
    role_want_epoch(c, c->current_epoch + 1);
    c->is_tick_wanted = true;
}

static void take(struct cluster *c, const struct shard_range *range)
{
    bind_taken(c, range);
    emit_log(c, LOG_NOTICE, "%zu slots are taken from shard %s, move %s",
             shard_range_slot_count(range), range->shard.text, range->id.text);
    /* One that has not heard that they were given would say that they are another shard's. */
    council_tell_members(c->council, c->now, &range->shard);
}

void ranges_take_back(struct cluster *c, const struct shard_range *range)
{
    const struct shard_range back = *range;

    ASSERT(back.kind == SHARD_RANGE_GIVEN);
    shard_ranges_remove(&c->ranges, &back.id);
    c->ended_ranges[c->ended_next++ % RANGES_ENDED_MAX] = back.id;
    c->own.back_from = back.shard;
    bind_taken(c, &back);
    emit_log(
        c, LOG_WARNING,
        "%zu slots that were given to shard %s, of which no node is left, are taken back, move %s",
        shard_range_slot_count(&back), back.shard.text, back.id.text);
}

static const struct shard_record *agreed_record(const struct cluster *c,
                                                const struct cluster_id *shard)
{
    return council_is_agreed(c->council, shard) ? council_find(c->council, shard) : NULL;
}

/* Is the move over there, given to us? */
static bool is_given(const struct cluster *c, const struct shard_range *range)
{
    const struct shard_record *record = agreed_record(c, &range->shard);
    const struct shard_range *theirs =
        record != NULL ? shard_ranges_find(&record->ranges, &range->id) : NULL;

    return theirs != NULL && theirs->kind == SHARD_RANGE_GIVEN &&
           cluster_id_equal(&theirs->shard, &c->me->shard);
}

static uint32_t let_go(struct cluster *c, const struct shard_range *range)
{
    uint32_t count = 0;

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (shard_range_has(range, (uint16_t)slot) && bitset_has(c->taken, slot)) {
            bitset_remove(c->taken, slot);
            count += c->owner[slot] == c->me ? 1 : 0;
        }
    }
    if (count > 0) {
        c->ranges.items[c->ranges.count++] = *range;
        give_back(c, range);
    }
    return count;
}

uint32_t ranges_let_go(struct cluster *c)
{
    const struct shard_record *own = agreed_record(c, &c->me->shard);
    uint32_t count = 0;

    for (size_t i = 0; own != NULL && i < own->ranges.count; i++) {
        const struct shard_range *range = &own->ranges.items[i];

        if (shard_range_is_import(range) && c->ranges.count < SHARD_RANGES_MAX &&
            shard_ranges_find(&c->ranges, &range->id) == NULL) {
            count += let_go(c, range);
        }
    }
    if (count > 0) {
        c->take_again_at = mono_add_ms(c->now, AGAIN_TIMEOUTS * c->config.node_timeout_ms);
        c->is_routing_changed = true;
    }
    return count;
}

static bool is_claimed(const struct cluster *c, const struct shard_range *range)
{
    for (size_t i = 0; i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            if (!moves_is_claimed(c, (uint16_t)slot)) {
                return false;
            }
        }
    }
    return true;
}

/* A source that took over may not have known whose they are. */
static void bind_again(struct cluster *c, const struct shard_range *range)
{
    struct cluster_node *taker = primary_of(c, &range->shard);

    for (size_t i = 0; taker != NULL && taker != c->me && i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            if (c->owner[slot] == NULL) {
                slots_bind(c, (uint16_t)slot, taker);
                bitset_add(c->lost, slot);
            }
        }
    }
}

static void look_at_given(struct cluster *c, const struct shard_range *range)
{
    const struct cluster_id id = range->id;

    bind_again(c, range);
    if (!is_claimed(c, range)) {
        return;
    }
    if (ranges_is_emptied(c, range)) {
        emit_log(c, LOG_VERBOSE, "no key of move %s is left here", id.text);
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            if (shard_range_has(range, (uint16_t)slot)) {
                bitset_remove(c->lost, slot);
            }
        }
        shard_ranges_remove(&c->ranges, &id);
        c->is_routing_changed = true;
        c->is_tick_wanted = true;
        return;
    }
    c->loses_slots = true; /* their keys may go now */
    c->is_routing_changed = true;
}

static void look_at_own(struct cluster *c)
{
    for (size_t i = c->ranges.count; i-- > 0;) {
        const struct shard_range range = c->ranges.items[i];

        if (range.kind == SHARD_RANGE_GIVEN) {
            look_at_given(c, &c->ranges.items[i]);
        } else if (shard_range_is_import(&range) && is_given(c, &range) &&
                   mono_is_due(c->take_again_at, c->now)) {
            shard_ranges_remove(&c->ranges, &range.id);
            take(c, &range);
        }
    }
}

/* ---- what others ask for ------------------------------------------------------------------------- */

static bool is_free(const struct cluster *c, const struct shard_range *range)
{
    for (size_t i = 0; i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            if (ranges_have(c, (uint16_t)slot) || bitset_has(c->moving, slot) ||
                c->owner[slot] == c->me || bitset_has(c->lost, slot)) {
                return false;
            }
        }
    }
    return true;
}

static void begin_asked(struct cluster *c, const struct shard_record *record,
                        const struct shard_range *asked)
{
    struct shard_range range = *asked;

    if (c->ranges.count == SHARD_RANGES_MAX || c->config.is_arbiter ||
        ranges_has_ended(c, &asked->id) || !is_free(c, asked)) {
        return; /* later perhaps */
    }
    range.kind = SHARD_RANGE_ASKED;
    range.shard = record->shard;
    range.node = record->primary;
    c->ranges.items[c->ranges.count++] = range;
    c->is_tick_wanted = true;
    c->is_routing_changed = true;
    emit_log(c, LOG_NOTICE, "shard %s asks for a move of %zu slots to this one, %s",
             record->shard.text, shard_range_slot_count(&range), range.id.text);
}

/* Does anybody have a slot of it, or do we move one elsewhere? */
static bool is_unclaimed(const struct cluster *c, const struct shard_range *range)
{
    for (size_t i = 0; i < range->run_count; i++) {
        for (uint32_t slot = range->runs[i].first; slot <= range->runs[i].last; slot++) {
            if (c->owner[slot] == c->me || ranges_have(c, (uint16_t)slot) ||
                bitset_has(c->moving, slot) || moves_is_claimed(c, (uint16_t)slot)) {
                return false;
            }
        }
    }
    return true;
}

static void look_at_asking(struct cluster *c, const struct shard_record *record)
{
    for (size_t i = 0; i < record->ranges.count; i++) {
        const struct shard_range *asked = &record->ranges.items[i];

        if (asked->kind == SHARD_RANGE_OUT && cluster_id_equal(&asked->shard, &c->me->shard) &&
            shard_ranges_find(&c->ranges, &asked->id) == NULL) {
            begin_asked(c, record, asked);
        } else if (asked->kind == SHARD_RANGE_GIVEN &&
                   cluster_id_equal(&asked->shard, &c->me->shard) && is_unclaimed(c, asked)) {
            take(c, asked); /* we had begun to, and let go of it before that was agreed */
        }
    }
}

/* After a start what was under way stands in our record alone. */
static void recall(struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (c->are_ranges_known || c->are_ranges_recalled || record == NULL ||
        !cluster_id_equal(&record->primary, &c->me->id)) {
        return;
    }
    c->are_ranges_recalled = true;
    if (record->ranges.count > 0) {
        ranges_adopt(c, record);
        c->are_ranges_known = false; /* there may be a newer one */
    }
}

/* A lease is granted at the ballot of the record that we know: a majority has promised none above it, so none is newer. */
static void note_granted(struct cluster *c)
{
    if (!c->are_ranges_known && cluster_lease_lasts(c, c->now) && !council_is_outbid(c->council)) {
        ranges_note_read(c, council_find(c->council, &c->me->shard));
    }
}

void ranges_tick(struct cluster *c)
{
    if (!node_is_primary(c->me)) {
        return;
    }
    recall(c);
    note_granted(c);
    if (!facts_is_complete(c) || c->is_record_pending) {
        return;
    }
    look_at_own(c);
    for (size_t i = 1; i < c->nodes.count && council_has_moves(c->council); i++) {
        const struct cluster_node *node = c->nodes.items[i];
        const struct shard_record *record =
            node_is_primary(node) && !node->is_in_handshake ? agreed_record(c, &node->shard) : NULL;

        if (record != NULL && record->ranges.count > 0 &&
            cluster_id_equal(&record->primary, &node->id) &&
            !cluster_id_equal(&record->shard, &c->me->shard)) {
            look_at_asking(c, record);
        }
    }
}
