/* SPDX-License-Identifier: MIT */
/* Time passes in ticks; what an event or a tick changed is given out once, at the end. */
#include "cluster/step.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/council_side.h"
#include "cluster/data.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/lease.h"
#include "cluster/links.h"
#include "cluster/manual.h"
#include "cluster/nodes.h"
#include "cluster/nodes_file.h"
#include "cluster/orphans.h"
#include "cluster/role.h"
#include "cluster/seeds.h"
#include "cluster/shard.h"
#include "cluster/takeover.h"

#include <inttypes.h>

enum {
    TICKS_PER_TIMEOUT = 20,
    TICK_MIN_MS = 5,
    TICK_MAX_MS = 100,
    HANDSHAKE_MIN_MS = 1000,
    TICKS_PER_STEP_MAX = 3,
};

void step_begin(struct cluster *c, struct mono_time now, struct actions *actions)
{
    ASSERT(actions != NULL);
    ASSERT(c->nodes.items[0] == c->me);
    ASSERT(c->out == NULL);
    c->now = mono_is_before(now, c->now) ? c->now : now;
    c->out = actions;
    actions_begin_step(actions, &cluster_actions_kind);
    if (c->is_started && mono_ms_between(c->stepped_at, c->now) > cluster_timeout_part(c, 2)) {
        emit_log(c, LOG_NOTICE, "this process stood still for %" PRId64 " ms",
                 mono_ms_between(c->stepped_at, c->now));
        failure_forgive_silence(c);
    }
    c->stepped_at = c->now;
    c->is_started = true;
}

static void end_stale_handshakes(struct cluster *c)
{
    int64_t limit_ms =
        c->config.node_timeout_ms > HANDSHAKE_MIN_MS ? c->config.node_timeout_ms : HANDSHAKE_MIN_MS;

    for (size_t i = c->nodes.count; i-- > 1;) {
        struct cluster_node *node = c->nodes.items[i];

        if (node->is_in_handshake && mono_ms_between(node->known_since, c->now) > limit_ms) {
            emit_log(c, node->is_to_meet ? LOG_NOTICE : LOG_VERBOSE,
                     "no handshake with %s:%u in time, giving it up", links_host(node),
                     node->address.bus_port);
            nodes_remove(c, node);
        }
    }
}

/* Our primary has become a replica itself: follow the one it follows. */
static void shorten_chain(struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    const struct cluster_node *top;

    if (primary == NULL || node_is_primary(primary) || facts_has_primary_left(c)) {
        return;
    }
    top = nodes_primary_of(c, primary);
    if (top != NULL && top != c->me && node_is_primary(top) && !top->is_in_handshake) {
        emit_log(c, LOG_NOTICE, "our primary is a replica now, following its primary %s",
                 top->id.text);
        role_follow(c, &top->id);
    }
}

static int64_t tick_interval_ms(const struct cluster *c)
{
    int64_t interval_ms = cluster_timeout_part(c, TICKS_PER_TIMEOUT);

    if (interval_ms < TICK_MIN_MS) {
        return TICK_MIN_MS;
    }
    return interval_ms > TICK_MAX_MS ? TICK_MAX_MS : interval_ms;
}

static void tick(struct cluster *c)
{
    ASSERT(c->out != NULL);
    ASSERT(c->file_written <= c->file_sequence);
    c->is_tick_wanted = false;
    c->next_tick_at = mono_add_ms(c->now, tick_interval_ms(c));
    data_update(c);
    end_stale_handshakes(c);
    if (c->is_secret_changed) {
        links_prove_again(c);
    }
    seeds_tick(c);
    for (size_t i = 1; i < c->nodes.count; i++) {
        links_tick(c, c->nodes.items[i]);
    }
    failure_tick(c);
    shorten_chain(c);
    manual_tick(c);
    council_side_tick(c);
    shard_tick(c);
    takeover_tick(c);
    orphans_tick(c);
    bus_tick(c);
}

static void give_out_role(struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    ASSERT(!c->is_promotion_due || !c->is_follow_due);
    if (c->is_promotion_due && c->file_written >= c->hold_sequence) {
        c->is_promotion_due = false;
        emit_become_primary(c);
        c->status.is_data_complete = c->status.is_data_complete && !c->doubts_data;
        c->drops_data = false;
        c->doubts_data = false;
    }
    if (c->is_follow_due && primary != NULL && !primary->is_in_handshake) {
        c->is_follow_due = false;
        emit_follow(c, primary);
    }
    if (c->is_routing_changed) {
        emit_slots_changed(c, c->loses_slots && node_is_primary(c->me));
        c->is_routing_changed = false;
        c->loses_slots = false;
    }
    ASSERT(!c->is_routing_changed);
}

static struct mono_time file_due_at(const struct cluster *c)
{
    return mono_is_before(c->file_due_at, c->file_retry_at) ? c->file_retry_at : c->file_due_at;
}

static void give_out_file(struct cluster *c)
{
    struct buf text = {0};

    if (!c->is_file_dirty || mono_is_before(c->now, file_due_at(c))) {
        return;
    }
    c->is_file_dirty = false;
    nodes_file_format(c, &text);
    emit_file(c, ++c->file_sequence, buf_bytes(&text));
    council_side_file_given(c, c->file_sequence);
    buf_deinit(&text);
    ASSERT(c->file_written < c->file_sequence);
}

static bool is_tick_due(const struct cluster *c)
{
    return c->is_tick_wanted || mono_is_due(c->next_tick_at, c->now) ||
           mono_is_due(takeover_wake_at(c), c->now);
}

void step_end(struct cluster *c)
{
    struct mono_time wake_at;

    ASSERT(c->out != NULL);
    lease_update(c);
    for (int i = 0; i < TICKS_PER_STEP_MAX && is_tick_due(c); i++) {
        tick(c);
    }
    council_side_settle(c);
    role_settle(c);
    manual_settle(c);
    takeover_settle(c);
    lease_update(c);
    failure_update_state(c);
    give_out_role(c);
    give_out_file(c);
    wake_at = mono_earlier(c->next_tick_at, council_side_wake_at(c));
    if (c->is_file_dirty) {
        wake_at = mono_earlier(wake_at, file_due_at(c));
    }
    ASSERT(c->me->config_epoch <= c->current_epoch);
    actions_end_step(c->out, c->is_tick_wanted || c->is_status_wanted ? c->now : wake_at);
    c->out = NULL;
    council_tidy(c->council, &c->me->shard);
#ifdef STARLING_DEBUG
    cluster_check(c);
#endif
}
