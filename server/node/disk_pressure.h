/* SPDX-License-Identifier: MIT */
/* Clients that write wait while more of the log than log-lag-limit is not durable: the disk is slower than they are.
 *
 * Their requests are put back and read again when the disk has half of that.  What is refused (disk_log_refusal) does not
 * wait, and neither do reads.  Behind MULTI it is EXEC that waits.
 *
 * Invariant:  (1) a session is held by HOLD_DISK only while has_waiting */
#ifndef STARLING_NODE_DISK_PRESSURE_H
#define STARLING_NODE_DISK_PRESSURE_H

#include <stdbool.h>

#include "base/attr.h"

struct node;
struct request;

struct disk_pressure {
    bool is_high;     /* as of the last look */
    bool has_waiting; /* perhaps sessions are held that wait for the disk */
};

/* Before a batch: is there more than the limit that is not durable? */
void disk_pressure_look(struct node *node);
/* Hold the session and put its request back; false when that cannot be: it is to run all the same. */
MUST_USE bool disk_pressure_hold(struct node *node, struct request *request);
/* At the end of each pass: release whom it holds no longer. */
void disk_pressure_run(struct node *node);

void disk_pressure_check(const struct node *node);

#endif
