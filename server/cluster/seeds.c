/* SPDX-License-Identifier: MIT */
#include "cluster/seeds.h"

#include "base/assert.h"
#include "base/num.h"
#include "cluster/emit.h"
#include "cluster/facts.h"
#include "cluster/links.h"
#include "cluster/nodes.h"

#include <string.h>

/* ---- the directive ------------------------------------------------------------------------------- */

static bool parse_port(struct bytes text, uint16_t *out)
{
    int64_t number;

    if (!num_parse_i64(text, &number) || number < 1 || number > UINT16_MAX) {
        return false;
    }
    *out = (uint16_t)number;
    return true;
}

static bool parse_ports(struct bytes text, struct cluster_address *out)
{
    size_t at = bytes_find_byte(text, '@');

    if (at < text.len) {
        return parse_port(bytes_prefix(text, at), &out->port) &&
               parse_port(bytes_from(text, at + 1), &out->bus_port);
    }
    if (!parse_port(text, &out->port) || out->port > UINT16_MAX - CLUSTER_BUS_PORT_OFFSET) {
        return false;
    }
    out->bus_port = (uint16_t)(out->port + CLUSTER_BUS_PORT_OFFSET);
    return true;
}

static bool parse_host(struct bytes host, struct cluster_address *out)
{
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        return cluster_ip_parse(bytes_make(host.data + 1, host.len - 2), out->ip);
    }
    if (cluster_ip_parse(host, out->ip)) {
        return true;
    }
    if (!cluster_hostname_may_resolve(host)) {
        return false;
    }
    bytes_to_text(host, out->hostname, sizeof(out->hostname));
    return true;
}

bool seeds_parse(struct bytes text, struct seed_list *out, struct errmsg *error)
{
    out->count = 0;
    for (struct bytes word = bytes_next_word(&text, ','); word.len > 0;
         word = bytes_next_word(&text, ',')) {
        struct cluster_address address = {0};
        size_t colon = word.len;

        while (colon > 0 && word.data[colon - 1] != ':') {
            colon--;
        }
        if (colon < 2 || !parse_host(bytes_prefix(word, colon - 1), &address) ||
            !parse_ports(bytes_from(word, colon), &address)) {
            errmsg_set(error, "cluster-seeds: '%.*s' is not host:port or host:port@bus-port",
                       word.len < 80 ? (int)word.len : 80, word.data);
            return false;
        }
        if (out->count == CLUSTER_SEEDS_MAX) {
            errmsg_set(error, "cluster-seeds has more than %d addresses", CLUSTER_SEEDS_MAX);
            return false;
        }
        out->items[out->count++] = address;
    }
    return true;
}

/* ---- greeting ------------------------------------------------------------------------------------ */

static bool is_heard(const struct cluster *c, const struct cluster_node *node)
{
    return node->link == LINK_UP && node->has_answered &&
           (!mono_is_before(node->unanswered_since, c->now) ||
            mono_ms_between(node->unanswered_since, c->now) < cluster_timeout_part(c, 2));
}

/* Less than half of the nodes, ourselves included. */
static bool is_lonely(const struct cluster *c)
{
    size_t known = 1;
    size_t heard = 1;

    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (!node->is_in_handshake) {
            known++;
            heard += is_heard(c, node) ? 1 : 0;
        }
    }
    return known > 1 && 2 * heard <= known;
}

static bool is_being_asked(const struct cluster *c, const struct cluster_address *address)
{
    for (size_t i = 1; i < c->nodes.count; i++) {
        const struct cluster_node *node = c->nodes.items[i];

        if (node->is_seed && cluster_address_equal(&node->address, address)) {
            return true;
        }
    }
    return false;
}

static void greet(struct cluster *c, const struct cluster_address *address)
{
    struct cluster_node *node;
    struct cluster_id id = {0};

    if (is_being_asked(c, address)) {
        return;
    }
    rng_hex(&c->rng, id.text, CLUSTER_ID_LEN);
    node = nodes_add(c, &id, address);
    if (node != NULL) {
        node->is_in_handshake = true;
        node->is_seed = true;
        c->is_tick_wanted = true;
    }
}

void seeds_tick(struct cluster *c)
{
    if (c->seeds.count == 0 || !is_lonely(c)) {
        c->seeds_at = MONO_NEVER;
        return;
    }
    if (!mono_is_before(c->seeds_at, MONO_NEVER)) {
        c->seeds_at = mono_add_ms(c->now, cluster_timeout_part(c, 2));
    }
    if (!mono_is_due(c->seeds_at, c->now)) {
        return;
    }
    c->seeds_at = mono_add_ms(c->now, cluster_timeout_part(c, 2));
    emit_log(c, LOG_VERBOSE, "most nodes are not where they were: asking at %zu seeds",
             c->seeds.count);
    for (size_t i = 0; i < c->seeds.count; i++) {
        greet(c, &c->seeds.items[i]);
    }
}

void seeds_take_answer(struct cluster *c, struct cluster_node *node, const struct frame *frame,
                       const char *peer_ip)
{
    struct cluster_node *known = nodes_find(c, &frame->sender);
    struct cluster_address address = frame->address;

    ASSERT(node->is_seed && node->is_in_handshake);
    if (address.ip[0] == '\0' && peer_ip != NULL && cluster_ip_is_valid(bytes_from_text(peer_ip))) {
        bytes_to_text(bytes_from_text(peer_ip), address.ip, sizeof(address.ip));
    }
    if (known == NULL || known->is_in_handshake) {
        emit_log(c, LOG_WARNING,
                 "node %s, found at the seed %s:%u, is not known here: nothing is taken from it",
                 frame->sender.text, links_host(node), node->address.port);
    } else if (known->link != LINK_UP) {
        links_update_address(c, known, &address);
    }
    nodes_remove(c, node);
}
