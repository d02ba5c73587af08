/* SPDX-License-Identifier: MIT */
/* What stands behind a bad frame: is there a good one that says the log was on disk beyond it?
 *
 * Every byte is tried as the beginning of a frame.  One counts when its checksum is right, when it says that more was
 * durable than what is before the bad one, and when it can be as far in the stream as it is in the file.  Bytes of the
 * stream that look like such a frame count as well: a client that guesses offsets can make a torn tail look damaged,
 * which stops recovery and loses nothing. */
#ifndef STARLING_SEGMENT_SEGMENT_SCAN_H
#define STARLING_SEGMENT_SEGMENT_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "segment/segment_source.h"

struct segment_hole {
    uint64_t number; /* of the segment that is searched */
    uint64_t place;  /* in its file, from where on */
    uint64_t offset; /* the good part of the log ends here */
};

/* Raise *durable to the greatest offset that good frames behind the hole say was on disk; those that say no more than
 * hole->offset do not count.  False when the file cannot be read. */
MUST_USE bool segment_scan(const struct segment_source *source, const struct segment_hole *hole,
                           uint64_t *durable, struct errmsg *error);

#endif
