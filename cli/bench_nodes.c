/* SPDX-License-Identifier: MIT */
/* Asking for the slots blocks for a moment; it happens when the cluster has changed. */
#include "cli/bench_nodes.h"

#include "base/assert.h"
#include "base/bitset.h"
#include "base/mem.h"
#include "cli/cluster_map.h"
#include "cli/connect.h"
#include "resp/value.h"

#include <string.h>

void bench_nodes_deinit(struct bench_nodes *nodes)
{
    for (size_t i = 0; i < nodes->nodes.count; i++) {
        VEC_DEINIT(&nodes->nodes.items[i].slots);
    }
    VEC_DEINIT(&nodes->nodes);
    mem_free(MEM_CLI, nodes->tags);
    nodes->tags = NULL;
}

/* Texts of four letters in order, until every slot has met one: some 170 thousand tries. */
void bench_nodes_make_tags(char (*tags)[BENCH_TAG])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint64_t has_tag[BITSET_WORDS(SLOT_COUNT)] = {0};
    size_t left = SLOT_COUNT;

    for (uint32_t number = 0; left > 0; number++) {
        char text[BENCH_TAG];
        uint32_t rest = number;
        uint16_t slot;

        for (int i = 0; i < BENCH_TAG; i++) {
            text[i] = letters[rest % (sizeof(letters) - 1)];
            rest /= sizeof(letters) - 1;
        }
        ASSERT(rest == 0);
        slot = slot_of_key(bytes_make(text, BENCH_TAG));
        if (!bitset_has(has_tag, slot)) {
            bitset_add(has_tag, slot);
            memcpy(tags[slot], text, BENCH_TAG);
            left--;
        }
    }
}

/* Index of the node, added when it is new; SIZE_MAX when its name cannot be resolved. */
static size_t add_node(struct bench_nodes *nodes, const char *host, uint16_t port,
                       struct errmsg *error)
{
    struct bench_node node = {.port = port};

    for (size_t i = 0; i < nodes->nodes.count; i++) {
        if (nodes->nodes.items[i].port == port && strcmp(nodes->nodes.items[i].host, host) == 0) {
            return i;
        }
    }
    if (addr_resolve(host, port, &node.address, 1, error) == 0) {
        return SIZE_MAX;
    }
    bytes_to_text(bytes_from_text(host), node.host, sizeof(node.host));
    VEC_PUSH(&nodes->nodes, node);
    return nodes->nodes.count - 1;
}

static bool take_map(struct bench_nodes *nodes, const struct cluster_map *map,
                     const char *asked_host, struct errmsg *error)
{
    for (size_t i = 0; i < nodes->nodes.count; i++) {
        nodes->nodes.items[i].slots.count = 0;
    }
    for (size_t i = 0; i < map->nodes.count; i++) {
        const struct map_node *from = &map->nodes.items[i];
        size_t index;

        if (from->slot_count == 0) {
            continue;
        }
        index = add_node(nodes, from->host[0] != '\0' ? from->host : asked_host, from->port, error);
        if (index == SIZE_MAX) {
            return false;
        }
        for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
            if (bitset_has(from->slots, slot)) {
                VEC_PUSH(&nodes->nodes.items[index].slots, (uint16_t)slot);
            }
        }
    }
    return true;
}

/* A server of long ago does not know how to take it, and serves all the same. */
static void say_name(struct client *client)
{
    static const char *const words[] = {"CLIENT", "SETINFO", "LIB-NAME", BENCH_LIB_NAME};
    struct resp_value reply;
    struct errmsg ignored;

    if (connect_call(client, words, ARRAY_COUNT(words), &reply, &ignored)) {
        resp_value_deinit(&reply);
    }
}

/* host may be one of the nodes', which may move: it is copied. */
static bool ask(struct bench_nodes *nodes, const struct options *options, const char *host,
                uint16_t port, struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "SLOTS"};
    struct cluster_map map = {0};
    struct resp_value reply;
    char asked_host[ADDR_HOST_TEXT];
    struct client *client = connect_node(options, host, port, error);
    bool is_ok = false;

    if (client == NULL) {
        return false;
    }
    bytes_to_text(bytes_from_text(host), asked_host, sizeof(asked_host));
    say_name(client);
    if (connect_call(client, words, ARRAY_COUNT(words), &reply, error)) {
        is_ok = cluster_map_parse_slots(&map, &reply, error);
        resp_value_deinit(&reply);
    }
    if (is_ok && cluster_map_count_covered(&map) == 0) {
        errmsg_set(error, "no node serves any slot");
        is_ok = false;
    }
    is_ok = is_ok && take_map(nodes, &map, asked_host, error);
    cluster_map_deinit(&map);
    client_close(client);
    return is_ok;
}

