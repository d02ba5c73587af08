/* SPDX-License-Identifier: MIT */
/* A frame is checked (seal, form), then read for what it says about its sender,
 * then acted on by its type.  Nodes in handshake and strangers are answered, not believed. */
#include "cluster/receive.h"

#include "base/assert.h"
#include "cluster/bus.h"
#include "cluster/council_side.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/failure.h"
#include "cluster/forgotten.h"
#include "cluster/gossip.h"
#include "cluster/links.h"
#include "cluster/manual.h"
#include "cluster/message.h"
#include "cluster/nodes.h"
#include "cluster/role.h"
#include "cluster/seeds.h"
#include "cluster/slots.h"
#include "cluster/starts.h"
#include "cluster/takeover.h"

#include <string.h>

enum {
    REFUSAL_LOG_PAUSE_MS = 1000,
    DOUBTS_PER_TIMEOUT = 2,
};

struct arrival {
    struct cluster_link link;
    const struct cluster_event *event;
    const struct frame *frame;
    struct cluster_node *sender; /* NULL unless known and out of its handshake */
    struct cluster_node *peer;   /* of an outgoing link: the node it goes to */
};

static void close_link(struct cluster *c, struct cluster_link link)
{
    struct cluster_node *node;

    ASSERT(link.number != 0 || link.is_incoming);
    if (link.is_incoming) {
        links_drop_incoming(c, link.number);
        emit_close(c, link);
        return;
    }
    node = nodes_find_number(c, link.number);
    if (node != NULL) {
        links_close(c, node, c->config.node_timeout_ms / 2);
    }
}

/* What strangers can cause at will is logged once in a while. */
static bool may_complain(struct cluster *c)
{
    if (mono_is_before(c->now, mono_add_ms(c->refusal_logged_at, REFUSAL_LOG_PAUSE_MS))) {
        return false;
    }
    c->refusal_logged_at = c->now;
    return true;
}

static void refuse(struct cluster *c, struct cluster_link link, const char *reason)
{
    ASSERT(reason[0] != '\0');
    c->stats.refused_frames++;
    if (may_complain(c)) {
        emit_log(c, LOG_WARNING, "frame from the %s bus link %u refused: %s",
                 link.is_incoming ? "incoming" : "outgoing", (unsigned)link.number, reason);
    }
    close_link(c, link);
}

/* Where another version of the bus is spoken is logged once: it will be tried again and again. */
static void refuse_version(struct cluster *c, const struct arrival *a, uint8_t version)
{
    const char *host = a->event->peer_ip != NULL && a->event->peer_ip[0] != '\0' ? a->event->peer_ip
                       : a->peer != NULL ? links_host(a->peer)
                                         : "an address that is not known";
    size_t kept = c->foreign_count < CLUSTER_FOREIGN_MAX ? c->foreign_count : CLUSTER_FOREIGN_MAX;
    struct foreign_version *next = &c->foreign[c->foreign_count % CLUSTER_FOREIGN_MAX];

    c->stats.refused_frames++;
    for (size_t i = 0; i < kept; i++) {
        if (c->foreign[i].version == version && strcmp(c->foreign[i].host, host) == 0) {
            close_link(c, a->link);
            return;
        }
    }
    bytes_to_text(bytes_from_text(host), next->host, sizeof(next->host));
    next->version = version;
    c->foreign_count++;
    emit_log(c, LOG_WARNING,
             "a node at %s speaks version %u of the cluster bus, this one version %u: they do not "
             "hear each other until both run the same release",
             host, version, FRAME_VERSION);
    close_link(c, a->link);
}

/* Frames of a node travel on two connections: only a newer one changes what we know. */
static bool is_news(struct cluster_node *sender, const struct frame *frame)
{
    struct last_heard *heard = &sender->heard;

    ASSERT(cluster_id_equal(&frame->sender, &sender->id));
    ASSERT(heard->start == frame->start);
    if (frame->sequence <= heard->sequence) {
        return false;
    }
    heard->sequence = frame->sequence;
    return true;
}

