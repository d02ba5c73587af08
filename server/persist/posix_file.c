/* SPDX-License-Identifier: MIT */
/* Every call that a signal can interrupt is made again. */
#include "persist/posix_file.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "persist/posix_call.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NEW_FILE_MODE = 0644, /* less what the umask takes away */
    PRIVATE_MODE = 0600,
    GROUP_BITS = 0070,
    DIRECTORY_MODE = 0755,
    READ_STEP = 256 * 1024,
    WRITE_OUT_STEP = 8 * 1024 * 1024,
};

#define TEMP_PREFIX "temp-"

/* The length of the directory part of a path, with its slash. */
static size_t directory_len(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static char *make_temp_path(const char *target_path, uint64_t number)
{
    size_t dir_len = directory_len(target_path);
    struct buf path = {0};
    char *text;

    buf_append(&path, target_path, dir_len);
    buf_printf(&path, TEMP_PREFIX "%ld-%" PRIu64 ".%s", (long)getpid(), number,
               target_path + dir_len);
    text = mem_strdup(MEM_SNAPSHOT, buf_text(&path));
    buf_deinit(&path);
    return text;
}

static void forget(struct posix_file *file)
{
    mem_free(MEM_SNAPSHOT, file->temp_path);
    *file = (struct posix_file){.fd = -1};
}

/* ---- writing --------------------------------------------------------------------------------- */

enum fs_status posix_file_open(struct posix_file *file, const char *target_path, uint64_t number,
                               struct errmsg *error)
{
    char *temp_path = make_temp_path(target_path, number);
    struct stat target;
    mode_t mode = stat(target_path, &target) == 0 ? PRIVATE_MODE : NEW_FILE_MODE;
    enum fs_status status;
    int fd;

    /* Nobody else's file, and no link to one, is written through this name. */
    unlink(temp_path);
    fd = open(temp_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        status = posix_fail(error, "create", temp_path);
        mem_free(MEM_SNAPSHOT, temp_path);
        *file = (struct posix_file){.fd = -1};
        return status;
    }
    *file = (struct posix_file){.fd = fd, .temp_path = temp_path};
    return FS_OK;
}

/* What the file system cannot do is left to the sync.  A failure to write is told to one caller only, so it must not be
 * lost here. */
static bool ask_range(int fd, uint64_t offset, uint64_t bytes, unsigned int wish)
{
    int result;

    do {
        result = sync_file_range(fd, (off_t)offset, (off_t)bytes, wish);
    } while (result < 0 && errno == EINTR);
    return result == 0 || errno == ENOSYS || errno == EINVAL || errno == ESPIPE ||
           errno == EOPNOTSUPP;
}

/* Have what is new written out, and wait for what was new the last time.  A file of gigabytes that stays in memory
 * until its end keeps the disk from every other sync for as long as its own takes. */
static enum fs_status write_out(struct posix_file *file, struct errmsg *error)
{
    uint64_t fresh = file->size_bytes - file->begun_bytes;
    uint64_t begun = file->begun_bytes - file->out_bytes;

    if (!ask_range(file->fd, file->begun_bytes, fresh, SYNC_FILE_RANGE_WRITE) ||
        (begun > 0 && !ask_range(file->fd, file->out_bytes, begun,
                                 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                     SYNC_FILE_RANGE_WAIT_AFTER))) {
        return posix_fail(error, "write", file->temp_path);
    }
    file->out_bytes = file->begun_bytes;
    file->begun_bytes = file->size_bytes;
    return FS_OK;
}

enum fs_status posix_file_write(struct posix_file *file, struct bytes bytes, struct errmsg *error)
{
    enum fs_status status;

    ASSERT(file->temp_path != NULL);
    status = posix_write_all(file->fd, file->temp_path, bytes, &file->size_bytes, error);
    if (status == FS_OK && file->size_bytes - file->begun_bytes >= WRITE_OUT_STEP) {
        status = write_out(file, error);
    }
    return status;
}

/* Who could not read the old file must not be able to read the new one. */
static enum fs_status take_after(int fd, const char *final_path, struct errmsg *error)
{
    struct stat old;
    mode_t mode;

    if (stat(final_path, &old) != 0 || !S_ISREG(old.st_mode)) {
        return FS_OK;
    }
    mode = old.st_mode & 0777;
    if (fchown(fd, old.st_uid, old.st_gid) != 0 && fchown(fd, (uid_t)-1, old.st_gid) != 0) {
        mode &= ~(mode_t)GROUP_BITS; /* it is our group's now, which may be another */
    }
    return fchmod(fd, mode) == 0 ? FS_OK
                                 : posix_fail(error, "set the mode of what replaces", final_path);
}

enum fs_status posix_file_commit(struct posix_file *file, const char *final_path,
                                 struct errmsg *error)
{
    enum fs_status status;
    int fd = file->fd;

    ASSERT(file->temp_path != NULL);
    status = take_after(fd, final_path, error);
    if (status == FS_OK) {
        status = posix_sync_fd(fd, file->temp_path, error);
    }
    if (status != FS_OK) {
        posix_file_abort(file);
        return status;
    }
    file->fd = -1;
    if (close(fd) != 0 && errno != EINTR) {
        status = posix_fail(error, "close", file->temp_path);
        posix_file_abort(file);
        return status;
    }
    if (rename(file->temp_path, final_path) != 0) {
        status = posix_fail(error, "rename a new file to", final_path);
        posix_file_abort(file);
        return status;
    }
    forget(file);
    return posix_sync_parent(final_path, error);
}

void posix_file_abort(struct posix_file *file)
{
    if (file->temp_path == NULL) {
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    unlink(file->temp_path);
    forget(file);
}

enum fs_status posix_write_file(const char *path, struct bytes bytes, struct errmsg *error)
{
    struct posix_file file;
    enum fs_status status = posix_file_open(&file, path, 0, error);

    if (status != FS_OK) {
        return status;
    }
    status = posix_file_write(&file, bytes, error);
    if (status != FS_OK) {
        posix_file_abort(&file);
        return status;
    }
    return posix_file_commit(&file, path, error);
}

bool posix_file_is_leftover(const char *name)
{
    struct bytes rest = bytes_from_text(name);
    struct bytes word;
    int64_t pid;

    if (bytes_has_prefix(rest, "." TEMP_PREFIX)) {
        rest = bytes_from(rest, 1); /* the lock of such a file: posix_claim.h */
    }
    if (!bytes_has_prefix(rest, TEMP_PREFIX)) {
        return false;
    }
    rest = bytes_from(rest, sizeof(TEMP_PREFIX) - 1);
    word = bytes_next_word(&rest, '-');
    if (rest.len == 0 || !num_parse_i64(word, &pid) || pid <= 0 || pid > INT32_MAX) {
        return false;
    }
    /* In a container every run may have the same process id; at start we have no such file yet. */
    return (pid_t)pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
}

enum fs_status posix_sync_parent(const char *path, struct errmsg *error)
{
    size_t dir_len = directory_len(path);
    struct buf dir = {0};
    enum fs_status status;
    int fd;

    buf_append(&dir, dir_len > 0 ? path : "./", dir_len > 0 ? dir_len : 2);
    fd = open(buf_text(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        status = posix_fail(error, "open the directory", buf_text(&dir));
    } else {
        status = posix_sync_fd(fd, buf_text(&dir), error);
        close(fd);
    }
    buf_deinit(&dir);
    return status;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Append up to max_bytes from offset on. */
static enum fs_status read_open_file(int fd, const char *path, uint64_t offset, uint64_t max_bytes,
                                     struct buf *out, struct errmsg *error)
{
    uint64_t left = max_bytes;

    while (left > 0) {
        size_t step = left < READ_STEP ? (size_t)left : READ_STEP;
        ssize_t got = pread(fd, buf_reserve(out, step), step, (off_t)offset);

        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return posix_fail(error, "read", path);
        }
        if (got == 0) {
            break;
        }
        out->len += (size_t)got;
        offset += (uint64_t)got;
        left -= (uint64_t)got;
    }
    return FS_OK;
}

enum fs_status posix_read_file(const char *path, uint64_t max_bytes, struct buf *out,
                               struct errmsg *error)
{
    size_t before = out->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum fs_status status;

    if (fd < 0) {
        return posix_fail(error, "open", path);
    }
    /* One byte more than allowed tells a file that is too long. */
    status = read_open_file(fd, path, 0, max_bytes + (max_bytes < UINT64_MAX ? 1 : 0), out, error);
    close(fd);
    if (status == FS_OK && out->len - before > max_bytes) {
        errmsg_set(error, "%s is longer than %" PRIu64 " bytes", path, max_bytes);
        status = FS_TOO_LARGE;
    }
    if (status != FS_OK) {
        out->len = before;
    }
    return status;
}

enum fs_status posix_read_piece(const char *path, uint64_t offset, size_t max_bytes,
                                struct buf *out, struct errmsg *error)
{
    size_t before = out->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum fs_status status;

    if (fd < 0) {
        return posix_fail(error, "open", path);
    }
    status = read_open_file(fd, path, offset, max_bytes, out, error);
    close(fd);
    if (status != FS_OK) {
        out->len = before;
    }
    return status;
}

/* ---- names ----------------------------------------------------------------------------------- */

enum fs_status posix_get_info(const char *path, struct fs_info *out, struct errmsg *error)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        return posix_fail(error, "look at", path);
    }
    *out = (struct fs_info){.is_directory = S_ISDIR(info.st_mode),
                            .size_bytes = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0};
    return FS_OK;
}

enum fs_status posix_list(const char *path, fs_name_fn *on_name, void *context,
                          struct errmsg *error)
{
    DIR *dir = opendir(path);
    enum fs_status status = FS_OK;

    if (dir == NULL) {
        return posix_fail(error, "open the directory", path);
    }
    for (;;) {
        const struct dirent *found;

        errno = 0;
        found = readdir(dir);
        if (found == NULL) {
            break;
        }
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0) {
            on_name(context, found->d_name);
        }
    }
    if (errno != 0) {
        status = posix_fail(error, "read the directory", path);
    }
    closedir(dir);
    return status;
}

enum fs_status posix_remove(const char *path, struct errmsg *error)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return posix_fail(error, "remove", path);
    }
    return FS_OK;
}

enum fs_status posix_link(const char *path, const char *second, struct errmsg *error)
{
    enum fs_status status = posix_remove(second, error);

    if (status != FS_OK) {
        return status;
    }
    if (link(path, second) != 0) {
        status = posix_fail(error, "give a second name to", path);
        errmsg_wrap(error, "%s", second);
        return status;
    }
    return posix_sync_parent(second, error);
}

enum fs_status posix_make_directory(const char *path, struct errmsg *error)
{
    struct fs_info info = {0};
    enum fs_status status;

    if (mkdir(path, DIRECTORY_MODE) == 0) {
        return posix_sync_parent(path, error);
    }
    status = posix_fail(error, "make the directory", path);
    if (posix_get_info(path, &info, NULL) == FS_OK && info.is_directory) {
        return FS_OK;
    }
    return status;
}
