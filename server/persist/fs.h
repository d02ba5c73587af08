/* SPDX-License-Identifier: MIT */
/* The file system as the node sees it: a struct of functions, so that a simulated disk that
 * tears, fails and forgets can stand in for the real one.
 *
 * Two kinds of operations:
 *
 *   now    small and rare, at start alone: reading, listing, removing, cutting off, a small file written.
 *          They block and return a status.
 *   later  everything else only queues work and never blocks or fails; the outcome comes back as a
 *          struct fs_completion, handed to the node by whoever runs it.  What is queued in one lane is
 *          done in the order in which it was; lanes do not wait for one another.
 *
 * A file that is written as a whole has one completion:
 *
 *          write_begin --> write_append ... --> write_commit --> completion: FS_OK or a failure
 *                     \                    \--> write_abort  --> (none)
 *                      \--> a failure on the way: a completion at once; what is still appended
 *                           is dropped, and a commit or an abort afterwards is ignored
 *
 * A file that grows has one for each sync, and at most one failure, which is its last:
 *
 *          append_open --> append ... --> append_sync --> completion: FS_OK, durable_bytes
 *                     \            ^______________|   \--> append_close --> (none)
 *                      \--> a failure on the way: a completion at once; the file is closed, and what is
 *                           still asked of the id is ignored
 *
 * Invariants:
 *
 *   (1)  the bytes of a file are written in the order in which they were appended
 *   (2)  a file that was not committed with FS_OK is never seen under its final path
 *   (3)  after a completion of write_commit with FS_OK the file survives a power cut under its final path,
 *        and what stood there before is gone
 *   (4)  after its last completion, an abort or a close, the id means nothing any more; ids are not reused
 *   (5)  after a completion of append_sync with FS_OK the first durable_bytes of the file survive a power
 *        cut, under its name
 *   (6)  of what is appended behind them a power cut leaves any part, also with wrong bytes in it, or nothing;
 *        a file without such a completion may be gone as a whole;
 *        while it is open, and when it ends without append_close, zeros may be behind what was appended
 *   (7)  after a failure nothing may be believed durable but what an earlier completion said: a kernel that could
 *        not write a page may forget that it had to, so a later sync would prove nothing, and there is none
 *   (8)  files do not wait for one another: what one has lost says nothing about another; rename_later and
 *        remove_later are durable after their completions, and before those have happened or not
 *
 * Paths are C strings, borrowed during the call.  Loop thread only. */
#ifndef STARLING_PERSIST_FS_H
#define STARLING_PERSIST_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"

enum fs_status {
    FS_OK = 0,
    FS_MISSING,   /* there is no such file or directory */
    FS_TOO_LARGE, /* longer than the given limit */
    FS_FAILED,    /* everything else: the message says what */
};

enum {
    FS_NO_FILE = 0, /* not the id of any file */
};

struct fs_info {
    bool is_directory;
    uint64_t size_bytes; /* of a file */
};

/* Who waits for whom.  What is asked of an id is in the lane of its file. */
enum fs_lane {
    FS_LANE_SMALL,   /* files written as a whole that are small: somebody waits for them */
    FS_LANE_LONG,    /* files written as a whole that may take long */
    FS_LANE_GROWING, /* files that grow, and all that is renamed or removed */
    FS_LANE_COUNT,
};

enum fs_append_mode {
    FS_APPEND_NEW,      /* a failure when something is there */
    FS_APPEND_EXISTING, /* at the end of what is there; a failure when nothing is */
};

struct fs_completion {
    uint64_t id;
    enum fs_status status;
    uint64_t durable_bytes; /* of append_sync: from the beginning of the file */
    struct errmsg error;    /* unless FS_OK */
};

/* Called once per file found. */
typedef void fs_file_fn(void *context, const char *name, uint64_t size_bytes);
/* Called once per name in a directory, without "." and "..", in no promised order. */
typedef void fs_name_fn(void *context, const char *name);

struct fs {
    void *ctx; /* the first argument of each */

    /* ---- now: error may be NULL, and is filled unless the result is FS_OK ----------------- */

    /* Append the whole file to out; FS_TOO_LARGE, and out as it was, beyond max_bytes. */
    enum fs_status (*read_file)(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error);
    /* Append up to max_bytes from offset on to out; nothing at or beyond the end.  Less than
     * max_bytes means that the end was reached. */
    enum fs_status (*read_piece)(void *ctx, const char *path, uint64_t offset, size_t max_bytes,
                                 struct buf *out, struct errmsg *error);
    /* FS_MISSING when nothing is there. */
    enum fs_status (*get_info)(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error);
    enum fs_status (*list)(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                           struct errmsg *error);
    /* Write a small file at start: as write_begin to completion, but it has happened when this
     * returns. */
    enum fs_status (*write_whole)(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error);
    /* A file; FS_OK when it was not there. */
    enum fs_status (*remove)(void *ctx, const char *path, struct errmsg *error);
    /* Cut a file off behind its first length_bytes, which are durable then, under its name; a failure when it is
     * shorter. */
    enum fs_status (*truncate)(void *ctx, const char *path, uint64_t length_bytes,
                               struct errmsg *error);
    /* Give a file a second name, in place of what has that name now; durable then.  What is written or cut off under
     * one of the names is so under both; what takes the place of one leaves the other. */
    enum fs_status (*link)(void *ctx, const char *path, const char *second, struct errmsg *error);
    /* Its parent must be there; FS_OK when the directory is there already. */
    enum fs_status (*make_directory)(void *ctx, const char *path, struct errmsg *error);

    /* ---- later ------------------------------------------------------------------------------ */

    /* Begin to write a file that shall stand at path, in one of the lanes for that. */
    uint64_t (*write_begin)(void *ctx, const char *path, enum fs_lane lane);
    /* Take the bytes out of *steal, which is empty afterwards, and may have room already for what comes next. */
    void (*write_append)(void *ctx, uint64_t id, struct buf *steal);
    /* All bytes were appended: sync the file, put it at the path it was begun with in place of what
     * is there now, sync the directory, then complete. */
    void (*write_commit)(void *ctx, uint64_t id);
    /* Forget the file and its bytes; there is no completion. */
    void (*write_abort)(void *ctx, uint64_t id);
    /* Begin to append to a file. */
    uint64_t (*append_open)(void *ctx, const char *path, enum fs_append_mode mode);
    /* Take the bytes out of *steal, which is empty afterwards. */
    void (*append)(void *ctx, uint64_t id, struct buf *steal);
    /* Make durable what was appended before. */
    void (*append_sync)(void *ctx, uint64_t id);
    /* Write what was appended, and forget the id; what was not synced stays so.  Zeros behind it go, though a power cut may bring
     * them back. */
    void (*append_close)(void *ctx, uint64_t id);
    /* Give a file another name, in place of what has that name now; a completion of its own. */
    uint64_t (*rename_later)(void *ctx, const char *from, const char *to);
    /* Remove a file, FS_OK when it was not there; a completion of its own. */
    uint64_t (*remove_later)(void *ctx, const char *path);
    /* Bytes appended to the files of a lane and not yet written: who produces faster than the disk
     * takes waits for this to fall. */
    size_t (*write_queued)(void *ctx, enum fs_lane lane);
};

/* The files (not directories) in a directory whose names begin with prefix, with their sizes.  Now. */
enum fs_status fs_list_files(const struct fs *fs, const char *directory, const char *prefix,
                             fs_file_fn *on_file, void *context, struct errmsg *error);

#endif
