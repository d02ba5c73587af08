/* SPDX-License-Identifier: MIT */
#include "cli/cluster_newcomer.h"

#include "base/num.h"
#include "cli/connect.h"

#include <stdio.h>
#include <string.h>

enum {
    USUAL_BUS_DISTANCE = 10000, /* of the bus port from the other one */
};

/* False with an empty message: it holds something. */
static bool is_empty(const struct view_node *node, struct errmsg *error)
{
    static const char *const words[] = {"DBSIZE"};
    struct resp_value reply;
    bool is_ok;

    if (node->map.nodes.count > 1 || node->info.slot_count > 0) {
        return false;
    }
    if (!connect_call(node->client, words, 1, &reply, error)) {
        return false;
    }
    is_ok = reply.type == RESP_INTEGER && reply.integer == 0;
    resp_value_deinit(&reply);
    return is_ok;
}

static void refuse(const char *host, uint16_t port, const struct errmsg *error)
{
    if (bytes_has_prefix(bytes_from_text(error->text), "ERR This instance has cluster")) {
        view_say(VIEW_BAD, "Node %s:%u is not configured as a cluster node.", host, port);
    } else if (error->text[0] != '\0') {
        view_say(VIEW_BAD, "Node %s:%u: %s", host, port, error->text);
    } else {
        view_say(VIEW_BAD,
                 "Node %s:%u is not empty. Either the node already knows other nodes (check with "
                 "CLUSTER NODES) or contains some key in database 0.",
                 host, port);
    }
}

bool cluster_newcomer_open(struct view_node *node, const struct options *options, const char *host,
                           uint16_t port)
{
    struct errmsg error = {0};

    *node = (struct view_node){0};
    node->client = connect_node(options, host, port, &error);
    if (node->client == NULL) {
        view_say(VIEW_BAD, "%s", error.text);
        return false;
    }
    if (cluster_view_fetch_map(node->client, &node->map, &error)) {
        node->info = *cluster_map_myself(&node->map);
        bytes_to_text(bytes_from_text(host), node->info.host, sizeof(node->info.host));
        node->info.port = port;
        if (is_empty(node, &error)) {
            return true;
        }
    }
    refuse(host, port, &error);
    client_close(node->client);
    cluster_map_deinit(&node->map);
    return false;
}

static bool meet_at(struct client *newcomer, const char *host, const struct map_node *other,
                    struct errmsg *error)
{
    char port[NUM_I64_TEXT + 1];
    char bus_port[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "MEET", host, port, bus_port};
    bool is_usual = other->bus_port == 0 || other->bus_port == other->port + USUAL_BUS_DISTANCE;

    snprintf(port, sizeof(port), "%u", other->port);
    snprintf(bus_port, sizeof(bus_port), "%u", other->bus_port);
    return connect_order(newcomer, words, is_usual ? 4 : 5, error);
}

bool cluster_newcomer_meet(struct client *newcomer, const struct map_node *other,
                           struct errmsg *error)
{
    struct addr address;
    char ip[ADDR_HOST_TEXT];

    if (meet_at(newcomer, other->host, other, error)) {
        return true;
    }
    if (addr_parse(&address, other->host, other->port) ||
        addr_resolve(other->host, other->port, &address, 1, error) == 0) {
        return false;
    }
    addr_format_host(&address, ip);
    return meet_at(newcomer, ip, other, error);
}
