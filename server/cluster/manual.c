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

#include <inttypes.h>

static void move(struct cluster *c, enum manual_phase to)
{
    static const uint32_t allowed[] = {
        [MANUAL_IDLE] = PHASE_TO(MANUAL_ASKED) | PHASE_TO(MANUAL_PAUSING),
        [MANUAL_ASKED] = PHASE_TO(MANUAL_CATCHING_UP) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_CATCHING_UP] = PHASE_TO(MANUAL_READY) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_READY] = PHASE_TO(MANUAL_IDLE),
        [MANUAL_PAUSING] = PHASE_TO(MANUAL_PAUSED) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_PAUSED] = PHASE_TO(MANUAL_HANDING_OVER) | PHASE_TO(MANUAL_IDLE),
        [MANUAL_HANDING_OVER] = PHASE_TO(MANUAL_IDLE),
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

static void end(struct cluster *c)
{
    if (is_primary_side(c)) {
        emit_resume(c);
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

void manual_take_start(struct cluster *c, const struct cluster_node *replica)
{
    ASSERT(replica != c->me);
    if (!node_owns_slots(c->me) || !cluster_id_equal(&replica->primary, &c->me->id)) {
        return;
    }
    if (is_primary_side(c)) {
        return; /* repeated, or another one is under way */
    }
    ASSERT(c->manual.phase == MANUAL_IDLE);
    c->manual.peer = replica->id;
    c->manual.deadline = mono_add_ms(c->now, CLUSTER_MANUAL_TIMEOUT_MS);
    move(c, MANUAL_PAUSING);
    emit_log(c, LOG_NOTICE, "manual failover asked for by replica %s", replica->id.text);
    emit_pause(c, CLUSTER_MANUAL_PAUSE_MS);
}

void manual_take_ping(struct cluster *c, const struct frame *ping)
{
    ASSERT(ping->type == FRAME_PING || ping->type == FRAME_MEET);
    if (c->manual.phase == MANUAL_ASKED && (ping->flags & FRAME_PAUSED) != 0 &&
        cluster_id_equal(&ping->sender, &c->manual.peer)) {
        c->manual.offset = ping->data.offset;
        move(c, MANUAL_CATCHING_UP);
        manual_on_status(c);
    }
}

void manual_on_status(struct cluster *c)
{
    struct cluster_node *replica;

    if (c->manual.phase == MANUAL_CATCHING_UP && c->status.offset >= c->manual.offset) {
        emit_log(c, LOG_NOTICE, "all of the primary's data is here, offset %" PRIu64,
                 c->manual.offset);
        move(c, MANUAL_READY);
        c->manual.resend_at = c->now;
    }
    if (c->manual.phase != MANUAL_PAUSING) {
        return;
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
        replica->data.offset >= c->status.offset) {
        move(c, MANUAL_HANDING_OVER);
        shard_hand_over(c, &replica->id);
    }
}

void manual_tick(struct cluster *c)
{
    struct cluster_node *peer = nodes_find(c, &c->manual.peer);

    ASSERT(peer != c->me);
    if (c->manual.phase == MANUAL_IDLE) {
        return;
    }
    if (peer == NULL || mono_is_due(c->manual.deadline, c->now)) {
        emit_log(c, LOG_WARNING, "manual failover given up: %s",
                 peer == NULL ? "the other node is gone" : "it took too long");
        end(c);
        return;
    }
    if (!mono_is_due(c->manual.resend_at, c->now)) {
        return;
    }
    c->manual.resend_at = mono_add_ms(c->now, cluster_timeout_part(c, 5));
    if (c->manual.phase == MANUAL_ASKED) {
        bus_send_plain(c, peer, FRAME_FAILOVER_START);
    } else if (c->manual.phase == MANUAL_READY) {
        bus_send_plain(c, peer, FRAME_CAUGHT_UP);
    }
}

void manual_settle(struct cluster *c)
{
    if (c->manual.phase == MANUAL_IDLE) {
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
