/* SPDX-License-Identifier: MIT */
/* The values of the metrics (stats/metrics.def), a section at a time. */
#ifndef STARLING_CONTROL_METRICS_COLLECT_H
#define STARLING_CONTROL_METRICS_COLLECT_H

#include "base/buf.h"
#include "stats/metrics.h"

struct node;

/* Fill in one section; lines is empty before, and what its metrics borrow afterwards. */
void metrics_collect(struct node *node, enum metric_section section, struct metrics *m,
                     struct buf *lines);

#endif
