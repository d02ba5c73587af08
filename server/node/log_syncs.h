/* SPDX-License-Identifier: MIT */
/* When syncs of the log on disk begin and end, how long they take, and for whom the next one is to wait.
 *
 * With appendfsync always those who were answered with a sync write again within a small part of the time that a sync takes.  A
 * sync that begins without them is theirs the next time but one: two groups would take turns, and each wait for the other's
 * sync, too.  So the next waits until as many wait as did before, for a quarter of a usual sync and two milliseconds at most.
 *
 * Pure: times are handed in.  All-zero is empty; began_at is to be set before anything is asked. */
#ifndef STARLING_NODE_LOG_SYNCS_H
#define STARLING_NODE_LOG_SYNCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct log_syncs {
    struct mono_time began_at; /* the last one */
    struct mono_time ended_at;
    size_t
        expected_count; /* sessions that waited for it when it ended: as many may wait for the next */
    uint64_t count;
    int64_t last_us;  /* how long it took, */
    int64_t usual_us; /* and how long they took lately */
};

/* So many sessions wait for replies as the sync ends, those that it was for among them. */
void log_syncs_end(struct log_syncs *syncs, struct mono_time now, size_t waiting_count);
/* Is it worth while to wait for those who were answered with the last one, as long as so many wait? */
bool log_syncs_expect_company(const struct log_syncs *syncs, struct mono_time now,
                              size_t waiting_count);

#endif
