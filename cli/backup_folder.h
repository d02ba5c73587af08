/* SPDX-License-Identifier: MIT */
/* A folder with a backup in it: a snapshot and the log behind it, on which a server starts, and what the next run needs to
 * go on (cli/backup_state.h).
 *
 *     dump.rdb                  written as dump.rdb.partial
 *     appendonlydir/….log       segments, appended to; one more with each run
 *     appendonlydir/manifest    last of all
 *     backup.state
 *
 * Invariants:  (1) before the first part is whole and on disk there is no manifest, and no server starts on it
 *              (2) what a run adds is at the end of the log; one that is broken off leaves a torn tail, which a start passes
 *                  over
 *              (3) a segment begins only when the one before is on disk
 *              (4) what the state says to be there, is on disk
 * While it is open, the folder is locked as a server does that runs in it.  Owns its descriptors. */
#ifndef STARLING_CLI_BACKUP_FOLDER_H
#define STARLING_CLI_BACKUP_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "cli/backup_state.h"
#include "cli/rdb_check.h"

struct backup_folder {
    const char *path; /* as the user gave it */
    int home;         /* descriptor of it, */
    int log;          /* of the log's folder in it, */
    int lock;         /* and of its lock; each -1: not open */
    struct backup_state state;
    struct sync_place begun; /* of the snapshot; while the first part is written */

    int snapshot; /* descriptor while it is written, or -1 */
    struct rdb_check check;

    int segment;               /* descriptor of the one that is written, or -1 */
    uint64_t number;           /* of the last one; 0: none */
    struct history_id history; /* of the last one */
    uint64_t segment_bytes;    /* in its file */
    uint64_t written;          /* the log was written up to this offset, */
    uint64_t durable;          /* and is on disk up to this one */
};

/* Make it, or look at what is in it.  False, a message, and nothing changed, when what is there is no backup, or one
 * that this cannot go on from.  Close in either case. */
MUST_USE bool backup_folder_open(struct backup_folder *folder, const char *path, const char *source,
                                 struct errmsg *error);
void backup_folder_close(struct backup_folder *folder);

/* ---- the first part --------------------------------------------------------------------------- */

/* What an earlier run has left unfinished goes.  The snapshot is of that place. */
MUST_USE bool backup_folder_begin(struct backup_folder *folder, const struct sync_place *place,
                                  struct errmsg *error);
MUST_USE bool backup_folder_add_snapshot(struct backup_folder *folder, struct bytes piece,
                                         struct errmsg *error);
/* All of it has come: is it whole, and of that place? */
MUST_USE bool backup_folder_end_snapshot(struct backup_folder *folder, struct errmsg *error);

/* ---- the stream ------------------------------------------------------------------------------- */

/* What comes next is of that history, and goes on where the log ends: in a new segment. */
MUST_USE bool backup_folder_begin_segment(struct backup_folder *folder,
                                          const struct history_id *history, int64_t unix_ms,
                                          struct errmsg *error);
/* The stream's next bytes, which came then. */
MUST_USE bool backup_folder_add(struct backup_folder *folder, struct bytes bytes, int64_t unix_ms,
                                struct errmsg *error);
/* Make what was added durable; after the first part also all of it, as a backup from now on. */
MUST_USE bool backup_folder_sync(struct backup_folder *folder, struct errmsg *error);

#endif
