/* SPDX-License-Identifier: MIT */
/* Moves of slots that are over, as they are told of: the newest, in a ring.  Plain values. */
#ifndef STARLING_NODE_MOVE_REPORT_H
#define STARLING_NODE_MOVE_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "council/shard_ranges.h"
#include "move/receiver.h"

enum {
    MOVE_REPORTS_MAX = 32,
};

struct move_report {
    struct shard_range range;
    enum receiver_outcome outcome;
    struct errmsg problem; /* or empty */
    int64_t began_unix_ms;
    int64_t ended_unix_ms;
    uint64_t bytes; /* of requests that were sent */
    unsigned attempts;
    int64_t held_ms; /* writes were held, at the source */
};

struct move_reports {
    struct move_report items[MOVE_REPORTS_MAX];
    size_t count; /* ever */
};

static inline void move_reports_add(struct move_reports *reports, const struct move_report *report)
{
    reports->items[reports->count++ % MOVE_REPORTS_MAX] = *report;
}

static inline size_t move_reports_kept(const struct move_reports *reports)
{
    return reports->count < MOVE_REPORTS_MAX ? reports->count : MOVE_REPORTS_MAX;
}

/* Of those kept number i, oldest first. */
static inline const struct move_report *move_reports_at(const struct move_reports *reports,
                                                        size_t i)
{
    size_t first = reports->count - move_reports_kept(reports);

    return &reports->items[(first + i) % MOVE_REPORTS_MAX];
}

#endif
