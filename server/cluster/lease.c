/* SPDX-License-Identifier: MIT */
#include "cluster/lease.h"

#include "base/assert.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/range_facts.h"

#include <string.h>

enum {
    AWAITED_PER_TIMEOUT = 5,
};

static const char *why_lost(const struct cluster *c)
{
    if (!facts_is_complete(c)) {
        return "our data is not complete";
    }
    if (council_has_handed_over(c->council)) {
        return "we hand over";
    }
    if (!c->is_record_ours) {
        return "what we write is not agreed to be the shard's";
    }
    if (c->file_written < c->hold_sequence) {
        return "our state has to be on disk first";
    }
    return "no majority of the council has granted it";
}

static bool is_record_ours(const struct cluster *c)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return record != NULL && council_is_agreed(c->council, &c->me->shard) &&
           cluster_id_equal(&record->primary, &c->me->id) && record->is_begun &&
           history_id_equal(&record->history, &c->status.history);
}

/* Its own slots, or one that it imports to who asks; keys are staged under a lease as well. */
static bool may_serve(const struct cluster *c)
{
    return node_owns_slots(c->me) ||
           (node_is_primary(c->me) && (c->moves.count > 0 || c->ranges.count > 0));
}

/* Slots that we are about to win or to lose are served by nobody until that is agreed; the others are. */
static void note_agreed_slots(struct cluster *c)
{
    if (c->is_record_served) {
        memcpy(c->agreed, council_find(c->council, &c->me->shard)->slots, sizeof(c->agreed));
    } else {
        memset(c->agreed, 0, sizeof(c->agreed));
    }
}

void lease_await(struct cluster *c)
{
    c->lease_awaited_until = mono_add_ms(c->now, cluster_timeout_part(c, AWAITED_PER_TIMEOUT));
}

bool lease_is_awaited(const struct cluster *c, struct mono_time now)
{
    return mono_is_before(now, c->lease_awaited_until) && !cluster_has_lease(c, now);
}

/* Those who wait are told by a change of the map. */
static void end_awaiting(struct cluster *c, bool has_lease)
{
    if (c->lease_awaited_until.us != 0 &&
        (has_lease || !mono_is_before(c->now, c->lease_awaited_until))) {
        c->lease_awaited_until = (struct mono_time){0};
        c->is_routing_changed = true;
    }
}

void lease_update(struct cluster *c)
{
    struct cluster_id none = {0};
    bool has_lease;

    c->is_record_ours = is_record_ours(c);
    c->is_record_served = c->is_record_ours && may_serve(c);
    note_agreed_slots(c);
    ranges_note_agreed(c);
    /* A replica wants it, too: it has it when it takes over. */
    council_want_lease(c->council, c->now, facts_is_complete(c) ? &c->me->shard : &none);
    has_lease = cluster_has_lease(c, c->now);
    if (c->had_lease && !has_lease && node_owns_slots(c->me)) {
        c->stats.lease_losses++;
        emit_log(c, LOG_WARNING, "the lease has run out: %s", why_lost(c));
    } else if (!c->had_lease && has_lease) {
        emit_log(c, LOG_VERBOSE, "the lease is held");
    }
    c->had_lease = has_lease;
    end_awaiting(c, has_lease);
}

bool cluster_lease_lasts(const struct cluster *cluster, struct mono_time now)
{
    const struct cluster *c = cluster;

    return c->is_record_ours && mono_is_before(now, council_lease_end(c->council)) &&
           c->file_written >= c->hold_sequence && facts_is_complete(c);
}

bool cluster_has_lease(const struct cluster *cluster, struct mono_time now)
{
    return cluster->is_record_served && cluster_lease_lasts(cluster, now);
}

struct mono_time cluster_lease_end(const struct cluster *cluster, struct mono_time now)
{
    return cluster_has_lease(cluster, now) ? council_lease_end(cluster->council)
                                           : (struct mono_time){0};
}

int64_t cluster_lease_left_ms(const struct cluster *cluster, struct mono_time now)
{
    return cluster_has_lease(cluster, now)
               ? mono_ms_between(now, council_lease_end(cluster->council))
               : 0;
}

void lease_check(const struct cluster *c)
{
    ASSERT(!c->is_record_served || (c->is_record_ours && may_serve(c)));
    ASSERT(!c->had_lease || c->file_written >= c->hold_sequence);
}