static void learn_epochs(struct cluster *c, struct cluster_node *sender, const struct frame *frame)
{
    ASSERT(frame->config_epoch <= frame->current_epoch);
    if (c->current_epoch < frame->current_epoch) {
        c->current_epoch = frame->current_epoch;
        nodes_learned(c);
    }
    if ((frame->flags & FRAME_PRIMARY) != 0 && sender->config_epoch < frame->config_epoch) {
        sender->config_epoch = frame->config_epoch;
        nodes_learned(c);
    }
}

/* Where the sender says it is, or else where it can be seen to be. */
static struct cluster_address address_of(const struct arrival *a)
{
    struct cluster_address address = a->frame->address;
    const char *peer_ip = a->event->peer_ip;

    if (address.ip[0] == '\0' && peer_ip != NULL && cluster_ip_is_valid(bytes_from_text(peer_ip))) {
        bytes_to_text(bytes_from_text(peer_ip), address.ip, sizeof(address.ip));
    }
    return address;
}

static void learn_address(struct cluster *c, const struct arrival *a, struct cluster_node *sender)
{
    bool may_take_peer_ip = a->link.is_incoming || sender->address.ip[0] == '\0';
    struct cluster_address address = may_take_peer_ip ? address_of(a) : a->frame->address;

    ASSERT(sender != c->me);
    links_update_address(c, sender, &address);
    if (address.hostname[0] != '\0') {
        sender->is_named_by_itself = true;
    } else if (sender->is_named_by_itself) {
        sender->is_named_by_itself = false;
        sender->address.hostname[0] = '\0'; /* it announces none any more */
        c->is_routing_changed = true;
        nodes_learned(c);
    }
}

static void learn_own_address(struct cluster *c, const struct arrival *a)
{
    const char *ip = a->event->local_ip;

    if (c->config.announce_ip[0] != '\0' || ip == NULL ||
        (a->frame->type != FRAME_MEET && c->me->address.ip[0] != '\0')) {
        return;
    }
    if (cluster_ip_is_valid(bytes_from_text(ip)) && strcmp(ip, c->me->address.ip) != 0) {
        bytes_to_text(bytes_from_text(ip), c->me->address.ip, sizeof(c->me->address.ip));
        c->is_routing_changed = true;
        nodes_changed(c);
    }
}

static void learn_role(struct cluster *c, struct cluster_node *sender, const struct frame *frame)
{
    ASSERT(sender != c->me);
    if ((frame->flags & FRAME_PRIMARY) != 0) {
        if (!node_is_primary(sender)) {
            emit_log(c, LOG_NOTICE, "node %s is a primary now", sender->id.text);
            nodes_set_primary(c, sender);
        }
    } else if (!cluster_id_equal(&sender->primary, &frame->primary)) {
        emit_log(c, LOG_NOTICE, "node %s is a replica of %s now", sender->id.text,
                 frame->primary.text);
        nodes_set_replica(c, sender, &frame->primary);
    }
    if (!cluster_id_equal(&sender->shard, &frame->shard)) {
        sender->shard = frame->shard;
        nodes_learned(c);
    }
}

static void learn_state(struct cluster_node *sender, const struct frame *frame)
{
    ASSERT(cluster_id_equal(&sender->id, &frame->sender));
    if (!frame_is_brief(frame)) {
        sender->data = frame->data;
    }
    sender->is_loading = (frame->flags & FRAME_LOADING) != 0;
    sender->is_complete = (frame->flags & FRAME_COMPLETE) != 0;
    sender->is_eligible = (frame->flags & FRAME_ELIGIBLE) != 0;
    sender->is_no_failover = (frame->flags & FRAME_NO_FAILOVER) != 0;
    sender->is_arbiter = (frame->flags & FRAME_ARBITER) != 0;
    sender->serving_epoch =
        (frame->flags & FRAME_PRIMARY) != 0 && (frame->flags & FRAME_STATE_OK) != 0
            ? frame->config_epoch
            : 0;
}

static bool is_heartbeat(const struct frame *frame)
{
    return frame->type == FRAME_PING || frame->type == FRAME_PONG || frame->type == FRAME_MEET;
}

