/* SPDX-License-Identifier: MIT */
/* System calls on files with their failures in words.  For the posix_ files of this room. */
#ifndef STARLING_PERSIST_POSIX_CALL_H
#define STARLING_PERSIST_POSIX_CALL_H

#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"
#include "persist/fs.h"

/* The last call on path failed with errno: "cannot <what> <path>: <reason>".  It stays in errno. */
enum fs_status posix_fail(struct errmsg *error, const char *what, const char *path);
MUST_USE enum fs_status posix_sync_fd(int fd, const char *path, struct errmsg *error);
/* What was written and where it is; the time of writing may be lost, which spares the disk a write. */
MUST_USE enum fs_status posix_sync_data(int fd, const char *path, struct errmsg *error);
/* Write all of it behind the first *size_bytes, which grow by what was written, also when not all was. */
MUST_USE enum fs_status posix_write_all(int fd, const char *path, struct bytes bytes,
                                        uint64_t *size_bytes, struct errmsg *error);

#endif
