/* SPDX-License-Identifier: MIT */
/* What the head of the next segment says: where it begins, in which history, and what it goes on from.
 *
 * Invariant:  (1) all before a segment is durable when it is begun */
#ifndef STARLING_NODE_DISK_HEAD_H
#define STARLING_NODE_DISK_HEAD_H

#include "segment/segment.h"

struct node;

/* Of the log on disk as it stands. */
struct segment_head disk_head_make(const struct node *node);

#endif
