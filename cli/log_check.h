/* SPDX-License-Identifier: MIT */
/* Reads all of a log at rest, and says what is good, what a start would recover, and what would be lost.
 *
 * What a start reads is judged first: from the place that the snapshot says it has, which is that of the manifest's
 * base, or a later one when the server ended between the two.  Then come the segments that are kept for replicas only.
 * Owns its list and what it found out; borrows the source while it runs. */
#ifndef STARLING_CLI_LOG_CHECK_H
#define STARLING_CLI_LOG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "base/history.h"
#include "cli/rdb_position.h"
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
    uint64_t end;          /* it was read up to this offset */
    bool is_written;       /* it has frames: */
    int64_t first_unix_ms; /* when the first that was read was written, */
    int64_t last_unix_ms;  /* and the last */
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

enum log_snapshot_kind {
    LOG_SNAPSHOT_NONE,    /* there is no such file */
    LOG_SNAPSHOT_PLACED,  /* it says which place in a history it has */
    LOG_SNAPSHOT_FOREIGN, /* it says none */
};

struct log_snapshot {
    enum log_snapshot_kind kind;
    uint64_t size_bytes;
    struct rdb_position position;
    struct errmsg problem; /* a start cannot load it, since this; empty: it is whole */
};

/* What is known of the snapshot's file of that name. */
typedef struct log_snapshot log_snapshot_fn(void *context, const char *name);
/* done of total bytes of files were read. */
typedef void log_progress_fn(void *context, uint64_t done_bytes, uint64_t total_bytes);

struct log_check_how {
    const struct segment_source *source;
    log_snapshot_fn *find_snapshot; /* NULL: there are none */
    void *snapshot_context;
    log_progress_fn *on_progress; /* or NULL */
    void *progress_context;
};

struct log_check {
    enum log_verdict verdict;
    struct errmsg problem; /* unreadable: why */

    bool has_manifest; /* and it is good; otherwise all segments are read */
    struct manifest manifest;
    struct log_snapshot snapshot;
    bool has_start; /* a start would read the log, from here on: */
    struct history_id start_history;
    uint64_t start_offset;
    uint64_t start_number; /* of the segment that has it; 0: none has */

    uint64_t *numbers; /* of all segments in the folder, ascending */
    size_t number_count;
    struct segment_list
        list; /* those without gap that a start can read; not behind one with a bad head */
    struct log_piece *pieces; /* of each of the list */
    struct log_damage damage; /* the first that a start meets, else that of older segments */

    bool is_recovered; /* a start has a position to go on from */
    struct history_id history;
    uint64_t offset;
    bool is_written;          /* it reads frames, */
    int64_t written_unix_ms;  /* the last of which was written then */
    struct segment_tail tail; /* of what it reads */
};

/* Call deinit afterwards. */
void log_check_run(struct log_check *check, const struct log_check_how *how);
void log_check_deinit(struct log_check *check);

#endif
