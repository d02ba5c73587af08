/* SPDX-License-Identifier: MIT */
/* Birth and death of a cluster core, and the one door: an event is handled, then what has
 * become due is done, then what has changed is given out. */
#include "cluster/cluster.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/mem.h"
#include "cluster/bus.h"
#include "cluster/election.h"
#include "cluster/emit.h"
#include "cluster/failure.h"
#include "cluster/lease.h"
#include "cluster/links.h"
#include "cluster/manual.h"
#include "cluster/nodes.h"
#include "cluster/nodes_file.h"
#include "cluster/receive.h"
#include "cluster/role.h"
#include "cluster/slots.h"
#include "cluster/step.h"
#include "cluster/vote.h"

#include <inttypes.h>

enum {
    TICKS_PER_TIMEOUT = 20,
    TICK_MIN_MS = 5,
    TICK_MAX_MS = 100,
    HANDSHAKE_MIN_MS = 1000,
    FILE_RETRY_MS = 500,
    TICKS_PER_STEP_MAX = 3,
};

static bool check_settings(const struct cluster_settings *s, struct errmsg *error)
{
    struct bytes ip = bytes_from_text(s->announce_ip != NULL ? s->announce_ip : "");
    struct bytes name = bytes_from_text(s->announce_hostname != NULL ? s->announce_hostname : "");

    if (ip.len > 0 && !cluster_ip_is_valid(ip)) {
        errmsg_set(error, "cluster-announce-ip is not an address");
        return false;
    }
    if (name.len > 0 && !cluster_hostname_is_valid(name)) {
        errmsg_set(error, "cluster-announce-hostname may have letters, digits, dots, hyphens and "
                          "underscores, and at most 255 of them");
        return false;
    }
    if (s->node_timeout_ms < CLUSTER_NODE_TIMEOUT_MIN_MS ||
        s->node_timeout_ms > CLUSTER_NODE_TIMEOUT_MAX_MS) {
        errmsg_set(error, "cluster-node-timeout must be between %d and %d ms",
                   CLUSTER_NODE_TIMEOUT_MIN_MS, CLUSTER_NODE_TIMEOUT_MAX_MS);
        return false;
    }
    return true;
}

static void adopt_settings(struct cluster *c, const struct cluster_settings *s)
{
    struct cluster_config *config = &c->config;

    bytes_to_text(bytes_from_text(s->announce_ip != NULL ? s->announce_ip : ""),
                  config->announce_ip, sizeof(config->announce_ip));
    bytes_to_text(bytes_from_text(s->announce_hostname != NULL ? s->announce_hostname : ""),
                  config->announce_hostname, sizeof(config->announce_hostname));
    config->node_timeout_ms = s->node_timeout_ms;
    config->require_full_coverage = s->require_full_coverage;
    config->allow_reads_when_down = s->allow_reads_when_down;
    config->replica_no_failover = s->replica_no_failover;
    config->replica_validity_factor = s->replica_validity_factor;
    config->replica_ping_period_ms = s->replica_ping_period_ms;
    config->preferred_endpoint = s->preferred_endpoint;
    buf_clear(&c->secret);
    buf_append_bytes(&c->secret, s->secret);
}

/* The ip is announced, or learned again from the others: an old one may no longer be ours. */
static void adopt_own_address(struct cluster *c, const struct cluster_settings *s)
{
    struct cluster_address *mine = &c->me->address;

    if (c->config.announce_ip[0] != '\0') {
        bytes_to_text(bytes_from_text(c->config.announce_ip), mine->ip, sizeof(mine->ip));
    }
    bytes_to_text(bytes_from_text(c->config.announce_hostname), mine->hostname,
                  sizeof(mine->hostname));
    mine->port = s->port;
    mine->bus_port = s->bus_port;
}

static bool begin_fresh(struct cluster *c, const struct cluster_options *options,
                        struct errmsg *error)
{
    struct cluster_id id = {0};

    if (options->node_id == NULL) {
        rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    } else if (!cluster_id_parse(bytes_from_text(options->node_id), &id)) {
        errmsg_set(error, "the node id must be 40 lower-case hex digits");
        return false;
    }
    c->me = nodes_add(c, &id, &(struct cluster_address){0});
    rng_hex(&c->rng, c->me->shard.text, CLUSTER_ID_LEN);
    nodes_changed(c);
    return true;
}

/* Promises were in memory, but not the votes: whom they were for may have a lease by them. */
static void remember_votes(struct cluster *c)
{
    c->forgot_at = c->now;
    for (size_t i = 0; i < c->nodes.count; i++) {
        if (node_contested_epoch(c->nodes.items[i]) != 0) {
            lease_block(c, c->nodes.items[i], c->config.node_timeout_ms);
        }
    }
}

