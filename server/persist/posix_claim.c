/* SPDX-License-Identifier: MIT */
/* Locks of fcntl: unlike those of flock they tell who holds them. */
#include "persist/posix_claim.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOCK_MODE = 0600,
    TRIES_MAX = 100, /* each lost to a process that gave its claim up just then */
};

enum lock_outcome {
    LOCK_TAKEN,
    LOCK_HELD,
    LOCK_GONE, /* the file lost its name meanwhile: again */
    LOCK_IMPOSSIBLE,
};

/* NULL when the folder is not there. */
static char *make_lock_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char folder[PATH_MAX];
    struct buf text = {0};
    char *result = NULL;

    buf_append(&text, path, (size_t)(name - path));
    if (realpath(text.len > 0 ? buf_text(&text) : ".", folder) != NULL) {
        buf_clear(&text);
        buf_printf(&text, "%s/.%s.lock", folder, name);
        result = mem_strdup(MEM_SNAPSHOT, buf_text(&text));
    }
    buf_deinit(&text);
    return result;
}

static struct posix_claim *find(struct posix_claims *claims, const char *lock_path)
{
    for (size_t i = 0; i < claims->held.count; i++) {
        if (strcmp(claims->held.items[i].lock_path, lock_path) == 0) {
            return &claims->held.items[i];
        }
    }
    return NULL;
}

/* A claim on this name in a folder that was removed or renamed: nothing is told by the path any more,
 * and nothing is kept by the lock. */
static struct posix_claim *find_astray(struct posix_claims *claims, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct posix_claim *found = NULL;
    struct buf name = {0};

    buf_printf(&name, "/.%s.lock", slash != NULL ? slash + 1 : path);
    for (size_t i = 0; i < claims->held.count && found == NULL; i++) {
        struct posix_claim *claim = &claims->held.items[i];

        if (strcmp(strrchr(claim->lock_path, '/'), buf_text(&name)) == 0 &&
            access(claim->lock_path, F_OK) != 0) {
            found = claim;
        }
    }
    buf_deinit(&name);
    return found;
}

static bool has_its_name(int fd, const char *lock_path)
{
    struct stat mine;
    struct stat named;

    return fstat(fd, &mine) == 0 && stat(lock_path, &named) == 0 && mine.st_dev == named.st_dev &&
           mine.st_ino == named.st_ino;
}

static enum lock_outcome try_lock(const char *lock_path, int *out_fd, pid_t *holder)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    enum lock_outcome outcome = LOCK_TAKEN;

    if (fd < 0) {
        return LOCK_IMPOSSIBLE;
    }
    if (fcntl(fd, F_SETLK, &whole) != 0) {
        outcome = LOCK_IMPOSSIBLE;
        if (errno == EACCES || errno == EAGAIN) {
            outcome =
                fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type == F_UNLCK ? LOCK_GONE : LOCK_HELD;
            *holder = whole.l_type != F_UNLCK ? whole.l_pid : 0;
        }
    } else if (!has_its_name(fd, lock_path)) {
        outcome = LOCK_GONE;
    }
    if (outcome == LOCK_TAKEN) {
        *out_fd = fd;
    } else {
        close(fd);
    }
    return outcome;
}

static enum lock_outcome try_often(const char *lock_path, int *out_fd, pid_t *holder)
{
    enum lock_outcome outcome = LOCK_GONE;

    for (int i = 0; i < TRIES_MAX && outcome == LOCK_GONE; i++) {
        outcome = try_lock(lock_path, out_fd, holder);
    }
    return outcome;
}

enum fs_status posix_claim(struct posix_claims *claims, const char *path, struct errmsg *error)
{
    char *lock_path = make_lock_path(path);
    struct posix_claim *known = lock_path != NULL ? find(claims, lock_path) : NULL;
    enum lock_outcome outcome;
    pid_t holder = 0;
    int fd = -1;

    if (known != NULL) {
        known->count++;
    }
    if (known != NULL || lock_path == NULL) {
        mem_free(MEM_SNAPSHOT, lock_path);
        return FS_OK;
    }
    outcome = try_often(lock_path, &fd, &holder);
    if (outcome == LOCK_TAKEN) {
        VEC_PUSH(&claims->held,
                 ((struct posix_claim){.fd = fd, .count = 1, .lock_path = lock_path}));
        return FS_OK;
    }
    if (outcome == LOCK_IMPOSSIBLE) {
        VEC_PUSH(&claims->owed, ((struct posix_owed_claim){.lock_path = lock_path}));
        return FS_OK;
    }
    mem_free(MEM_SNAPSHOT, lock_path);
    errmsg_set(error, "%s belongs to another running server, process %ld", path, (long)holder);
    return FS_FAILED;
}

enum fs_status posix_claim_owed(struct posix_claims *claims, struct errmsg *error)
{
    for (size_t i = claims->owed.count; i > 0; i--) {
        struct posix_owed_claim *owed = &claims->owed.items[i - 1];
        pid_t holder = 0;
        int fd = -1;

        switch (owed->is_lost ? LOCK_HELD : try_often(owed->lock_path, &fd, &holder)) {
        case LOCK_TAKEN:
            VEC_PUSH(&claims->held,
                     ((struct posix_claim){.fd = fd, .count = 1, .lock_path = owed->lock_path}));
            VEC_REMOVE_AT(&claims->owed, i - 1);
            break;
        case LOCK_HELD:
        case LOCK_GONE:
            owed->is_lost = true;
            errmsg_set(error,
                       "another running server has %s: it has begun to write while this one could "
                       "not. End this one",
                       owed->lock_path);
            return FS_FAILED;
        case LOCK_IMPOSSIBLE:
            break;
        }
    }
    return FS_OK;
}

static void give_up(struct posix_claims *claims, struct posix_claim *claim)
{
    /* Removed while it is still locked: nobody can have locked this file by then. */
    unlink(claim->lock_path);
    close(claim->fd);
    mem_free(MEM_SNAPSHOT, claim->lock_path);
    VEC_REMOVE_AT(&claims->held, claim - claims->held.items);
}

void posix_unclaim(struct posix_claims *claims, const char *path)
{
    char *lock_path = make_lock_path(path);
    struct posix_claim *claim =
        lock_path != NULL ? find(claims, lock_path) : find_astray(claims, path);

    for (size_t i = claims->owed.count; i > 0 && lock_path != NULL && claim == NULL; i--) {
        if (strcmp(claims->owed.items[i - 1].lock_path, lock_path) == 0) {
            mem_free(MEM_SNAPSHOT, claims->owed.items[i - 1].lock_path);
            VEC_REMOVE_AT(&claims->owed, i - 1);
            break;
        }
    }
    mem_free(MEM_SNAPSHOT, lock_path);
    if (claim != NULL && --claim->count == 0) {
        give_up(claims, claim);
    }
}

void posix_claims_deinit(struct posix_claims *claims)
{
    while (claims->held.count > 0) {
        give_up(claims, &claims->held.items[0]);
    }
    VEC_DEINIT(&claims->held);
    while (claims->owed.count > 0) {
        mem_free(MEM_SNAPSHOT, claims->owed.items[--claims->owed.count].lock_path);
    }
    VEC_DEINIT(&claims->owed);
}
