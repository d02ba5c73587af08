/* SPDX-License-Identifier: MIT */
#include "cli/log_folder.h"

#include "base/buf.h"
#include "base/mem.h"
#include "cli/rdb_check.h"
#include "cli/rdb_position.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SNAPSHOT_PIECE = 1024 * 1024,
};

static char *join(const char *folder, const char *name)
{
    struct buf path = {0};
    char *result;

    buf_printf(&path, "%s/%s", folder, name);
    result = mem_strdup(MEM_CLI, buf_text(&path));
    buf_deinit(&path);
    return result;
}

static bool fail(struct errmsg *error, const char *name)
{
    errmsg_set(error, "%s: %s", name, strerror(errno));
    return false;
}

/* ---- the source --------------------------------------------------------------------------------- */

static bool list(void *ctx, segment_name_fn *on_name, void *context, struct errmsg *error)
{
    const struct log_folder *folder = ctx;
    DIR *dir = opendir(folder->path);
    const struct dirent *found;

    if (dir == NULL) {
        return fail(error, folder->path);
    }
    errno = 0;
    while ((found = readdir(dir)) != NULL) {
        on_name(context, found->d_name);
    }
    if (errno != 0) {
        fail(error, folder->path);
        closedir(dir);
        return false;
    }
    closedir(dir);
    return true;
}

static void forget_file(struct log_folder *folder)
{
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    folder->fd = -1;
}

static bool stand_on(struct log_folder *folder, const char *name, struct errmsg *error)
{
    char *path;

    if (folder->fd >= 0 && strcmp(folder->fd_name, name) == 0) {
        return true;
    }
    forget_file(folder);
    path = join(folder->path, name);
    folder->fd = open(path, O_RDONLY | O_CLOEXEC);
    mem_free(MEM_CLI, path);
    if (folder->fd < 0) {
        errmsg_set(error, "%s", strerror(errno));
        return false;
    }
    bytes_to_text(bytes_from_text(name), folder->fd_name, sizeof(folder->fd_name));
    return true;
}

static bool size_of(void *ctx, const char *name, uint64_t *size_bytes, struct errmsg *error)
{
    struct log_folder *folder = ctx;
    struct stat status;

    if (!stand_on(folder, name, error)) {
        return false;
    }
    if (fstat(folder->fd, &status) != 0) {
        errmsg_set(error, "%s", strerror(errno));
        return false;
    }
    *size_bytes = (uint64_t)status.st_size;
    return true;
}

static bool read_file(void *ctx, const char *name, uint64_t place, size_t max_bytes,
                      struct buf *out, struct errmsg *error)
{
    struct log_folder *folder = ctx;
    size_t wanted = max_bytes;

    if (!stand_on(folder, name, error)) {
        return false;
    }
    while (wanted > 0) {
        ssize_t got = pread(folder->fd, buf_reserve(out, wanted), wanted,
                            (off_t)(place + (max_bytes - wanted)));

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            errmsg_set(error, "%s", strerror(errno));
            return false;
        }
        if (got == 0) {
            break;
        }
        out->len += (size_t)got;
        wanted -= (size_t)got;
    }
    return true;
}

/* ---- the folder --------------------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool log_folder_open(struct log_folder *folder, const char *dir, struct errmsg *error)
{
    *folder = (struct log_folder){.fd = -1};
    folder->source = (struct segment_source){folder, list, size_of, read_file};
    folder->path = join(dir, LOG_FOLDER_NAME);
    if (is_folder(folder->path)) {
        folder->home = mem_strdup(MEM_CLI, dir);
        return true;
    }
    mem_free(MEM_CLI, folder->path);
    folder->path = mem_strdup(MEM_CLI, dir);
    folder->home = join(dir, "..");
    if (!is_folder(dir)) {
        errno = access(dir, F_OK) == 0 ? ENOTDIR : errno;
        return fail(error, dir);
    }
    return true;
}

void log_folder_close(struct log_folder *folder)
{
    forget_file(folder);
    mem_free(MEM_CLI, folder->path);
    mem_free(MEM_CLI, folder->home);
    *folder = (struct log_folder){.fd = -1};
}

/* All of it, for its end and its checksum. */
static void check_whole(int fd, struct errmsg *problem)
{
    struct rdb_check check = {0};
    struct buf piece = {0};
    uint64_t place = 0;
    ssize_t got;

    buf_reserve(&piece, SNAPSHOT_PIECE);
    while ((got = pread(fd, piece.data, SNAPSHOT_PIECE, (off_t)place)) != 0) {
        if (got < 0 && errno != EINTR) {
            errmsg_set(problem, "it cannot be read: %s", strerror(errno));
            break;
        }
        rdb_check_add(&check, bytes_make(piece.data, got > 0 ? (size_t)got : 0));
        place += got > 0 ? (uint64_t)got : 0;
    }
    buf_deinit(&piece);
    if (got == 0) {
        (void)!rdb_check_finish(&check, problem); /* it says what is wrong */
    }
}

static struct log_snapshot look_at_snapshot(const char *path)
{
    struct log_snapshot snapshot = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char begin[RDB_POSITION_BYTES];
    struct stat status;
    ssize_t got;

    if (fd < 0) {
        return snapshot;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        got = pread(fd, begin, sizeof(begin), 0);
        snapshot.size_bytes = (uint64_t)status.st_size;
        snapshot.kind =
            got > 0 && rdb_position_read(bytes_make(begin, (size_t)got), &snapshot.position)
                ? LOG_SNAPSHOT_PLACED
                : LOG_SNAPSHOT_FOREIGN;
        check_whole(fd, &snapshot.problem);
    }
    close(fd);
    return snapshot;
}

struct log_snapshot log_folder_find_snapshot(const struct log_folder *folder, const char *name)
{
    const char *const places[] = {folder->home, folder->path};
    struct log_snapshot snapshot = {0};

    for (size_t i = 0; snapshot.kind == LOG_SNAPSHOT_NONE && i < ARRAY_COUNT(places); i++) {
        char *path = join(places[i], name);

        snapshot = look_at_snapshot(path);
        mem_free(MEM_CLI, path);
    }
    return snapshot;
}

static int64_t holder_of(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int64_t holder = 0;

    if (fd < 0) {
        return 0;
    }
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) {
        holder = lock.l_pid;
    }
    close(fd);
    return holder;
}

/* Locks are on ".NAME.lock", beside the file NAME that they are about. */
static int64_t holder_in(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *found;
    int64_t holder = 0;

    while (dir != NULL && holder == 0 && (found = readdir(dir)) != NULL) {
        size_t len = strlen(found->d_name);

        if (found->d_name[0] == '.' && len > 6 && strcmp(found->d_name + len - 5, ".lock") == 0) {
            char *path = join(folder, found->d_name);

            holder = holder_of(path);
            mem_free(MEM_CLI, path);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return holder;
}

int64_t log_folder_holder(const struct log_folder *folder)
{
    int64_t holder = holder_in(folder->path);

    return holder != 0 ? holder : holder_in(folder->home);
}
