/* SPDX-License-Identifier: MIT */
/* Both sides of a manual failover. */
#include "cluster/manual.h"

#include "base/assert.h"
#include "base/phases.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/shard.h"
#include "cluster/sync_set.h"

#include <inttypes.h>
#include <string.h>

static void move(struct cluster *c, enum manual_phase to)
{
    static const uint32_t allowed[] = {
        [MANUAL_IDLE] =
            PHASE_TO(MANUAL_ASKED) | PHASE_TO(MANUAL_PAUSING) | PHASE_TO(MANUAL_CATCHING_UP),
        [MANUAL_ASKED] = PHASE_TO(MANUAL_CATCHING_UP) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_CATCHING_UP] = PHASE_TO(MANUAL_READY) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_READY] = PHASE_TO(MANUAL_IDLE),
        [MANUAL_PAUSING] = PHASE_TO(MANUAL_PAUSED) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_PAUSED] = PHASE_TO(MANUAL_HANDING_OVER) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_HANDING_OVER] = PHASE_TO(MANUAL_HANDED_OVER) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_HANDED_OVER] = PHASE_TO(MANUAL_IDLE),
    };

    ASSERT((allowed[c->manual.phase] & PHASE_TO(to)) != 0);
    c->manual.phase = to;
    c->is_tick_wanted = true;
}

static bool is_primary_side(const struct cluster *c)
{
    return c->manual.phase == MANUAL_PAUSING || c->manual.phase == MANUAL_PAUSED ||
           c->manual.phase == MANUAL_HANDING_OVER;
}

bool cluster_is_handing_over(const struct cluster *cluster)
{
    return is_primary_side(cluster) || cluster->manual.phase == MANUAL_HANDED_OVER;
}

bool cluster_may_have_heir(const struct cluster *cluster)
{
    for (size_t i = 1; i < cluster->nodes.count; i++) {
        const struct cluster_node *node = cluster->nodes.items[i];

        if (cluster_id_equal(&node->primary, &cluster->me->id) && !node->is_failed &&
            !node->is_no_failover) {
            return true;
        }
    }
    return false;
}

bool cluster_awaits_offset(const struct cluster *cluster)
{
    return cluster->manual.phase == MANUAL_CATCHING_UP;
}

static void end(struct cluster *c)
{
    if (cluster_is_handing_over(c)) {
        emit_resume(c);
        shard_keep_from(c, &c->manual.peer); /* writes go on, and it may not get them */
    }
    if (c->manual.phase != MANUAL_IDLE) {
        move(c, MANUAL_IDLE);
    }
    c->manual = (struct manual){0};
    ASSERT(c->manual.phase == MANUAL_IDLE);
}

void manual_start(struct cluster *c)
{
    ASSERT(!node_is_primary(c->me));
    end(c);
    c->manual.peer = c->me->primary;
    c->manual.deadline = mono_add_ms(c->now, CLUSTER_MANUAL_TIMEOUT_MS);
    c->manual.resend_at = c->now;
    move(c, MANUAL_ASKED);
    emit_log(c, LOG_NOTICE, "manual failover begun");
    ASSERT(!is_primary_side(c));
}

/* Of several with equal data the one with the smallest id. */
static bool is_better_heir(const struct cluster_node *a, const struct cluster_node *b)
{
    return b == NULL || a->data.offset > b->data.offset ||
           (a->data.offset == b->data.offset && memcmp(a->id.text, b->id.text, CLUSTER_ID_LEN) < 0);
}

static const struct cluster_node *find_heir(const struct cluster *c)
{
    const struct cluster_node *best = NULL;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (cluster_id_equal(&node->primary, &c->me->id) && node_is_reachable(node) &&
            node->link == LINK_UP && node->has_answered && node->is_eligible &&
            sync_set_permits(council_find(c->council, &c->me->shard), &node->id) &&
            history_id_equal(&node->data.history, &c->status.history) &&
            is_better_heir(node, best)) {
            best = node;
        }
    }
    return best;
}

