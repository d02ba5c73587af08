/* SPDX-License-Identifier: MIT */
/* The format of a segment: a file that holds a piece of the log, with the offsets the log has in memory.
 *
 * All integers are little-endian.
 *
 *     head, 136 bytes                            then frames, each
 *       8  "STARLING"                              4  length of the bytes, 1 to SEGMENT_FRAME_MAX
 *       4  version, 1                              4  crc32c of everything of the frame behind this field
 *       4  reserved, 0                             8  start: offset of the first byte
 *      40  history, zero bytes when shorter        8  durable: so far the log was on disk when this was written
 *      40  parent history; zero bytes: none        8  when this was written, Unix ms
 *       8  parent end                                 bytes of the stream
 *       8  start: offset of the first frame
 *       8  durable, as in frames
 *       8  when it was begun, Unix ms
 *       4  reserved, 0
 *       4  crc32c of the 132 bytes before
 *
 * Size and checksum of a head are the same in all versions, so that a bad one is not taken for a newer one.
 *
 * What was durable is at or before the start that stands beside it, and no frame goes beyond offset 2^64 - 1: what
 * says otherwise is no frame, and no head.
 *
 * Times are those of the clock of the machine that wrote the frame: they may go back, and say about each of its
 * bytes no more than that it was there then.
 *
 * A frame ends anywhere in the stream, also in the midst of a request.  What was durable stands in the frames so
 * that a reader can tell a torn tail (frames that were never synced, which a power cut may leave in any state)
 * from damage (something that was synced is bad): a later frame or segment knows.
 *
 * Segments are numbered, ascending, without gaps: "0000000000000001.log" and so on.  A segment continues the one
 * before it when it has the same history, or the one before it as its parent with the end where it starts, and
 * when it starts at or before the end of that one's good frames; what that one has from there on is void.  One that was
 * begun anew continues none: who reads what is before it ends there. */
#ifndef STARLING_SEGMENT_SEGMENT_H
#define STARLING_SEGMENT_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/history.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_HEAD_BYTES = 136,
    SEGMENT_FRAME_HEAD_BYTES = 32,
    SEGMENT_FRAME_MAX = 1024 * 1024,
    SEGMENT_NAME_SIZE = 24, /* of a name with its terminator */
};

struct segment_head {
    struct history_id history;
    struct history_id parent; /* empty: none */
    uint64_t parent_end;
    uint64_t start;
    uint64_t durable;
    int64_t begun_unix_ms;
    bool is_anew; /* it does not go on from the one before, since the data was replaced */
};

struct segment_frame {
    uint64_t start;
    uint64_t durable;
    int64_t written_unix_ms;
    struct bytes bytes;
};

enum segment_status {
    SEGMENT_OK = 0,
    SEGMENT_MORE,    /* what is there is the beginning of one, or nothing */
    SEGMENT_DAMAGED, /* no whole head or frame can begin with these bytes */
    SEGMENT_NEWER,   /* of a version that is not known here */
};

/* Names of segments have sixteen digits; those a folder may hold are smaller, so that there is always a next one. */
#define SEGMENT_NUMBER_MAX UINT64_C(999999999999999)

/* "0000000000000001.log"; of number 1 to SEGMENT_NUMBER_MAX + 1. */
void segment_format_name(uint64_t number, char name[SEGMENT_NAME_SIZE]);
/* False, and *number untouched, for names of other files.  *number is 1 to SEGMENT_NUMBER_MAX. */
MUST_USE bool segment_parse_name(struct bytes name, uint64_t *number);

void segment_write_head(struct buf *out, const struct segment_head *head);
/* Read a head from the beginning of a file; error (may be NULL) says why it is none. */
MUST_USE enum segment_status segment_read_head(struct bytes in, struct segment_head *out,
                                               struct errmsg *error);

/* One frame; frame->bytes has 1 to SEGMENT_FRAME_MAX bytes. */
void segment_write_frame(struct buf *out, const struct segment_frame *frame);
/* The frame at the beginning of in, whose bytes are borrowed from there. */
MUST_USE enum segment_status segment_read_frame(struct bytes in, struct segment_frame *out);
/* The size in the file of the frame whose beginning, at least SEGMENT_FRAME_HEAD_BYTES, is at the beginning of in;
 * frame has its start, what was durable and its time, no bytes.  0 when no frame begins so.  The checksum is not looked at: all
 * of it may be wrong. */
size_t segment_peek_frame(struct bytes in, struct segment_frame *out);
/* Of the file. */
static inline size_t segment_frame_size(const struct segment_frame *frame)
{
    return SEGMENT_FRAME_HEAD_BYTES + frame->bytes.len;
}

#endif
