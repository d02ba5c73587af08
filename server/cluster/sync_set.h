/* SPDX-License-Identifier: MIT */
/* The in-sync set of our own shard, as its primary keeps it (council/shard_sync.h; docs/replication.md).
 *
 *     the node says of a replica                        what becomes of it
 *     in step: it has all that was ever let go          JOINING: from now on its word is needed, too, and
 *                                                       the next change of the record makes it a member
 *     late: it has not answered for sync-timeout        out of the set, where enough are left
 *     gone: for so long that replies were given up      out, whatever is left
 *
 * Whom an operator has removed is out, too, whatever is left, and nothing is settled before that is agreed: a primary that
 * is started anew does not ask it for what it has.
 *
 * A joiner stays until a record is agreed that we have made since: of one that we made and that failed nobody knows
 * whether it is agreed all the same.  A member counts until a record without it is agreed, and that is on our own disk:
 * a primary that is started anew must not know of less than what it acknowledged by.
 *
 * Invariant:  (1) only a primary has joiners */
#ifndef STARLING_CLUSTER_SYNC_SET_H
#define STARLING_CLUSTER_SYNC_SET_H

#include "cluster/state.h"

/* What the node says of its replicas: read at once, since it is true at this moment only. */
void sync_set_take_facts(struct cluster *c);
/* Is the set in this record, of our shard, as it should be? */
bool sync_set_is_agreed(const struct cluster *c, const struct shard_record *record);
/* Make it so in a record that we are about to propose as its primary.  Its holders stand in it. */
void sync_set_put(struct cluster *c, struct shard_record *record);
/* In a record that makes another node primary: it is no member any more, nor are those who hold nothing. */
void sync_set_settle(struct shard_record *record);
/* A record that we have put was agreed. */
void sync_set_on_agreed(struct cluster *c);
/* We are no primary. */
void sync_set_forget(struct cluster *c);

/* May we take over by this record? */
bool sync_set_permits_us(const struct cluster *c, const struct shard_record *record);
/* May that replica be given our place, by this record? */
bool sync_set_permits(const struct shard_record *record, const struct cluster_id *node);

/* Who is there of those who have all that we, a primary that was started anew, ever acknowledged? */
enum sync_witness {
    SYNC_WITNESS_NEEDLESS, /* there is no set, or nobody of it has its memory any more */
    SYNC_WITNESS_AWAITED,  /* nobody yet, and one may come */
    SYNC_WITNESS_HEARD,
};
enum sync_witness sync_set_find_witness(const struct cluster *c);
/* The same of this node: has it kept what it had as a member? */
bool sync_set_is_witness(const struct cluster *c, const struct cluster_node *node);

/* A nodes file is given out, or is on disk: is our record in it? */
void sync_set_file_given(const struct cluster *c, struct council_file *file);
void sync_set_file_written(struct cluster *c, const struct council_file *file);
/* Is our record, as its primary, on our disk as it was agreed last? */
bool sync_set_is_saved(const struct cluster *c);

void sync_set_check(const struct cluster *c);

#endif
