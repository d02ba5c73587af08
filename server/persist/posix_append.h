/* SPDX-License-Identifier: MIT */
/* Files that grow, on the real disk, and names that change: what stands behind append_open, truncate,
 * rename_later and remove_later of persist/fs.h, which has the rules.  Blocking; a struct posix_append is used
 * by one thread at a time. */
#ifndef STARLING_PERSIST_POSIX_APPEND_H
#define STARLING_PERSIST_POSIX_APPEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "persist/fs.h"
#include "persist/posix_direct.h"

/* All-zero is none. */
struct posix_append {
    int fd;
    char *path;            /* owned; NULL when no file is open */
    uint64_t size_bytes;   /* of what was written */
    uint64_t synced_bytes; /* of them, since it was opened */
    uint64_t room_end;     /* zeros are behind them up to there; at or below size_bytes: none are */
    uint32_t small_syncs;  /* one after the other */
    uint32_t fresh_writes; /* since the last sync */
    uint64_t device;       /* the file's, */
    uint64_t inode;        /* and its number there */
    bool is_name_durable;
    struct posix_direct direct;
};

MUST_USE enum fs_status posix_append_open(struct posix_append *file, const char *path,
                                          enum fs_append_mode mode, struct errmsg *error);
/* Write all of it.  Past the system's cache of pages where there is much of it between two syncs, unless the disk has fallen behind: what the
 * cache takes then need not wait in memory.  After a failure only posix_append_close may follow; a part may have been written. */
MUST_USE enum fs_status posix_append_write(struct posix_append *file, struct bytes bytes,
                                           bool is_disk_behind, struct errmsg *error);
/* The file has size_bytes, durably, under its name: a failure also when it has lost that, since what nobody can find is
 * not on disk.  Zeros may be behind them until it is closed, and stay there when the process is killed or the power goes. */
MUST_USE enum fs_status posix_append_sync(struct posix_append *file, struct errmsg *error);
/* Does nothing when no file is open.  What was synced leaves the system's cache of pages. */
void posix_append_close(struct posix_append *file);

MUST_USE enum fs_status posix_truncate(const char *path, uint64_t length_bytes,
                                       struct errmsg *error);
MUST_USE enum fs_status posix_rename(const char *from, const char *to, struct errmsg *error);
/* As posix_remove, and durable. */
MUST_USE enum fs_status posix_remove_durably(const char *path, struct errmsg *error);

#endif
