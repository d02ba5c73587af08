/* SPDX-License-Identifier: MIT */
/* CLUSTER subcommands.  Each refuses early, then changes the state between step_begin and
 * step_end, so that their consequences go out like those of an event. */
#include "cluster/admin.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/bus.h"
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

#define REFUSE(call, ...)                                                                          \
    do {                                                                                           \
        errmsg_set((call)->error, __VA_ARGS__);                                                    \
        return false;                                                                              \
    } while (0)

/* An operator does not wait for the next try to write the nodes file. */
static void begin(struct cluster *c, struct cluster_call *call)
{
    ASSERT(call->actions != NULL);
    ASSERT(c->out == NULL);
    step_begin(c, call->now, call->actions);
    c->file_retry_at = MONO_LONG_AGO;
    call->file_sequence = c->file_sequence;
}

static void end(struct cluster *c, struct cluster_call *call)
{
    ASSERT(c->out == call->actions);
    ASSERT(c->file_sequence >= call->file_sequence);
    step_end(c);
    call->file_sequence = c->file_sequence > call->file_sequence ? c->file_sequence : 0;
    ASSERT(c->out == NULL);
}

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
    begin(c, call);
    rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    ASSERT(address.ip[0] != '\0' || address.hostname[0] != '\0');
    ASSERT(nodes_find(c, &id) == NULL);
    node = nodes_add(c, &id, &address);
    if (node != NULL) {
        node->is_in_handshake = true;
        node->is_to_meet = true;
        c->is_tick_wanted = true;
    }
    end(c, call);
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
    begin(c, call);
    forgotten_note(c, &id, 1, mono_add_ms(c->now, CLUSTER_FORGOTTEN_MS));
    end(c, call);
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
    begin(c, call);
    forgotten_remove_node(c, node);
    ASSERT(c->nodes.count == count - 1);
    end(c, call);
    return true;
}

/* Who has let go of a slot is its owner in the table until somebody else is: it is free, unless it is on its way to another shard. */
static bool is_busy(const struct cluster *c, uint16_t slot)
{
    return c->owner[slot] != NULL && (!bitset_has(c->disowned, slot) || moves_is_given(c, slot));
}

/* Whose the slot is agreed to be, in another shard. */
static const struct cluster_node *find_keeper(const struct cluster *c, uint16_t slot)
{
    const struct shard_record *record = slots_find_agreed(c, slot);

    return record != NULL && !facts_is_primary_gone(c, record) ? nodes_find(c, &record->primary)
                                                               : NULL;
}

/* Behind "its primary has to give it up". */
static const char *what_else_helps(const struct cluster *c, const struct cluster_node *keeper)
{
    if (!failure_sees_majority(c)) {
        return ", and no majority of the council can be reached: should that be so for good, "
               "CLUSTER FAILOVER TAKEOVER";
    }
    return node_is_reachable(keeper)
               ? ""
               : ", or, should that one be gone for good, be removed (CLUSTER FORGET)";
}

/* What we know may be old: a member of the council tells what is newer, before the operator tries again. */
static void ask_for_record(struct cluster *c, struct cluster_call *call, uint16_t slot)
{
    const struct shard_record *record = slots_find_agreed(c, slot);
    const struct cluster_id shard = record->shard;

    begin(c, call);
    council_ask(c->council, c->now, &shard);
    end(c, call);
}

