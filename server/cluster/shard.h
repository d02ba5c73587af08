/* SPDX-License-Identifier: MIT */
/* The records of shards and the table of nodes: what is agreed stands in the table, and what the table says of our own
 * shard, as its primary, is agreed.
 *
 * Of its own record a primary makes a change when it has none yet, when it writes another history than is agreed (after a
 * take-over, and after a start), when slots were given to it or taken, when it needs a greater config epoch, when replicas came or
 * went, when a member has promised the record to somebody else, and to hand its shard to a replica.  One that may lack
 * data of the shard makes none but the last. */
#ifndef STARLING_CLUSTER_SHARD_H
#define STARLING_CLUSTER_SHARD_H

#include "cluster/state.h"

/* A newer record of the shard is known: the table and our role follow it. */
void shard_follow_record(struct cluster *c, const struct cluster_id *shard);
/* Hand our shard to this replica as soon as may be; none: keep it. */
void shard_hand_over(struct cluster *c, const struct cluster_id *heir);
/* The reason for that is over: unless it was proposed already, the shard stays here. */
void shard_keep_from(struct cluster *c, const struct cluster_id *heir);
/* The council is another one, or its seats are. */
void shard_on_seats(struct cluster *c);
/* The node has said how it is. */
void shard_on_status(struct cluster *c);
/* Propose what has to change. */
void shard_tick(struct cluster *c);
/* The shard is ours, or the one that has to let slots go for us. */
void shard_on_read(struct cluster *c, const struct cluster_id *shard);
void shard_on_end(struct cluster *c, const struct council_news *news);
/* Everybody is to know of the record: who serves, and who follows. */
void shard_tell_everybody(struct cluster *c, const struct cluster_id *shard);
/* What was read for a proposal, as council_read does; or what is known to be agreed, where that is newer: members may have given it up
 * for what TAKEOVER brought, and would say for ever what is older. */
MUST_USE bool shard_read(const struct cluster *c, const struct cluster_id *shard,
                         struct shard_record *out);
/* The record as it is known, or as the table has it when there is none: what a change begins with. */
void shard_draft(const struct cluster *c, const struct shard_record *read,
                 struct shard_record *out);
/* Do the slots and moves of our shard stand in its agreed record, as far as there is to be one, and in the next one? */
bool shard_is_settled(const struct cluster *c);

#endif
