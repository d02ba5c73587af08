/* SPDX-License-Identifier: MIT */
/* Requests of standard input (--pipe -c), or of whoever makes them (--import), each to the node that serves the slot of its
 * key.
 *
 * Invariants:  (1) requests for one slot are carried out in the order of the input
 *              (2) what is under way is bounded in number and bytes, so memory stays flat
 *              (3) a request is counted once, however often it was redirected */
#ifndef STARLING_CLI_PIPE_CLUSTER_H
#define STARLING_CLI_PIPE_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/cluster_map.h"
#include "cli/connect.h"
#include "cli/options.h"

struct pipe_counts {
    uint64_t replies;
    uint64_t errors;
};

/* Where requests come from, when not from standard input. */
struct pipe_source {
    bool (*next)(void *context, struct buf *out); /* append some; false: there are no more */
    void (*on_pass)(void *context);               /* now and then */
    void *context;
};

/* Ask the server of the connection who serves what; *is_cluster: it is in a cluster that serves something. */
MUST_USE bool pipe_cluster_ask_map(struct connection *connection, struct cluster_map *map,
                                   bool *is_cluster, struct errmsg *error);
/* Send all of the source, of standard input when that is NULL; map says who serves what, asked_host stands for a node without a
 * host.  False, and a message, when it could not be done to the end. */
MUST_USE bool pipe_cluster_run(const struct options *options, const struct pipe_source *source,
                               const struct cluster_map *map, const char *asked_host,
                               struct pipe_counts *counts, struct errmsg *error);

/* ---- for tests --------------------------------------------------------------------------------- */

/* The slot of a request's first key; SLOT_COUNT when it has none.  The first argument of an unknown
 * command is taken for its key. */
uint32_t pipe_cluster_slot(const struct bytes *words, size_t word_count);
/* Does the command mean something for one connection only, so that it cannot be spread? */
bool pipe_cluster_is_bound(struct bytes name);

#endif
