/* SPDX-License-Identifier: MIT */
/* Where syncs follow each other closely, room is made ahead of what is written: zeros, whose blocks the file has on disk
 * from the next sync on.  The syncs after it have nothing to note in the file system's journal, and take two thirds of
 * the time. */
#include "persist/posix_append.h"

#include "base/assert.h"
#include "base/mem.h"
#include "persist/posix_call.h"
#include "persist/posix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NEW_FILE_MODE = 0644, /* less what the umask takes away */
    ROOM_STEP = 16 * 1024,
    ROOM_STEPS = 16,
    SMALL_SYNC_BYTES = 16 * 1024, /* those of no more than this are what room is made for, */
    SMALL_SYNCS = 16,             /* when so many came one after the other */
    DIRECT_LEAST_BYTES = 64 * 1024,
    DIRECT_AFTER =
        8, /* writes since a sync: one that comes soon waits less for what is in the cache */
};

static const char zeros[ROOM_STEP];

enum fs_status posix_append_open(struct posix_append *file, const char *path,
                                 enum fs_append_mode mode, struct errmsg *error)
{
    int flags = O_WRONLY | O_CLOEXEC;
    struct stat info;
    int fd;

    *file = (struct posix_append){.fd = -1};
    if (mode == FS_APPEND_NEW) {
        flags |= O_CREAT | O_EXCL;
    }
    fd = open(path, flags, NEW_FILE_MODE);
    if (fd < 0) {
        return posix_fail(error, "open for appending", path);
    }
    if (fstat(fd, &info) != 0) {
        enum fs_status status = posix_fail(error, "look at", path);

        close(fd);
        return status;
    }
    *file = (struct posix_append){
        .fd = fd,
        .path = mem_strdup(MEM_SNAPSHOT, path),
        .size_bytes = (uint64_t)info.st_size,
        .device = (uint64_t)info.st_dev,
        .inode = (uint64_t)info.st_ino,
    };
    return FS_OK;
}

/* Without it the file grows with each write, as where a disk has no space for it. */
static void make_room(struct posix_append *file)
{
    struct bytes step = bytes_make(zeros, sizeof(zeros));
    enum fs_status status = FS_OK;

    file->room_end = file->size_bytes;
    for (int i = 0; i < ROOM_STEPS && status == FS_OK; i++) {
        status = posix_write_all(file->fd, file->path, step, &file->room_end, NULL);
    }
    if (status != FS_OK) {
        file->small_syncs = 0; /* it is tried again later */
    }
}

/* What is not written was refused, and is for the cache of pages. */
static enum fs_status write_directly(struct posix_append *file, struct bytes *bytes,
                                     struct errmsg *error)
{
    uint64_t before = file->size_bytes;
    enum fs_status status =
        posix_direct_write(&file->direct, file->path, *bytes, &file->size_bytes, error);
    uint64_t block_end = (file->size_bytes + DIRECT_BLOCK - 1) / DIRECT_BLOCK * DIRECT_BLOCK;

    file->room_end = block_end > file->room_end ? block_end : file->room_end;
    *bytes = bytes_from(*bytes, file->size_bytes - before);
    return posix_direct_works(&file->direct, file->path) ? status : FS_OK;
}

static enum fs_status write_to_cache(struct posix_append *file, struct bytes bytes,
                                     struct errmsg *error)
{
    enum fs_status status = posix_write_all(file->fd, file->path, bytes, &file->size_bytes, error);

    if (status == FS_OK && file->small_syncs >= SMALL_SYNCS && file->size_bytes >= file->room_end) {
        make_room(file);
    }
    return status;
}

enum fs_status posix_append_write(struct posix_append *file, struct bytes bytes,
                                  bool is_disk_behind, struct errmsg *error)
{
    enum fs_status status = FS_OK;

    ASSERT(file->path != NULL);
    file->fresh_writes++;
    if (bytes.len >= DIRECT_LEAST_BYTES && file->fresh_writes > DIRECT_AFTER && !is_disk_behind &&
        posix_direct_works(&file->direct, file->path)) {
        status = write_directly(file, &bytes, error);
    }
    return status == FS_OK ? write_to_cache(file, bytes, error) : status;
}

/* Somebody may have removed it, or moved its folder away. */
static enum fs_status look_for_name(const struct posix_append *file, struct errmsg *error)
{
    struct stat named;

    if (stat(file->path, &named) != 0) {
        return posix_fail(error, "find", file->path);
    }
    if ((uint64_t)named.st_dev != file->device || (uint64_t)named.st_ino != file->inode) {
        errmsg_set(error, "another file has taken the place of %s", file->path);
        return FS_FAILED;
    }
    return FS_OK;
}

enum fs_status posix_append_sync(struct posix_append *file, struct errmsg *error)
{
    enum fs_status status;
    bool is_small;

    ASSERT(file->path != NULL);
    is_small = file->size_bytes - file->synced_bytes <= SMALL_SYNC_BYTES;
    if (file->fresh_writes <= DIRECT_AFTER) {
        posix_direct_rest(&file->direct);
    }
    file->fresh_writes = 0;
    file->small_syncs = is_small ? file->small_syncs + 1 : 0;
    status = posix_sync_data(file->fd, file->path, error);
    if (status == FS_OK && !file->is_name_durable) {
        status = posix_sync_parent(file->path, error);
        file->is_name_durable = status == FS_OK;
    }
    if (status == FS_OK) {
        status = look_for_name(file, error);
    }
    file->synced_bytes = status == FS_OK ? file->size_bytes : file->synced_bytes;
    return status;
}

void posix_append_close(struct posix_append *file)
{
    if (file->path == NULL) {
        return;
    }
    /* Few read the log again.  Its pages are for the file that follows: new ones are written to at a third of the speed, and what
     * others keep in the cache would go for them. */
    if (file->synced_bytes == file->size_bytes) {
        (void)posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    if (file->room_end > file->size_bytes) {
        (void)!ftruncate(file->fd,
                         (off_t)file->size_bytes); /* who reads passes over what is left */
    }
    posix_direct_close(&file->direct);
    close(file->fd);
    mem_free(MEM_SNAPSHOT, file->path);
    *file = (struct posix_append){.fd = -1};
}

/* ---- names and lengths ------------------------------------------------------------------------ */

static enum fs_status cut(int fd, const char *path, uint64_t length_bytes, struct errmsg *error)
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        return posix_fail(error, "look at", path);
    }
    if ((uint64_t)info.st_size < length_bytes) {
        errmsg_set(error, "%s is shorter than %" PRIu64 " bytes", path, length_bytes);
        return FS_FAILED;
    }
    if (ftruncate(fd, (off_t)length_bytes) != 0) {
        return posix_fail(error, "cut off", path);
    }
    return posix_sync_fd(fd, path, error);
}

enum fs_status posix_truncate(const char *path, uint64_t length_bytes, struct errmsg *error)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    enum fs_status status;

    if (fd < 0) {
        return posix_fail(error, "open", path);
    }
    status = cut(fd, path, length_bytes, error);
    close(fd);
    return status == FS_OK ? posix_sync_parent(path, error) : status;
}

enum fs_status posix_rename(const char *from, const char *to, struct errmsg *error)
{
    enum fs_status status;

    if (rename(from, to) != 0) {
        return posix_fail(error, "rename", from);
    }
    status = posix_sync_parent(to, error);
    return status == FS_OK ? posix_sync_parent(from, error) : status;
}

enum fs_status posix_remove_durably(const char *path, struct errmsg *error)
{
    enum fs_status status = posix_remove(path, error);

    return status == FS_OK ? posix_sync_parent(path, error) : status;
}
