/* SPDX-License-Identifier: MIT */
/* Frames are filled from the state, encoded into a scratch buffer and handed out as actions.
 * Every frame carries what the sender is and owns, so that each of them is also a heartbeat. */
#include "cluster/bus.h"

#include "base/assert.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/gossip.h"
#include "cluster/links.h"
#include "cluster/nodes.h"
#include "cluster/pace.h"
#include "cluster/slots.h"
#include "cluster/sync_set.h"

#include <string.h>

enum {
    TURNS_LATE_PARTS =
        5, /* of a node timeout: what should have been said longer ago is not made up for */
};

static bool has_bits(const uint64_t *words)
{
    uint64_t any = 0;

    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        any |= words[i];
    }
    return any != 0;
}

static void fill_slots(struct frame *frame, const uint64_t *slots)
{
    memcpy(frame->slots, slots, sizeof(frame->slots));
    frame->flags |= has_bits(slots) ? FRAME_HAS_SLOTS : 0;
}

static uint16_t own_flags(const struct cluster *c)
{
    uint32_t flags = 0;

    flags |= node_is_primary(c->me) ? FRAME_PRIMARY : 0;
    flags |= c->config.is_arbiter ? FRAME_ARBITER : 0;
    flags |= c->config.replica_no_failover ? FRAME_NO_FAILOVER : 0;
    flags |= cluster_is_ok(c, c->now) ? FRAME_STATE_OK : 0;
    flags |= facts_is_complete(c) ? FRAME_COMPLETE : 0;
    flags |= facts_is_eligible(c) && sync_set_permits_us(c, council_find(c->council, &c->me->shard))
                 ? FRAME_ELIGIBLE
                 : 0;
    flags |= c->status.is_loading ? FRAME_LOADING : 0;
    ASSERT(flags <= UINT16_MAX);
    return (uint16_t)flags;
}

/* Everything that all frames say; without a body. */
static void fill(struct cluster *c, enum frame_type type, struct frame *frame)
{
    const struct cluster_node *primary = nodes_primary_of(c, c->me);

    ASSERT(type > 0 && type < FRAME_TYPE_END);
    ASSERT(c->start != 0);
    frame->type = type;
    frame->flags = own_flags(c);
    frame->sender = c->me->id;
    frame->shard = c->me->shard;
    frame->primary = c->me->primary;
    frame->start = c->start;
    frame->sequence = ++c->sequence;
    frame->current_epoch = c->current_epoch;
    frame->config_epoch = (primary != NULL ? primary : c->me)->config_epoch;
    frame->data = facts_own_data(c);
    frame->flags |= frame->data.ancestor_count > 0 ? FRAME_HAS_ANCESTORS : 0;
    frame->sent_us = c->now.us;
    frame->echo_us = 0;
    frame->timeout_ms = (uint32_t)c->config.node_timeout_ms;
    frame->hint = council_get_hint(c->council);
    frame->address = c->me->address;
    bytes_to_text(bytes_from_text(c->config.announce_ip), frame->address.ip,
                  sizeof(frame->address.ip));
    frame->subject = (struct cluster_id){0};
    frame->subject_epoch = 0;
    frame->body = (struct bytes){0};
    fill_slots(frame, c->me->slots);
}

/* What frames would say is not on disk yet: invariant (5) of state.h. */
static bool is_held(const struct cluster *c)
{
    ASSERT(c->file_written <= c->file_sequence);
    return c->file_written < c->hold_sequence;
}

static void send(struct cluster *c, struct cluster_link link, const struct frame *frame)
{
    struct proof *proof;

    ASSERT(frame_makes_sense(frame));
    ASSERT(cluster_id_equal(&frame->sender, &c->me->id));
    if (is_held(c)) {
        return;
    }
    proof = links_proof(c, link);
    if (proof == NULL) {
        return; /* closed meanwhile, or proven to nobody */
    }
    buf_clear(&c->frame_bytes);
    frame_encode(frame, &c->frame_bytes);
    proof_seal(proof, &c->frame_bytes, 0);
    c->sent[frame->type]++;
    c->stats.sent_bytes += c->frame_bytes.len;
    emit_send(c, link, buf_bytes(&c->frame_bytes));
}

