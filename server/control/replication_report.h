/* SPDX-License-Identifier: MIT */
/* What INFO replication tells: of our primary, of our replicas, of the log. */
#ifndef STARLING_CONTROL_REPLICATION_REPORT_H
#define STARLING_CONTROL_REPLICATION_REPORT_H

#include "base/buf.h"
#include "stats/metrics.h"

struct node;

/* As metrics_collect does, for the section of replication. */
void replication_collect(struct node *node, struct metrics *m, struct buf *lines);

#endif
