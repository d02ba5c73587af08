/* SPDX-License-Identifier: MIT */
/* A link that stays silent is closed and opened again before its node counts as failing: the
 * connection may be dead although the node is not. */
#include "cluster/links.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/nodes.h"

#include <string.h>

static struct cluster_link link_to(const struct cluster_node *node)
{
    return (struct cluster_link){.number = node->number};
}

static void await_answer(struct cluster *c, struct cluster_node *node)
{
    ASSERT(node != c->me);
    if (mono_is_before(c->now, node->unanswered_since)) {
        node->unanswered_since = c->now;
    }
}

const char *links_host(const struct cluster_node *node)
{
    return node->address.hostname[0] != '\0' ? node->address.hostname : node->address.ip;
}

static bool can_connect(const struct cluster_node *node)
{
    return node->address.bus_port != 0 &&
           (node->address.ip[0] != '\0' || node->address.hostname[0] != '\0');
}

static void open_link(struct cluster *c, struct cluster_node *node)
{
    ASSERT(node->link == LINK_CLOSED);
    ASSERT(can_connect(node));
    node->link = LINK_OPENING;
    node->link_changed_at = c->now;
    node->proof = (struct proof){0};
    await_answer(c, node);
    emit_open(c, node);
    node->is_ip_next = !node->is_ip_next;
}

void links_close(struct cluster *c, struct cluster_node *node, int64_t delay_ms)
{
    ASSERT(node != c->me);
    if (node->link != LINK_CLOSED) {
        emit_close(c, link_to(node));
    }
    node->link = LINK_CLOSED;
    node->link_changed_at = c->now;
    node->link_retry_at = mono_add_ms(c->now, delay_ms);
    await_answer(c, node);
    ASSERT(node->link == LINK_CLOSED);
    ASSERT(!mono_is_before(c->now, node->unanswered_since));
}

void links_tick(struct cluster *c, struct cluster_node *node)
{
    struct mono_time stale_at = mono_add_ms(node->link_changed_at, cluster_timeout_part(c, 2));

    ASSERT(c->out != NULL);
    ASSERT(node != c->me);
    switch (node->link) {
    case LINK_CLOSED:
        if (mono_is_due(node->link_retry_at, c->now) && can_connect(node)) {
            open_link(c, node);
        }
        break;
    case LINK_OPENING:
    case LINK_PROVING:
        if (mono_is_due(mono_add_ms(node->link_changed_at, c->config.node_timeout_ms), c->now)) {
            links_close(c, node, 0);
        }
        break;
    case LINK_UP:
        if (mono_is_due(stale_at, c->now) && mono_is_before(node->unanswered_since, c->now) &&
            mono_ms_between(node->unanswered_since, c->now) > cluster_timeout_part(c, 2)) {
            links_close(c, node, 0);
        }
        break;
    }
}

static struct proof_secrets secrets_of(const struct cluster *c)
{
    return (struct proof_secrets){.current = buf_bytes(&c->secret),
                                  .previous = buf_bytes(&c->previous_secret)};
}

static struct proof_self self_of(const struct cluster *c)
{
    return (struct proof_self){.node = c->me->id, .start = c->start};
}

/* It says who we are, and nothing that would have to be on disk. */
static void greet(struct cluster *c, struct cluster_node *node)
{
    struct proof_secrets secrets = secrets_of(c);
    struct proof_self self = self_of(c);

    ASSERT(node->link == LINK_PROVING);
    buf_clear(&c->frame_bytes);
    proof_greet(&node->proof, &self, &secrets, &c->rng, &c->frame_bytes);
    node->proof_turn = ++c->turn;
    emit_send(c, link_to(node), buf_bytes(&c->frame_bytes));
}

void links_on_up(struct cluster *c, struct cluster_node *node, const char *peer_ip)
{
    ASSERT(node != c->me);
    if (node->link != LINK_OPENING) {
        return;
    }
    node->link = LINK_PROVING;
    node->link_changed_at = c->now;
    node->told_claim = 0;
    node->told_version = 0;
    if (peer_ip != NULL && node->address.ip[0] == '\0' &&
        cluster_ip_is_valid(bytes_from_text(peer_ip))) {
        /* Known by name alone so far. */
        bytes_to_text(bytes_from_text(peer_ip), node->address.ip, sizeof(node->address.ip));
        nodes_learned(c);
    }
    greet(c, node);
}

