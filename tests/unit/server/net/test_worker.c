/* SPDX-License-Identifier: MIT */
/* net/worker: the promises of persist/fs.h about files that grow, and about lanes, kept by the real disk and its
 * threads.  Syncs go through a gate here, as on a disk that hangs. */
#include "net/worker.h"

#include "persist/posix_file.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 10000,
};

/* While held is not empty, syncs of files whose paths contain it wait. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t has_changed;
    const char *held;
    int waiting;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_changed = PTHREAD_COND_INITIALIZER, .held = ""};

static bool is_held(int fd)
{
    char link[40];
    char path[200] = "";

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return gate.held[0] != '\0' && readlink(link, path, sizeof(path) - 1) > 0 &&
           strstr(path, gate.held) != NULL;
}

static void pass_gate(int fd)
{
    pthread_mutex_lock(&gate.lock);
    while (is_held(fd)) {
        gate.waiting++;
        pthread_cond_broadcast(&gate.has_changed);
        pthread_cond_wait(&gate.has_changed, &gate.lock);
        gate.waiting--;
    }
    pthread_mutex_unlock(&gate.lock);
}

/* In place of those of libc. */
int fsync(int fd)
{
    pass_gate(fd);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    pass_gate(fd);
    return (int)syscall(SYS_fdatasync, fd);
}

static void hold(const char *part_of_path)
{
    pthread_mutex_lock(&gate.lock);
    gate.held = part_of_path;
    pthread_cond_broadcast(&gate.has_changed);
    pthread_mutex_unlock(&gate.lock);
}

static void await_one_that_waits(void)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_MS / 1000;
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting == 0 && result == 0) {
        result = pthread_cond_timedwait(&gate.has_changed, &gate.lock, &until);
    }
    pthread_mutex_unlock(&gate.lock);
    cr_assert_eq(result, 0, "no sync came to the gate");
}

struct desk {
    char dir[40];
    char path[80];
    char other[80];
    char dump[80];
    struct loop *loop;
    struct worker *worker;
    const struct fs *fs;
};

static void start(struct desk *d)
{
    struct errmsg error;

    *d = (struct desk){.dir = "/tmp/starling-worker-XXXXXX"};
    cr_assert_not_null(mkdtemp(d->dir));
    snprintf(d->path, sizeof(d->path), "%s/log-1", d->dir);
    snprintf(d->other, sizeof(d->other), "%s/log-2", d->dir);
    snprintf(d->dump, sizeof(d->dump), "%s/dump.rdb", d->dir);
    d->loop = loop_new(&error);
    d->worker = worker_new(d->loop);
    d->fs = worker_fs(d->worker);
}

static void stop(struct desk *d)
{
    if (d->worker != NULL) {
        worker_free(d->worker);
    }
    loop_free(d->loop);
    cr_assert_eq(posix_remove(d->path, NULL), FS_OK);
    cr_assert_eq(posix_remove(d->other, NULL), FS_OK);
    cr_assert_eq(posix_remove(d->dump, NULL), FS_OK);
    cr_assert_eq(rmdir(d->dir), 0, "nothing is left");
}

static struct worker_outcome next_outcome(struct desk *d)
{
    struct worker_outcome outcome;
    struct loop_event *events;

    while (!worker_next_outcome(d->worker, &outcome)) {
        loop_wait(d->loop, PATIENCE_MS, &events);
        cr_assert(loop_was_woken(d->loop), "no outcome came");
    }
    return outcome;
}

static void append(struct desk *d, uint64_t id, const char *text)
{
    struct buf bytes = {0};

    buf_append_text(&bytes, text);
    d->fs->append(d->fs->ctx, id, &bytes);
    cr_assert_eq(bytes.len, 0);
}

static void expect(const char *path, const char *text)
{
    struct buf out = {0};

    cr_assert_eq(posix_read_file(path, 1000, &out, NULL), FS_OK);
    cr_assert_str_eq(buf_text(&out), text);
    buf_deinit(&out);
}

Test(worker, appends_in_order_and_says_up_to_where_the_file_is_durable)
{
    struct desk d;
    struct worker_outcome outcome;
    uint64_t id;

    start(&d);
    id = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, id, "abc");
    d.fs->append_sync(d.fs->ctx, id);
    append(&d, id, "de");
    append(&d, id, "f");
    d.fs->append_sync(d.fs->ctx, id);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_SYNCED && outcome.id == id && outcome.durable_bytes == 3);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_SYNCED && outcome.durable_bytes == 6);
    cr_assert_eq(d.fs->write_queued(d.fs->ctx, FS_LANE_GROWING), 0);
    expect(d.path, "abcdef");
    stop(&d);
}

