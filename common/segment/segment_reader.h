/* SPDX-License-Identifier: MIT */
/* Reads the log as one stream out of its segments, from an offset on, in bounded memory.
 *
 * Of segments that continue each other the newest one that has a byte is right about it: one is read up to where the
 * first of those behind it begins.
 *
 * For two uses.  At rest (nobody writes: recovery, the cli) what is bad is judged:
 *
 *     bad or cut off                           it is
 *       below the start of a later segment       damage
 *       in the last segment                      a torn tail, which ends the stream and is told (segment_reader_tail);
 *                                                damage when a good frame behind it says that more was durable
 *       in the last but one, whose successor     the same, frames of that successor included
 *         has no good head
 *       in one that is not continued             damage; when the next was begun anew, as in the last segment
 *
 * One that is not continued, though the next was not begun anew, is damage also where nothing is bad: files have got
 * each other's names, or one is of another log.  So is one that begins before one in front of it.
 *
 * Zeros up to the end of a file are the same as no bytes: room that was made for frames that never came.
 *
 * Live (a server that serves replicas from its own files) whatever is not whole at the end of the last segment is not
 * written yet; elsewhere it is damage.
 *
 * That a file was cut between two frames cannot be seen in it: who knows how far the log has to go (the manifest's
 * end) compares.
 *
 * Invariants:  (1) the bytes handed out have no gap: each begins at `offset`, which then moves behind it
 *              (2) nothing is handed out whose checksum is not right
 *              (3) a change of history is told before its first byte
 *              (4) begin <= begin + handed <= place, and place is in the buffer or at its end
 * Owns its buffer.  Borrows the list and the source for its whole life; the list may grow at its end, and be cut
 * off at its front, meanwhile. */
#ifndef STARLING_SEGMENT_SEGMENT_READER_H
#define STARLING_SEGMENT_SEGMENT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "segment/segment_list.h"
#include "segment/segment_source.h"

enum segment_reading {
    SEGMENT_READING_OK = 0,
    SEGMENT_READING_FORK,    /* the bytes from `offset` on are of `history`, which has changed */
    SEGMENT_READING_END,     /* nothing more that is good; live: for now */
    SEGMENT_READING_DAMAGED, /* what was durable is bad: error has file, place, offset, reason */
    SEGMENT_READING_GONE,    /* the segment was removed, or what was read is void by now */
    SEGMENT_READING_FAILED,  /* the file cannot be read */
};

struct segment_reader {
    const struct segment_source *source;
    const struct segment_list *list;
    bool is_at_rest;
    struct history_id history;
    uint64_t offset; /* of the next byte */
    uint64_t number; /* of the segment that is being read */
    uint64_t place;  /* in its file, of the next frame */
    int64_t
        written_unix_ms; /* of the frame that was read last, which what was handed out last is of */
    uint64_t next;       /* offset at which that frame has to begin */
    uint64_t begin;      /* in its file, of the first byte of buffer */
    size_t handed;       /* bytes of buffer that were handed out, or skipped */
    uint64_t end; /* in its file, behind which there are but zeros; UINT64_MAX: nobody looked */
    uint64_t lost_end; /* damaged: so far the log had been on disk; `next` when nobody knows */
    struct buf buffer;
};

/* Where reading at rest has ended. */
struct segment_tail {
    uint64_t number;     /* of the segment */
    uint64_t place;      /* in its file, behind the last good frame */
    uint64_t torn_bytes; /* behind that: what is void */
};

void segment_reader_init(struct segment_reader *reader, const struct segment_source *source,
                         const struct segment_list *list, bool is_at_rest);
void segment_reader_deinit(struct segment_reader *reader);
/* Go to an offset of a history.  False, and where it stood before, when no segment has it (segment_list_find).  At
 * rest a last segment without a good head is taken for the one that would have it, when no other has: reading then says
 * whether something was lost in it.  What is before the offset in its segment is passed over by the reads that come,
 * and nobody misses it: a tail that ends before the offset is no damage when no more than that was durable. */
MUST_USE bool segment_reader_seek(struct segment_reader *reader, const struct history_id *history,
                                  uint64_t offset);
/* The next bytes of the stream, at most max_bytes (not 0), borrowed until the next call.  One call reads a bounded
 * number of bytes from the file, unless it judges a tail; it may hand out nothing (OK with an empty *out) while it passes
 * over what is before.  The reader was sent to an offset (seek).  What is not OK or FORK is said again by the next call;
 * live, END may be followed by more.
 * Damaged: number, place and next of the reader tell where; lost_end what was lost. */
MUST_USE enum segment_reading segment_reader_next(struct segment_reader *reader, size_t max_bytes,
                                                  struct bytes *out, struct errmsg *error);
/* After SEGMENT_READING_END, at rest.  Of a segment without a good head all is torn. */
struct segment_tail segment_reader_tail(const struct segment_reader *reader);

#endif