void links_on_down(struct cluster *c, struct cluster_node *node, const char *reason)
{
    bool was_up = node->link == LINK_UP;
    bool was_proving = node->link == LINK_PROVING;

    ASSERT(node != c->me);
    if (node->link == LINK_CLOSED) {
        return;
    }
    if (node->is_to_meet && !was_up && !node->is_unmet) {
        node->is_unmet = true;
        emit_log(c, LOG_WARNING, "cannot meet %s:%u: %s", links_host(node), node->address.bus_port,
                 reason != NULL ? reason : "no connection");
    }
    if (was_up) {
        emit_log(c, LOG_VERBOSE, "link to node %s is down: %s", node->id.text,
                 reason != NULL ? reason : "closed");
    }
    node->link = LINK_CLOSED;
    node->link_changed_at = c->now;
    /* A broken connection is tried again at once, a refused one after a while, and one to somebody who did not
     * like our greeting after a longer one. */
    node->link_retry_at =
        was_up ? c->now : mono_add_ms(c->now, cluster_timeout_part(c, was_proving ? 2 : 10));
    await_answer(c, node);
}

static struct incoming_link *find_incoming(const struct cluster *c, uint32_t number)
{
    struct hashtable_node *found =
        hashtable_find(&c->incoming, bytes_make(&number, sizeof(number)));

    return found == NULL ? NULL : CONTAINER_OF(found, struct incoming_link, by_number);
}

struct incoming_link *links_get_incoming(struct cluster *c, uint32_t number)
{
    struct incoming_link *link = find_incoming(c, number);

    if (link == NULL) {
        link = mem_alloc_zeroed(MEM_CLUSTER, sizeof(*link));
        link->number = number;
        link->created_at = c->now;
        hashtable_add(&c->incoming, &link->by_number,
                      bytes_make(&link->number, sizeof(link->number)));
    }
    ASSERT(link->number == number);
    return link;
}

bool cluster_link_is_proven(const struct cluster *c, uint32_t number)
{
    const struct incoming_link *link = find_incoming(c, number);

    ASSERT(link == NULL || link->node_number == 0 || link->proof.phase == PROOF_DONE);
    return link != NULL && link->node_number != 0;
}

struct proof *links_proof(struct cluster *c, struct cluster_link link)
{
    struct incoming_link *incoming = link.is_incoming ? find_incoming(c, link.number) : NULL;
    struct cluster_node *node = link.is_incoming ? NULL : nodes_find_number(c, link.number);
    struct proof *proof = incoming != NULL                        ? &incoming->proof
                          : node != NULL && node->link == LINK_UP ? &node->proof
                                                                  : NULL;

    return proof != NULL && proof->phase == PROOF_DONE ? proof : NULL;
}

static bool answer(struct cluster *c, struct cluster_link link, struct bytes hello,
                   struct errmsg *error)
{
    struct incoming_link *incoming = links_get_incoming(c, link.number);
    struct proof_secrets secrets = secrets_of(c);
    struct proof_self self = self_of(c);

    if (incoming->proof.phase != PROOF_NONE) {
        errmsg_set(error, "a second greeting");
        return false;
    }
    buf_clear(&c->frame_bytes);
    if (!proof_answer(&incoming->proof, hello, &self, &secrets, &c->rng, &c->frame_bytes, error)) {
        return false;
    }
    incoming->proof_turn = ++c->turn;
    emit_send(c, link, buf_bytes(&c->frame_bytes));
    return true;
}

bool links_take_greeting(struct cluster *c, struct cluster_link link, struct cluster_node *peer,
                         uint8_t type, struct bytes greeting, struct errmsg *error)
{
    struct proof_secrets secrets = secrets_of(c);

    ASSERT(type == PROOF_HELLO || type == PROOF_WELCOME);
    ASSERT(link.is_incoming == (peer == NULL));
    if (link.is_incoming && type == PROOF_HELLO) {
        return answer(c, link, greeting, error);
    }
    if (link.is_incoming || type != PROOF_WELCOME || peer->link != LINK_PROVING) {
        errmsg_set(error, "a greeting that is not awaited");
        return false;
    }
    if (!proof_take_welcome(&peer->proof, greeting, &secrets, error)) {
        return false;
    }
    peer->link = LINK_UP;
    peer->link_changed_at = c->now;
    return true;
}

/* By what others are asked to prove from now on? */
static bool is_current(const struct proof *proof, uint64_t mark)
{
    return proof->phase == PROOF_DONE && proof->keys[0].mark == mark;
}

