/* SPDX-License-Identifier: MIT */
/* What taking entries out of a stream does to the groups that know them.
 *
 * A group needs an entry that it was not delivered yet, or that is pending in it.  Deleting entries one by one and
 * trimming have the same three ways to treat that, which are told here.
 *
 * Invariants: those of store/stream.h and store/stream_group.h.  Loop thread only. */
#ifndef STARLING_STORE_STREAM_REFS_H
#define STARLING_STORE_STREAM_REFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "store/stream.h"
#include "store/stream_group.h"

enum stream_refs {
    STREAM_REFS_KEEP,  /* what is pending stays so, without an entry */
    STREAM_REFS_DROP,  /* what is pending of the entry goes with it */
    STREAM_REFS_ACKED, /* only entries go that no group needs */
};

/* How entries are taken out, and who is told of what came of it; a function may be NULL. */
struct stream_removal {
    enum stream_refs refs;
    /* STREAM_REFS_DROP: it was pending in the group, and is not any more. */
    void (*on_dropped)(void *context, struct stream_group *g, struct stream_id id);
    /* stream_trim_refs with STREAM_REFS_ACKED: it went, as stream_delete takes it out. */
    stream_leave_fn *on_deleted;
    void *context;
};

enum stream_removed {
    STREAM_REMOVED,
    STREAM_REMOVED_NONE,   /* there is no such entry, and nothing has changed */
    STREAM_REMOVED_NEEDED, /* it stays */
};

/* Does a group need the entry with this id? */
MUST_USE bool stream_is_needed(const struct stream *s, struct stream_id id);
enum stream_removed stream_remove(struct value_draft *draft, struct stream_id id,
                                  const struct stream_removal *removal);
/* As stream_trim, which it is for STREAM_REFS_KEEP.  With STREAM_REFS_ACKED needed entries are passed over, however
 * many, and entries are taken one by one also when the trim is an approximate one; its limit holds.  How many went. */
uint64_t stream_trim_refs(struct value_draft *draft, const struct stream_trim *trim,
                          const struct stream_removal *removal);

#endif