Test(worker, a_failure_is_the_last_outcome_of_a_file)
{
    struct desk d;
    struct worker_outcome outcome;
    uint64_t missing;
    uint64_t good;

    start(&d);
    missing = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_EXISTING);
    append(&d, missing, "abc");
    d.fs->append_sync(d.fs->ctx, missing);
    d.fs->append_close(d.fs->ctx, missing);
    good = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    d.fs->append_sync(d.fs->ctx, good);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_FILE && outcome.id == missing && !outcome.is_ok);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_SYNCED && outcome.id == good && outcome.durable_bytes == 0);
    stop(&d);
}

Test(worker, a_file_that_grows_is_claimed_and_counts_as_being_written_until_it_is_closed)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, id, "abc");
    d.fs->append_sync(d.fs->ctx, id);
    next_outcome(&d);
    cr_assert(worker_is_writing(d.worker));
    d.fs->append_close(d.fs->ctx, id);
    d.fs->remove_later(d.fs->ctx, d.other);
    next_outcome(&d);
    cr_assert_not(worker_is_writing(d.worker));
    stop(&d);
}

Test(worker, changes_names_after_what_was_queued_before)
{
    struct desk d;
    struct worker_outcome outcome;
    uint64_t id;

    start(&d);
    id = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, id, "abc");
    d.fs->append_close(d.fs->ctx, id);
    id = d.fs->rename_later(d.fs->ctx, d.path, d.other);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_FILE && outcome.id == id && outcome.is_ok);
    expect(d.other, "abc");
    id = d.fs->rename_later(d.fs->ctx, d.path, d.other);
    outcome = next_outcome(&d);
    cr_assert(outcome.id == id && !outcome.is_ok);
    id = d.fs->remove_later(d.fs->ctx, d.other);
    outcome = next_outcome(&d);
    cr_assert(outcome.id == id && outcome.is_ok);
    stop(&d);
}

Test(worker, removes_with_a_file_the_lock_that_a_killed_process_has_left)
{
    struct desk d;
    struct errmsg error;
    char lock_path[120];
    const char *name;

    start(&d);
    name = strrchr(d.path, '/') + 1;
    snprintf(lock_path, sizeof(lock_path), "%.*s.%s.lock", (int)(name - d.path), d.path, name);
    cr_assert(posix_write_file(d.path, BYTES_LITERAL("abc"), &error) == FS_OK);
    cr_assert(posix_write_file(lock_path, (struct bytes){0}, &error) == FS_OK);
    d.fs->remove_later(d.fs->ctx, d.path);
    cr_assert(next_outcome(&d).is_ok);
    cr_expect_neq(access(d.path, F_OK), 0);
    cr_expect_neq(access(lock_path, F_OK), 0);
    stop(&d);
}

Test(worker, ends_with_everything_written_that_was_appended)
{
    struct desk d;
    uint64_t id;

    start(&d);
    id = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, id, "abc");
    worker_free(d.worker);
    d.worker = NULL;
    expect(d.path, "abc");
    stop(&d);
}

/* ---- lanes ------------------------------------------------------------------------------------ */

static uint64_t write_whole(struct desk *d, const char *path, enum fs_lane lane, const char *text)
{
    struct buf bytes = {0};
    uint64_t id = d->fs->write_begin(d->fs->ctx, path, lane);

    buf_append_text(&bytes, text);
    d->fs->write_append(d->fs->ctx, id, &bytes);
    d->fs->write_commit(d->fs->ctx, id);
    return id;
}

static void expect_done(struct desk *d, uint64_t id)
{
    struct worker_outcome outcome = next_outcome(d);

    cr_assert(outcome.kind == WORKER_FILE && outcome.id == id && outcome.is_ok);
}

Test(worker, syncs_a_log_and_writes_a_small_file_while_the_sync_of_a_long_one_is_stuck)
{
    struct desk d;
    struct worker_outcome outcome;
    uint64_t dump;
    uint64_t log;

    start(&d);
    hold("dump.rdb");
    dump = write_whole(&d, d.dump, FS_LANE_LONG, "image");
    await_one_that_waits();
    log = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, log, "abc");
    d.fs->append_sync(d.fs->ctx, log);
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_SYNCED && outcome.id == log && outcome.durable_bytes == 3);
    expect_done(&d, write_whole(&d, d.other, FS_LANE_SMALL, "vote"));
    expect(d.other, "vote");
    cr_assert_eq(posix_get_info(d.dump, &(struct fs_info){0}, NULL), FS_MISSING);
    hold("");
    expect_done(&d, dump);
    expect(d.dump, "image");
    stop(&d);
}

