/* SPDX-License-Identifier: MIT */
/* The servers under load: one, or the primaries of a cluster with the slots they serve.
 *
 * A cluster is asked as a library that says its name, so what it tells of a slot that several nodes serve is one client's view. */
#ifndef STARLING_CLI_BENCH_NODES_H
#define STARLING_CLI_BENCH_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/rng.h"
#include "base/vec.h"
#include "cli/bench_request.h"
#include "cli/options.h"
#include "io/addr.h"
#include "spec/slot.h"

struct bench_node {
    struct addr address;
    char host[ADDR_HOST_TEXT];
    uint16_t port;
    VEC(uint16_t) slots; /* empty: not a primary (any more) */
    size_t client_count; /* kept by the engine */
};

/* Nodes are never removed, so that indexes stay.  Owns the vectors. */
struct bench_nodes {
    VEC(struct bench_node) nodes;
    bool is_cluster;
    char (*tags)[BENCH_TAG]; /* of each slot a text that hashes to it; in a cluster only */
};

#define BENCH_LIB_NAME "starling-bench"

/* The server of the options, or the cluster that it belongs to. */
MUST_USE bool bench_nodes_open(struct bench_nodes *nodes, const struct options *options,
                               bool is_cluster, struct errmsg *error);
void bench_nodes_deinit(struct bench_nodes *nodes);
/* Ask any node that answers for the slots again.  After a failure some nodes may be left without
 * slots: ask again. */
MUST_USE bool bench_nodes_refresh(struct bench_nodes *nodes, const struct options *options,
                                  struct errmsg *error);
/* Can the node be given requests? */
bool bench_nodes_is_of_use(const struct bench_nodes *nodes, size_t index);
/* The node of use that has the fewest clients; SIZE_MAX when there is none. */
size_t bench_nodes_choose(const struct bench_nodes *nodes);
/* The one of use behind index, in turn; SIZE_MAX when there is none. */
size_t bench_nodes_next(const struct bench_nodes *nodes, size_t index);
/* Who serves the slot by a whole reply of CLUSTER SLOTS, as bytes, of the node at index; it is added when it is new.
 * SIZE_MAX: nobody, or the reply is none of that kind. */
size_t bench_nodes_serving(struct bench_nodes *nodes, struct bytes reply, size_t index,
                           uint16_t slot);
/* A hash tag of one of the node's slots; NULL outside a cluster. */
const char *bench_nodes_tag(const struct bench_nodes *nodes, size_t index, struct rng *rng);
/* Fill tags[slot] for every slot. */
void bench_nodes_make_tags(char (*tags)[BENCH_TAG]);

#endif
