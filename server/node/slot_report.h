/* SPDX-License-Identifier: MIT */
/* What is known of each slot of this node's shard: keys, their memory, and what clients did to them. */
#ifndef STARLING_NODE_SLOT_REPORT_H
#define STARLING_NODE_SLOT_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "stats/slot_usage.h"

struct node;

enum {
    SLOT_REPORT_SAMPLES =
        20000, /* entries that are looked at for the memory of all slots of one report */
};

enum slot_metric {
    SLOT_METRIC_KEYS,
    SLOT_METRIC_MEMORY, /* bytes; of many keys the mean of some, times their count */
    SLOT_METRIC_READS,  /* these four only while they are counted: 0 otherwise */
    SLOT_METRIC_WRITES,
    SLOT_METRIC_IN,
    SLOT_METRIC_OUT,
    SLOT_METRICS
};

/* By the options as they are now. */
void slot_report_configure(struct node *node);
/* Is the slot one of this node's shard? */
bool slot_report_covers(const struct node *node, unsigned slot);
/* slot_count: of how many slots memory is asked for in this report, which says how many entries are looked at in each. */
uint64_t slot_report_metric(const struct node *node, unsigned slot, enum slot_metric metric,
                            size_t slot_count);

#endif