/* A record that stands against a claim may have been replaced while this node was away: nobody tells it twice. */
static void doubt_records(struct cluster *c, const struct cluster_node *claimer,
                          const uint64_t *claim)
{
    if (mono_ms_between(c->doubted_at, c->now) < cluster_timeout_part(c, DOUBTS_PER_TIMEOUT)) {
        return;
    }
    for (size_t i = 0; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];
        const struct shard_record *record = council_find(c->council, &node->shard);
        bool stands_against = false;

        if (record == NULL || !node_is_primary(node) || node == c->me ||
            cluster_id_equal(&node->shard, &claimer->shard)) {
            continue;
        }
        for (size_t word = 0; word < FRAME_SLOT_WORDS; word++) {
            stands_against = stands_against || (record->slots[word] & claim[word]) != 0;
        }
        if (stands_against) {
            council_ask(c->council, c->now, &node->shard);
            c->doubted_at = c->now;
        }
    }
}

/* What a node says of itself, or of another, was not agreed by anybody. */
static const struct cluster_node *hear_claim(struct cluster *c, struct cluster_node *claimer,
                                             const uint64_t *claim)
{
    uint64_t heard[FRAME_SLOT_WORDS];

    slots_leave_out_agreed(c, claimer, claim, heard);
    if (memcmp(heard, claim, sizeof(heard)) != 0) {
        doubt_records(c, claimer, claim);
    }
    return role_take_claim(c, claimer, heard);
}

static void learn_claim(struct cluster *c, const struct arrival *a)
{
    const struct cluster_node *stronger;
    bool was_owner = node_owns_slots(a->sender);

    ASSERT(node_is_primary(a->sender));
    if ((a->frame->flags & FRAME_SLOTS_TOLD) != 0) {
        role_solve_collision(c, a->sender, a->sender->slots);
        a->sender->has_claimed = a->frame->subject_epoch == slots_hash(a->sender);
        return;
    }
    role_solve_collision(c, a->sender, a->frame->slots);
    stronger = hear_claim(c, a->sender, a->frame->slots);
    /* What somebody else still has, as far as we know, it is to name again. */
    a->sender->has_claimed =
        memcmp(a->frame->slots, a->sender->slots, sizeof(a->sender->slots)) == 0;
    if (!was_owner && node_owns_slots(a->sender) && a->sender->is_failed) {
        nodes_set_health(c, a->sender, NODE_WELL); /* a majority has reached it since */
    }
    if (stronger != NULL) {
        bus_send_update(c, a->link, stronger);
    }
}

static void learn(struct cluster *c, const struct arrival *a)
{
    ASSERT(a->sender != NULL && a->sender != c->me);
    ASSERT(!a->sender->is_in_handshake);
    if (!is_news(a->sender, a->frame)) {
        return;
    }
    a->sender->heard_at = c->now;
    if ((a->frame->flags & FRAME_WANTS_SLOTS) != 0) {
        a->sender->told_claim = 0;
    }
    learn_epochs(c, a->sender, a->frame);
    learn_state(a->sender, a->frame);
    if (!frame_is_brief(a->frame)) {
        council_side_hear(c, a->sender, &a->frame->hint);
    }
    if (!is_heartbeat(a->frame)) {
        return;
    }
    learn_address(c, a, a->sender);
    learn_role(c, a->sender, a->frame);
    if (node_is_primary(a->sender)) {
        learn_claim(c, a);
    }
}

static bool is_usable(const struct gossip_entry *entry)
{
    return entry->address.bus_port != 0 &&
           (entry->address.ip[0] != '\0' || entry->address.hostname[0] != '\0');
}

static void learn_of_node(struct cluster *c, struct cluster_link link,
                          const struct gossip_entry *entry)
{
    struct cluster_node *node;

    ASSERT(nodes_find(c, &entry->id) == NULL);
    if (!forgotten_may_learn(c, &entry->id)) {
        forgotten_tell(c, link, &entry->id);
        return;
    }
    node = is_usable(entry) ? nodes_add(c, &entry->id, &entry->address) : NULL;
    if (node != NULL) {
        node->is_in_handshake = true;
        c->is_tick_wanted = true;
    }
}