static bool begin(struct cluster *c, const struct cluster_options *options, struct errmsg *error)
{
    if (!check_settings(&options->settings, error)) {
        return false;
    }
    adopt_settings(c, &options->settings);
    if (options->nodes_file.len == 0) {
        if (!begin_fresh(c, options, error)) {
            return false;
        }
    } else {
        if (!nodes_file_parse(c, options->nodes_file, error)) {
            return false;
        }
        c->is_restarted = true;
        remember_votes(c);
        c->is_file_dirty = false;
        c->me->address.ip[0] = '\0';
    }
    adopt_own_address(c, &options->settings);
    c->is_follow_due = !node_is_primary(c->me);
    c->loses_slots = false;
    return true;
}

struct cluster *cluster_new(const struct cluster_options *options, struct mono_time now,
                            struct errmsg *error)
{
    struct cluster *c = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*c));

    rng_init(&c->rng, options->seed);
    c->boot = rng_u64(&c->rng) | 1;
    c->now = now;
    c->started_at = now;
    c->took_over_at = MONO_LONG_AGO;
    c->forgot_at = MONO_LONG_AGO;
    c->stepped_at = now;
    c->next_tick_at = now;
    c->timeout_changed_at = MONO_LONG_AGO;
    c->refusal_logged_at = MONO_LONG_AGO;
    c->rejoin_at = MONO_LONG_AGO;
    c->file_retry_at = MONO_LONG_AGO;
    c->lease_end = MONO_LONG_AGO;
    c->is_lease_stale = true;
    c->is_tick_wanted = true;
    if (!begin(c, options, error)) {
        cluster_free(c);
        return NULL;
    }
    return c;
}

void cluster_free(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    links_free_all(cluster);
    nodes_free_all(cluster);
    VEC_DEINIT(&cluster->forgotten);
    VEC_DEINIT(&cluster->moves);
    buf_deinit(&cluster->secret);
    buf_deinit(&cluster->frame_bytes);
    mem_free(MEM_CLUSTER, cluster);
}

bool cluster_configure(struct cluster *cluster, const struct cluster_settings *settings,
                       struct errmsg *error)
{
    struct cluster *c = cluster;
    int64_t old_timeout_ms = c->config.node_timeout_ms;

    ASSERT(c->out == NULL);
    if (!check_settings(settings, error)) {
        return false;
    }
    adopt_settings(c, settings);
    adopt_own_address(c, settings);
    if (c->config.node_timeout_ms != old_timeout_ms) {
        c->timeout_changed_at = c->now;
    }
    c->is_routing_changed = true;
    nodes_changed(c);
    bus_announce(c);
    return true;
}

