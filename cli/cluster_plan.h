/* SPDX-License-Identifier: MIT */
/* Who becomes what in a new cluster: primaries spread over the hosts, slots in even shares,
 * replicas on other hosts than their primary wherever that is possible.  Arbiters, which are so by their
 * configuration, only join.  Pure. */
#ifndef STARLING_CLI_CLUSTER_PLAN_H
#define STARLING_CLI_CLUSTER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "io/addr.h"

enum {
    PLAN_NODES_MIN = 3, /* arbiters included: one of them can fail */
};

struct plan_node {
    char host[ADDR_HOST_TEXT];
    uint16_t port;
    bool is_primary;
    bool is_arbiter;
    size_t primary;      /* of a replica: the index of its primary */
    uint16_t first_slot; /* of a primary */
    uint16_t last_slot;
};

/* The caller fills host, port and is_arbiter of each node; all-zero is empty. */
struct cluster_plan {
    VEC(struct plan_node) nodes;
    VEC(size_t) primaries; /* indexes, in the order of their slots */
    VEC(size_t) replicas;  /* indexes, in the order of their primaries */
    size_t shared_hosts;   /* replicas on the host of their primary */
};

void cluster_plan_deinit(struct cluster_plan *plan);
/* False, and a message of several lines, when there are too few nodes. */
MUST_USE bool cluster_plan_make(struct cluster_plan *plan, size_t replicas_each,
                                struct errmsg *error);

#endif