static void take_gossip_entry(struct cluster *c, const struct arrival *a,
                              const struct gossip_entry *entry)
{
    bool is_unreachable = (entry->flags & (GOSSIP_FAILING | GOSSIP_FAILED)) != 0;
    struct cluster_node *node = nodes_find(c, &entry->id);

    ASSERT(a->sender != NULL);
    if (node == c->me || (node != NULL && node == a->sender)) {
        return; /* of itself a node says all else in the head of the frame */
    }
    if (node == NULL) {
        learn_of_node(c, a->link, entry);
        return;
    }
    if (node->is_in_handshake) {
        return;
    }
    failure_take_report(c, a->sender, node, is_unreachable);
    /* The sender reaches it where we do not: perhaps it has moved. */
    if (!is_unreachable && is_usable(entry) && node->link != LINK_UP &&
        mono_is_before(node->unanswered_since, c->now) &&
        mono_ms_between(node->unanswered_since, c->now) > cluster_timeout_part(c, 2)) {
        links_update_address(c, node, &entry->address);
    }
}

static void take_gossip(struct cluster *c, const struct arrival *a)
{
    struct gossip_reader reader = gossip_read(a->frame->body);
    struct gossip_entry entry;

    while (a->sender != NULL && gossip_next(&reader, &entry)) {
        take_gossip_entry(c, a, &entry);
    }
}

/* A stranger wants to be known. */
static void welcome(struct cluster *c, const struct arrival *a)
{
    struct cluster_node *node = nodes_find(c, &a->frame->sender);

    ASSERT(node != c->me);
    ASSERT(a->frame->type == FRAME_MEET);
    ASSERT(a->sender == NULL);
    if (!forgotten_may_return(c, a->frame)) {
        return;
    }
    if (node == NULL) {
        node = nodes_add(c, &a->frame->sender, &(struct cluster_address){0});
        if (node == NULL) {
            if (may_complain(c)) {
                emit_log(c, LOG_WARNING, "node %s not added: the table of nodes is full",
                         a->frame->sender.text);
            }
            return;
        }
        node->is_in_handshake = true;
    }
    node->has_met = true;
    if (node->is_in_handshake && node->link == LINK_CLOSED) {
        learn_address(c, a, node);
        node->link_retry_at = c->now;
        c->is_tick_wanted = true;
    }
}

static void take_ping(struct cluster *c, const struct arrival *a)
{
    ASSERT(a->frame->type == FRAME_PING || a->frame->type == FRAME_MEET);
    if (a->frame->type == FRAME_MEET && a->sender == NULL) {
        welcome(c, a);
    }
    take_gossip(c, a);
    manual_take_ping(c, a->frame);
    bus_send_pong(c, a->link, a->frame, a->sender);
}

/* The other end of our link says who it is.  NULL when the node is gone afterwards. */
static struct cluster_node *finish_handshake(struct cluster *c, const struct arrival *a)
{
    struct cluster_node *node = a->peer;
    struct cluster_node *known = nodes_find(c, &a->frame->sender);

    ASSERT(node->is_in_handshake);
    ASSERT(node != c->me);
    if (node->is_seed) {
        seeds_take_answer(c, node, a->frame, a->event->peer_ip);
        return NULL;
    }
    if (known != NULL && known != node) {
        /* Met at a second address, or again. */
        if (!known->is_in_handshake && known->link != LINK_UP) {
            links_update_address(c, known, &node->address);
        }
        nodes_remove(c, node);
        return NULL;
    }
    if (!node->is_to_meet && !node->has_met && !forgotten_may_learn(c, &a->frame->sender)) {
        nodes_remove(c, node);
        return NULL;
    }
    if (known == NULL) {
        nodes_rename(c, node, &a->frame->sender);
    }
    forgotten_admit(c, node);
    node->is_in_handshake = false;
    node->is_to_meet = false;
    node->has_answered = true;
    c->is_routing_changed = true;
    nodes_learned(c);
    emit_log(c, LOG_NOTICE, "node %s at %s:%u is known now", node->id.text, node->address.ip,
             node->address.port);
    bus_announce(c);
    ASSERT(cluster_id_equal(&node->id, &a->frame->sender));
    return node;
}

