/* SPDX-License-Identifier: MIT */
/* May our data stand for the shard's?  Who starts from a file may have less than others: a primary
 * then serves nothing before it knows, and a replica does not take over.  How much of them is the shard's is
 * judged by the agreed record (shard_lineage.h): a greater number of bytes of another history is nothing.
 *
 *                    loading -> LOADING            whole, says the node -> WHOLE
 *     a replica      FOREIGN when they are not what was agreed, or went another way,
 *                    STALE, or MORE_THAN_PRIMARY when its primary has lost more than it has, or has left the shard
 *     a primary      BEHIND while one who may have its data has more: that one is to take over,
 *                    REPLICA_UNHEARD while one of them has said nothing yet (both for a while only;
 *                     without end as long as one of the in-sync set has more, or may have),
 *                    NODE_UNHEARD while any node has said nothing that may have become one of them,
 *                    then UNDISPUTED, or GIVEN_UP when a replica has more and did not take over
 *
 * Invariants:  (1) is_complete is what the newest verdict says
 *              (2) DATA_COMPLETE goes out once for a verdict UNDISPUTED or GIVEN_UP: from then on
 *                  the node itself says that its data is whole */
#ifndef STARLING_CLUSTER_DATA_H
#define STARLING_CLUSTER_DATA_H

#include "cluster/state.h"

enum {
    DATA_WAIT_MAX_MS = 30000, /* for a replica that has more or is not heard */
    DATA_WAIT_TIMEOUTS = 3,   /* node timeouts: for nodes of which nothing is known */
};

/* All that a verdict depends on. */
struct data_facts {
    bool is_primary;
    bool is_loading;
    bool is_whole;       /* as the node knows without asking anybody */
    bool is_foreign;     /* a replica's: not the shard's, or with a tail that was given up */
    bool has_more;       /* a replica's: than its primary, which has lost its data */
    bool is_behind;      /* a primary's: one of its replicas has more */
    bool misses_replica; /* one of its replicas was not heard yet */
    bool misses_node;    /* a node was not heard yet */
    bool is_bound; /* a primary's: nothing but what one of the in-sync set has, or less, will do */
    int64_t waited_ms;  /* since this node started */
    int64_t timeout_ms; /* node timeout */
};
enum data_verdict data_judge(const struct data_facts *facts);
bool data_verdict_is_complete(enum data_verdict verdict);
/* For log lines: "our data ..." */
const char *data_verdict_text(enum data_verdict verdict);

/* The node reports: what it says of its data is about the shard that we are in now. */
void data_take_status(struct cluster *c, const struct cluster_status *status);
/* We are to follow another primary: what the node said of its data and its link was said of another one, or of none.  Before it
 * says so of this one nothing is known of them. */
void data_forget(struct cluster *c);
/* Judge anew: time has passed, and others may have been heard. */
void data_update(struct cluster *c);
void data_check(const struct cluster *c);

#endif
