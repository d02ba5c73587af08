/* SPDX-License-Identifier: MIT */
/* Files that are written one job behind the other, by a thread of their own: what stands behind the functions
 * of persist/fs.h that do their work later.
 *
 * A file is known by an id, which the caller chooses and never uses twice.  What comes of it is told as the
 * pictures of persist/fs.h have it; what is asked of an id that has failed is ignored.
 *
 * Invariants:  (1) everything is done in the order in which it was asked for
 *              (2) each file is claimed while it is open
 *              (3) done is called on the thread, after the claim was given up with the last outcome
 * Owns copies of what it is asked.  The functions are for one thread, the caller's. */
#ifndef STARLING_NET_FILE_WORK_H
#define STARLING_NET_FILE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "net/claims.h"
#include "persist/fs.h"

struct file_outcome {
    bool is_sync; /* of a file that grows and stays open */
    struct fs_completion completion;
};

typedef void file_done_fn(void *context, const struct file_outcome *outcome);

struct file_work;

struct file_work *file_work_new(struct claims *claims, file_done_fn *done, void *context);
/* Finish what was asked, give up what was neither committed nor closed. */
void file_work_free(struct file_work *work);

/* A file that is written as a whole. */
void file_work_begin(struct file_work *work, uint64_t id, const char *path);
void file_work_commit(struct file_work *work, uint64_t id);
/* A file that grows. */
void file_work_open(struct file_work *work, uint64_t id, const char *path,
                    enum fs_append_mode mode);
void file_work_sync(struct file_work *work, uint64_t id);
/* Both: the bytes are taken out of *steal, which may have room already for what comes next. */
void file_work_write(struct file_work *work, uint64_t id, struct buf *steal);
/* Both: abort what is written as a whole, or close. */
void file_work_leave(struct file_work *work, uint64_t id);
/* The id is that of the change itself. */
void file_work_rename(struct file_work *work, uint64_t id, const char *from, const char *to);
void file_work_remove(struct file_work *work, uint64_t id, const char *path);

/* Free what is done with; else that waits for the next that is asked. */
void file_work_tidy(struct file_work *work);

/* Bytes that are not yet written. */
size_t file_work_queued(const struct file_work *work);
/* Is a file open, or something yet to be done? */
bool file_work_is_busy(const struct file_work *work);

#endif
