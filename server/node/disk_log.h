/* SPDX-License-Identifier: MIT */
/* The log on its way to the disk: the same bytes at the same offsets, in segments (segment/segment.h).
 *
 *            bytes are there          full, or its history has ended
 *     IDLE ------------------> OPEN ----------------------------------> TURNING
 *      ^ ^                      |                                         |  | synced to its end
 *      | +----------------------|-----------------------------------------|--+
 *      |                        |       the disk refuses                  |
 *      |    again, from what    +-------------------> BROKEN <------------+
 *      +----- is durable on --------------------------/ |  ^
 *      |                    nothing of it was durable:  v  | it cannot be removed
 *      +------------------------------------------ REMOVING
 *
 * When the data was replaced it begins anew, from IDLE; by way of CLEARING, in which the open segment is removed, when
 * nothing of that was durable yet.
 *
 * What was put into the log is handed over at the end of a pass, and synced as appendfsync says.  One sync is under
 * way at a time, for all who wait (group commit; log_syncs.h).  After a failure nothing counts but what was durable before: the
 * rest is written again, into another segment, from the log in memory, which is kept from there on.  When files of the log
 * have gone meanwhile (somebody has removed the folder) nothing of it counts: whoever knows of snapshots has it begin
 * again, and until there is one writes are refused.
 *
 * Invariants:  (1) durable <= handed <= the end of the log
 *              (2) everything before durable, from the beginning of the chain of segments on, survives a power cut
 *              (3) a segment begins only when the one before is durable up to where it begins, or, when the data was
 *                  replaced, will at least be there: so their numbers have no gap
 *              (4) the log in memory holds everything from durable on
 *              (5) while is_based is false, what is on disk cannot be recovered: the snapshot that it goes on from is
 *                  not there yet */
#ifndef STARLING_NODE_DISK_LOG_H
#define STARLING_NODE_DISK_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "base/history.h"
#include "node/log_syncs.h"
#include "persist/segment_files.h"
#include "segment/segment_list.h"

struct node;

enum disk_log_phase {
    DISK_LOG_OFF,
    DISK_LOG_IDLE, /* no segment is open */
    DISK_LOG_OPEN,
    DISK_LOG_TURNING,  /* nothing more comes into the segment */
    DISK_LOG_BROKEN,   /* the disk has refused */
    DISK_LOG_REMOVING, /* of a segment that nothing is in */
    DISK_LOG_CLEARING, /* the same, of data that was replaced: nothing was refused */
};

struct disk_log {
    enum disk_log_phase phase;
    struct segment_files files;
    struct segment_source source; /* of them */
    struct segment_list segments;
    uint64_t file;             /* of env.fs: the open segment; or its removal */
    uint64_t file_bytes;       /* handed over for it */
    struct history_id history; /* that the byte before handed is of */
    bool is_last_durable;      /* something of the last segment is: it is there after a power cut */
    uint64_t generation;       /* of the log in memory; see oplog_generation */
    uint64_t handed;           /* the log was handed over up to here, */
    uint64_t durable;          /* and is on disk up to here */
    uint64_t asked;            /* with is_syncing: will be up to here */
    bool is_syncing;
    bool is_sync_wanted; /* somebody waits: now */
    bool is_based;
    bool is_anew; /* the next segment does not go on from the one before */
    bool is_held; /* BROKEN, and nothing is written before disk_log_go_on */
    bool is_lost; /* files were gone: it is to begin again, and refuses writes until it is based */
    bool is_behind; /* it was told that the disk is slower than the writes */
    struct mono_time handed_at;
    struct buf out; /* empty between passes, with room: what was written comes back into it */
    struct log_syncs syncs;
    struct mono_time retry_at;
    struct errmsg problem; /* while BROKEN or REMOVING */
    uint64_t failure_count;
};

void disk_log_deinit(struct node *node);

/* ---- at start --------------------------------------------------------------------------------- */

/* What segments are there?  False when that cannot be read. */
MUST_USE bool disk_log_look(struct node *node, struct errmsg *error);
/* The data is there: go on at the end of the log in memory. */
void disk_log_begin(struct node *node);
/* Behind it, and before anything is written: segments behind last_segment have nothing to do with the data and are removed,
 * what was found is made durable.  False when that cannot be; it may be called again. */
MUST_USE bool disk_log_tidy(struct node *node, uint64_t last_segment, struct errmsg *error);
/* Behind it, when the log goes on in a new history from where it stands: have an empty segment on disk that says so, so that
 * what the one before has from there on is void.  False when that cannot be. */
MUST_USE bool disk_log_begin_history(struct node *node, struct errmsg *error);
/* What a start has to do on disk cannot be done, for this reason: nothing is written, writes are refused, and whoever
 * calls this tries again at retry_at, until it is done: then the log goes on. */
void disk_log_hold(struct node *node, const struct errmsg *error);
void disk_log_go_on(struct node *node);
/* Is it to begin again now, since files of it are gone? */
bool disk_log_is_to_begin_again(const struct node *node);
/* Behind disk_log_begin, when it does: writes are refused until it is based.  error: what had to be on disk first could not
 * be written, or NULL. */
void disk_log_begin_again(struct node *node, const struct errmsg *error);
/* No longer, or not after all. */
void disk_log_stop(struct node *node);

/* ---- while it runs ---------------------------------------------------------------------------- */

static inline bool disk_log_is_on(const struct disk_log *d)
{
    return d->phase != DISK_LOG_OFF;
}

static inline bool disk_log_is_broken(const struct disk_log *d)
{
    return d->phase == DISK_LOG_BROKEN || d->phase == DISK_LOG_REMOVING;
}

/* At the end of each pass. */
void disk_log_run(struct node *node);
/* Somebody waits for what is in the log by now. */
void disk_log_want_sync(struct node *node);
/* Up to which offset would a recovery find everything? */
uint64_t disk_log_durable(const struct node *node);
/* Is a reply that depends on the log's end to wait until it is durable? */
bool disk_log_holds_replies(const struct node *node);
/* Why writes must be refused, or NULL. */
const char *disk_log_refusal(const struct node *node);
/* The snapshot that the chain of segments goes on from is there, or is not. */
void disk_log_set_based(struct node *node, bool is_based);
/* The first segment has gone. */
void disk_log_forget_first(struct node *node);
/* The offset that the log in memory is needed from; UINT64_MAX for none. */
uint64_t disk_log_keep_from(const struct node *node);
struct mono_time disk_log_wake_at(const struct node *node);

/* ---- what becomes of it ----------------------------------------------------------------------- */

/* The file is durable up to there; true when it is ours. */
bool disk_log_synced(struct node *node, uint64_t file, uint64_t durable_bytes);
/* The last completion of a file; true when it is ours. */
bool disk_log_file_done(struct node *node, uint64_t file, bool is_ok, const struct errmsg *error);

void disk_log_check(const struct node *node);

#endif
