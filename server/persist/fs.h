/* SPDX-License-Identifier: MIT */
/* The file system as the node sees it: a struct of functions, so that a simulated disk that
 * tears, fails and forgets can stand in for the real one.
 *
 * Two kinds of operations:
 *
 *   now    small and rare: reading and writing at start, listing, removing.  They block and return a status.
 *   later  writing a file.  write_begin, write_append, write_commit and write_abort only queue
 *          work, in order, and never block or fail; the outcome comes back once per file as a
 *          struct fs_completion, handed to the node by whoever runs it:
 *
 *          write_begin --> write_append ... --> write_commit --> completion: FS_OK or a failure
 *                     \                    \--> write_abort  --> (none)
 *                      \--> a failure on the way: a completion at once; what is still appended
 *                           is dropped, and a commit or an abort afterwards is ignored
 *
 * Invariants:  (1) the bytes of a file are written in the order of write_append
 *              (2) a file that was not committed with FS_OK is never seen under its final path
 *              (3) after a completion with FS_OK the file survives a power cut under its final
 * path, and what stood there before is gone (4) after a completion, or an abort, the id means
 * nothing any more; ids are not reused Paths are C strings, borrowed during the call.  Loop thread
 * only. */
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

struct fs_completion {
    uint64_t id;
    enum fs_status status;
    struct errmsg error; /* unless FS_OK */
};

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
    /* Its parent must be there; FS_OK when the directory is there already. */
    enum fs_status (*make_directory)(void *ctx, const char *path, struct errmsg *error);

    /* ---- later ------------------------------------------------------------------------------ */

    /* Begin to write a file that shall stand at path. */
    uint64_t (*write_begin)(void *ctx, const char *path);
    /* Take the bytes out of *steal, which is empty afterwards. */
    void (*write_append)(void *ctx, uint64_t id, struct buf *steal);
    /* All bytes were appended: sync the file, put it at the path it was begun with in place of what
     * is there now, sync the directory, then complete. */
    void (*write_commit)(void *ctx, uint64_t id);
    /* Forget the file and its bytes; there is no completion. */
    void (*write_abort)(void *ctx, uint64_t id);
    /* Bytes appended to all files and not yet written: who produces faster than the disk takes
     * waits for this to fall. */
    size_t (*write_queued)(void *ctx);
};

#endif