static struct cluster_link link_to(const struct cluster_node *node)
{
    return (struct cluster_link){.number = node->number};
}

static void add_gossip(struct cluster *c, const struct cluster_node *node)
{
    uint32_t flags = node_is_primary(node) ? GOSSIP_PRIMARY : GOSSIP_REPLICA;
    struct gossip_entry entry = {
        .id = node->id,
        .address = node->address,
    };

    ASSERT(c->body_bytes.len > 0);
    ASSERT(!node->is_in_handshake);
    flags |= node->is_failing ? GOSSIP_FAILING : 0;
    flags |= node->is_failed ? GOSSIP_FAILED : 0;
    entry.flags = (uint16_t)flags;
    gossip_add(&c->body_bytes, &entry);
}

static bool is_gossip_about(const struct cluster *c, const struct cluster_node *node,
                            const struct cluster_node *receiver)
{
    return node != c->me && node != receiver && !node->is_in_handshake;
}

/* Failing nodes first, for they are urgent; then others, each frame going on where the last one ended.
 * receiver may be NULL. */
static void fill_gossip(struct cluster *c, const struct cluster_node *receiver, struct frame *frame)
{
    size_t wanted = pace_gossip_count(c);
    size_t visited = 0;
    size_t told = 0;

    buf_clear(&c->body_bytes);
    gossip_begin(&c->body_bytes);
    for (size_t i = 0; i < c->ailing.count && told < GOSSIP_ENTRIES_MAX / 2; i++) {
        const struct cluster_node *node = c->ailing.items[i];

        if (is_gossip_about(c, node, receiver)) {
            add_gossip(c, node);
            told++;
        }
    }
    wanted += told;
    while (visited < c->nodes.count && told < GOSSIP_ENTRIES_MAX && told < wanted) {
        const struct cluster_node *node = c->nodes.items[c->gossip_cursor++ % c->nodes.count];

        visited++;
        if (is_gossip_about(c, node, receiver) && node_is_reachable(node)) {
            add_gossip(c, node);
            told++;
        }
    }
    frame->body = buf_bytes(&c->body_bytes);
    ASSERT(told <= GOSSIP_ENTRIES_MAX);
    ASSERT(gossip_count(frame->body) == told);
}

static uint64_t own_slots_hash(struct cluster *c)
{
    if (c->own_slots_hash == 0) {
        c->own_slots_hash = slots_hash(c->me);
    }
    return c->own_slots_hash;
}

/* What we own, as one number. */
static uint64_t own_claim(struct cluster *c)
{
    return own_slots_hash(c) + c->me->config_epoch;
}

static bool was_told(const struct cluster_node *node, uint64_t claim)
{
    return node->link == LINK_UP && node->told_claim == claim;
}

/* The slots are most of a frame, and seldom others than before.  Whoever knows others asks for them. */
static void leave_out_slots(struct cluster *c, struct frame *frame)
{
    if ((frame->flags & FRAME_HAS_SLOTS) != 0) {
        frame->flags &= (uint16_t)~FRAME_HAS_SLOTS;
        frame->flags |= FRAME_SLOTS_TOLD;
        frame->subject_epoch = own_slots_hash(c);
    }
}

static uint16_t wanted_slots(const struct cluster_node *node)
{
    return node_is_primary(node) && !node->has_claimed ? FRAME_WANTS_SLOTS : 0;
}