/* Slots may be assigned or unassigned only once in a call, and only where that changes it. */
static bool check_slots(struct cluster *c, struct cluster_call *call, const uint16_t *slots,
                        size_t count, bool is_adding)
{
    uint64_t seen[FRAME_SLOT_WORDS] = {0};

    ASSERT(slots != NULL || count == 0);
    for (size_t i = 0; i < count; i++) {
        const struct cluster_node *keeper;

        if (slots[i] >= SLOT_COUNT) {
            REFUSE(call, "Invalid or out of range slot");
        }
        if (is_adding && is_busy(c, slots[i])) {
            REFUSE(call, "Slot %u is already busy", slots[i]);
        }
        keeper = is_adding ? find_keeper(c, slots[i]) : NULL;
        if (keeper != NULL) {
            ask_for_record(c, call, slots[i]);
            REFUSE(call,
                   "Slot %u is agreed to be another shard's: its primary %s has to give it up%s",
                   slots[i], keeper->id.text, what_else_helps(c, keeper));
        }
        if (!is_adding && c->owner[slots[i]] == NULL) {
            REFUSE(call, "Slot %u is already unassigned", slots[i]);
        }
        if (ranges_have(c, slots[i])) {
            REFUSE(call, "Slot %u is on the move, see CLUSTER MIGRATION STATUS", slots[i]);
        }
        if (bitset_has(seen, slots[i])) {
            REFUSE(call, "Slot %u specified multiple times", slots[i]);
        }
        bitset_add(seen, slots[i]);
    }
    return true;
}

bool cluster_add_slots(struct cluster *cluster, struct cluster_call *call, const uint16_t *slots,
                       size_t count)
{
    struct cluster *c = cluster;

    if (!node_is_primary(c->me)) {
        REFUSE(call, "A replica cannot own slots");
    }
    if (c->config.is_arbiter) {
        REFUSE(call, "An arbiter cannot own slots (cluster-arbiter)");
    }
    if (!check_slots(c, call, slots, count, true)) {
        return false;
    }
    begin(c, call);
    for (size_t i = 0; i < count; i++) {
        slots_clear_move(c, slots[i]);
        slots_bind(c, slots[i], c->me);
    }
    ASSERT(c->me->slot_count >= count);
    bus_announce(c);
    end(c, call);
    return true;
}

bool cluster_del_slots(struct cluster *cluster, struct cluster_call *call, const uint16_t *slots,
                       size_t count)
{
    struct cluster *c = cluster;

    if (!check_slots(c, call, slots, count, false)) {
        return false;
    }
    ASSERT(count <= c->assigned_count);
    begin(c, call);
    for (size_t i = 0; i < count; i++) {
        slots_clear_move(c, slots[i]);
        slots_bind(c, slots[i], NULL);
    }
    bus_announce(c);
    end(c, call);
    return true;
}

bool cluster_flush_slots(struct cluster *cluster, struct cluster_call *call)
{
    struct cluster *c = cluster;

    if (call->has_keys) {
        REFUSE(call, "DB must be empty to perform CLUSTER FLUSHSLOTS.");
    }
    if (c->ranges.count > 0) {
        REFUSE(call, "Slots are on the move to or from this node, see CLUSTER MIGRATION STATUS");
    }
    begin(c, call);
    slots_unbind_all(c, c->me);
    ASSERT(c->me->slot_count == 0);
    bus_announce(c);
    end(c, call);
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
    begin(c, call);
    if (!cluster_id_equal(&c->me->primary, &node->id)) {
        role_follow(c, &node->id);
        bus_announce(c);
    }
    ASSERT(!node_is_primary(c->me));
    ASSERT(c->me->slot_count == 0);
    end(c, call);
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
        begin(c, call);
        seize_council(c);
        end(c, call);
        return true;
    }
    if (node_is_primary(c->me) && kind == CLUSTER_FAILOVER_TAKEOVER &&
        sync_set_find_witness(c) == SYNC_WITNESS_AWAITED && !facts_is_complete(c)) {
        begin(c, call);
        c->sync.is_overruled = true; /* what was acknowledged and is not here is given up */
        c->is_tick_wanted = true;
        end(c, call);
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
    begin(c, call);
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
    end(c, call);
    return true;
}

