/* SPDX-License-Identifier: MIT */
#include "cluster/keeper.h"

#include "base/bitset.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/slots.h"

#include <string.h>

enum {
    HALF_TIMEOUTS = 2,
};

static bool is_empty(const uint64_t slots[SHARD_SLOT_WORDS])
{
    return bitset_count(slots, SHARD_SLOT_WORDS) == 0;
}

/* Members may count with what they have accepted of a shard and nobody had agreed, of which we know nothing: neither does anybody else.
 * Whoever proposed it, and is there, has it agreed or takes it back before long. */
static bool is_half_agreed(const struct cluster *c, const struct cluster_id *shard)
{
    return !council_is_agreed(c->council, shard) && mono_is_before(c->own.taken_since, c->now) &&
           mono_ms_between(c->own.taken_since, c->now) >= HALF_TIMEOUTS * c->config.node_timeout_ms;
}

static bool is_gone(const struct cluster *c, const struct shard_record *keeper)
{
    return keeper != NULL && facts_is_primary_gone(c, keeper);
}

bool keeper_find(const struct cluster *c, struct cluster_id *shard)
{
    uint64_t added[SHARD_SLOT_WORDS];
    const struct shard_record *keeper;
    bool is_back;

    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        added[i] = c->me->slots[i] & ~(c->agreed[i] | c->taken[i] | c->moving[i]);
    }
    keeper = council_find_claim(c->council, added, &c->me->shard);
    if (is_gone(c, keeper)) {
        *shard = keeper->shard;
        return true;
    }
    *shard = c->own.taken_by;
    if (cluster_id_is_none(shard)) {
        return false;
    }
    keeper = council_find(c->council, shard);
    is_back = cluster_id_equal(shard, &c->own.back_from);
    if (is_gone(c, keeper)) {
        return !is_empty(added) || is_back || facts_is_shard_gone(c, shard);
    }
    return (!is_empty(added) || is_back) && is_half_agreed(c, shard);
}

static void end_moves_of(struct shard_record *record, const uint64_t slots[SHARD_SLOT_WORDS])
{
    size_t left = 0;

    for (size_t i = 0; i < record->move_count; i++) {
        if (!bitset_has(slots, record->moves[i].slot)) {
            record->moves[left++] = record->moves[i];
        }
    }
    record->move_count = left;
}

static bool is_asked_for(const struct shard_range *range, const uint64_t slots[SHARD_SLOT_WORDS])
{
    uint64_t of_range[SHARD_SLOT_WORDS] = {0};
    bool any = false;

    shard_range_add_to(range, of_range);
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        any = any || (of_range[i] & slots[i]) != 0;
    }
    return any && range->kind == SHARD_RANGE_OUT;
}

static void end_ranges_of(struct shard_record *record, const uint64_t slots[SHARD_SLOT_WORDS])
{
    for (size_t i = record->ranges.count; i-- > 0;) {
        const struct cluster_id id = record->ranges.items[i].id;

        if (is_asked_for(&record->ranges.items[i], slots)) {
            shard_ranges_remove(&record->ranges, &id);
        }
    }
}

void keeper_let_go(struct cluster *c, const struct shard_record *read)
{
    struct shard_record record = *read;
    uint64_t both[SHARD_SLOT_WORDS];
    size_t count;

    if (shard_record_is_none(read) || !node_is_primary(c->me)) {
        council_give_up(c->council); /* it may be of a shard that was ours, and never had any */
        return;
    }
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        both[i] = record.slots[i] & c->me->slots[i];
        record.slots[i] &= ~both[i];
    }
    count = bitset_count(both, SHARD_SLOT_WORDS);
    /* One that is back lets nothing go.  Of one that is gone a member may keep what was not read just now: it lets go of that by a version
     * that is newer alone. */
    if (!facts_is_primary_gone(c, read)) {
        council_put(c->council, c->now, read);
        return;
    }
    if (c->own.is_keeper_taken) {
        (void)slots_leave_out_of(c, &record); /* two have them since a TAKEOVER: this one is gone */
    }
    end_moves_of(&record, both);
    end_ranges_of(&record, both);
    record.version = shard_record_next_version(read, council_find(c->council, &read->shard));
    if (count > 0) {
        emit_log(c, LOG_WARNING,
                 "%zu slots of shard %s, whose primary is gone, are to be this node's: proposing "
                 "that it lets them go",
                 count, read->shard.text);
    }
    council_put(c->council, c->now, &record);
}

/* What was put before the operator's word says nothing of these slots. */
void keeper_note_agreed(struct cluster *c)
{
    const struct shard_record *own = council_find(c->council, &c->me->shard);

    if (own != NULL && memcmp(own->slots, c->me->slots, sizeof(own->slots)) == 0) {
        c->own.back_from = (struct cluster_id){0};
    }
}