void bus_send_ping(struct cluster *c, struct cluster_node *node)
{
    uint64_t claim;
    struct frame frame;

    ASSERT(node != c->me);
    if (node->link != LINK_UP || is_held(c)) {
        return; /* it stays due */
    }
    fill(c, node->is_to_meet ? FRAME_MEET : FRAME_PING, &frame);
    if (c->manual.phase == MANUAL_PAUSED && cluster_id_equal(&c->manual.peer, &node->id)) {
        frame.flags |= FRAME_PAUSED;
    }
    frame.flags |= wanted_slots(node);
    claim = own_claim(c);
    if (was_told(node, claim)) {
        leave_out_slots(c, &frame);
    } else if (!node->is_in_handshake) { /* or it may not know us yet */
        node->told_claim = claim;
    }
    fill_gossip(c, node, &frame);
    send(c, link_to(node), &frame);
    node->next_ping_at = mono_add_ms(c->now, pace_interval_ms(c, node));
    if (mono_is_before(c->now, node->unanswered_since)) {
        node->unanswered_since = c->now;
    }
    ASSERT(!mono_is_before(c->now, node->unanswered_since));
}

void bus_send_pong(struct cluster *c, struct cluster_link link, const struct frame *ping,
                   struct cluster_node *sender)
{
    struct frame frame;

    ASSERT(sender != c->me);
    ASSERT(ping->type == FRAME_PING || ping->type == FRAME_MEET);
    fill(c, FRAME_PONG, &frame);
    frame.subject = ping->sender;
    frame.echo_us = ping->sent_us;
    frame.flags |= sender != NULL ? wanted_slots(sender) : 0;
    if (sender != NULL && (ping->flags & FRAME_WANTS_SLOTS) == 0 &&
        was_told(sender, own_claim(c))) {
        leave_out_slots(c, &frame);
    }
    fill_gossip(c, sender, &frame);
    send(c, link, &frame);
}

void bus_prepare_message(struct cluster *c, enum frame_type type, struct bytes body)
{
    struct frame frame;

    ASSERT(frame_body_of(type) == FRAME_BODY_MESSAGE);
    fill(c, type, &frame);
    frame.body = body;
    frame.sequence = --c->sequence; /* messages have numbers of their own */
    /* Who owns what is told by heartbeats often enough. */
    frame.flags &= (uint16_t)~FRAME_HAS_SLOTS;
    buf_clear(&c->prepared);
    frame_encode(&frame, &c->prepared);
    c->prepared_type = type;
}

void bus_send_prepared(struct cluster *c, const struct cluster_node *node, size_t queue_bytes)
{
    struct proof *proof = links_proof(c, link_to(node));

    ASSERT(node->link == LINK_UP && proof != NULL);
    if (!is_held(c)) {
        buf_clear(&c->frame_bytes);
        buf_append_bytes(&c->frame_bytes, buf_bytes(&c->prepared));
        proof_seal(proof, &c->frame_bytes, 0);
        c->sent[c->prepared_type]++;
        c->stats.sent_bytes += c->frame_bytes.len;
        emit_send_message(c, link_to(node), buf_bytes(&c->frame_bytes), queue_bytes);
    }
}

void bus_broadcast_failed(struct cluster *c, const struct cluster_node *subject)
{
    struct frame frame;

    ASSERT(subject != c->me);
    ASSERT(subject->is_failed);
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node->link == LINK_UP && node != subject && !node->is_in_handshake) {
            fill(c, FRAME_FAIL, &frame);
            frame.subject = subject->id;
            frame.subject_epoch = subject->config_epoch;
            send(c, link_to(node), &frame);
        }
    }
}

void bus_send_plain(struct cluster *c, const struct cluster_node *node, enum frame_type type)
{
    struct frame frame;

    ASSERT(node != c->me);
    ASSERT(type == FRAME_FAILOVER_START || type == FRAME_CAUGHT_UP);
    if (node->link == LINK_UP) {
        fill(c, type, &frame);
        send(c, link_to(node), &frame);
    }
}

