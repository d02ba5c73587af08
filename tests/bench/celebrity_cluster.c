/* SPDX-License-Identifier: MIT */
#include "tests/bench/celebrity_cluster.h"

#include "base/crc.h"
#include "base/num.h"
#include "spec/slot.h"

#include <stdio.h>
#include <string.h>

#define NODE_TIMEOUT_MS "5000" /* a busy machine is no failure */

enum {
    WAIT_MS = 60000,
    TEXT = 8192,
    SEATS_MAX = 5,
};

static bool ask(struct celebrity_cluster *c, size_t node, const char *line, char *out, size_t size,
                struct errmsg *error)
{
    struct resp_value value;

    client_send_raw(c->control[node], bytes_from_text(line));
    if (client_read(c->control[node], &value, error) != CLIENT_OK) {
        return false;
    }
    bytes_to_text(resp_value_bytes(&value), out, size);
    resp_value_deinit(&value);
    return true;
}

static bool wait_for(struct celebrity_cluster *c, size_t node, const char *line, const char *words,
                     struct errmsg *error)
{
    return server_await(c->control[node], line, words, WAIT_MS, error);
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static unsigned first_slot(const struct celebrity_cluster *c, size_t node)
{
    return (unsigned)(SLOT_COUNT * node / c->count);
}

static unsigned slot_of(const char *key)
{
    return slot_of_key(bytes_from_text(key));
}

static bool is_of(const struct celebrity_cluster *c, size_t node, unsigned slot)
{
    return slot >= first_slot(c, node) && slot < first_slot(c, node + 1);
}

static void name_keys(struct celebrity_cluster *c)
{
    unsigned number = 0;

    do {
        snprintf(c->key, sizeof(c->key), "celebrity:%u", number++);
        c->slot = slot_of(c->key);
    } while (!is_of(c, 0, c->slot));
    number = 0;
    for (size_t node = 0; node < c->count; node++) {
        for (size_t i = 0; i < CELEBRITY_COLD_KEYS; i++) {
            unsigned slot;

            do {
                snprintf(c->cold[node][i], CELEBRITY_NAME, "cold:%08u", number++);
                slot = slot_of(c->cold[node][i]);
            } while (!is_of(c, node, slot) || slot == c->slot);
        }
    }
}

static bool write_key(struct celebrity_cluster *c, size_t node, const char *key,
                      struct errmsg *error)
{
    char line[CELEBRITY_NAME + CELEBRITY_VALUE + 16];
    char reply[128];

    snprintf(line, sizeof(line), "SET %s %0*d\r\n", key, CELEBRITY_VALUE, 0);
    if (!ask(c, node, line, reply, sizeof(reply), error)) {
        return false;
    }
    errmsg_set(error, "SET is answered %s", reply);
    return strcmp(reply, "OK") == 0;
}

/* ---- the cluster ---------------------------------------------------------------------------------- */

static bool start_one(struct celebrity_cluster *c, size_t node, struct errmsg *error)
{
    static const char *const args[] = {"--cluster-enabled",
                                       "yes",
                                       "--cluster-node-timeout",
                                       NODE_TIMEOUT_MS,
                                       "--appendonly",
                                       "no",
                                       "--save",
                                       "",
                                       "--hot-copies-min-busy",
                                       "0"}; /* many share a processor here */
    struct server *server = &c->servers[node];
    char program[SERVER_PATH_MAX];
    char line[96];
    char reply[128];

    snprintf(program, sizeof(program), "%s/starling-server", server_bin_dir());
    if (!server_prepare(server, program, error)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(args); i++) {
        server_add_arg(server, args[i]);
    }
    if (!server_start(server, error)) {
        return false;
    }
    c->control[node] = server_connect(server, error);
    if (c->control[node] == NULL) {
        return false;
    }
    snprintf(line, sizeof(line), "CLUSTER ADDSLOTSRANGE %u %u\r\n", first_slot(c, node),
             first_slot(c, node + 1) - 1);
    if (!ask(c, node, line, reply, sizeof(reply), error)) {
        return false;
    }
    snprintf(line, sizeof(line), "CLUSTER MEET 127.0.0.1 %u\r\n", (unsigned)server->port);
    return node == 0 || ask(c, 0, line, reply, sizeof(reply), error);
}

bool celebrity_start(struct celebrity_cluster *c, size_t count, struct errmsg *error)
{
    char known[64];
    char seats[64];

    *c = (struct celebrity_cluster){.count = count};
    name_keys(c);
    snprintf(known, sizeof(known), "cluster_known_nodes:%zu", count);
    snprintf(seats, sizeof(seats), "cluster_council_seats:%zu",
             count < SEATS_MAX ? (count + 1) / 2 * 2 - 1 : SEATS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!start_one(c, i, error)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!wait_for(c, i, "CLUSTER INFO\r\n", "cluster_state:ok", error) ||
            !wait_for(c, i, "CLUSTER INFO\r\n", known, error) ||
            !wait_for(c, i, "CLUSTER INFO\r\n", seats, error)) {
            return false;
        }
    }
    for (size_t node = 0; node < count; node++) {
        for (size_t i = 0; i < CELEBRITY_COLD_KEYS; i++) {
            if (!write_key(c, node, c->cold[node][i], error)) {
                return false;
            }
        }
    }
    return write_key(c, 0, c->key, error);
}

