/* SPDX-License-Identifier: MIT */
/* One writer a file: a process claims the files that it alone may write, so that a second server
 * started by mistake in the same folder ends with a message instead of both overwriting each other's
 * files.
 *
 * A claim on DIR/NAME is a lock of the kernel on the empty file DIR/.NAME.lock.  It holds as
 * long as the process lives, and no longer: a crash gives it up.  The lock belongs to the process: a
 * child after fork has none.
 *
 * Where no lock can be made (a disk that is read-only) the claim is owed: it is made up for before anything is written.
 * Whoever finds then that another process has it writes nothing any more: what it knows of the files is no longer so.
 *
 * Invariants:  (1) a path that was claimed n times is free after n times of giving it up
 *              (2) a lock counts only while its file has its name, so that it may be removed
 * Used under one lock or by one thread.  Owns its descriptors. */
#ifndef STARLING_PERSIST_POSIX_CLAIM_H
#define STARLING_PERSIST_POSIX_CLAIM_H

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "persist/fs.h"

struct posix_claim {
    int fd;
    int count;
    char *lock_path; /* owned, absolute */
};

struct posix_owed_claim {
    char *lock_path; /* owned, absolute */
    bool is_lost;    /* another process was found to have it */
};

struct posix_claims {
    VEC(struct posix_claim) held;
    VEC(struct posix_owed_claim) owed;
};

/* FS_FAILED, and a message with the id of the process that has it, when another one claimed the
 * path.  FS_OK also where no lock can be made: what this process cannot write needs no claim, as long as it cannot. */
MUST_USE enum fs_status posix_claim(struct posix_claims *claims, const char *path,
                                    struct errmsg *error);
/* Before something is written: make the claims that are owed.  FS_FAILED when another process has one of them. */
MUST_USE enum fs_status posix_claim_owed(struct posix_claims *claims, struct errmsg *error);
/* Does nothing when path is not claimed. */
void posix_unclaim(struct posix_claims *claims, const char *path);
/* Give up everything. */
void posix_claims_deinit(struct posix_claims *claims);

#endif