static void pause_for(struct cluster *c, const struct cluster_node *replica, int64_t limit_ms)
{
    ASSERT(c->manual.phase == MANUAL_IDLE);
    c->manual.peer = replica->id;
    c->manual.deadline = mono_add_ms(c->now, limit_ms);
    move(c, MANUAL_PAUSING);
}

const char *manual_offer(struct cluster *c)
{
    const struct cluster_node *heir = find_heir(c);

    if (is_primary_side(c)) {
        return NULL; /* that serves as well */
    }
    if (!cluster_has_lease(c, c->now)) {
        return "this node serves no slots";
    }
    if (heir == NULL) {
        return "no replica that can be reached has its data and may take over";
    }
    pause_for(c, heir, CLUSTER_OFFER_MS);
    emit_log(c, LOG_NOTICE, "offering this node's place to replica %s", heir->id.text);
    emit_pause(c, CLUSTER_OFFER_MS, false);
    return NULL;
}

void manual_take_start(struct cluster *c, const struct cluster_node *replica)
{
    ASSERT(replica != c->me);
    if (!node_owns_slots(c->me) || !cluster_id_equal(&replica->primary, &c->me->id)) {
        return;
    }
    if (is_primary_side(c)) {
        return; /* repeated, or another one is under way */
    }
    if (!sync_set_permits(council_find(c->council, &c->me->shard), &replica->id)) {
        emit_log(c, LOG_WARNING,
                 "replica %s asks for a manual failover, and is not of this shard's "
                 "in-sync set",
                 replica->id.text);
        return;
    }
    pause_for(c, replica, CLUSTER_MANUAL_TIMEOUT_MS);
    emit_log(c, LOG_NOTICE, "manual failover asked for by replica %s", replica->id.text);
    emit_pause(c, CLUSTER_MANUAL_PAUSE_MS, false);
}

/* Our primary holds back writes for us, and we have not asked it to. */
static void take_offer(struct cluster *c, const struct frame *ping)
{
    if (!facts_is_eligible(c) || c->takeover.phase != TAKEOVER_IDLE ||
        !sync_set_permits_us(c, council_find(c->council, &c->me->shard))) {
        return;
    }
    c->manual.peer = ping->sender;
    c->manual.is_offered = true;
    c->manual.deadline = mono_add_ms(c->now, CLUSTER_OFFER_MS);
    emit_log(c, LOG_NOTICE, "our primary offers its place");
}

void manual_take_ping(struct cluster *c, const struct frame *ping)
{
    ASSERT(ping->type == FRAME_PING || ping->type == FRAME_MEET);
    if ((ping->flags & FRAME_PAUSED) == 0 || !cluster_id_equal(&ping->sender, &c->me->primary)) {
        return;
    }
    if (c->manual.phase == MANUAL_IDLE) {
        take_offer(c, ping);
    }
    if (c->manual.phase == MANUAL_ASKED ||
        (c->manual.phase == MANUAL_IDLE && c->manual.is_offered)) {
        c->manual.offset = ping->data.offset;
        move(c, MANUAL_CATCHING_UP);
        manual_on_status(c);
    }
}

void manual_on_status(struct cluster *c)
{
    struct cluster_node *replica;

    if (c->manual.phase == MANUAL_CATCHING_UP && facts_is_complete(c) &&
        c->status.offset >= c->manual.offset) { /* an offset of other data says nothing */
        emit_log(c, LOG_NOTICE, "all of the primary's data is here, offset %" PRIu64,
                 c->manual.offset);
        move(c, MANUAL_READY);
        c->manual.resend_at = c->now;
    }
    if (c->manual.phase != MANUAL_PAUSING || c->status.holds_replies) {
        return; /* what waits for replicas is answered first, while we are the one to answer */
    }
    move(c, MANUAL_PAUSED);
    replica = nodes_find(c, &c->manual.peer);
    if (replica != NULL) {
        bus_send_ping(c, replica);
    }
    ASSERT(c->manual.phase == MANUAL_PAUSED);
}

void manual_take_caught_up(struct cluster *c, const struct cluster_node *replica)
{
    if (c->manual.phase == MANUAL_PAUSED && cluster_id_equal(&c->manual.peer, &replica->id) &&
        replica->data.offset >= c->status.offset && facts_place(c, replica).has_no_tail) {
        move(c, MANUAL_HANDING_OVER);
        emit_pause(c, CLUSTER_MANUAL_PAUSE_MS, true);
        shard_hand_over(c, &replica->id);
    }
}