void step_begin(struct cluster *c, struct mono_time now, struct cluster_actions *actions)
{
    ASSERT(c->out == NULL);
    c->now = mono_is_before(now, c->now) ? c->now : now;
    c->out = actions;
    c->actions_at_start = actions->count;
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

    if (primary == NULL || node_is_primary(primary)) {
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
    c->is_tick_wanted = false;
    c->next_tick_at = mono_add_ms(c->now, tick_interval_ms(c));
    end_stale_handshakes(c);
    for (size_t i = 1; i < c->nodes.count; i++) {
        links_tick(c, c->nodes.items[i]);
    }
    failure_tick(c);
    shorten_chain(c);
    manual_tick(c);
    election_tick(c);
    bus_tick(c);
}

static void give_out_role(struct cluster *c)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    if (c->is_promotion_due && c->file_written >= c->hold_sequence) {
        c->is_promotion_due = false;
        emit_become_primary(c, c->drops_data);
        c->drops_data = false;
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
}

static void give_out_file(struct cluster *c)
{
    struct buf text = {0};

    if (!c->is_file_dirty || mono_is_before(c->now, c->file_retry_at)) {
        return;
    }
    c->is_file_dirty = false;
    nodes_file_format(c, &text);
    emit_file(c, ++c->file_sequence, buf_bytes(&text));
    buf_deinit(&text);
}

static bool is_tick_due(const struct cluster *c)
{
    return c->is_tick_wanted || mono_is_due(c->next_tick_at, c->now) ||
           mono_is_due(election_wake_at(c), c->now);
}

void step_end(struct cluster *c)
{
    struct mono_time wake_at;

    lease_update(c);
    for (int i = 0; i < TICKS_PER_STEP_MAX && is_tick_due(c); i++) {
        tick(c);
    }
    role_settle(c);
    lease_update(c);
    failure_update_state(c);
    give_out_role(c);
    give_out_file(c);
    wake_at = mono_earlier(c->next_tick_at, election_wake_at(c));
    if (c->is_file_dirty) {
        wake_at = mono_earlier(wake_at, c->file_retry_at);
    }
    c->out->wake_at = c->is_tick_wanted ? c->now : wake_at;
    c->out = NULL;
#ifdef STARLING_DEBUG
    cluster_check(c);
#endif
}

static void on_file_written(struct cluster *c, uint64_t sequence)
{
    if (sequence > c->file_written) {
        uint64_t awaited =
            c->hold_sequence > c->epoch_sequence ? c->hold_sequence : c->epoch_sequence;
        bool was_awaited = c->file_written < awaited;

        ASSERT(sequence <= c->file_sequence);
        c->file_written = sequence;
        if (was_awaited && sequence >= awaited) {
            bus_announce(c); /* what could not be said before */
        }
        election_on_saved(c);
        vote_on_saved(c);
    }
}

static void on_file_failed(struct cluster *c)
{
    c->is_file_dirty = true;
    c->file_retry_at = mono_add_ms(c->now, FILE_RETRY_MS);
}

static void on_link(struct cluster *c, const struct cluster_event *event)
{
    struct cluster_node *node = nodes_find_number(c, event->link.number);

    if (node == NULL || event->link.is_incoming) {
        return; /* forgotten meanwhile */
    }
    if (event->type == CLUSTER_EVENT_LINK_UP) {
        links_on_up(c, node, event->peer_ip);
    } else {
        links_on_down(c, node, event->reason);
    }
}

void cluster_step(struct cluster *cluster, struct mono_time now, const struct cluster_event *event,
                  struct cluster_actions *actions)
{
    struct cluster *c = cluster;

    step_begin(c, now, actions);
    switch (event->type) {
    case CLUSTER_EVENT_TICK:
        break;
    case CLUSTER_EVENT_LINK_UP:
    case CLUSTER_EVENT_LINK_DOWN:
        on_link(c, event);
        break;
    case CLUSTER_EVENT_FRAME:
        receive_frame(c, event);
        break;
    case CLUSTER_EVENT_INCOMING_CLOSED:
        links_drop_incoming(c, event->link.number);
        break;
    case CLUSTER_EVENT_FILE_WRITTEN:
        on_file_written(c, event->sequence);
        break;
    case CLUSTER_EVENT_FILE_FAILED:
        on_file_failed(c);
        break;
    case CLUSTER_EVENT_STATUS:
        c->status = *event->status;
        c->status.history[CLUSTER_HISTORY_LEN] = '\0';
        c->has_status = true;
        manual_on_status(c);
        break;
    }
    step_end(c);
}

uint64_t cluster_file_sequence(const struct cluster *cluster)
{
    return cluster->file_sequence;
}

void cluster_format_file(const struct cluster *cluster, struct buf *out)
{
    nodes_file_format(cluster, out);
}

const struct cluster_id *cluster_my_id(const struct cluster *cluster)
{
    return &cluster->me->id;
}

bool cluster_is_replica(const struct cluster *cluster)
{
    return !node_is_primary(cluster->me);
}

bool cluster_is_ok(const struct cluster *cluster, struct mono_time now)
{
    return cluster->is_map_ok && (!node_is_voter(cluster->me) || cluster_has_lease(cluster, now));
}

uint64_t cluster_current_epoch(const struct cluster *cluster)
{
    return cluster->current_epoch;
}

uint64_t cluster_my_epoch(const struct cluster *cluster)
{
    return cluster->me->config_epoch;
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

bool cluster_lost_slot(const struct cluster *cluster, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    return bitset_has(cluster->lost, slot);
}

bool cluster_holds_slot(const struct cluster *cluster, uint16_t slot)
{
    const struct cluster_node *owner = cluster->owner[slot];

    ASSERT(slot < SLOT_COUNT);
    return owner != NULL &&
           (owner == cluster->me || cluster_id_equal(&owner->id, &cluster->me->primary));
}

static void check_node(const struct cluster *c, const struct cluster_node *node)
{
    ASSERT(bitset_count(node->slots, FRAME_SLOT_WORDS) == node->slot_count);
    ASSERT(node->slot_count == 0 || node_is_primary(node));
    ASSERT(!node->is_in_handshake || (node != c->me && node->slot_count == 0));
    ASSERT(!node->is_failed || node != c->me);
    ASSERT(nodes_find(c, &node->id) == node);
    ASSERT(nodes_find_number(c, node->number) == node);
}

void cluster_check(const struct cluster *cluster)
{
    const struct cluster *c = cluster;
    uint32_t assigned = 0;

    ASSERT(c->nodes.count > 0 && c->nodes.items[0] == c->me);
    for (size_t i = 0; i < c->nodes.count; i++) {
        check_node(c, c->nodes.items[i]);
    }
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        const struct cluster_node *owner = c->owner[slot];

        assigned += owner != NULL ? 1 : 0;
        ASSERT(owner == NULL || bitset_has(owner->slots, slot));
        ASSERT(owner != NULL || !bitset_has(c->disowned, slot));
    }
    ASSERT(assigned == c->assigned_count);
    ASSERT(c->me->config_epoch <= c->current_epoch);
    ASSERT(c->last_vote_epoch <= c->current_epoch);
    ASSERT(c->file_written <= c->file_sequence);
}