bool bench_nodes_refresh(struct bench_nodes *nodes, const struct options *options,
                         struct errmsg *error)
{
    size_t count = nodes->nodes.count;

    for (size_t i = 0; i < count; i++) {
        const struct bench_node *node = &nodes->nodes.items[i];

        if (ask(nodes, options, node->host, node->port, error)) {
            return true;
        }
    }
    return count == 0 ? ask(nodes, options, options->host, (uint16_t)options->port, error) : false;
}

bool bench_nodes_open(struct bench_nodes *nodes, const struct options *options, bool is_cluster,
                      struct errmsg *error)
{
    struct bench_node node = {0};

    *nodes = (struct bench_nodes){.is_cluster = is_cluster};
    if (is_cluster) {
        nodes->tags = mem_alloc(MEM_CLI, SLOT_COUNT * sizeof(*nodes->tags));
        bench_nodes_make_tags(nodes->tags);
        return bench_nodes_refresh(nodes, options, error);
    }
    if (options->unix_path == NULL) {
        return add_node(nodes, options->host, (uint16_t)options->port, error) != SIZE_MAX;
    }
    if (!addr_from_path(&node.address, options->unix_path)) {
        errmsg_set(error, "%s is too long for the path of a socket", options->unix_path);
        return false;
    }
    VEC_PUSH(&nodes->nodes, node);
    return true;
}

bool bench_nodes_is_of_use(const struct bench_nodes *nodes, size_t index)
{
    return !nodes->is_cluster || nodes->nodes.items[index].slots.count > 0;
}

size_t bench_nodes_choose(const struct bench_nodes *nodes)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < nodes->nodes.count; i++) {
        if (bench_nodes_is_of_use(nodes, i) &&
            (best == SIZE_MAX ||
             nodes->nodes.items[i].client_count < nodes->nodes.items[best].client_count)) {
            best = i;
        }
    }
    return best;
}

size_t bench_nodes_next(const struct bench_nodes *nodes, size_t index)
{
    for (size_t step = 1; step <= nodes->nodes.count; step++) {
        size_t next = (index + step) % nodes->nodes.count;

        if (bench_nodes_is_of_use(nodes, next)) {
            return next;
        }
    }
    return SIZE_MAX;
}

/* Index of the node that the map has for the slot; SIZE_MAX when there is none. */
static size_t find_serving(struct bench_nodes *nodes, const struct cluster_map *map,
                           const char *asked_host, uint16_t slot)
{
    struct errmsg ignored;

    for (size_t i = 0; i < map->nodes.count; i++) {
        const struct map_node *node = &map->nodes.items[i];

        if (bitset_has(node->slots, slot)) {
            return add_node(nodes, node->host[0] != '\0' ? node->host : asked_host, node->port,
                            &ignored);
        }
    }
    return SIZE_MAX;
}

size_t bench_nodes_serving(struct bench_nodes *nodes, struct bytes reply, size_t index,
                           uint16_t slot)
{
    static const struct resp_limits limits = {.max_args = UINT32_MAX,
                                              .max_bulk_bytes = 1024 * 1024,
                                              .max_inline_bytes = 1024 * 1024,
                                              .max_depth = RESP_DEPTH_MAX};
    struct cluster_map map = {0};
    struct resp_value value;
    struct errmsg ignored;
    char asked_host[ADDR_HOST_TEXT];
    size_t consumed;
    size_t found = SIZE_MAX;

    if (resp_value_read(reply, &limits, &value, &consumed, &ignored) != RESP_OK) {
        return SIZE_MAX;
    }
    if (cluster_map_parse_slots(&map, &value, &ignored)) {
        memcpy(asked_host, nodes->nodes.items[index].host, sizeof(asked_host)); /* it may move */
        found = find_serving(nodes, &map, asked_host, slot);
    }
    cluster_map_deinit(&map);
    resp_value_deinit(&value);
    return found;
}

const char *bench_nodes_tag(const struct bench_nodes *nodes, size_t index, struct rng *rng)
{
    const struct bench_node *node = &nodes->nodes.items[index];

    if (!nodes->is_cluster || node->slots.count == 0) {
        return NULL;
    }
    return nodes->tags[node->slots.items[rng_below(rng, node->slots.count)]];
}
