/* SPDX-License-Identifier: MIT */
/* The manifest of a log: which snapshot it goes on from, which segments that needs, and how the server ended.
 *
 * A small text file, one fact a line, written as a whole and put in place by a rename, so that it is always one of
 * its states.  The last line is the crc32c of those before; its length is the same in all versions.  Lines stand in
 * this order; one that is not known makes it damaged, a version that is not known SEGMENT_NEWER.
 *
 *     starling-log 1
 *     base dump.rdb <history> <offset>      the log can be replayed on a snapshot of this place or a later one;
 *                                           "base - <history> <offset>": on an empty key space
 *     first <number>                        of the segment that has the base's offset; needed, with all behind it
 *     save <id> <number>                    of this log; and of the snapshot, which has both in it (missing: unknown)
 *     fork <history> <end>                  0 or more: histories that ours has grown from, oldest first, and up to where
 *     off                                   the log was turned off: nothing of it counts any more
 *     end <history> <offset>                an orderly end: nothing was written behind it; missing while the server runs
 *     crc <8 hex digits>
 *
 * Bytes of the snapshot's name that would end a word, and "%", are written as "%" and two hex digits. */
#ifndef STARLING_SEGMENT_MANIFEST_H
#define STARLING_SEGMENT_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/lineage.h"
#include "segment/segment.h"

#define MANIFEST_NAME "manifest"

enum {
    MANIFEST_VERSION = 1,
    MANIFEST_BASE_SIZE = 256,
    MANIFEST_MAX_BYTES = 64 * 1024,
};

struct manifest {
    char base[MANIFEST_BASE_SIZE]; /* name of the snapshot's file; empty: none is needed */
    struct history_id base_history;
    uint64_t base_offset;
    uint64_t first;         /* number of a segment; 0: none is needed */
    struct history_id log;  /* its id; empty when unknown */
    uint64_t save_number;   /* of the snapshot */
    struct lineage lineage; /* before the history of the end */
    bool is_off;
    bool has_end;
    struct history_id end_history;
    uint64_t end_offset;
};

/* Append the text.  base_history, and end_history if there is an end, are not empty. */
void manifest_format(const struct manifest *manifest, struct buf *out);
/* *out is untouched unless all is well; error (may be NULL) says what is wrong.
 * SEGMENT_MORE is not among the results: a manifest that is cut off is SEGMENT_DAMAGED. */
MUST_USE enum segment_status manifest_parse(struct bytes text, struct manifest *out,
                                            struct errmsg *error);

#endif
