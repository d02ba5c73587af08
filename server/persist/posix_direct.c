/* SPDX-License-Identifier: MIT */
#include "persist/posix_direct.h"

#include "base/assert.h"
#include "base/mem.h"
#include "persist/posix_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum {
    STAGING_BYTES = 1024 * 1024,
};

bool posix_direct_works(struct posix_direct *direct, const char *path)
{
    if (!direct->was_tried) {
        direct->was_tried = true;
        direct->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
    }
    return direct->fd >= 0;
}

/* Its blocks are larger, or it only knows of such writes when it is asked to do one. */
static void give_up_when_refused(struct posix_direct *direct, enum fs_status status, int code)
{
    if (status != FS_OK && code == EINVAL) {
        close(direct->fd);
        direct->fd = -1;
    }
}

/* The beginning of the last block, where the file was written to in another way meanwhile. */
static enum fs_status fetch_last_block(struct posix_direct *direct, const char *path,
                                       uint64_t size_bytes, struct errmsg *error)
{
    size_t part = size_bytes % DIRECT_BLOCK;
    ssize_t got;

    if (direct->staging == NULL) {
        direct->staging = mem_alloc_aligned(MEM_SNAPSHOT, DIRECT_BLOCK, STAGING_BYTES);
    } else if (direct->end_bytes == size_bytes) {
        return FS_OK;
    }
    if (part == 0) {
        return FS_OK;
    }
    do {
        got = pread(direct->fd, direct->staging, DIRECT_BLOCK, (off_t)(size_bytes - part));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return posix_fail(error, "read the end of", path);
    }
    if ((size_t)got < part) {
        errno = EIO; /* nobody has refused anything */
        errmsg_set(error, "cannot read the end of %s: it is shorter than what was written", path);
        return FS_FAILED;
    }
    return FS_OK;
}

enum fs_status posix_direct_write(struct posix_direct *direct, const char *path, struct bytes bytes,
                                  uint64_t *size_bytes, struct errmsg *error)
{
    enum fs_status status = fetch_last_block(direct, path, *size_bytes, error);

    ASSERT(direct->fd >= 0);
    while (status == FS_OK && bytes.len > 0) {
        size_t part = *size_bytes % DIRECT_BLOCK;
        size_t room = STAGING_BYTES - part;
        size_t taken = bytes.len < room ? bytes.len : room;
        size_t filled = part + taken;
        size_t padding = (DIRECT_BLOCK - filled % DIRECT_BLOCK) % DIRECT_BLOCK;
        uint64_t place = *size_bytes - part;

        memcpy(direct->staging + part, bytes.data, taken);
        memset(direct->staging + filled, 0, padding);
        status = posix_write_all(direct->fd, path, bytes_make(direct->staging, filled + padding),
                                 &place, error);
        if (status == FS_OK) {
            *size_bytes += taken;
            bytes = bytes_from(bytes, taken);
            memmove(direct->staging, direct->staging + filled - filled % DIRECT_BLOCK,
                    filled % DIRECT_BLOCK);
        }
    }
    give_up_when_refused(direct, status, errno);
    direct->end_bytes = *size_bytes;
    return status;
}

void posix_direct_rest(struct posix_direct *direct)
{
    mem_free(MEM_SNAPSHOT, direct->staging);
    direct->staging = NULL;
}

void posix_direct_close(struct posix_direct *direct)
{
    if (direct->was_tried && direct->fd >= 0) {
        close(direct->fd);
    }
    posix_direct_rest(direct);
    *direct = (struct posix_direct){0};
}
