/* SPDX-License-Identifier: MIT */
#include "cluster/range_admin.h"

#include "base/assert.h"
#include "cluster/call.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"
#include "cluster/range_facts.h"
#include "cluster/ranges.h"
#include "cluster/slots.h"
#include "cluster/state.h"
#include "cluster/step.h"

#include <string.h>

enum {
    ADOPTED_TIMEOUTS = 2, /* what the members know is heard within these */
};

static void begin(struct cluster *c, struct cluster_call *call)
{
    ASSERT(call->actions != NULL);
    step_begin(c, call->now, call->actions);
    call->file_sequence = c->file_sequence;
}

static void end(struct cluster *c, struct cluster_call *call)
{
    c->is_tick_wanted = true;
    c->is_routing_changed = true;
    call_end(c, call);
}

static const struct shard_record *record_of(const struct cluster *c, const struct cluster_id *shard)
{
    return council_is_agreed(c->council, shard) ? council_find(c->council, shard) : NULL;
}

/* ---- beginning ----------------------------------------------------------------------------------- */

/* Of the slots: who owns them all, and does nothing else move them? */
static bool check_slots(const struct cluster *c, struct cluster_call *call, const uint64_t *slots,
                        struct cluster_node **owner)
{
    *owner = NULL;
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        struct cluster_node *of_slot = c->owner[slot];

        if (of_slot == NULL) {
            REFUSE(call, "slot has no owner: %zu", slot);
        }
        if (*owner != NULL && of_slot != *owner) {
            REFUSE(call, "slots belong to different source nodes");
        }
        *owner = of_slot;
        if (bitset_has(c->moving, slot) || ranges_have(c, (uint16_t)slot)) {
            REFUSE(call, "I am already migrating slot %zu.", slot);
        }
    }
    if (*owner == NULL) {
        REFUSE(call, "No slots are named");
    }
    return true;
}

/* A move that begins makes ours what stands in the record: not before we know it all. */
static bool check_room(const struct cluster *c, struct cluster_call *call)
{
    if (!node_is_primary(c->me)) {
        REFUSE(call, "Slot migration can only be used on primary nodes.");
    }
    if (!c->are_ranges_known && council_find(c->council, &c->me->shard) != NULL) {
        REFUSE(call, "What was agreed of this shard's slots is not known yet, try again");
    }
    if (c->ranges.count == SHARD_RANGES_MAX) {
        REFUSE(call, "Too many moves at a time, %d at most of a shard", SHARD_RANGES_MAX);
    }
    return true;
}

static void add(struct cluster *c, const struct shard_range *range)
{
    ASSERT(c->ranges.count < SHARD_RANGES_MAX);
    c->ranges.items[c->ranges.count++] = *range;
    c->are_ranges_known = true;
}

static bool make_range(struct cluster *c, struct cluster_call *call, const uint64_t *slots,
                       const struct cluster_node *peer, struct shard_range *range)
{
    if (cluster_id_equal(&peer->shard, &c->me->shard)) {
        REFUSE(call, "Both nodes are of the same shard");
    }
    if (peer->is_arbiter || c->config.is_arbiter) {
        REFUSE(call, "An arbiter cannot own slots (cluster-arbiter)");
    }
    if (!shard_range_set_slots(range, slots)) {
        REFUSE(call, "Too many ranges of slots in one move, %d at most", SLOT_RUNS_MAX);
    }
    rng_hex(&c->rng, range->id.text, CLUSTER_ID_LEN);
    range->shard = peer->shard;
    range->node = peer->id;
    return true;
}

static bool check_unlost(const struct cluster *c, struct cluster_call *call, const uint64_t *slots)
{
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        if (call->has_keys && (slots[i] & c->lost[i]) != 0) {
            REFUSE(call,
                   "Keys that this node had of these slots are still being removed, try again");
        }
    }
    return true;
}

bool cluster_import_slots(struct cluster *cluster, struct cluster_call *call, const uint64_t *slots,
                          struct cluster_id *out_id)
{
    struct cluster *c = cluster;
    struct shard_range range = {.kind = SHARD_RANGE_IN};
    struct cluster_node *owner;

