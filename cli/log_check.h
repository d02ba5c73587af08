/* SPDX-License-Identifier: MIT */
/* Reads all of a log at rest, and says what is good, what a start would recover, and what would be lost.
 *
 * What a start reads (from the base that the manifest names) is judged first; then the segments that are kept for
 * replicas only.
 * Owns its list and what it found out; borrows the source while it runs. */
#ifndef STARLING_CLI_LOG_CHECK_H
#define STARLING_CLI_LOG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "base/history.h"
#include "segment/manifest.h"
#include "segment/segment_list.h"
#include "segment/segment_reader.h"
#include "segment/segment_source.h"

/* By severity; exit codes, too. */
enum log_verdict {
    LOG_GOOD = 0,
    LOG_TORN = 1,       /* what was never synced is not whole: harmless */
    LOG_DAMAGED = 2,    /* what was on disk is bad, or not there */
    LOG_UNREADABLE = 3, /* the system, or this version, cannot read it */
};

/* What is known of one segment of the list besides its entry. */
struct log_piece {
    bool is_read;
    uint64_t end; /* it was read up to this offset */
};

struct log_damage {
    bool is_there;
    bool is_needed;    /* a start reads what is bad */
    uint64_t number;   /* of the segment; 0: it is in no segment */
    uint64_t place;    /* in its file: all before is good */
    uint64_t offset;   /* the log is good up to here */
    uint64_t lost_end; /* it had been on disk at least up to here; offset when nobody knows */
    struct errmsg reason;
};

struct log_check {
    enum log_verdict verdict;
    struct errmsg problem; /* unreadable: why */

    bool has_manifest; /* and it is good; otherwise the base is the beginning of the segments */
    struct manifest manifest;

    uint64_t *numbers; /* of all segments in the folder, ascending */
    size_t number_count;
    struct segment_list
        list; /* those without gap that a start can read; not behind one with a bad head */
    struct log_piece *pieces; /* of each of the list */
    struct log_damage damage; /* the first that a start meets, else that of older segments */

    bool is_recovered; /* a start has a position to go on from */
    struct history_id history;
    uint64_t offset;
    struct segment_tail tail; /* of what it reads */
};

/* done of total bytes of files were read. */
typedef void log_progress_fn(void *context, uint64_t done_bytes, uint64_t total_bytes);

/* on_progress may be NULL.  Call deinit afterwards. */
void log_check_run(struct log_check *check, const struct segment_source *source,
                   log_progress_fn *on_progress, void *context);
/* The snapshot that the manifest names is not there. */
void log_check_note_missing_base(struct log_check *check);
void log_check_deinit(struct log_check *check);

#endif
