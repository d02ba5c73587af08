/* SPDX-License-Identifier: MIT */
/* The cluster that tests/bench/celebrity.c measures: primaries without replicas, one of which owns the key that everybody
 * reads, and what they tell of themselves.
 *
 * Owns its servers and a connection to each.  One thread. */
#ifndef STARLING_TESTS_BENCH_CELEBRITY_CLUSTER_H
#define STARLING_TESTS_BENCH_CELEBRITY_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "tests/support/server.h"

enum {
    CELEBRITY_NODES = 6,
    CELEBRITY_COLD_KEYS = 64, /* of each node */
    CELEBRITY_NAME = 24,
    CELEBRITY_VALUE = 64, /* bytes, of every value: digits, which never go back */
};

struct celebrity_cluster {
    size_t count;
    struct server servers[CELEBRITY_NODES];
    struct client *control[CELEBRITY_NODES];
    char key[CELEBRITY_NAME]; /* the first node's */
    unsigned slot;            /* of it */
    char cold[CELEBRITY_NODES][CELEBRITY_COLD_KEYS][CELEBRITY_NAME];
};

/* So many primaries, which share the slots alike, and a value for each key. */
MUST_USE bool celebrity_start(struct celebrity_cluster *c, size_t count, struct errmsg *error);
/* Ends what runs; also after a start that failed. */
void celebrity_stop(struct celebrity_cluster *c);
/* Change a directive of all nodes. */
MUST_USE bool celebrity_set(struct celebrity_cluster *c, const char *name, const char *value,
                            struct errmsg *error);
/* A number of INFO hotcopies; -1 when it is not there. */
int64_t celebrity_info(struct celebrity_cluster *c, size_t node, const char *field);
/* Wait until clients of all kinds are told of so many nodes for the slot, of which the owner is one. */
MUST_USE bool celebrity_wait_spread(struct celebrity_cluster *c, size_t nodes,
                                    struct errmsg *error);
/* Whose port that is; count when it is nobody's. */
size_t celebrity_node_at(const struct celebrity_cluster *c, unsigned port);

#endif