    if (!check_room(c, call) || !check_slots(c, call, slots, &owner)) {
        return false;
    }
    if (owner == c->me) {
        REFUSE(call, "this node is already the owner of the slot range");
    }
    if (!check_unlost(c, call, slots) || !make_range(c, call, slots, owner, &range)) {
        return false;
    }
    begin(c, call);
    add(c, &range);
    *out_id = range.id;
    end(c, call);
    return true;
}

bool cluster_export_slots(struct cluster *cluster, struct cluster_call *call, const uint64_t *slots,
                          struct bytes id, struct cluster_id *out_id)
{
    struct cluster *c = cluster;
    struct shard_range range = {.kind = SHARD_RANGE_OUT};
    struct cluster_node *target = nodes_find_text(c, id);
    struct cluster_node *owner;

    if (!check_room(c, call)) {
        return false;
    }
    if (target == NULL || target->is_in_handshake) {
        REFUSE(call, "Unknown node name: %.*s",
               BYTES_ARGS(bytes_prefix(id, id.len < 64 ? id.len : 64)));
    }
    if (target == c->me) {
        REFUSE(call, "Target node can not be this node.");
    }
    if (!node_is_primary(target)) {
        REFUSE(call, "Target node is not a master");
    }
    if (!check_slots(c, call, slots, &owner)) {
        return false;
    }
    if (owner != c->me) {
        REFUSE(call, "Slots are not served by this node.");
    }
    if (!make_range(c, call, slots, target, &range)) {
        return false;
    }
    add(c, &range);
    *out_id = range.id;
    return true;
}

void cluster_begin_exports(struct cluster *cluster, struct cluster_call *call)
{
    begin(cluster, call);
    end(cluster, call);
}

void cluster_drop_export(struct cluster *cluster, const struct cluster_id *id)
{
    const struct cluster_id dropped = *id;

    ASSERT(shard_ranges_find(&cluster->ranges, id) != NULL);
    shard_ranges_remove(&cluster->ranges, &dropped);
}

/* ---- ending -------------------------------------------------------------------------------------- */

bool cluster_end_range(struct cluster *cluster, struct cluster_call *call,
                       const struct cluster_id *id)
{
    struct cluster *c = cluster;
    const struct shard_range *range = shard_ranges_find(&c->ranges, id);
    const struct cluster_id ended = *id; /* it may be the range's own */

    if (range == NULL || range->kind == SHARD_RANGE_GIVEN) {
        REFUSE(call, range == NULL ? "No such move" : "The slots were given already");
    }
    begin(c, call);
    shard_ranges_remove(&c->ranges, &ended);
    c->ended_ranges[c->ended_next++ % RANGES_ENDED_MAX] = ended;
    end(c, call);
    return true;
}

static bool check_untaken(const struct cluster *c, struct cluster_call *call,
                          const struct shard_range *range)
{
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        if (shard_range_has(range, (uint16_t)slot) &&
            slots_find_agreed(c, (uint16_t)slot) != NULL) {
            REFUSE(call, "slot %u is agreed to be another shard's", slot);
        }
    }
    return true;
}

static bool is_given_by_record(const struct cluster *c, const struct cluster_id *id)
{
    const struct shard_record *own = record_of(c, &c->me->shard);
    const struct shard_range *agreed = own != NULL ? shard_ranges_find(&own->ranges, id) : NULL;

    return agreed != NULL && agreed->kind == SHARD_RANGE_GIVEN &&
           cluster_id_equal(&own->primary, &c->me->id);
}

