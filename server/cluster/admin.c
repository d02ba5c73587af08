/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands.  Each refuses early, then changes the state between step_begin and
 * step_end, so that their consequences go out like those of an event. */
#include "cluster/admin.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/bus.h"
#include "cluster/call.h"
#include "cluster/council_side.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/forgotten.h"
#include "cluster/manual.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/role.h"
#include "cluster/shard.h"
#include "cluster/slots.h"
#include "cluster/step.h"
#include "cluster/sync_set.h"
#include "cluster/takeover.h"

#include <inttypes.h>
#include <string.h>

static bool is_port(int64_t port)
{
    return port > 0 && port <= UINT16_MAX;
}

static bool is_being_met(const struct cluster *c, const struct cluster_address *address)
{
    ASSERT(address->port != 0 && address->bus_port != 0);
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node->is_in_handshake && node->is_to_meet &&
            cluster_address_equal(&node->address, address)) {
            return true;
        }
    }
    return false;
}

bool cluster_meet(struct cluster *cluster, struct cluster_call *call, struct bytes host,
                  int64_t port, int64_t bus_port)
{
    struct cluster *c = cluster;
    struct cluster_address address = {0};
    struct cluster_node *node = NULL;
    struct cluster_id id = {0};

    bus_port = bus_port != 0 || !is_port(port) ? bus_port : port + CLUSTER_BUS_PORT_OFFSET;
    if (!cluster_ip_parse(host, address.ip) && cluster_hostname_may_resolve(host)) {
        bytes_to_text(host, address.hostname, sizeof(address.hostname));
    }
    if ((address.ip[0] == '\0' && address.hostname[0] == '\0') || !is_port(port) ||
        !is_port(bus_port)) {
        REFUSE(call, "Invalid node address specified: %.*s:%" PRId64, BYTES_ARGS(host), port);
    }
    address.port = (uint16_t)port;
    address.bus_port = (uint16_t)bus_port;
    if (is_being_met(c, &address)) {
        return true;
    }
    call_begin(c, call);
    rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    ASSERT(address.ip[0] != '\0' || address.hostname[0] != '\0');
    ASSERT(nodes_find(c, &id) == NULL);
    node = nodes_add(c, &id, &address);
    if (node != NULL) {
        node->is_in_handshake = true;
        node->is_to_meet = true;
        c->is_tick_wanted = true;
    }
    call_end(c, call);
    if (node == NULL) {
        REFUSE(call, "The table of nodes is full (%d)", CLUSTER_NODES_MAX);
    }
    return true;
}

/* It is agreed to be the primary of our shard, and we have never met it. */
static bool is_unknown_primary(const struct cluster *c, const struct cluster_id *id)
{
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    return record != NULL && cluster_id_equal(&record->primary, id);
}

static bool forget_unknown(struct cluster *c, struct cluster_call *call, struct bytes text)
{
    struct cluster_id id;

    if (!cluster_id_parse(text, &id)) {
        REFUSE(call, "Unknown node %.*s", BYTES_ARGS(text));
    }
    if (!forgotten_may_learn(c, &id)) {
        return true; /* others have told of its removal before the operator came here */
    }
    if (!is_unknown_primary(c, &id)) {
        REFUSE(call, "Unknown node %.*s", BYTES_ARGS(text));
    }
    call_begin(c, call);
    forgotten_note_gone(c, &id);
    call_end(c, call);
    return true;
}

bool cluster_forget(struct cluster *cluster, struct cluster_call *call, struct bytes id)
{
    struct cluster *c = cluster;
    struct cluster_node *node = nodes_find_text(c, id);
    size_t count = c->nodes.count;

    if (node == NULL) {
        return forget_unknown(c, call, id);
    }
    if (node == c->me) {
        REFUSE(call, "I tried hard but I can't forget myself...");
    }
    if (cluster_id_equal(&c->me->primary, &node->id)) {
        REFUSE(call, "Can't forget my master!");
    }
    call_begin(c, call);
    forgotten_remove_node(c, node);
    ASSERT(c->nodes.count == count - 1);
    call_end(c, call);
    return true;
}

