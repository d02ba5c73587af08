/* SPDX-License-Identifier: MIT */
/* A link that stays silent is closed and opened again before its node counts as failing: the
 * connection may be dead although the node is not. */
#include "cluster/links.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cluster/bus.h"
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
    node->guard = (struct replay_guard){0};
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

void links_on_up(struct cluster *c, struct cluster_node *node, const char *peer_ip)
{
    ASSERT(node != c->me);
    if (node->link != LINK_OPENING) {
        return;
    }
    node->link = LINK_UP;
    node->link_changed_at = c->now;
    node->told_claim = 0;
    node->told_claim_at = MONO_LONG_AGO;
    if (peer_ip != NULL && node->address.ip[0] == '\0' &&
        cluster_ip_is_valid(bytes_from_text(peer_ip))) {
        /* Known by name alone so far. */
        bytes_to_text(bytes_from_text(peer_ip), node->address.ip, sizeof(node->address.ip));
        nodes_changed(c);
    }
    bus_send_ping(c, node);
}

void links_on_down(struct cluster *c, struct cluster_node *node, const char *reason)
{
    bool was_up = node->link == LINK_UP;

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
    /* A broken connection is tried again at once, a refused one after a while. */
    node->link_retry_at = was_up ? c->now : mono_add_ms(c->now, cluster_timeout_part(c, 10));
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

    return link != NULL && link->node_number != 0;
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
    nodes_changed(c);
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
        ASSERT(!mono_is_before(c->now, node->link_changed_at));
    }
    HASHTABLE_FOR_EACH (at, &c->incoming) {
        const struct incoming_link *link = CONTAINER_OF(at, struct incoming_link, by_number);

        ASSERT(find_incoming(c, link->number) == link);
        ASSERT(link->node_number <= c->last_number);
        ASSERT(!mono_is_before(c->now, link->created_at));
    }
}