void bus_send_council(struct cluster *c, const struct cluster_node *node, struct bytes message)
{
    struct frame frame;

    ASSERT(node != c->me);
    if (node->link == LINK_UP) {
        fill(c, FRAME_COUNCIL, &frame);
        frame.flags &= (uint16_t)~FRAME_HAS_SLOTS; /* heartbeats tell them often enough, */
        if (council_is_about_lease(message)) {
            /* and all else that does not matter to a lease: of these there are more than of all others. */
            frame.flags &= (uint16_t)~FRAME_HAS_ANCESTORS;
            frame.flags |= FRAME_BRIEF;
        }
        frame.body = message;
        send(c, link_to(node), &frame);
    }
}

void bus_send_update(struct cluster *c, struct cluster_link link, const struct cluster_node *owner)
{
    struct frame frame;

    ASSERT(!owner->is_in_handshake);
    ASSERT(node_is_primary(owner));
    fill(c, FRAME_UPDATE, &frame);
    frame.flags &= (uint16_t)~FRAME_HAS_SLOTS;
    fill_slots(&frame, owner->slots);
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        /* Not those of which the owner itself no longer speaks. */
        frame.slots[i] &= ~c->disowned[i];
    }
    frame.subject = owner->id;
    frame.subject_epoch = owner->config_epoch;
    send(c, link, &frame);
}

void bus_send_about(struct cluster *c, struct cluster_link link, enum frame_type type,
                    const struct cluster_id *subject, uint64_t number)
{
    struct frame frame;

    ASSERT(!cluster_id_is_none(subject));
    ASSERT(type == FRAME_FORGOTTEN || type == FRAME_ADMITTED || type == FRAME_TWICE);
    fill(c, type, &frame);
    frame.subject = *subject;
    frame.subject_epoch = number;
    send(c, link, &frame);
}

void bus_announce(struct cluster *c)
{
    ASSERT(c->nodes.items[0] == c->me);
    for (size_t i = 1; i < c->nodes.count; i++) {
        c->nodes.items[i]->next_ping_at = c->now;
    }
    c->is_tick_wanted = true;
}

void bus_announce_to_council(struct cluster *c)
{
    ASSERT(c->nodes.items[0] == c->me);
    for (size_t i = 1; i < c->nodes.count; i++) {
        if (facts_is_member(c, c->nodes.items[i])) {
            c->nodes.items[i]->next_ping_at = c->now;
        }
    }
    c->is_tick_wanted = true;
}

static struct cluster_node *next_in_turn(struct cluster *c)
{
    for (size_t i = 0; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[c->turn_cursor++ % c->nodes.count];

        if (node != c->me && node->link == LINK_UP && pace_is_in_turn(c, node)) {
            return node;
        }
    }
    return NULL;
}

/* Each tick has its share of them.  If all were due when their own time has come, they would be so at once, as they were when the
 * links came up. */
static void greet_in_turn(struct cluster *c)
{
    struct mono_time earliest = mono_add_ms(c->now, -cluster_timeout_part(c, TURNS_LATE_PARTS));

    c->turn_at = mono_is_before(c->turn_at, earliest) ? earliest : c->turn_at;
    while (mono_is_due(c->turn_at, c->now)) {
        struct cluster_node *node = next_in_turn(c);

        c->turn_at = mono_add_ms(node != NULL ? c->turn_at : c->now, pace_turn_ms(c));
        if (node != NULL) {
            bus_send_ping(c, node);
        }
    }
}

void bus_tick(struct cluster *c)
{
    size_t budget = CLUSTER_PINGS_PER_TICK;
    size_t count = c->nodes.count;

    if (is_held(c)) {
        return;
    }
    ASSERT(count > 0);
    greet_in_turn(c);
    for (size_t i = 0; i < count && budget > 0; i++) {
        struct cluster_node *node = c->nodes.items[c->ping_cursor++ % count];

        if (node == c->me || node->link != LINK_UP) {
            continue;
        }
        if (mono_is_due(node->next_ping_at, c->now) || pace_is_overdue(c, node)) {
            bus_send_ping(c, node);
            budget--;
        }
    }
    if (budget == 0) {
        c->is_tick_wanted = true; /* the others follow at once */
    }
}
