/* SPDX-License-Identifier: MIT */
#include "cli/cluster_newcomer.h"

#include "base/num.h"
#include "cli/connect.h"

#include <stdio.h>
#include <string.h>

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

static bool meet_by_address(struct client *newcomer, const char *host, uint16_t port,
                            struct errmsg *error)
{
    struct addr address;
    char ip[ADDR_HOST_TEXT];
    char number[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "MEET", ip, number};

    if (addr_parse(&address, host, port) || addr_resolve(host, port, &address, 1, error) == 0) {
        return false;
    }
    addr_format_host(&address, ip);
    snprintf(number, sizeof(number), "%u", port);
    return connect_order(newcomer, words, ARRAY_COUNT(words), error);
}

bool cluster_newcomer_meet(struct client *newcomer, const char *host, uint16_t port,
                           struct errmsg *error)
{
    char number[NUM_I64_TEXT + 1];
    const char *const words[] = {"CLUSTER", "MEET", host, number};

    snprintf(number, sizeof(number), "%u", port);
    return connect_order(newcomer, words, ARRAY_COUNT(words), error) ||
           meet_by_address(newcomer, host, port, error);
}
