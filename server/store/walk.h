/* SPDX-License-Identifier: MIT */
/* The one walker: a point-in-time image of the key space, taken in slices on the loop thread.
 *
 * From walk_start on, every entry that existed at that moment is handed to the sink exactly once,
 * with the value it had at that moment: when the walk comes by, or earlier, right before a command
 * changes or removes it.  Entries made after the start are not handed over.  Entries come in no
 * promised order, but a database (or slot) at a time except for those handed over early.
 *
 * At most one walk per key space is on; whoever needs an image while one runs waits for the next.
 * A walk holds no copy of anything: memory stays flat.  A cancelled walk costs nothing further.
 * FLUSHALL, FLUSHDB and SWAPDB first hand over everything of the affected databases that was not
 * yet visited. */
#ifndef STARLING_STORE_WALK_H
#define STARLING_STORE_WALK_H

#include "store/keyspace.h"

/* db as in SELECT; e is valid during the call; the sink must not touch the key space. */
typedef void walk_sink_fn(void *context, unsigned db, const struct entry *e);

struct walk_options {
    const uint64_t *slots; /* bitset of slots to visit, cluster mode, borrowed; NULL for all */
    walk_sink_fn *sink;
    void *context;
};

/* No walk may be on. */
void walk_start(struct keyspace *ks, const struct walk_options *options);
bool walk_is_on(const struct keyspace *ks);
/* Visit up to budget entries more; true when the walk has ended. */
bool walk_step(struct keyspace *ks, size_t budget);
/* For the sink: it was given enough to do, and the running step ends with the bucket that it is in. */
void walk_end_step(struct keyspace *ks);
/* End early; does nothing when no walk is on. */
void walk_cancel(struct keyspace *ks);

#endif
