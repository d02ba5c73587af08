/* SPDX-License-Identifier: MIT */
/* What leaves at the end of a pass: outputs whose barriers can be opened, to the shell.
 *
 * A barrier stands before what may leave only under the lease, and, with appendfsync always, before everything that a
 * client could take for done: a reply, of whoever, may show what is in the log and not yet durable.  Those wait for the
 * disk in a list.  With sync-replicas (sync_side.h) what tells of changes waits there, too, until the shard's in-sync set has
 * them; when that takes too long the client is told that nobody knows, and the connection closes.  What the disk refused waits until it is written after all; when that cannot be any more (the data was
 * replaced), or without the lease, nobody knows what became of it: the connection closes instead of an answer.
 *
 * A primary whose lease was held at some time of the pass says nothing at all once its time is over: what was read may be as old
 * as what was written.  That the node has heard of its successor in the same pass changes nothing.  One that has given the lease up
 * itself before its time, by handing over, or its last slot away, has read what it read before that: it may say so, until
 * that time; what of it waits for the disk, or for the set, is told while the lease of its shard without slots lasts.  The shell asks
 * once more right before it writes.
 *
 * Invariants:  (1) in the list are sessions whose output has a barrier, and no others
 *              (2) replicas' outputs have none: what they confirm is theirs
 *              (3) waiting_count sessions are in the list */
#ifndef STARLING_NODE_RELEASE_H
#define STARLING_NODE_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"

struct node;
struct session;

struct release {
    struct list waiting; /* session.barred, in the order in which they began to */
    size_t waiting_count;
    bool
        is_waited_for_under_lease; /* some of them began to in a pass in which the lease was held */
    struct mono_time
        lease_end; /* of the lease that was held at some time of this pass, or the last; 0: none was */
};

void release_init(struct node *node);
/* The first of a pass. */
void release_begin(struct node *node);
/* The cluster has made a step: it may hold the lease since then. */
void release_note_lease(struct node *node);
/* The last of a pass. */
void release_run(struct node *node);
/* May what passes have left be written now?  False when the lease under which it was said is over meanwhile. */
bool release_may_write(const struct node *node);
/* Then nothing of the session's output may be, unless it is a replica's: it is closed. */
void release_withhold(struct node *node, struct session *s);
/* This node follows another from now on: of what has not left nobody knows whether it holds. */
void release_on_demotion(struct node *node);
/* How long has the first of those who wait been told nothing? */
int64_t release_oldest_ms(const struct node *node);
/* The session is about to go. */
void release_forget(struct node *node, struct session *s);

void release_check(const struct node *node);

#endif