bool cluster_replicate(struct cluster *cluster, struct cluster_call *call, struct bytes id)
{
    struct cluster *c = cluster;
    struct cluster_node *node = nodes_find_text(c, id);

    if (node == NULL || node->is_in_handshake) {
        REFUSE(call, "Unknown node %.*s", BYTES_ARGS(id));
    }
    if (node == c->me) {
        REFUSE(call, "Can't replicate myself");
    }
    if (!node_is_primary(node)) {
        REFUSE(call, "I can only replicate a master, not a replica.");
    }
    if (c->config.is_arbiter || node->is_arbiter) {
        REFUSE(call, "%s (cluster-arbiter)",
               node->is_arbiter ? "I cannot replicate an arbiter, which has no data"
                                : "An arbiter replicates nobody");
    }
    if (node_is_primary(c->me) && (c->me->slot_count > 0 || call->has_keys)) {
        REFUSE(call, "To set a master the node must be empty and without assigned slots.");
    }
    if (c->ranges.count > 0) {
        REFUSE(call, "Slots are on the move to or from this node, see CLUSTER MIGRATION STATUS");
    }
    ASSERT(node != c->me);
    call_begin(c, call);
    if (!cluster_id_equal(&c->me->primary, &node->id)) {
        role_follow(c, &node->id);
        bus_announce(c);
    }
    ASSERT(!node_is_primary(c->me));
    ASSERT(c->me->slot_count == 0);
    call_end(c, call);
    return true;
}

/* The guarantees end here, so the log says that they do. */
static void seize_council(struct cluster *c)
{
    if (failure_sees_majority(c)) {
        return;
    }
    emit_log(
        c, LOG_WARNING,
        "TAKEOVER: no majority of the council can be reached, this node is the council from now "
        "on; should the others not be gone, two nodes may acknowledge writes for one slot");
    council_seize(c->council, c->now);
}

/* A primary that is left without a majority, and perhaps without a replica, can serve in no other way. */
static bool may_seize(const struct cluster *c)
{
    return node_owns_slots(c->me) && !failure_sees_majority(c);
}

/* In a planned take-over the primary waits until the replica has everything: only the others begin with what is here. */
static bool check_own_data(const struct cluster *c, struct cluster_call *call,
                           enum cluster_failover_kind kind)
{
    const char *why = kind == CLUSTER_FAILOVER_AGREED
                          ? NULL
                          : takeover_why_not(c, kind == CLUSTER_FAILOVER_TAKEOVER);

    if (why != NULL && takeover_why_not(c, true) == NULL) {
        REFUSE(call, "This replica cannot take over, its data %s: TAKEOVER does with what it has",
               why);
    }
    if (why != NULL) {
        REFUSE(call, "This replica cannot take over, its data %s", why);
    }
    return true;
}

static void tell_what_is_given_up(struct cluster *c)
{
    const char *why = takeover_why_not(c, false);

    if (why != NULL) {
        emit_log(
            c, LOG_WARNING,
            "TAKEOVER: the data of this replica %s: what the shard had beyond them is given up",
            why);
    }
}

bool cluster_failover(struct cluster *cluster, struct cluster_call *call,
                      enum cluster_failover_kind kind)
{
    struct cluster *c = cluster;
    const struct cluster_node *primary = nodes_primary_of(c, c->me);
    const struct cluster_node *better =
        facts_find_better_sibling(c, council_find(c->council, &c->me->shard), c->me);

    if (node_is_primary(c->me) && kind == CLUSTER_FAILOVER_TAKEOVER && may_seize(c)) {
        call_begin(c, call);
        seize_council(c);
        call_end(c, call);
        return true;
    }
    if (node_is_primary(c->me) && kind == CLUSTER_FAILOVER_TAKEOVER &&
        sync_set_find_witness(c) == SYNC_WITNESS_AWAITED && !facts_is_complete(c)) {
        call_begin(c, call);
        c->sync.is_overruled = true; /* what was acknowledged and is not here is given up */
        c->is_tick_wanted = true;
        call_end(c, call);
        return true;
    }
    if (node_is_primary(c->me)) {
        REFUSE(call, "You should send CLUSTER FAILOVER to a replica");
    }
    if (primary == NULL && kind != CLUSTER_FAILOVER_TAKEOVER) {
        REFUSE(call, "I'm a replica but my master is unknown to me: TAKEOVER does without it");
    }
    if (kind != CLUSTER_FAILOVER_TAKEOVER &&
        !sync_set_permits_us(c, council_find(c->council, &c->me->shard))) {
        REFUSE(call, "This replica is not of its shard's in-sync set (sync-replicas): it may lack "
                     "what was acknowledged");
    }
    if (kind == CLUSTER_FAILOVER_FORCE && better != NULL) {
        REFUSE(call,
               "Replica %s has more of the data: send it to that one, or TAKEOVER to this one",
               better->id.text);
    }
    if (kind == CLUSTER_FAILOVER_AGREED &&
        (primary->is_failed || primary->is_failing || primary->link != LINK_UP)) {
        REFUSE(call, "Master is down or failed, please use CLUSTER FAILOVER FORCE");
    }
    if (!check_own_data(c, call, kind)) {
        return false;
    }
    ASSERT(primary != c->me);
    ASSERT(c->me->slot_count == 0);
    call_begin(c, call);
    switch (kind) {
    case CLUSTER_FAILOVER_AGREED:
        manual_start(c);
        break;
    case CLUSTER_FAILOVER_FORCE:
        takeover_force(c, CLUSTER_MANUAL_TIMEOUT_MS, false);
        break;
    case CLUSTER_FAILOVER_TAKEOVER:
        tell_what_is_given_up(c);
        seize_council(c);
        takeover_force(c, CLUSTER_MANUAL_TIMEOUT_MS, true);
        break;
    }
    call_end(c, call);
    return true;
}