static void take_pong(struct cluster *c, const struct arrival *a)
{
    ASSERT(a->frame->type == FRAME_PONG);
    if (a->peer != NULL && a->peer == a->sender) {
        failure_on_answer(c, a->sender);
        if (cluster_id_equal(&a->frame->subject, &c->me->id) &&
            a->frame->echo_us > a->sender->answered_us) {
            a->sender->answered_us = a->frame->echo_us;
            takeover_on_answer(c);
        }
    }
    take_gossip(c, a);
}

static void take_fail(struct cluster *c, const struct arrival *a)
{
    struct cluster_node *node = nodes_find(c, &a->frame->subject);

    ASSERT(a->frame->type == FRAME_FAIL);
    if (a->sender != NULL && node != NULL && node != c->me && !node->is_in_handshake) {
        failure_mark_failed(c, node);
    }
}

static void take_update(struct cluster *c, const struct arrival *a)
{
    struct cluster_node *owner = nodes_find(c, &a->frame->subject);

    ASSERT(a->frame->type == FRAME_UPDATE);
    if (a->sender == NULL || owner == NULL || owner == c->me || owner->is_in_handshake ||
        owner->config_epoch > a->frame->subject_epoch) {
        return;
    }
    if (!node_is_primary(owner) && owner->config_epoch == a->frame->subject_epoch) {
        return; /* old news: it has been replaced since */
    }
    if (c->current_epoch < a->frame->subject_epoch) {
        c->current_epoch = a->frame->subject_epoch;
    }
    owner->config_epoch = a->frame->subject_epoch;
    nodes_set_primary(c, owner);
    nodes_learned(c);
    (void)hear_claim(c, owner, a->frame->slots);
}

static void act(struct cluster *c, const struct arrival *a)
{
    ASSERT(a->sender == NULL || !a->sender->is_in_handshake);
    switch (a->frame->type) {
    case FRAME_PING:
    case FRAME_MEET:
        take_ping(c, a);
        break;
    case FRAME_PONG:
        take_pong(c, a);
        break;
    case FRAME_FAIL:
        take_fail(c, a);
        break;
    case FRAME_COUNCIL:
        if (a->sender != NULL) {
            council_side_take_frame(c, a->sender, a->frame);
        }
        break;
    case FRAME_CAUGHT_UP:
        if (a->sender != NULL) {
            manual_take_caught_up(c, a->sender);
        }
        break;
    case FRAME_UPDATE:
        take_update(c, a);
        break;
    case FRAME_FAILOVER_START:
        if (a->sender != NULL) {
            manual_take_start(c, a->sender);
        }
        break;
    case FRAME_FORGOTTEN:
    case FRAME_ADMITTED:
        if (a->sender != NULL) {
            forgotten_take_frame(c, a->link, a->frame);
        }
        break;
    case FRAME_PUBLISH:
    case FRAME_PUBLISH_SHARD:
    case FRAME_ANNOUNCE:
        if (a->sender != NULL) {
            message_take(c, a->sender, a->frame);
        }
        break;
    case FRAME_TWICE:
        if (a->sender != NULL && cluster_id_equal(&a->frame->subject, &c->me->id)) {
            starts_note_double(c, &a->sender->id, &a->frame->address);
        }
        break;
    case FRAME_TYPE_END:
        break;
    }
}