bool cluster_take_back_range(struct cluster *cluster, struct cluster_call *call,
                             const struct cluster_id *id)
{
    struct cluster *c = cluster;
    const struct shard_range *range = shard_ranges_find(&c->ranges, id);

    if (range == NULL || range->kind != SHARD_RANGE_GIVEN) {
        REFUSE(call, "No such move that was given");
    }
    if (!facts_is_shard_gone(c, &range->shard)) {
        REFUSE(call,
               "nodes of shard %s are left, which takes them: should all of them be gone for "
               "good, wait until they are found failed, or CLUSTER FORGET them here",
               range->shard.text);
    }
    if (!is_given_by_record(c, id)) {
        REFUSE(call, "that they were given is not agreed yet, try again");
    }
    if (!cluster_id_is_none(&c->own.back_from) &&
        !cluster_id_equal(&c->own.back_from, &range->shard)) {
        REFUSE(call, "others are being taken back from shard %s, try again", c->own.back_from.text);
    }
    if (!check_untaken(c, call, range)) {
        return false;
    }
    begin(c, call);
    ranges_take_back(c, range);
    end(c, call);
    return true;
}

/* ---- giving -------------------------------------------------------------------------------------- */

static bool are_served(const struct cluster *c, const struct cluster_id *id, const uint64_t *slots)
{
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        const struct shard_range *range = shard_ranges_of_slot(&c->ranges, (uint16_t)slot);

        if (c->owner[slot] != c->me || !bitset_has(c->agreed, slot) ||
            bitset_has(c->moving, slot) || (range != NULL && !cluster_id_equal(&range->id, id))) {
            return false;
        }
    }
    return true;
}

bool cluster_check_giving(const struct cluster *cluster, struct cluster_call *call,
                          const struct cluster_id *id, const struct cluster_id *taker,
                          const uint64_t *slots, struct shard_range *out)
{
    const struct cluster *c = cluster;
    const struct cluster_node *node = nodes_find(c, taker);
    const struct shard_range *known = shard_ranges_find(&c->ranges, id);

    if (node == NULL || node->is_in_handshake || !node_is_primary(node) || node == c->me) {
        REFUSE(call, "the receiver is not known here as a primary");
    }
    if (!node_is_primary(c->me) || !cluster_has_lease(c, call->now)) {
        REFUSE(call, "this node does not serve as a primary just now");
    }
    if (!are_served(c, id, slots)) {
        REFUSE(call, "the slots are not all served here, or move otherwise");
    }
    if (known == NULL && ranges_has_ended(c, id)) {
        REFUSE(call, "the move was cancelled");
    }
    if (known == NULL && c->ranges.count == SHARD_RANGES_MAX) {
        REFUSE(call, "too many moves at a time, %d at most of a shard", SHARD_RANGES_MAX);
    }
    *out = (struct shard_range){
        .id = *id, .kind = SHARD_RANGE_GIVEN, .shard = node->shard, .node = node->id};
    if (!shard_range_set_slots(out, slots)) {
        REFUSE(call, "too many ranges of slots");
    }
    return true;
}

bool cluster_give_range(struct cluster *cluster, struct cluster_call *call,
                        const struct shard_range *range)
{
    struct cluster *c = cluster;
    struct cluster_node *taker = nodes_find(c, &range->node);
    uint64_t slots[FRAME_SLOT_WORDS] = {0};
    struct shard_range given;

    shard_range_add_to(range, slots);
    if (!cluster_check_giving(c, call, &range->id, &range->node, slots, &given)) {
        return false;
    }
    begin(c, call);
    ranges_give(c, &given, taker);
    end(c, call);
    return true;
}

/* ---- what is told -------------------------------------------------------------------------------- */

size_t cluster_range_count(const struct cluster *cluster)
{
    return cluster->ranges.count;
}

/* After a start, or a take-over, what is known of another shard may be from before it asked for the move. */
static bool may_be_old(const struct cluster *c)
{
    return mono_is_before(
        c->now, mono_add_ms(c->ranges_adopted_at, ADOPTED_TIMEOUTS * c->config.node_timeout_ms));
}

static enum cluster_range_word word_of(const struct cluster *c, const struct shard_range *range)
{
    const struct shard_record *record = record_of(c, &range->shard);
    const struct shard_range *theirs;