void links_prove_again(struct cluster *c)
{
    uint64_t mark = proof_mark(buf_bytes(&c->secret));
    VEC(uint32_t) numbers = {0};

    ASSERT(c->out != NULL);
    c->is_secret_changed = false;
    for (size_t i = 1; i < c->nodes.count; i++) {
        struct cluster_node *node = c->nodes.items[i];

        if (node->link != LINK_CLOSED && node->link != LINK_OPENING &&
            !is_current(&node->proof, mark)) {
            links_close(c, node, 0);
        }
    }
    HASHTABLE_FOR_EACH (at, &c->incoming) {
        const struct incoming_link *link = CONTAINER_OF(at, struct incoming_link, by_number);

        if (!is_current(&link->proof, mark)) {
            VEC_PUSH(&numbers, link->number);
        }
    }
    for (size_t i = 0; i < numbers.count; i++) {
        emit_close(c, (struct cluster_link){.is_incoming = true, .number = numbers.items[i]});
        links_drop_incoming(c, numbers.items[i]);
    }
    VEC_DEINIT(&numbers);
}

size_t links_count_previous(const struct cluster *c)
{
    uint64_t mark = proof_mark(buf_bytes(&c->secret));
    size_t count = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        count += node->link == LINK_UP && !is_current(&node->proof, mark);
    }
    HASHTABLE_FOR_EACH (at, &c->incoming) {
        const struct incoming_link *link = CONTAINER_OF(at, struct incoming_link, by_number);

        count += link->proof.phase == PROOF_DONE && !is_current(&link->proof, mark);
    }
    return count;
}

void links_drop_incoming(struct cluster *c, uint32_t number)
{
    struct incoming_link *link = find_incoming(c, number);

    if (link != NULL) {
        hashtable_remove(&c->incoming, &link->by_number);
        mem_free(MEM_CLUSTER, link);
    }
    ASSERT(find_incoming(c, number) == NULL);
}

void links_free_all(struct cluster *c)
{
    struct hashtable_node *at;

    ASSERT(c->out == NULL);
    while ((at = hashtable_next(&c->incoming, NULL)) != NULL) {
        links_drop_incoming(c, CONTAINER_OF(at, struct incoming_link, by_number)->number);
    }
    hashtable_deinit(&c->incoming);
}

void links_update_address(struct cluster *c, struct cluster_node *node,
                          const struct cluster_address *address)
{
    struct cluster_address merged = node->address;
    bool is_elsewhere;

    if (address->ip[0] != '\0') {
        bytes_to_text(bytes_from_text(address->ip), merged.ip, sizeof(merged.ip));
    }
    if (address->hostname[0] != '\0') {
        bytes_to_text(bytes_from_text(address->hostname), merged.hostname, sizeof(merged.hostname));
    }
    merged.port = address->port != 0 ? address->port : merged.port;
    merged.bus_port = address->bus_port != 0 ? address->bus_port : merged.bus_port;
    if (cluster_address_equal(&merged, &node->address)) {
        return;
    }
    is_elsewhere =
        strcmp(merged.ip, node->address.ip) != 0 || merged.bus_port != node->address.bus_port;
    emit_log(c, LOG_NOTICE, "node %s is now at %s:%u (%s)", node->id.text, merged.ip, merged.port,
             merged.hostname[0] != '\0' ? merged.hostname : "no hostname");
    node->address = merged;
    c->is_routing_changed = true;
    if (cluster_id_equal(&c->me->primary, &node->id)) {
        c->is_follow_due = true;
    }
    nodes_learned(c);
    if (is_elsewhere && node != c->me) {
        node->is_ip_next = true;
        links_close(c, node, 0);
        c->is_tick_wanted = true;
    }
}

void links_check(const struct cluster *c)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        ASSERT(node->link == LINK_CLOSED || can_connect(node));
        ASSERT(node->link != LINK_OPENING || !mono_is_before(c->now, node->unanswered_since));
        ASSERT(node->link != LINK_UP || node->proof.phase == PROOF_DONE); /* (4) */
        ASSERT(node->proof_turn <= c->turn);
        proof_check(&node->proof);
        ASSERT(!mono_is_before(c->now, node->link_changed_at));
    }
    HASHTABLE_FOR_EACH (at, &c->incoming) {
        const struct incoming_link *link = CONTAINER_OF(at, struct incoming_link, by_number);

        ASSERT(find_incoming(c, link->number) == link);
        ASSERT(link->node_number <= c->last_number);
        ASSERT(link->proof_turn <= c->turn);
        proof_check(&link->proof);
        ASSERT(!mono_is_before(c->now, link->created_at));
    }
}