/* Find out who sent it; false when it needs no further attention. */
static bool identify(struct cluster *c, struct arrival *a)
{
    const struct frame *frame = a->frame;

    if (cluster_id_equal(&frame->sender, &c->me->id)) {
        if (frame->start != c->start) {
            struct cluster_address address = address_of(a);

            starts_note_double(c, &frame->sender, &address);
        }
        close_link(c, a->link); /* we have reached ourselves, or a copy of us */
        return false;
    }
    if (a->peer != NULL) {
        if (a->peer->is_in_handshake) {
            if (frame->type != FRAME_PONG || finish_handshake(c, a) == NULL) {
                return false;
            }
        } else if (!cluster_id_equal(&frame->sender, &a->peer->id)) {
            emit_log(c, LOG_VERBOSE, "node %s answers where node %s was expected",
                     frame->sender.text, a->peer->id.text);
            close_link(c, a->link);
            return false;
        }
    }
    a->sender = nodes_find(c, &frame->sender);
    if (a->sender != NULL && a->sender->is_in_handshake) {
        a->sender = NULL;
    }
    ASSERT(a->sender != c->me);
    return true;
}

/* A start that is not heeded proves itself anew, or is told why it is not. */
static bool heed(struct cluster *c, const struct arrival *a, uint64_t turn)
{
    struct cluster_address address = address_of(a);

    switch (starts_heed(c, a->sender, a->frame->start, turn, &address)) {
    case STARTS_HEEDED:
        return true;
    case STARTS_ENDED:
        close_link(c, a->link);
        return false;
    case STARTS_TWICE:
        break;
    }
    if (!a->link.is_incoming) {
        close_link(c, a->link);
    } else if (a->frame->type == FRAME_PING) {
        bus_send_about(c, a->link, FRAME_TWICE, &a->sender->id, 0);
    }
    return false;
}

/* Greetings are answered here; of other frames: is it one, and of whom the link was proven to? */
static bool open_frame(struct cluster *c, const struct arrival *a, struct proof *proof,
                       struct frame *frame)
{
    struct bytes bytes = a->event->frame;
    uint8_t version = frame_version(bytes);
    struct frame_head head;
    struct errmsg error;

    ASSERT(proof != NULL);
    if (version != 0 && version != FRAME_VERSION) {
        refuse_version(c, a, version);
        return false;
    }
    if (!frame_decode_head(bytes, &head, &error)) {
        refuse(c, a->link, error.text);
        return false;
    }
    if (head.type == PROOF_HELLO || head.type == PROOF_WELCOME) {
        if (!links_take_greeting(c, a->link, a->peer, head.type, bytes, &error)) {
            refuse(c, a->link, error.text);
        } else if (a->peer != NULL) {
            bus_send_ping(c, a->peer); /* it is up */
        }
        return false;
    }
    if (!proof_open(proof, bytes, &error) || !frame_decode(bytes, frame, &error)) {
        refuse(c, a->link, error.text);
        return false;
    }
    if (!cluster_id_equal(&frame->sender, &proof->peer.node) || frame->start != proof->peer.start) {
        refuse(c, a->link, "its sender is not who has proven the link");
        return false;
    }
    return true;
}

void receive_frame(struct cluster *c, const struct cluster_event *event)
{
    struct frame frame;
    struct arrival a = {.link = event->link, .event = event, .frame = &frame};
    struct incoming_link *incoming = NULL;
    uint64_t turn;

    ASSERT(c->out != NULL);
    ASSERT(event->type == CLUSTER_EVENT_FRAME);
    if (!a.link.is_incoming) {
        a.peer = nodes_find_number(c, a.link.number);
        if (a.peer == NULL || (a.peer->link != LINK_UP && a.peer->link != LINK_PROVING)) {
            return; /* of a link that was closed meanwhile */
        }
    } else {
        incoming = links_get_incoming(c, a.link.number);
    }
    c->stats.received_bytes += event->frame.len;
    if (!open_frame(c, &a, incoming != NULL ? &incoming->proof : &a.peer->proof, &frame)) {
        return;
    }
    turn = incoming != NULL ? incoming->proof_turn : a.peer->proof_turn;
    c->received[frame.type]++;
    learn_own_address(c, &a);
    if (!identify(c, &a) || (a.sender != NULL && !heed(c, &a, turn))) {
        return;
    }
    if (a.sender != NULL) {
        if (incoming != NULL) {
            incoming->node_number = a.sender->number;
        }
        learn(c, &a);
    }
    act(c, &a);
}
