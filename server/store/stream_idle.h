/* SPDX-License-Identifier: MIT */
/* Which of the pending entries of a group (store/stream_group.h) can be claimed as nobody has dealt with them for long.
 *
 * There is no index by time, which would cost each pending entry half as much again.  Each leaf of the index by id has a time
 * before which nothing in it was delivered, and so has the group: lower bounds, which a look at the leaf makes exact.  Leaves
 * are looked at in the order of their bounds, until nothing better can come: mostly one or two, since what is delivered
 * together lies together.  So whoever asks pays for a step for each leaf, some hundred pending entries, and a look at a few.
 * Loop thread only. */
#ifndef STARLING_STORE_STREAM_IDLE_H
#define STARLING_STORE_STREAM_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "store/stream_group.h"

/* Can be used with the macros of base/vec.h. */
struct stream_idle {
    struct stream_pending *items;
    size_t count;
    size_t cap;
};

/* Nothing is idle for longer than since then: INT64_MIN when something is released, INT64_MAX when nothing is pending.
 * Earlier than the truth perhaps, but not once stream_idle_collect has found nothing. */
int64_t stream_idle_since_ms(const struct stream_group *g);
/* Append to what is empty up to limit of those that were delivered at until_ms or earlier, or are released: first the released ones in the
 * order of releases, then the others by their time. */
void stream_idle_collect(struct stream_group *g, int64_t until_ms, uint64_t limit,
                         struct stream_idle *out);

#endif