static const char *why_given_up(const struct cluster *c, const struct cluster_node *peer)
{
    if (peer == NULL) {
        return "the other node is gone";
    }
    if (mono_is_due(c->manual.deadline, c->now)) {
        return "it took too long";
    }
    if (is_primary_side(c) && !cluster_id_equal(&peer->primary, &c->me->id)) {
        return "the other node does not follow this one any more";
    }
    if (is_primary_side(c) && !node_is_reachable(peer)) {
        return "the other node does not answer any more";
    }
    /* Who offered its place is about to end: without it this replica goes by the rules of a take-over. */
    return c->manual.is_offered && peer->link != LINK_UP ? "the link to the primary broke" : NULL;
}

static void resend(struct cluster *c, const struct cluster_node *peer)
{
    if (!mono_is_due(c->manual.resend_at, c->now)) {
        return;
    }
    if (c->manual.phase == MANUAL_ASKED) {
        c->manual.resend_at = mono_add_ms(c->now, cluster_timeout_part(c, 5));
        bus_send_plain(c, peer, FRAME_FAILOVER_START);
    } else if (c->manual.phase == MANUAL_READY) {
        c->manual.resend_at = mono_add_ms(c->now, cluster_timeout_part(c, 20));
        bus_send_plain(c, peer, FRAME_CAUGHT_UP);
    }
}

void manual_tick(struct cluster *c)
{
    const struct cluster_node *peer = nodes_find(c, &c->manual.peer);
    const char *reason;

    ASSERT(peer != c->me);
    if (c->manual.phase == MANUAL_IDLE) {
        return;
    }
    if (c->manual.phase == MANUAL_HANDED_OVER) {
        if (peer == NULL || mono_is_due(c->manual.deadline, c->now)) {
            end(c); /* whatever it does: we do not serve */
        }
        return;
    }
    reason = why_given_up(c, peer);
    if (reason != NULL) {
        emit_log(c, LOG_WARNING, "manual failover given up: %s", reason);
        end(c);
        return;
    }
    resend(c, peer);
}

/* In the epoch of this shard's record: it may have served in another one a moment ago, and given its place to us. */
static bool serves_now(const struct cluster *c, const struct cluster_node *heir)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return heir->serving_epoch > 0 && record != NULL && heir->serving_epoch >= record->epoch;
}

/* We follow our heir: clients wait until it serves, a little while at most. */
static bool settle_heir(struct cluster *c)
{
    const struct cluster_node *peer = nodes_find(c, &c->manual.peer);

    if (c->manual.phase == MANUAL_HANDING_OVER && !node_is_primary(c->me)) {
        c->manual.deadline = mono_add_ms(c->now, cluster_timeout_part(c, 2));
        move(c, MANUAL_HANDED_OVER);
    }
    return c->manual.phase == MANUAL_HANDED_OVER && peer != NULL && !serves_now(c, peer) &&
           cluster_id_equal(&c->me->primary, &c->manual.peer);
}

void manual_settle(struct cluster *c)
{
    if (c->manual.phase == MANUAL_IDLE || settle_heir(c)) {
        return;
    }
    if (c->manual.phase == MANUAL_HANDED_OVER) {
        end(c);
        return;
    }
    if (is_primary_side(c) != node_is_primary(c->me) ||
        (!node_is_primary(c->me) && !cluster_id_equal(&c->me->primary, &c->manual.peer))) {
        emit_log(c, LOG_VERBOSE, "manual failover is over: roles have changed");
        end(c);
    }
}

void manual_check(const struct cluster *c)
{
    if (c->manual.phase == MANUAL_IDLE) {
        ASSERT(cluster_id_is_none(&c->manual.peer));
        return;
    }
    ASSERT(!cluster_id_is_none(&c->manual.peer));
    ASSERT(is_primary_side(c) == node_is_primary(c->me));
    ASSERT(is_primary_side(c) || cluster_id_equal(&c->manual.peer, &c->me->primary));
}
