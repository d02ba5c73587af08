/* SPDX-License-Identifier: MIT */
/* The log for replicas that are further behind than what memory has of it: read from the segments on disk, until they have
 * caught up.  So no replica is dropped for being slow while the disk keeps what it needs, and what a long full resync
 * has missed need not be kept in memory.
 *
 * Pieces are read at once, on the loop thread, and are small; they usually come from the system's memory.
 *
 * Invariants:  (1) a replica reads from the disk only what memory has no more
 *              (2) a struct disk_feed has a reader exactly while is_open */
#ifndef STARLING_NODE_DISK_FEED_H
#define STARLING_NODE_DISK_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "segment/segment_reader.h"

struct node;

struct disk_feed {
    bool is_open;
    struct segment_reader reader;
};

/* From which offset on can the log be read, from memory or from disk? */
uint64_t disk_feed_start(const struct node *node);
/* Is there a segment to go on from? */
bool disk_feed_has(const struct node *node, uint64_t offset);
/* The next bytes from offset on, which memory has no more; borrowed until the next call, and perhaps none: then there
 * are more all the same.  False with a reason when they cannot be had. */
MUST_USE bool disk_feed_read(struct node *node, struct disk_feed *feed, uint64_t offset,
                             struct bytes *out, struct errmsg *error);
void disk_feed_close(struct disk_feed *feed);

#endif
