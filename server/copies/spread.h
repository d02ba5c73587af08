/* SPDX-License-Identifier: MIT */
/* How the readers of a hot slot are spread over those who serve it, which are its owner and the members that are ready: by
 * what each of them serves.
 *
 * Readers differ: one connection asks ten thousand times a second, another one ten times, and a few of them drawn by chance
 * meet at one node.  So the owner counts what it and each member serve, and says it in the announcement, as of the epoch
 * (copies/hot_slots.h).  All nodes go by that, until there is a newer one:
 *
 *     room     SPREAD_OVER_PERCENT of the mean, less what the node serves: readers who ask for the map are drawn by it (view.h)
 *     over     serves that much or more, and has no room: sends readers on, by one MOVED each, to one that is drawn
 *
 * Rules:
 *  (1) Who is over has no room.  So nobody who is sent on comes to one that sends on in the same epoch.
 *  (2) Readers are sent on from SPREAD_MEASURE_MS after the node has heard of the epoch, when it has counted what each reads,
 *      until SPREAD_UNTIL_MS after: all nodes have heard of it by then, and of no newer one.  Each reader is judged once
 *      in an epoch.
 *  (3) As much is sent on as the node serves beyond the mean, and no reader that would be too many where it comes to: one
 *      reader alone stays where it is.
 *  (4) They go evenly over that time: when half of it is over, half of the surplus may be gone.  However many readers
 *      that takes: with thousands of them one in a millisecond would take many rounds, and all at once would be a
 *      storm of connections where they come to.
 *  (5) What a reader reads is what it has read in the epoch until then.  One that reads once in two seconds and happens to do it
 *      just then would seem to read more than once a second: who has come a few times counts for no more than in all its life.
 *  (6) A new epoch begins SPREAD_ROUND_MS after the last one, when somebody is over, or serves another part than was
 *      announced; later each time, SPREAD_ROUND_MAX_MS at most, while that goes on: readers that cannot be sent
 *      on are not to have the others run in circles.
 *
 * Reads are a second's.  Pure. */
#ifndef STARLING_COPIES_SPREAD_H
#define STARLING_COPIES_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/cluster_id.h"
#include "copies/hot_slots.h"

enum {
    SPREAD_OVER_PERCENT = 120, /* of the mean */
    SPREAD_STALE_PERCENT = 20, /* of the mean, that a part may have changed by */
    SPREAD_MEASURE_MS = 300,
    SPREAD_UNTIL_MS = 1000,
    SPREAD_ROUND_MS = 2000,
    SPREAD_ROUND_MAX_MS = 60000,
    SPREAD_QUICK_ROUNDS = 8,  /* the first ones, before they become later each time */
    SPREAD_LEAST_READS = 100, /* of all together: below that nothing is spread */
    SPREAD_FEW_REQUESTS = 8,  /* in an epoch: they tell little of what a reader reads */
    SPREAD_SHARES_MAX = HOT_MEMBERS_MAX + 1,
};

/* A new epoch begins in between, for another reason: what was served until now is no more to go by. */
void spread_forget(struct hot_slot *hot);

/* What one of those who serve the slot serves. */
struct spread_share {
    const struct cluster_id *node;
    uint64_t reads;
    uint64_t room; /* by which it is drawn: never 0 for all of them */
};

/* The owner first, then the members that are ready; returns how many. */
size_t spread_shares(const struct hot_slot *hot, struct spread_share shares[SPREAD_SHARES_MAX]);

/* One connection's use of the slot; all-zero at first. */
struct spread_reader {
    uint32_t judged;   /* the last epoch in which it was, by its number, */
    uint32_t counted;  /* and the one in which it is, */
    uint32_t requests; /* with so many requests, until it is judged */
};

/* Is the node over, so that readers are to be judged now?  Else they have nothing to fear in this epoch. */
bool spread_is_over(const struct hot_slot *hot, const struct cluster_id *node);
/* May the reader be judged now (2) (4), and has not been? */
MUST_USE bool spread_can_judge(const struct hot_known *known, struct mono_time now,
                               struct spread_reader *reader);
/* The same, and count a request of it at this node. */
MUST_USE bool spread_count(const struct hot_known *known, struct mono_time now,
                           const struct cluster_id *me, struct spread_reader *reader);
/* Judge the reader, which can be judged, and sent on: is it to be?  most: that it has read in 1000 seconds, by all of its life; 0: that
 * is not known. */
MUST_USE bool spread_sends_on(struct hot_known *known, struct mono_time now,
                              const struct cluster_id *me, struct spread_reader *reader,
                              uint64_t most);

/* ---- the owner's ------------------------------------------------------------------------------ */

struct spread_rounds {
    struct mono_time next_at;
    int64_t gap_ms;
    unsigned count; /* one soon after the other */
};

/* Once a second: what was served since the last look, passed_ms ago, is counted anew.  True when a new epoch is to begin; what is
 * announced with it is in place.  must: it begins in any case, since members have changed. */
MUST_USE bool spread_look(struct hot_slot *hot, struct spread_rounds *rounds, struct mono_time now,
                          int64_t passed_ms, bool must);

#endif
