/* SPDX-License-Identifier: MIT */
/* Questions about the state that change nothing and need no other module but the lease: what we
 * are, what others are to us.  The plain questions of cluster.h are answered in facts.c, too. */
#ifndef STARLING_CLUSTER_FACTS_H
#define STARLING_CLUSTER_FACTS_H

#include "cluster/state.h"

/* Why this replica could not be promoted now, or NULL. */
const char *facts_why_not_eligible(const struct cluster *c);
bool facts_is_eligible(const struct cluster *c);

/* Where our own data stand. */
struct shard_data facts_own_data(const struct cluster *c);
/* What of a node's data is its shard's, by the record that is agreed; all of it as long as none is. */
struct shard_place facts_place(const struct cluster *c, const struct cluster_node *node);
/* The same by this record, which may be none. */
struct shard_place facts_place_by(const struct cluster *c, const struct shard_record *record,
                                  const struct cluster_node *node);

/* A replica of the candidate's primary that we can reach, could be promoted, and has more of what this record (perhaps none)
 * says is the shard's: it comes first, also where the two do not hear each other.  NULL: there is none. */
const struct cluster_node *facts_find_better_sibling(const struct cluster *c,
                                                     const struct shard_record *record,
                                                     const struct cluster_node *candidate);

/* Is the one that was agreed to be the primary of our shard, which has slots, out of the cluster, as an operator said, or in another
 * shard, as it says itself?  It was given to that before it could hear of the agreement, and serves none of ours. */
bool facts_has_primary_left(const struct cluster *c);

static inline int64_t cluster_timeout_part(const struct cluster *c, int64_t divisor)
{
    int64_t part = c->config.node_timeout_ms / divisor;

    return part > 0 ? part : 1;
}

static inline bool node_is_primary(const struct cluster_node *node)
{
    return cluster_id_is_none(&node->primary);
}

static inline bool node_owns_slots(const struct cluster_node *node)
{
    return !node->is_in_handshake && node_is_primary(node) && node->slot_count > 0;
}

/* Has the record's primary failed, was it removed, or does it say that it is of another shard now?  Then it gives up nothing any more. */
bool facts_is_primary_gone(const struct cluster *c, const struct shard_record *record);

/* Is no node of the shard left, as far as a majority sees? */
bool facts_is_shard_gone(const struct cluster *c, const struct cluster_id *shard);

/* Does it sit in our council? */
static inline bool facts_is_member(const struct cluster *c, const struct cluster_node *node)
{
    return seats_has(council_seats(c->council), &node->id);
}

/* As far as we know it would answer. */
static inline bool node_is_reachable(const struct cluster_node *node)
{
    return !node->is_failing && !node->is_failed && !node->is_in_handshake;
}

/* Has it ever answered? */
static inline bool facts_was_heard(const struct cluster_node *node)
{
    return node->pong_at.us > MONO_LONG_AGO.us;
}

/* Is our data complete (data.h)?  As long as nothing was said about it, a primary's is. */
static inline bool facts_is_complete(const struct cluster *c)
{
    return c->has_status ? c->data.is_complete : node_is_primary(c->me);
}

#endif