    if (record == NULL) {
        return CLUSTER_RANGE_UNKNOWN;
    }
    theirs = shard_ranges_find(&record->ranges, &range->id);
    if (theirs == NULL) {
        return may_be_old(c) ? CLUSTER_RANGE_UNKNOWN : CLUSTER_RANGE_ABSENT;
    }
    return theirs->kind == SHARD_RANGE_GIVEN ? CLUSTER_RANGE_GIVEN : CLUSTER_RANGE_ASKED_FOR;
}

static const struct cluster_node *peer_of(const struct cluster *c, const struct shard_range *range)
{
    const struct shard_record *record = council_find(c->council, &range->shard);
    const struct cluster_node *node =
        nodes_find(c, record != NULL ? &record->primary : &range->node);

    return node != NULL && !node->is_in_handshake ? node : NULL;
}

void cluster_range_at(const struct cluster *cluster, size_t index, struct cluster_range_view *out)
{
    const struct cluster *c = cluster;
    const struct shard_range *range = &c->ranges.items[index];
    const struct shard_record *own = record_of(c, &c->me->shard);
    const struct shard_range *agreed =
        own != NULL ? shard_ranges_find(&own->ranges, &range->id) : NULL;
    const struct cluster_node *peer = peer_of(c, range);

    ASSERT(index < c->ranges.count);
    *out = (struct cluster_range_view){
        .range = range,
        .is_agreed = agreed != NULL && agreed->kind == range->kind &&
                     cluster_id_equal(&own->primary, &c->me->id),
        .word = word_of(c, range),
        .is_peer_known = peer != NULL,
        .is_peer_down = peer == NULL || peer->is_failed,
    };
    if (peer != NULL) {
        const char *host = peer->address.ip[0] != '\0' ? peer->address.ip : peer->address.hostname;

        out->peer = peer->id;
        out->port = peer->address.port;
        bytes_to_text(bytes_from_text(host), out->host, sizeof(out->host));
    }
}

bool cluster_has_given(const struct cluster *cluster, const struct cluster_id *id)
{
    const struct shard_range *range = shard_ranges_find(&cluster->ranges, id);

    return range != NULL && range->kind == SHARD_RANGE_GIVEN;
}

bool cluster_has_ended(const struct cluster *cluster, const struct cluster_id *id)
{
    const struct cluster *c = cluster;
    const struct shard_record *own = record_of(c, &c->me->shard);

    return shard_ranges_find(&c->ranges, id) == NULL && own != NULL &&
           shard_ranges_find(&own->ranges, id) == NULL;
}

bool cluster_is_importing(const struct cluster *cluster)
{
    for (size_t i = 0; i < cluster->ranges.count; i++) {
        if (shard_range_is_import(&cluster->ranges.items[i])) {
            return true;
        }
    }
    return false;
}

static void add_hidden(const struct shard_ranges *ranges, const uint64_t *but, uint64_t *out)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (ranges->items[i].kind != SHARD_RANGE_OUT) {
            shard_range_add_to(&ranges->items[i], out);
        }
    }
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        out[i] &= ~but[i];
    }
}

void cluster_hidden_slots(const struct cluster *cluster, uint64_t *out)
{
    const struct cluster *c = cluster;
    const struct shard_record *record = council_find(c->council, &c->me->shard);

    if (node_is_primary(c->me) && (c->ranges.count > 0 || c->are_ranges_known)) {
        add_hidden(&c->ranges, c->me->slots, out);
    } else if (record != NULL) {
        add_hidden(&record->ranges, record->slots, out);
    }
}

bool cluster_given_slots(const struct cluster *cluster, uint64_t *out)
{
    bool any = false;

    for (size_t i = 0; i < cluster->ranges.count; i++) {
        if (cluster->ranges.items[i].kind == SHARD_RANGE_GIVEN) {
            shard_range_add_to(&cluster->ranges.items[i], out);
            any = true;
        }
    }
    return any;
}

bool cluster_awaits_slots(const struct cluster *cluster, struct mono_time now)
{
    return (cluster->has_taken || cluster->ranges.count > 0) &&
           mono_is_before(now, cluster->await_until);
}
