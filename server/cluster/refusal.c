/* SPDX-License-Identifier: MIT */
#include "cluster/refusal.h"

#include "base/bitset.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/ranges.h"
#include "cluster/slots.h"

#include <inttypes.h>

enum {
    TAKEN_TIMEOUTS = 5, /* who gives a slot up has done so within these, and all members know it */
};

/* What is agreed stands in the table again.  False: nothing of ours is agreed to be others'. */
static bool let_go_of_taken(struct cluster *c)
{
    uint32_t count = slots_give_up_agreed(c);

    if (count == 0) {
        return false;
    }
    emit_log(c, LOG_WARNING,
             "%" PRIu32 " slots of this node are agreed to be other shards': it lets them go, "
             "their keys stay here unserved",
             count);
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];
        const struct shard_record *record = council_find(c->council, &node->shard);

        if (record != NULL && council_is_agreed(c->council, &node->shard) &&
            node_is_primary(node) && cluster_id_equal(&record->primary, &node->id)) {
            slots_take_agreed(c, node, record->slots);
        }
    }
    bus_announce(c);
    return true;
}

/* Its giver was taking it back when it failed: members may have accepted that, and refuse us and its heir for one another's sake.
 * Without us one of its records can be agreed, and says whose the slots are. */
static bool let_go_of_begun(struct cluster *c)
{
    uint32_t count = cluster_id_is_none(&c->own.back_from) ? ranges_let_go(c) : 0;

    if (count > 0) {
        emit_log(c, LOG_WARNING,
                 "%" PRIu32 " slots that were given to this node are refused, as members know them "
                 "for shard %s: it takes them later, if they are given to it still",
                 count, c->own.taken_by.text);
        bus_announce(c);
        c->is_tick_wanted = true;
    }
    return count > 0;
}

/* Two that were given one slot at the same moment may have some members each, and refuse one another for ever. */
static void let_go_of_added(struct cluster *c)
{
    uint32_t count = slots_give_up_added(c);

    if (count > 0) {
        emit_log(c, LOG_WARNING,
                 "%" PRIu32
                 " slots that were given to this node are refused, as members know them for "
                 "another's: it lets them go",
                 count);
        bus_announce(c);
        c->is_tick_wanted = true;
    }
}

static struct cluster_node *primary_of(const struct cluster *c, const struct cluster_id *shard)
{
    struct cluster_node *found = NULL;

    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (cluster_id_equal(&node->shard, shard) && node_is_primary(node) &&
            !node->is_in_handshake && (found == NULL || found->is_failed)) {
            found = node;
        }
    }
    return found;
}

static size_t count_of_ours(const struct cluster *c, const struct shard_range *range)
{
    uint64_t slots[SHARD_SLOT_WORDS] = {0};

    shard_range_add_to(range, slots);
    for (size_t i = 0; i < SHARD_SLOT_WORDS; i++) {
        slots[i] &= c->me->slots[i];
    }
    return bitset_count(slots, SHARD_SLOT_WORDS);
}

static size_t give_ranges_again(struct cluster *c, const struct shard_record *own,
                                struct cluster_node *taker)
{
    size_t given = 0;

    for (size_t i = 0; i < own->ranges.count && c->ranges.count < SHARD_RANGES_MAX; i++) {
        const struct shard_range *range = &own->ranges.items[i];
        size_t count = count_of_ours(c, range);

        if (range->kind == SHARD_RANGE_GIVEN && cluster_id_equal(&range->shard, &taker->shard) &&
            count > 0) {
            ranges_give(c, range, taker);
            given += count;
        }
    }
    return given;
}

static size_t give_moves_again(struct cluster *c, const struct shard_record *own,
                               struct cluster_node *taker)
{
    size_t given = 0;

    for (size_t i = 0; i < own->move_count; i++) {
        const struct shard_move *move = &own->moves[i];
        const struct cluster_node *peer = nodes_find(c, &move->peer);

        if (move->kind == SHARD_MOVE_OUT && !bitset_has(own->slots, move->slot) &&
            c->owner[move->slot] == c->me && peer != NULL &&
            cluster_id_equal(&peer->shard, &taker->shard)) {
            moves_give(c, move->slot, taker);
            given++;
        }
    }
    return given;
}

/* Of what we were taking back from a shard of which a node is there.  False: nothing. */
static bool give_way(struct cluster *c)
{
    const struct cluster_id shard = c->own.back_from;
    const struct shard_record *own = council_find(c->council, &c->me->shard);
    struct cluster_node *taker;
    struct shard_record agreed;
    size_t given;

    if (cluster_id_is_none(&shard) || !cluster_id_equal(&shard, &c->own.taken_by) ||
        facts_is_shard_gone(c, &shard)) {
        return false;
    }
    taker = primary_of(c, &shard);
    if (taker == NULL || own == NULL || !council_is_agreed(c->council, &c->me->shard)) {
        return false;
    }
    agreed = *own;
    given = give_ranges_again(c, &agreed, taker) + give_moves_again(c, &agreed, taker);
    if (given == 0) {
        return false;
    }
    emit_log(c, LOG_WARNING,
             "shard %s is there again, and members know %zu slots as its own that were to be taken "
             "back from it: they stay given",
             shard.text, given);
    c->own.taken_by = (struct cluster_id){0};
    c->own.back_from = (struct cluster_id){0};
    c->own.taken_since = MONO_NEVER;
    c->is_tick_wanted = true;
    bus_announce(c);
    return true;
}

bool refusal_is_long(const struct cluster *c, struct mono_time since)
{
    return mono_ms_between(since, c->now) >= TAKEN_TIMEOUTS * c->config.node_timeout_ms;
}

bool refusal_is(const struct council_news *news)
{
    return news->type == COUNCIL_NEWS_FAILED && news->answer == COUNCIL_TAKEN;
}

void refusal_note(struct cluster *c, const struct council_news *news)
{
    if (!refusal_is(news)) {
        c->own.taken_since = news->type == COUNCIL_NEWS_AGREED ? MONO_NEVER : c->own.taken_since;
        return;
    }
    if (give_way(c) || (c->is_record_served && let_go_of_taken(c))) {
        return;
    }
    if (!mono_is_before(c->own.taken_since, c->now)) {
        c->own.taken_since = c->now;
        return;
    }
    if (!refusal_is_long(c, c->own.taken_since)) {
        return;
    }
    c->own.taken_since = MONO_NEVER;
    if (!let_go_of_taken(c) && !let_go_of_begun(c)) {
        let_go_of_added(c);
    }
}