bool cluster_hand_over(struct cluster *cluster, struct cluster_call *call)
{
    const char *reason;

    begin(cluster, call);
    reason = manual_offer(cluster);
    end(cluster, call);
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
    begin(c, call);
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
    end(c, call);
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
    begin(c, call);
    role_set_config_epoch(c, (uint64_t)epoch);
    ASSERT(c->me->config_epoch <= c->current_epoch);
    end(c, call);
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
    begin(c, call);
    if (*out_is_bumped) {
        role_want_epoch(c, c->current_epoch + 1);
    }
    *out_epoch = c->own.epoch > c->me->config_epoch ? c->own.epoch : c->me->config_epoch;
    end(c, call);
    return true;
}

bool cluster_save_config(struct cluster *cluster, struct cluster_call *call)
{
    begin(cluster, call);
    nodes_changed(cluster);
    ASSERT(cluster->is_file_dirty);
    end(cluster, call);
    return true;
}

static bool check_setslot_node(struct cluster *c, struct cluster_call *call,
                               const struct cluster_node *node, uint16_t slot)
{
    ASSERT(slot < SLOT_COUNT);
    if (!node_is_primary(node)) {
        REFUSE(call, "Target node is not a master");
    }
    if (c->owner[slot] == c->me && node != c->me && call->has_keys) {
        REFUSE(call,
               "Can't assign hashslot %u to a different node while I still hold keys for "
               "this hash slot.",
               slot);
    }
    return true;
}

static bool check_setslot_move(struct cluster *c, struct cluster_call *call, uint16_t slot,
                               enum cluster_setslot_kind kind, const struct cluster_node *node)
{
    ASSERT(slot < SLOT_COUNT);
    if (kind == CLUSTER_SETSLOT_STABLE) {
        return true;
    }
    if (kind == CLUSTER_SETSLOT_MIGRATING && c->owner[slot] != c->me) {
        REFUSE(call, "I'm not the owner of hash slot %u", slot);
    }
    if (kind == CLUSTER_SETSLOT_IMPORTING && c->owner[slot] == c->me) {
        REFUSE(call, "I'm already the owner of hash slot %u", slot);
    }
    if (!node_is_primary(node)) {
        REFUSE(call, "Target node is not a master");
    }
    if (kind == CLUSTER_SETSLOT_MIGRATING && node == c->me) {
        REFUSE(call, "Can't migrate hash slot %u to myself", slot);
    }
    if (bitset_has(c->lost, slot) && call->has_keys) {
        REFUSE(call, "Keys that this node had of hash slot %u are still being removed, try again",
               slot);
    }
    return true;
}

/* The slot is ours from now on, when its owner gives it up. */
static void want_slot(struct cluster *c, uint16_t slot)
{
    struct slot_move move = {
        .slot = slot,
        .is_import = true,
        .is_taking = true,
        .until = mono_add_ms(c->now, CLUSTER_MANUAL_TIMEOUT_MS),
    };

    if (c->owner[slot] == c->me) {
        if (bitset_has(c->agreed, slot) || !slots_find_move(c, slot)) {
            slots_clear_move(
                c, slot); /* else it is about to be ours, and is served to who asks until then */
        }
    } else if (!moves_is_claimed(c, slot)) {
        moves_take(c, slot, c->owner[slot]);
    } else {
        move.peer = c->owner[slot]->id;
        slots_set_move(c, &move);
    }
}

/* It goes elsewhere; who gives it up says so until it is there.  Keys that came in before stay, and are told of as those of a slot on
 * the move, or nobody would look for them here. */
static void let_import_go(struct cluster *c, const struct slot_move *import,
                          const struct cluster_node *owner, bool has_keys)
{
    struct slot_move left = {.slot = import->slot, .is_import = true, .peer = owner->id};

    ASSERT(import->is_import);
    if (has_keys) {
        slots_set_move(c, &left);
    } else {
        slots_clear_move(c, left.slot);
    }
}

static void set_owner(struct cluster *c, uint16_t slot, struct cluster_node *node, bool has_keys)
{
    const struct slot_move *move = slots_find_move(c, slot);

    ASSERT(node_is_primary(node));
    if (node == c->me) {
        want_slot(c, slot);
    } else if (c->owner[slot] == c->me) {
        moves_give(c, slot, node);
    } else if (move != NULL && move->is_import) {
        let_import_go(c, move, node, has_keys);
    }
    bus_announce(c);
    c->is_tick_wanted = true;
}

