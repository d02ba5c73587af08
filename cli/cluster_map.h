/* SPDX-License-Identifier: MIT */
/* The nodes of a cluster and their slots, as one node reports them: CLUSTER NODES or CLUSTER SLOTS
 * as a value.  Pure. */
#ifndef STARLING_CLI_CLUSTER_MAP_H
#define STARLING_CLI_CLUSTER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bitset.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "io/addr.h"
#include "resp/value.h"
#include "spec/slot.h"

enum {
    MAP_ID_TEXT = 41, /* 40 hex digits, terminated */
};

enum map_flags {
    MAP_MYSELF = 1 << 0,
    MAP_PRIMARY = 1 << 1,
    MAP_REPLICA = 1 << 2,
    MAP_FAIL = 1 << 3,  /* agreed */
    MAP_PFAIL = 1 << 4, /* suspected */
    MAP_HANDSHAKE = 1 << 5,
    MAP_NOADDR = 1 << 6,
    MAP_ARBITER = 1 << 7, /* a primary that never has slots or replicas */
};

struct map_node {
    char id[MAP_ID_TEXT];
    char host[ADDR_HOST_TEXT]; /* "": the one the reporter was asked at */
    uint16_t port;
    uint16_t bus_port; /* 0: not told */
    uint32_t flags;
    char primary_id[MAP_ID_TEXT]; /* of a replica, else "" */
    uint64_t config_epoch;
    bool is_linked; /* the reporter has a connection to it */
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)];
    size_t slot_count;
};

/* A slot on the move. */
struct map_open_slot {
    size_t node; /* index of the node that reports it */
    uint16_t slot;
    bool is_migrating; /* else importing */
    char peer_id[MAP_ID_TEXT];
};

/* Owns its vectors; all-zero is empty. */
struct cluster_map {
    VEC(struct map_node) nodes;
    VEC(struct map_open_slot) open_slots;
};

void cluster_map_deinit(struct cluster_map *map);
/* The reply of CLUSTER NODES; false, and a message, when a line makes no sense. */
MUST_USE bool cluster_map_parse_nodes(struct cluster_map *map, struct bytes text,
                                      struct errmsg *error);
/* The reply of CLUSTER SLOTS: nodes have host, port, role and slots; ids when the server says. */
MUST_USE bool cluster_map_parse_slots(struct cluster_map *map, const struct resp_value *reply,
                                      struct errmsg *error);

/* By id; NULL when it is not there. */
struct map_node *cluster_map_find(const struct cluster_map *map, const char *id);
/* The node that reported; NULL when none is marked. */
struct map_node *cluster_map_myself(const struct cluster_map *map);
/* Is that said by the node that reported, of itself? */
static inline bool cluster_map_is_own(const struct cluster_map *map,
                                      const struct map_open_slot *open)
{
    return (map->nodes.items[open->node].flags & MAP_MYSELF) != 0;
}
/* "93" or "5-12", as both are written everywhere; false when it is neither. */
MUST_USE bool map_parse_run(struct bytes word, uint16_t *first, uint16_t *last);
/* Add the node's slots to the set. */
void map_node_add_slots(const struct map_node *node, uint64_t set[BITSET_WORDS(SLOT_COUNT)]);
/* Slots that some primary serves. */
size_t cluster_map_count_covered(const struct cluster_map *map);
/* The same for all nodes that agree about ids, roles and slots, whatever order they report in. */
void cluster_map_write_signature(const struct cluster_map *map, struct buf *out);
/* "[0-5460],[7000]". */
void map_write_slots(const uint64_t set[BITSET_WORDS(SLOT_COUNT)], struct buf *out);

#endif
