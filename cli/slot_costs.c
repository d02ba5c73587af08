/* SPDX-License-Identifier: MIT */
/* CLUSTER SLOT-STATS names its numbers; which there are depends on the server and its configuration. */
#include "cli/slot_costs.h"

#include "base/num.h"
#include "cli/connect.h"

#include <stdio.h>

/* ---- CLUSTER SLOT-STATS ------------------------------------------------------------------------ */

/* The number of a name among [name, number, name, number ...]. */
static bool find_number(const struct resp_value *map, const char *name, double *out)
{
    for (size_t i = 0; i + 1 < map->child_count; i += 2) {
        if (bytes_equal_text(resp_value_bytes(&map->children[i]), name) &&
            map->children[i + 1].type == RESP_INTEGER) {
            *out = (double)map->children[i + 1].integer;
            return true;
        }
    }
    return false;
}

/* Commands count as what a small one takes, bytes as what they take beside it: about a microsecond, and a nanosecond. */
static bool find_load(const struct resp_value *map, double *out)
{
    double reads = 0;
    double writes = 0;
    double in = 0;
    double out_bytes = 0;

    if (find_number(map, "cpu-usec", out)) {
        return true;
    }
    if (!find_number(map, "reads", &reads) || !find_number(map, "writes", &writes)) {
        return false;
    }
    (void)find_number(map, "network-bytes-in", &in);
    (void)find_number(map, "network-bytes-out", &out_bytes);
    *out = reads + writes + (in + out_bytes) / 1000;
    return true;
}

static bool find_cost(const struct resp_value *map, enum cluster_measure measure, double *out)
{
    switch (measure) {
    case CLUSTER_BY_SLOTS:
        *out = 1;
        return true;
    case CLUSTER_BY_KEYS:
        return find_number(map, "key-count", out);
    case CLUSTER_BY_MEMORY:
        return find_number(map, "memory-bytes", out);
    case CLUSTER_BY_LOAD:
        return find_load(map, out);
    }
    return false;
}

bool slot_costs_parse(const struct resp_value *reply, enum cluster_measure measure,
                      double costs[SLOT_COUNT], struct errmsg *error)
{
    for (size_t i = 0; i < reply->child_count; i++) {
        const struct resp_value *row = &reply->children[i];

        if (row->child_count != 2 || row->children[0].type != RESP_INTEGER ||
            row->children[0].integer < 0 || row->children[0].integer >= SLOT_COUNT) {
            errmsg_set(error, "the reply of CLUSTER SLOT-STATS cannot be understood");
            return false;
        }
        if (!find_cost(&row->children[1], measure, &costs[row->children[0].integer])) {
            errmsg_set(error, "CLUSTER SLOT-STATS does not say what the slots cost: see "
                              "cluster-slot-stats-enabled");
            return false;
        }
    }
    return true;
}

/* ---- CLUSTER COUNTKEYSINSLOT ------------------------------------------------------------------- */

static bool count_each(const struct view_node *node, double costs[SLOT_COUNT], struct errmsg *error)
{
    const uint64_t *slots = node->info.slots;
    char number[NUM_I64_TEXT + 1];

    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        snprintf(number, sizeof(number), "%zu", slot);
        client_send_texts(node->client, 3, "CLUSTER", "COUNTKEYSINSLOT", number);
    }
    for (size_t slot = bitset_next(slots, SLOT_COUNT, 0, true); slot < SLOT_COUNT;
         slot = bitset_next(slots, SLOT_COUNT, slot + 1, true)) {
        struct resp_value reply;

        if (client_read(node->client, &reply, error) != CLIENT_OK) {
            return false;
        }
        costs[slot] = reply.type == RESP_INTEGER ? (double)reply.integer : 0;
        resp_value_deinit(&reply);
    }
    return true;
}

bool slot_costs_fetch(const struct view_node *node, enum cluster_measure measure,
                      double costs[SLOT_COUNT], struct errmsg *error)
{
    static const char *const words[] = {"CLUSTER", "SLOT-STATS", "SLOTSRANGE", "0", "16383"};
    struct resp_value reply;
    bool is_ok;

    if (measure == CLUSTER_BY_SLOTS) {
        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            costs[slot] = bitset_has(node->info.slots, slot) ? 1 : costs[slot];
        }
        return true;
    }
    if (measure == CLUSTER_BY_KEYS) {
        return count_each(node, costs, error);
    }
    if (!connect_call(node->client, words, ARRAY_COUNT(words), &reply, error)) {
        return false;
    }
    is_ok = slot_costs_parse(&reply, measure, costs, error);
    resp_value_deinit(&reply);
    return is_ok;
}
