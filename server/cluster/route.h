/* SPDX-License-Identifier: MIT */
/* May this node serve a request for a slot, and if not, who should be asked?
 *
 * Decided in constant time from what the core knows, the session's flags and the lease.
 * CROSSSLOT is the caller's: it knows the keys. */
#ifndef STARLING_CLUSTER_ROUTE_H
#define STARLING_CLUSTER_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "cluster/cluster.h"

enum route_kind {
    ROUTE_SERVE,
    ROUTE_LOOK,     /* the slot is on the move: see which of the keys are here, set
                                   request.keys and ask again */
    ROUTE_MOVED,    /* -MOVED <slot> <host>:<port> */
    ROUTE_ASK,      /* -ASK <slot> <host>:<port> */
    ROUTE_TRYAGAIN, /* -TRYAGAIN Multiple keys request during rehashing of slot */
    ROUTE_AWAIT,    /* within a moment it is known whose the slot is: hold it, and ask again */
    ROUTE_CLUSTERDOWN_SLOT,     /* -CLUSTERDOWN Hash slot not served */
    ROUTE_CLUSTERDOWN_STATE,    /* -CLUSTERDOWN The cluster is down */
    ROUTE_CLUSTERDOWN_READONLY, /* -CLUSTERDOWN The cluster is down and only accepts read commands
                                 */
};

/* Which of the request's keys exist here; only asked for while the slot is on the move. */
enum route_keys {
    ROUTE_KEYS_NOT_LOOKED,
    ROUTE_KEYS_ALL_HERE,
    ROUTE_KEYS_SOME_MISSING,
    ROUTE_KEYS_ALL_MISSING,
};

struct route_request {
    uint16_t slot;
    bool is_write;
    bool is_readonly_session; /* READONLY was sent */
    bool is_asking;           /* ASKING was sent just before */
    bool is_migrate; /* it moves keys: those that are here, whoever's the slot is just now */
    bool is_message; /* about a channel of the slot's shard: there are no keys to have */
    bool has_many_keys;
    enum route_keys keys;
};

struct route_target {
    const char *host; /* valid until the next step; may be empty: the host the client came by */
    uint16_t port;
};

/* The usual case in two cheap questions: when the first is answered yes for the moment, and the
 * second for a slot, cluster_route would serve any request for that slot. */
bool cluster_routes_plainly(const struct cluster *cluster, struct mono_time now);
bool cluster_serves_plainly(const struct cluster *cluster, uint16_t slot);
/* *target is filled for ROUTE_MOVED and ROUTE_ASK. */
enum route_kind cluster_route(const struct cluster *cluster, struct mono_time now,
                              const struct route_request *request, struct route_target *target);

#endif
