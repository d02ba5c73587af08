/* SPDX-License-Identifier: MIT */
/* What the log on disk goes on from: the snapshot, the manifest that ties both together (segment/manifest.h), and how
 * much of the log is kept.
 *
 * A snapshot names its own place in the log, and replaces the one before by a rename: so the two are never apart.  The
 * manifest says which place the log can be replayed on, so that a snapshot of something else is found out, and
 * whether the server came to an orderly end.
 *
 *     at start        read --> (the snapshot is loaded, the log replayed) --> begin: from here on the end is open
 *     a save          saved --> the manifest is written --> segments that are neither needed nor kept go
 *     orderly end     end --> the log is synced --> the manifest has the end --> has_ended
 *
 * Invariants:  (1) one manifest is being written at a time; of those wanted meanwhile only the newest matters
 *              (2) a segment goes only when the manifest on disk says that it is not needed
 *              (3) the log counts as one that can be recovered once the manifest on disk says so, and until one is
 *                  being written that says it does not
 *              (4) the manifest on disk has an end only if nothing was written behind it: so while the first write of it is put
 *                  off, nothing is written to the log */
#ifndef STARLING_NODE_DISK_BASE_H
#define STARLING_NODE_DISK_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/errmsg.h"
#include "replication/position.h"
#include "segment/manifest.h"

struct node;

enum disk_base_ending {
    DISK_BASE_RUNS,
    DISK_BASE_ENDS,      /* the log is being synced */
    DISK_BASE_ENDS_SOON, /* the manifest with the end is being written */
    DISK_BASE_ENDED,
    DISK_BASE_FAILED, /* it could not be written */
};

struct disk_base {
    struct manifest manifest; /* as it shall be on disk */
    bool is_there;            /* at start: one was found */
    bool is_wanted;           /* it has changed since the write under way began */
    bool is_leaving;          /* appendonly is off: the log ends with a snapshot */
    uint64_t
        leave_from; /* of this place or a later one, since what was promised before is in the log alone, */
    uint64_t leave_generation; /* in this log in memory */
    bool is_put_off;           /* what a start writes first could not be written yet */
    uint64_t last_segment;     /* while it is put off: that counts */
    uint64_t generation;       /* of the log in memory that the manifest's place is in */
    uint64_t save_number;      /* of the newest image */
    uint64_t based; /* the generation of the log that the newest snapshot is of; 0: none is */
    uint64_t writing_first; /* of the one under way, */
    uint64_t writing_based;
    bool writing_off;
    uint64_t snapshot_bytes; /* the snapshot's size */
    enum disk_base_ending ending;
    bool is_refused; /* the disk does, and that was told: the manifest is tried again */
    struct mono_time retry_at;
};

/* ---- at start --------------------------------------------------------------------------------- */

/* Read the manifest, if there is one, and the list of segments.  False with a reason when the log's files cannot be
 * understood. */
MUST_USE bool disk_base_read(struct node *node, struct errmsg *error);
/* Is there a log to be replayed? */
bool disk_base_has_log(const struct node *node);
/* The file of the snapshot that comes before it. */
const char *disk_base_snapshot(const struct node *node);
/* Does what is durable by now stay so when this process ends?  Not once the log is to end: what is in it behind the
 * snapshot goes with it. */
bool disk_base_promises(const struct node *node);
/* The data is there, from the snapshot (bytes long) and the log: go on.  Turns the log on, or off, as appendonly
 * says.  When its files cannot be written (the disk is full), a log that was there is put off until they can: reads are served,
 * and writes refused.  False when there was none, or more was asked for than going on. */
MUST_USE bool disk_base_begin(struct node *node, uint64_t snapshot_bytes, struct errmsg *error);

/* The files are about to be read again. */
void disk_base_forget(struct node *node);

/* ---- while it runs ---------------------------------------------------------------------------- */

/* At the end of each pass, behind disk_log_run. */
void disk_base_run(struct node *node);
struct mono_time disk_base_wake_at(const struct node *node);
/* appendonly may have changed. */
void disk_base_configure(struct node *node);
/* Begin a log in a server that has none: with a snapshot, which is wanted from then on.  False when its files cannot be
 * written. */
MUST_USE bool disk_base_turn_on(struct node *node, struct errmsg *error);
/* Is a snapshot needed, since the log has none to go on from, or is to end? */
bool disk_base_needs_snapshot(const struct node *node);
/* Has the log grown so much that a snapshot is to take its place? */
bool disk_base_wants_snapshot(const struct node *node);
/* Bytes of files of the log behind the snapshot. */
uint64_t disk_base_grown_bytes(const struct node *node);
/* The number of an image that is begun: ascending in the life of a log. */
uint64_t disk_base_new_save(struct node *node);
/* A snapshot of the place, the image of that number, is on disk, under the name; bytes long. */
void disk_base_saved(struct node *node, const struct replication_position *position,
                     const char *name, uint64_t number, uint64_t bytes);
/* The manifest is on disk, or is not. */
void disk_base_file_done(struct node *node, bool is_ok, const struct errmsg *error);

/* ---- an orderly end --------------------------------------------------------------------------- */

/* Everything that is written has been written: bring it to an end, which takes until has_ended or has_failed. */
void disk_base_end(struct node *node);
/* It goes on after all. */
void disk_base_go_on(struct node *node);

void disk_base_deinit(struct node *node);
void disk_base_check(const struct node *node);

#endif
