/* SPDX-License-Identifier: MIT */
#include "cluster/refusal.h"

#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/keeper.h"
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

static bool give_way(struct cluster *c)
{
    bool is_given = keeper_give_way(c);

    if (is_given) {
        c->own.taken_since = MONO_NEVER;
        c->is_tick_wanted = true;
        bus_announce(c);
    }
    return is_given;
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
