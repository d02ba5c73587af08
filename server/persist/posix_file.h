/* SPDX-License-Identifier: MIT */
/* Plain blocking file work on the real disk: what stands behind the functions of persist/fs.h.
 *
 * No threads and no queues here: the shell decides which thread runs what.  A struct posix_file
 * is used by one thread at a time.
 *
 * A new file is written as "temp-<pid>-<number>.<name>" beside its target and takes the target's
 * name only when it is complete and synced, so a crash leaves the old file or the new one.  It
 * keeps mode and owner of what it replaces, or grants less; without anything to replace it
 * grants what the umask leaves of 0644. */
#ifndef STARLING_PERSIST_POSIX_FILE_H
#define STARLING_PERSIST_POSIX_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "persist/fs.h"

/* A file being written.  All-zero is none. */
struct posix_file {
    int fd;
    char *temp_path; /* owned; NULL when no file is open */
    uint64_t size_bytes;
    uint64_t begun_bytes; /* up to here the disk was asked to write it out, */
    uint64_t out_bytes;   /* and up to here it has */
};

/* Open a new temporary file beside target_path; number tells apart the files of this process. */
MUST_USE enum fs_status posix_file_open(struct posix_file *file, const char *target_path,
                                        uint64_t number, struct errmsg *error);
/* Write all of it, and see to it that the disk takes it in as the file grows, so that the sync at the end is short.
 * After a failure only posix_file_abort may follow. */
MUST_USE enum fs_status posix_file_write(struct posix_file *file, struct bytes bytes,
                                         struct errmsg *error);
/* Sync, close, rename over final_path, sync the directory.  Whatever the status, the file is
 * then closed and nothing temporary is left. */
MUST_USE enum fs_status posix_file_commit(struct posix_file *file, const char *final_path,
                                          struct errmsg *error);
/* Close and remove; does nothing when no file is open. */
void posix_file_abort(struct posix_file *file);
/* Is this the name of a temporary file of a process that is no more?  For clearing up at start,
 * before this process has begun any file itself. */
bool posix_file_is_leftover(const char *name);

/* The functions of struct fs that block. */
MUST_USE enum fs_status posix_read_file(const char *path, uint64_t max_bytes, struct buf *out,
                                        struct errmsg *error);
MUST_USE enum fs_status posix_read_piece(const char *path, uint64_t offset, size_t max_bytes,
                                         struct buf *out, struct errmsg *error);
MUST_USE enum fs_status posix_get_info(const char *path, struct fs_info *out, struct errmsg *error);
MUST_USE enum fs_status posix_list(const char *path, fs_name_fn *on_name, void *context,
                                   struct errmsg *error);
MUST_USE enum fs_status posix_remove(const char *path, struct errmsg *error);
MUST_USE enum fs_status posix_link(const char *path, const char *second, struct errmsg *error);
MUST_USE enum fs_status posix_make_directory(const char *path, struct errmsg *error);
MUST_USE enum fs_status posix_write_file(const char *path, struct bytes bytes,
                                         struct errmsg *error);
/* Make the names in the directory of path durable. */
MUST_USE enum fs_status posix_sync_parent(const char *path, struct errmsg *error);

#endif
