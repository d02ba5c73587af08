/* SPDX-License-Identifier: MIT */
/* What the cluster core tells about itself: the material of CLUSTER NODES, INFO, SLOTS, SHARDS,
 * LINKS, REPLICAS and COUNT-FAILURE-REPORTS.  Borrowed texts are valid until the next step. */
#ifndef STARLING_CLUSTER_REPORT_H
#define STARLING_CLUSTER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "cluster/cluster.h"

enum cluster_health {
    CLUSTER_HEALTH_ONLINE,
    CLUSTER_HEALTH_LOADING, /* a replica without data yet */
    CLUSTER_HEALTH_FAIL,
};

struct cluster_node_view {
    const struct cluster_id *id;
    const struct cluster_id *shard_id;
    const struct cluster_id *primary_id; /* NULL of a primary */
    const char *ip;                      /* may be empty */
    const char *hostname;                /* may be empty */
    const char *endpoint;                /* what clients are told; NULL: unknown on purpose */
    uint16_t port;
    uint16_t bus_port;
    bool is_me;
    bool is_replica;
    bool is_failing; /* fail? */
    bool is_failed;  /* fail */
    bool is_in_handshake;
    bool is_complete;          /* its data is whole, as it says */
    bool is_linked;            /* our link to it is up; true of ourselves */
    int64_t ping_sent_unix_ms; /* the first ping not yet answered, or 0 */
    int64_t pong_unix_ms;      /* last answer, or 0 */
    uint64_t config_epoch;
    uint64_t offset;
    uint32_t slot_count;
    enum cluster_health health;
};

/* Nodes are numbered from 0 (always ourselves) in the order in which they were learned. */
size_t cluster_node_count(const struct cluster *cluster);
void cluster_node_at(const struct cluster *cluster, size_t index, struct moment now,
                     struct cluster_node_view *out);
/* False when the id is unknown. */
MUST_USE bool cluster_find_node(const struct cluster *cluster, struct bytes id, size_t *out_index);

/* The next run of slots of one owner, at or behind *slot; *slot is then behind it.  False at
 * the end.  With owner_index not SIZE_MAX only the runs of that node. */
struct cluster_slot_range {
    uint16_t first;
    uint16_t last;
    size_t owner_index;
};
MUST_USE bool cluster_next_range(const struct cluster *cluster, size_t owner_index, uint32_t *slot,
                                 struct cluster_slot_range *out);

/* Append the lines of CLUSTER NODES, or one of them, each with its LF. */
void cluster_format_nodes(const struct cluster *cluster, struct moment now, struct buf *out);
void cluster_format_node(const struct cluster *cluster, size_t index, struct moment now,
                         struct buf *out);
/* Append the lines of CLUSTER INFO, with CRLF. */
void cluster_format_info(const struct cluster *cluster, struct mono_time now, struct buf *out);
/* The shard id of this node, 40 hex. */
const struct cluster_id *cluster_my_shard_id(const struct cluster *cluster);
/* How many members of the council report the node at index as failing, reports too old left out. */
size_t cluster_failure_report_count(const struct cluster *cluster, size_t index,
                                    struct mono_time now);

struct cluster_link_view {
    bool is_incoming;
    const struct cluster_id *id; /* the node at the other end */
    int64_t created_unix_ms;
};
/* Links that are up and whose other end is known. */
size_t cluster_link_count(const struct cluster *cluster);
void cluster_link_at(const struct cluster *cluster, size_t index, struct moment now,
                     struct cluster_link_view *out);

struct cluster_stats {
    uint64_t refused_frames; /* wrong or missing authentication, malformed, replayed */
    uint64_t sent_bytes;
    uint64_t received_bytes;
    uint64_t elections_started;
    uint64_t elections_won;
    size_t links_by_previous_secret; /* now */
    uint64_t lease_losses;           /* ticks at which a lease held before was found run out */
};
struct cluster_stats cluster_get_stats(const struct cluster *cluster);

#endif