Test(worker, writes_a_small_file_and_a_long_one_while_the_sync_of_a_log_is_stuck)
{
    struct desk d;
    struct worker_outcome outcome;
    uint64_t log;

    start(&d);
    hold("log-1");
    log = d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW);
    append(&d, log, "abc");
    d.fs->append_sync(d.fs->ctx, log);
    await_one_that_waits();
    expect_done(&d, write_whole(&d, d.other, FS_LANE_SMALL, "vote"));
    expect_done(&d, write_whole(&d, d.dump, FS_LANE_LONG, "image"));
    hold("");
    outcome = next_outcome(&d);
    cr_assert(outcome.kind == WORKER_SYNCED && outcome.id == log);
    stop(&d);
}

Test(worker, tells_what_is_queued_in_the_lane_that_is_asked_for)
{
    struct desk d;
    uint64_t stuck;
    uint64_t next;

    start(&d);
    hold("dump.rdb");
    stuck = write_whole(&d, d.dump, FS_LANE_LONG, "image");
    await_one_that_waits();
    next = write_whole(&d, d.dump, FS_LANE_LONG, "newer image");
    cr_assert_eq(d.fs->write_queued(d.fs->ctx, FS_LANE_LONG), strlen("newer image"));
    cr_assert_eq(d.fs->write_queued(d.fs->ctx, FS_LANE_SMALL), 0);
    cr_assert_eq(d.fs->write_queued(d.fs->ctx, FS_LANE_GROWING), 0);
    cr_assert(worker_is_writing(d.worker));
    hold("");
    expect_done(&d, stuck);
    expect_done(&d, next);
    expect(d.dump, "newer image");
    cr_assert_eq(d.fs->write_queued(d.fs->ctx, FS_LANE_LONG), 0);
    cr_assert_not(worker_is_writing(d.worker));
    stop(&d);
}

static void *let_through(void *context)
{
    (void)context;
    await_one_that_waits();
    hold("");
    return NULL;
}

Test(worker, ends_with_everything_committed_in_all_lanes)
{
    struct desk d;
    pthread_t thread;

    start(&d);
    hold("dump.rdb");
    write_whole(&d, d.dump, FS_LANE_LONG, "image");
    write_whole(&d, d.other, FS_LANE_SMALL, "vote");
    write_whole(&d, d.other, FS_LANE_SMALL, "newer vote");
    append(&d, d.fs->append_open(d.fs->ctx, d.path, FS_APPEND_NEW), "abc");
    cr_assert_eq(pthread_create(&thread, NULL, let_through, NULL), 0);
    worker_free(d.worker);
    d.worker = NULL;
    pthread_join(thread, NULL);
    expect(d.dump, "image");
    expect(d.other, "newer vote");
    expect(d.path, "abc");
    stop(&d);
}

Test(worker, gives_up_a_file_that_was_not_committed_when_it_ends)
{
    struct desk d;

    start(&d);
    d.fs->write_begin(d.fs->ctx, d.dump, FS_LANE_LONG);
    worker_free(d.worker);
    d.worker = NULL;
    cr_assert_eq(posix_get_info(d.dump, &(struct fs_info){0}, NULL), FS_MISSING);
    stop(&d);
}

/* ---- now -------------------------------------------------------------------------------------- */

static void note_file(void *context, const char *name, uint64_t size_bytes)
{
    buf_printf(context, "%s:%llu ", name, (unsigned long long)size_bytes);
}

Test(worker, lists_files_by_their_prefix_and_cuts_one_off)
{
    struct desk d;
    struct buf found = {0};

    start(&d);
    cr_assert_eq(posix_write_file(d.path, BYTES_LITERAL("abc"), NULL), FS_OK);
    cr_assert_eq(d.fs->truncate(d.fs->ctx, d.path, 2, NULL), FS_OK);
    cr_assert_eq(fs_list_files(d.fs, d.dir, "log-", note_file, &found, NULL), FS_OK);
    cr_assert_str_eq(buf_text(&found), "log-1:2 ");
    buf_deinit(&found);
    stop(&d);
}
