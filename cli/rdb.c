/* SPDX-License-Identifier: MIT */
/* The snapshot goes to a file of another name, which is synced and renamed when it is whole: what
 * was there before stays until then.  Standard output and what is no plain file are written as the
 * payload comes. */
#include "cli/rdb.h"

#include "cli/connect.h"
#include "cli/rdb_check.h"
#include "cli/sync.h"
#include "io/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROGRESS_MS = 500,
};

struct target {
    const char *name; /* as the user gave it */
    struct buf path;  /* of the file of another name; empty: written in place */
    int fd;           /* -1: not open */
    bool is_stdout;
};

static bool fail(struct errmsg *error, const char *doing, const char *name)
{
    errmsg_set(error, "Error %s '%s': %s", doing, name, strerror(errno));
    return false;
}

static bool target_open(struct target *target, struct errmsg *error)
{
    struct stat status;

    if (strcmp(target->name, "-") == 0) {
        target->is_stdout = true;
        target->fd = STDOUT_FILENO;
        return true;
    }
    if (stat(target->name, &status) == 0 && !S_ISREG(status.st_mode)) {
        target->fd = open(target->name, O_WRONLY | O_CLOEXEC);
        return target->fd >= 0 || fail(error, "opening", target->name);
    }
    buf_printf(&target->path, "%s.%d.partial", target->name, (int)getpid());
    target->fd = open(buf_text(&target->path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (target->fd < 0) {
        buf_clear(&target->path);
        return fail(error, "opening", target->name);
    }
    return true;
}

static bool target_write(struct target *target, struct bytes piece, struct errmsg *error)
{
    while (piece.len > 0) {
        ssize_t written = write(target->fd, piece.data, piece.len);

        if (written < 0 && errno != EINTR) {
            return fail(error, "writing", target->name);
        }
        piece = bytes_from(piece, written > 0 ? (size_t)written : 0);
    }
    return true;
}

/* The snapshot is whole: make it last, under its name. */
static bool target_finish(struct target *target, struct errmsg *error)
{
    if (target->is_stdout) {
        return true;
    }
    if (target->path.len > 0 && fsync(target->fd) != 0) {
        return fail(error, "syncing", target->name);
    }
    if (close(target->fd) != 0) {
        target->fd = -1;
        return fail(error, "writing", target->name);
    }
    target->fd = -1;
    if (target->path.len > 0 && rename(buf_text(&target->path), target->name) != 0) {
        return fail(error, "renaming", target->name);
    }
    buf_clear(&target->path);
    return true;
}

static void target_deinit(struct target *target)
{
    if (target->fd >= 0 && !target->is_stdout) {
        close(target->fd);
    }
    if (target->path.len > 0) {
        unlink(buf_text(&target->path));
    }
    buf_deinit(&target->path);
}

static void show_progress(const struct sync *sync, struct mono_time *due_at, bool is_end)
{
    struct mono_time now = clock_mono_now();

    if (isatty(STDERR_FILENO) == 0 || (!is_end && !mono_is_due(*due_at, now))) {
        return;
    }
    *due_at = mono_add_ms(now, PROGRESS_MS);
    if (sync->has_mark) {
        fprintf(stderr, "\r%" PRIu64 " KB", sync->taken_bytes / 1024);
    } else {
        fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " KB", sync->taken_bytes / 1024,
                sync->total_bytes / 1024);
    }
    fputs(is_end ? "\n" : "", stderr);
}

static bool transfer(struct sync *sync, struct target *target, struct errmsg *error)
{
    struct mono_time due_at = mono_add_ms(clock_mono_now(), PROGRESS_MS);
    struct rdb_check check = {0};

    if (sync->has_mark) {
        fprintf(stderr,
                "SYNC sent to master, writing bytes of bulk transfer until EOF marker to '%s'\n",
                target->name);
    } else {
        fprintf(stderr, "SYNC sent to master, writing %" PRIu64 " bytes to '%s'\n",
                sync->total_bytes, target->name);
    }
    if (!target_open(target, error)) {
        return false;
    }
    for (;;) {
        struct bytes piece;

        if (!sync_next(sync, &piece, error) || !target_write(target, piece, error)) {
            return false;
        }
        rdb_check_add(&check, piece);
        show_progress(sync, &due_at, sync->is_over);
        if (sync->is_over) {
            if (!rdb_check_finish(&check, error)) {
                errmsg_wrap(error, "what came is no whole snapshot");
                return false;
            }
            return target_finish(target, error);
        }
    }
}

static bool prepare(struct sync *sync, bool has_functions_only, struct errmsg *error)
{
    bool is_refused = false;

    if (!sync_configure(sync, "capa", "eof", NULL, error) ||
        !sync_configure(sync, "rdb-only", "1", NULL, error)) {
        return false;
    }
    if (has_functions_only) {
        if (!sync_configure(sync, "rdb-filter-only", "functions", &is_refused, error)) {
            return false;
        }
        if (is_refused) {
            errmsg_set(error, "Failed requesting functions only RDB from server, aborting");
            return false;
        }
    }
    return sync_begin(sync, error);
}

bool rdb_save(struct client *client, const char *path, uint64_t *bytes, struct errmsg *error)
{
    struct sync sync = {.client = client};
    struct target target = {.name = path, .fd = -1};
    bool is_ok = prepare(&sync, false, error) && transfer(&sync, &target, error);

    *bytes = sync.taken_bytes;
    target_deinit(&target);
    return is_ok;
}

int rdb_run(const struct options *options)
{
    struct connection connection;
    struct sync sync = {0};
    struct target target = {.name = options->rdb_path, .fd = -1};
    struct errmsg error = {0};
    bool is_ok;

    connection_init(&connection, options, NULL);
    is_ok = connection_open(&connection, &error);
    if (is_ok) {
        sync.client = connection.client;
        is_ok = prepare(&sync, options->mode == OPTIONS_FUNCTIONS_RDB, &error) &&
                transfer(&sync, &target, &error);
    }
    if (is_ok) {
        fprintf(stderr, "Transfer finished with success after %" PRIu64 " bytes\n",
                sync.taken_bytes);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    target_deinit(&target);
    connection_close(&connection);
    return is_ok ? 0 : 1;
}
