/* SPDX-License-Identifier: MIT */
/* Files that are being written: a whole file at a time, one of a kind.  Who waits for which.
 *
 *     begin --> append ... --> commit --> node_file_done --> files_take
 *                  |                          ^
 *                  +--- the disk refuses -----+   (abort: nothing more is heard)
 *
 * Invariants:  (1) a kind has at most one file under way
 *              (2) a file is of one kind
 *              (3) files whose length is that of the data are in a lane of their own (persist/fs.h), so that none
 *                  of the others waits for them */
#ifndef STARLING_NODE_FILES_H
#define STARLING_NODE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

struct node;

enum file_kind {
    FILE_SAVE,         /* saving.c */
    FILE_SYNC_PAYLOAD, /* sync_file.c */
    FILE_NODES,        /* cluster_side.c */
    FILE_CONFIG,       /* CONFIG REWRITE */
    FILE_ACL,          /* ACL SAVE */
    FILE_MANIFEST,     /* disk_base.c */
    FILE_KIND_COUNT,   /* none of them */
};

struct files {
    uint64_t handles[FILE_KIND_COUNT]; /* of env.fs; FS_NO_FILE: none is under way */
    struct mono_time
        committed_at[FILE_KIND_COUNT]; /* the last of the kind was asked to be synced */
};

bool files_is_writing(const struct node *node, enum file_kind kind);
void files_begin(struct node *node, enum file_kind kind, const char *path);
/* *bytes is emptied. */
void files_append(struct node *node, enum file_kind kind, struct buf *bytes);
/* Sync, rename into place. */
void files_commit(struct node *node, enum file_kind kind);
void files_abort(struct node *node, enum file_kind kind);
/* Has the disk as much of long files to write as it should be given? */
bool files_are_backed_up(const struct node *node);
/* A file is done, or has failed: which was it?  It is no longer under way. */
enum file_kind files_take(struct node *node, uint64_t handle);

void files_check(const struct node *node);

#endif