void celebrity_stop(struct celebrity_cluster *c)
{
    for (size_t i = 0; i < c->count; i++) {
        client_close(c->control[i]);
        server_cleanup(&c->servers[i]);
    }
    c->count = 0;
}

bool celebrity_set(struct celebrity_cluster *c, const char *name, const char *value,
                   struct errmsg *error)
{
    char line[128];
    char reply[128];

    snprintf(line, sizeof(line), "CONFIG SET %s %s\r\n", name, value);
    for (size_t i = 0; i < c->count; i++) {
        if (!ask(c, i, line, reply, sizeof(reply), error)) {
            return false;
        }
        if (strcmp(reply, "OK") != 0) {
            errmsg_set(error, "CONFIG SET %s is answered %s", name, reply);
            return false;
        }
    }
    return true;
}

int64_t celebrity_info(struct celebrity_cluster *c, size_t node, const char *field)
{
    char text[TEXT];
    char name[64];
    const char *at;
    int64_t number;

    snprintf(name, sizeof(name), "\n%s:", field);
    if (!ask(c, node, "INFO hotcopies\r\n", text, sizeof(text), NULL) ||
        (at = strstr(text, name)) == NULL) {
        return -1;
    }
    at += strlen(name);
    return num_parse_i64(bytes_make(at, strcspn(at, "\r\n")), &number) ? number : -1;
}

size_t celebrity_node_at(const struct celebrity_cluster *c, unsigned port)
{
    size_t node = 0;

    while (node < c->count && c->servers[node].port != port) {
        node++;
    }
    return node;
}

/* Who the client's map says has the key's slot; count: nobody. */
static size_t ask_map(struct celebrity_cluster *c, struct client *client, struct errmsg *error)
{
    struct resp_value map;
    size_t node = c->count;

    client_send_texts(client, 2, "CLUSTER", "SLOTS");
    if (client_read(client, &map, error) != CLIENT_OK) {
        return node;
    }
    for (size_t i = 0; i < map.child_count; i++) {
        const struct resp_value *row = &map.children[i];

        if (row->child_count > 2 && row->children[0].integer <= (int64_t)c->slot &&
            row->children[1].integer >= (int64_t)c->slot && row->children[2].child_count > 1) {
            node = celebrity_node_at(c, (unsigned)row->children[2].children[1].integer);
        }
    }
    resp_value_deinit(&map);
    return node;
}

/* Clients come and ask, until so many different answers were given. */
bool celebrity_wait_spread(struct celebrity_cluster *c, size_t nodes, struct errmsg *error)
{
    int64_t until_ms = support_now_ms() + WAIT_MS;
    bool seen[CELEBRITY_NODES + 1] = {false};
    size_t count = 0;

    while (count < nodes && support_now_ms() < until_ms) {
        struct client *client = server_connect(&c->servers[0], error);
        size_t node;

        if (client == NULL) {
            return false;
        }
        node = ask_map(c, client, error);
        count += node < c->count && !seen[node];
        seen[node] = true;
        client_close(client);
        support_pause_ms(1);
    }
    if (count < nodes) {
        errmsg_set(error, "clients are told of %zu nodes, not of %zu", count, nodes);
    }
    return count == nodes;
}