static void settle(struct cluster *c, uint16_t slot, bool has_keys)
{
    const struct slot_move *move = slots_find_move(c, slot);

    if (move != NULL && move->is_import && has_keys && c->owner[slot] != c->me) {
        emit_log(c, LOG_WARNING,
                 "slot %u is said to be imported no longer, and keys of it are here: nobody is "
                 "sent there for them, starling-cli --cluster fix brings them to its owner",
                 slot);
    }
    slots_clear_move(c, slot);
}

bool cluster_set_slot(struct cluster *cluster, struct cluster_call *call, uint16_t slot,
                      enum cluster_setslot_kind kind, struct bytes id)
{
    struct cluster *c = cluster;
    struct cluster_node *node = nodes_find_text(c, id);
    struct slot_move move = {.slot = slot, .is_import = kind == CLUSTER_SETSLOT_IMPORTING};

    if (slot >= SLOT_COUNT) {
        REFUSE(call, "Invalid or out of range slot");
    }
    if (!node_is_primary(c->me)) {
        REFUSE(call, "Please use SETSLOT only with masters.");
    }
    if (kind != CLUSTER_SETSLOT_STABLE && (node == NULL || node->is_in_handshake)) {
        REFUSE(call, "I don't know about node %.*s", BYTES_ARGS(id));
    }
    if (ranges_have(c, slot)) {
        REFUSE(call, "Slot %u is on the move by itself, see CLUSTER MIGRATION STATUS", slot);
    }
    if (kind == CLUSTER_SETSLOT_IMPORTING ? c->config.is_arbiter
                                          : node != NULL && node->is_arbiter) {
        REFUSE(call, "An arbiter cannot own slots (cluster-arbiter)");
    }
    if (kind == CLUSTER_SETSLOT_NODE ? !check_setslot_node(c, call, node, slot)
                                     : !check_setslot_move(c, call, slot, kind, node)) {
        return false;
    }
    if (kind != CLUSTER_SETSLOT_STABLE && slots_find_move(c, slot) == NULL &&
        c->moves.count >= SHARD_MOVES_MAX) {
        REFUSE(call, "Too many slots on the move, %d at most at a time", SHARD_MOVES_MAX);
    }
    ASSERT(kind == CLUSTER_SETSLOT_STABLE || !node->is_in_handshake);
    begin(c, call);
    switch (kind) {
    case CLUSTER_SETSLOT_MIGRATING:
    case CLUSTER_SETSLOT_IMPORTING:
        move.peer = node->id;
        slots_set_move(c, &move);
        break;
    case CLUSTER_SETSLOT_STABLE:
        settle(c, slot, call->has_keys);
        break;
    case CLUSTER_SETSLOT_NODE:
        set_owner(c, slot, node, call->has_keys);
        break;
    }
    c->is_tick_wanted = true;
    end(c, call);
    return true;
}

bool cluster_slot_is_settled(const struct cluster *cluster, struct mono_time now, uint16_t slot,
                             struct bytes owner, uint64_t file_sequence)
{
    const struct cluster *c = cluster;
    const struct cluster_node *wanted = nodes_find_text(c, owner);
    const struct slot_move *move = slots_find_move(c, slot);

    ASSERT(slot < SLOT_COUNT);
    if (((move != NULL && move->is_import) || wanted == c->me) &&
        !(cluster_has_lease(c, now) && cluster_is_ok(c, now) && mono_is_due(c->rejoin_at, now))) {
        return false; /* a node that has just joined is not ok for a moment, once it has slots */
    }
    return c->file_written >= file_sequence && (wanted == NULL || c->owner[slot] == wanted) &&
           (move == NULL || !move->is_taking) && shard_is_settled(c);
}
