/* SPDX-License-Identifier: MIT */
/* Of admin.h: the subcommands that say whose a slot is. */
#include "cluster/admin.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "cluster/bus.h"
#include "cluster/call.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/role.h"
#include "cluster/shard.h"
#include "cluster/slots.h"

#include <string.h>

/* Neither can take it any more. */
static bool are_both_gone(const struct cluster *c, const struct slot_giving *giving)
{
    return giving->is_taker_gone && giving->giver != c->me &&
           facts_is_shard_gone(c, &giving->giver->shard);
}

static bool refuse_given(struct cluster_call *call, uint16_t slot, const struct slot_giving *giving,
                         const char *what)
{
    const char *giver = giving->giver->id.text;

    if (!giving->is_taker_gone) {
        REFUSE(call,
               "Slot %u is %s: node %s has given it to another shard, which takes it; should all "
               "nodes of that one be gone for good, wait until they are found failed, or CLUSTER "
               "FORGET them",
               slot, what, giver);
    }
    if (giving->is_by_hand) {
        REFUSE(call,
               "Slot %u is %s: it was given to a shard that is gone before that took it, CLUSTER "
               "SETSLOT %u NODE %s at that node takes it back",
               slot, what, slot, giver);
    }
    REFUSE(call,
           "Slot %u is %s: it was given to a shard that is gone before that took it, CLUSTER "
           "CANCELSLOTMIGRATIONS at node %s takes it back",
           slot, what, giver);
}

/* Who has let go of a slot is its owner in the table until somebody else is: it is free, unless it is on its way to another shard. */
static bool check_free(const struct cluster *c, struct cluster_call *call, uint16_t slot)
{
    struct slot_giving giving;
    bool is_given = c->owner[slot] != NULL && moves_find_giving(c, slot, &giving);

    if (is_given && !are_both_gone(c, &giving)) {
        return refuse_given(call, slot, &giving, "already busy");
    }
    if (c->owner[slot] != NULL && !is_given && !bitset_has(c->disowned, slot)) {
        REFUSE(call, "Slot %u is already busy", slot);
    }
    return true;
}

static bool refuse_moving(const struct cluster *c, struct cluster_call *call, uint16_t slot)
{
    struct slot_giving giving;

    if (moves_find_giving(c, slot, &giving) && giving.giver == c->me && giving.is_taker_gone) {
        return refuse_given(call, slot, &giving, "on the move");
    }
    REFUSE(call, "Slot %u is on the move, see CLUSTER MIGRATION STATUS", slot);
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

    call_begin(c, call);
    council_ask(c->council, c->now, &shard);
    call_end(c, call);
}

/* A range is over at its giver when a record has its slots and no key is left there: until then our record is to have them, or that of
 * a third one. */
static bool check_arrived(const struct cluster *c, struct cluster_call *call,
                          const struct cluster_id *from, const uint64_t *slots)
{
    uint64_t arrived[FRAME_SLOT_WORDS] = {0};

    ranges_add_arrived(c, from, arrived);
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        if (c->owner[slot] == c->me && bitset_has(arrived, slot)) {
            REFUSE(call,
                   "Keys of slot %zu, which has come to this node a moment ago, are still being "
                   "removed where it was: try again, or, should that shard be gone for good, "
                   "behind CLUSTER FORGET of its nodes",
                   slot);
        }
    }
    return true;
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
        if (is_adding && !check_free(c, call, slots[i])) {
            return false;
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
            return refuse_moving(c, call, slots[i]);
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
    call_begin(c, call);
    for (size_t i = 0; i < count; i++) {
        slots_clear_move(c, slots[i]);
        slots_bind(c, slots[i], c->me);
    }
    ASSERT(c->me->slot_count >= count);
    bus_announce(c);
    call_end(c, call);
    return true;
}

bool cluster_del_slots(struct cluster *cluster, struct cluster_call *call, const uint16_t *slots,
                       size_t count)
{
    struct cluster *c = cluster;
    uint64_t declined[FRAME_SLOT_WORDS] = {0};

    if (!check_slots(c, call, slots, count, false)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (c->owner[slots[i]] == c->me) {
            bitset_add(declined, slots[i]);
        }
    }
    if (!check_arrived(c, call, NULL, declined)) {
        return false;
    }
    ASSERT(count <= c->assigned_count);
    call_begin(c, call);
    for (size_t i = 0; i < count; i++) {
        slots_clear_move(c, slots[i]);
        slots_bind(c, slots[i], NULL);
    }
    moves_decline(c, declined);
    bus_announce(c);
    call_end(c, call);
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
    if (!check_arrived(c, call, NULL, c->me->slots)) {
        return false;
    }
    call_begin(c, call);
    moves_decline(c, c->me->slots);
    slots_unbind_all(c, c->me);
    ASSERT(c->me->slot_count == 0);
    bus_announce(c);
    call_end(c, call);
    return true;
}

/* ---- SETSLOT -------------------------------------------------------------------------------------- */

static bool check_setslot_node(struct cluster *c, struct cluster_call *call,
                               const struct cluster_node *node, uint16_t slot)
{
    uint64_t slots[FRAME_SLOT_WORDS] = {0};

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
    bitset_add(slots, slot);
    return check_arrived(c, call, &node->shard, slots);
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

/* Members may know it as that of a shard that is gone (keeper.h). */
static void note_taken_back(struct cluster *c, uint16_t slot)
{
    struct slot_giving giving;

    if (c->owner[slot] != NULL && moves_find_giving(c, slot, &giving) && giving.giver == c->me &&
        giving.is_taker_gone) {
        c->own.back_from = c->owner[slot]->shard;
    }
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
        note_taken_back(c, slot);
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
    if (move != NULL && !move->is_import && c->owner[slot] != c->me && !moves_is_claimed(c, slot)) {
        return; /* it was given: without a word of that nobody would have it */
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
        return refuse_moving(c, call, slot);
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
    call_begin(c, call);
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
    call_end(c, call);
    return true;
}

/* A node that has just joined does not, for a moment, once it has slots.  Where slots have no owner nobody does, and tools that are
 * to give them one bring to their end first what is on the move. */
static bool serves_or_would(const struct cluster *c, struct mono_time now)
{
    return cluster_has_lease(c, now) && mono_is_due(c->rejoin_at, now) &&
           (cluster_is_ok(c, now) || failure_only_lacks_slots(c, now));
}

bool cluster_slot_is_settled(const struct cluster *cluster, struct mono_time now, uint16_t slot,
                             struct bytes owner, uint64_t file_sequence)
{
    const struct cluster *c = cluster;
    const struct cluster_node *wanted = nodes_find_text(c, owner);
    const struct slot_move *move = slots_find_move(c, slot);

    ASSERT(slot < SLOT_COUNT);
    if (((move != NULL && move->is_import) || wanted == c->me) && !serves_or_would(c, now)) {
        return false;
    }
    return c->file_written >= file_sequence && (wanted == NULL || c->owner[slot] == wanted) &&
           (move == NULL || !move->is_taking) && shard_is_settled(c);
}