bool cluster_hand_over(struct cluster *cluster, struct cluster_call *call)
{
    const char *reason;

    call_begin(cluster, call);
    reason = manual_offer(cluster);
    call_end(cluster, call);
    if (reason != NULL) {
        REFUSE(call, "%s", reason);
    }
    return true;
}

static void forget_everybody(struct cluster *c)
{
    ASSERT(c->nodes.items[0] == c->me);
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        slots_clear_move(c, (uint16_t)slot);
        slots_bind(c, (uint16_t)slot, NULL);
    }
    while (c->nodes.count > 1) {
        nodes_remove(c, c->nodes.items[c->nodes.count - 1]);
    }
    ASSERT(c->assigned_count == 0 && c->moves.count == 0);
    ranges_forget(c);
    c->forgotten.count = 0;
}

bool cluster_reset(struct cluster *cluster, struct cluster_call *call, bool is_hard)
{
    struct cluster *c = cluster;
    bool was_replica = !node_is_primary(c->me);

    if (!was_replica && call->has_keys) {
        REFUSE(call, "CLUSTER RESET can't be called with master nodes containing keys");
    }
    call_begin(c, call);
    forget_everybody(c);
    if (was_replica) {
        nodes_set_primary(c, c->me);
        rng_hex(&c->rng, c->me->shard.text, CLUSTER_ID_LEN);
        c->is_follow_due = false;
        c->is_promotion_due = true;
        c->drops_data = true;
    }
    c->are_ranges_known = true; /* and there are none */
    if (is_hard) {
        struct cluster_id id = {0};

        rng_hex(&c->rng, c->me->shard.text, CLUSTER_ID_LEN);

        c->current_epoch = 0;
        c->me->config_epoch = 0;
        rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
        nodes_rename(c, c->me, &id);
    }
    c->had_majority = false;
    council_side_found(c);
    role_hold_until_saved(c);
    ASSERT(node_is_primary(c->me));
    ASSERT(c->nodes.count == 1 && c->me->slot_count == 0);
    call_end(c, call);
    return true;
}

bool cluster_set_config_epoch(struct cluster *cluster, struct cluster_call *call, int64_t epoch)
{
    struct cluster *c = cluster;

    if (epoch < 0) {
        REFUSE(call, "Invalid config epoch specified: %" PRId64, epoch);
    }
    if (c->nodes.count > 1) {
        REFUSE(call, "The user can assign a config epoch only when the node does not know any "
                     "other node.");
    }
    if (c->me->config_epoch != 0) {
        REFUSE(call, "Node config epoch is already non-zero");
    }
    ASSERT(c->nodes.items[0] == c->me);
    call_begin(c, call);
    role_set_config_epoch(c, (uint64_t)epoch);
    ASSERT(c->me->config_epoch <= c->current_epoch);
    call_end(c, call);
    return true;
}

bool cluster_bump_epoch(struct cluster *cluster, struct cluster_call *call, bool *out_is_bumped,
                        uint64_t *out_epoch)
{
    struct cluster *c = cluster;
    uint64_t greatest = 0;

    for (size_t i = 0; i < c->nodes.count; i++) {
        uint64_t epoch = c->nodes.items[i]->config_epoch;

        greatest = epoch > greatest ? epoch : greatest;
    }
    greatest = c->current_epoch > greatest ? c->current_epoch : greatest;
    *out_is_bumped = c->me->config_epoch == 0 || c->me->config_epoch != greatest;
    ASSERT(c->me->config_epoch <= greatest);
    call_begin(c, call);
    if (*out_is_bumped) {
        role_want_epoch(c, c->current_epoch + 1);
    }
    *out_epoch = c->own.epoch > c->me->config_epoch ? c->own.epoch : c->me->config_epoch;
    call_end(c, call);
    return true;
}

bool cluster_save_config(struct cluster *cluster, struct cluster_call *call)
{
    call_begin(cluster, call);
    nodes_changed(cluster);
    ASSERT(cluster->is_file_dirty);
    call_end(cluster, call);
    return true;
}
