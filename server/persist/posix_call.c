/* SPDX-License-Identifier: MIT */
/* Every call that a signal can interrupt is made again. */
#include "persist/posix_call.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    WRITE_STEP = 16 * 1024 * 1024,
};

enum fs_status posix_fail(struct errmsg *error, const char *what, const char *path)
{
    int code = errno;
    char reason[128];

    errmsg_set(error, "cannot %s %s: %s", what, path, strerror_r(code, reason, sizeof(reason)));
    errno = code;
    return code == ENOENT ? FS_MISSING : FS_FAILED;
}

static enum fs_status sync_by(int (*sync)(int fd), int fd, const char *path, struct errmsg *error)
{
    int result;

    do {
        result = sync(fd);
    } while (result < 0 && errno == EINTR);
    return result == 0 ? FS_OK : posix_fail(error, "sync", path);
}

enum fs_status posix_sync_fd(int fd, const char *path, struct errmsg *error)
{
    return sync_by(fsync, fd, path, error);
}

enum fs_status posix_sync_data(int fd, const char *path, struct errmsg *error)
{
    return sync_by(fdatasync, fd, path, error);
}

enum fs_status posix_write_all(int fd, const char *path, struct bytes bytes, uint64_t *size_bytes,
                               struct errmsg *error)
{
    while (bytes.len > 0) {
        size_t step = bytes.len < WRITE_STEP ? bytes.len : WRITE_STEP;
        ssize_t written = pwrite(fd, bytes.data, step, (off_t)*size_bytes);

        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return posix_fail(error, "write", path);
        }
        *size_bytes += (uint64_t)written;
        bytes = bytes_from(bytes, (size_t)written);
    }
    return FS_OK;
}
