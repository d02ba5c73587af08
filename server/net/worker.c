/* SPDX-License-Identifier: MIT */
/* A thread, and what it and the loop hand each other: jobs there, outcomes and jobs that are done back, which the
 * loop frees: else it could wait for an allocator that the thread holds while it does not run.  Outcomes also come from
 * the threads that look up names. */
#include "net/worker.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/crash.h"
#include "net/handoff.h"
#include "persist/posix_append.h"
#include "persist/posix_claim.h"
#include "persist/posix_file.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    WORKER_NICE = 5,
    WORKER_SLICE_NS = 100 * 1000,
    SPARE_BYTES = 256 * 1024, /* larger buffers are freed when they are written */
};

enum job_kind {
    JOB_FILE_BEGIN,
    JOB_FILE_APPEND,
    JOB_FILE_COMMIT,
    JOB_FILE_ABORT,
    JOB_APPEND_OPEN,
    JOB_APPEND_WRITE,
    JOB_APPEND_SYNC,
    JOB_APPEND_CLOSE,
    JOB_RENAME,
    JOB_REMOVE,
    JOB_END,
};

struct job {
    struct handoff_item item;
    enum job_kind kind;
    uint64_t id;
    char *text;     /* path */
    char *new_text; /* JOB_RENAME: the other path */
    enum fs_append_mode mode;
    struct buf bytes;
};

struct outcome {
    struct handoff_item item;
    struct worker_outcome value;
};

/* A file on its way; the worker thread's alone. */
struct open_file {
    struct list all;
    uint64_t id;
    struct posix_file file;     /* one that is written as a whole, */
    struct posix_append append; /* or one that grows */
    char *claimed_path;         /* NULL: another process has it */
};

struct worker {
    struct loop *loop;
    struct lookups *lookups;
    struct fs fs;
    pthread_t thread;
    sem_t job_count; /* those that were given */
    struct handoff jobs;
    struct handoff spent; /* jobs that are done */
    struct handoff outcomes;
    struct handoff_item *taken_jobs;     /* worker thread: from jobs, in order */
    struct handoff_item *taken_outcomes; /* loop thread: from outcomes, in order */
    _Atomic size_t queued_bytes;
    _Atomic size_t file_count; /* begun and not yet forgotten */
    uint64_t next_file;        /* loop thread */
    pthread_mutex_t claims_lock;
    struct posix_claims claims; /* under claims_lock */
    struct list open_files;     /* worker thread */
};

/* ---- the worker thread ------------------------------------------------------------------------ */

static void report(struct worker *worker, struct outcome *outcome)
{
    handoff_give(&worker->outcomes, &outcome->item);
    loop_wake(worker->loop);
}

static void report_file(struct worker *worker, uint64_t id, enum fs_status status,
                        const struct errmsg *error)
{
    struct outcome *outcome = mem_alloc_zeroed(MEM_NET, sizeof(*outcome));

    outcome->value.kind = WORKER_FILE;
    outcome->value.id = id;
    outcome->value.is_ok = status == FS_OK;
    outcome->value.error = *error;
    report(worker, outcome);
}

static struct open_file *find_file(struct worker *worker, uint64_t id)
{
    LIST_FOR_EACH (item, &worker->open_files) {
        struct open_file *file = CONTAINER_OF(item, struct open_file, all);

        if (file->id == id) {
            return file;
        }
    }
    return NULL;
}

static enum fs_status claim(struct worker *worker, const char *path, struct errmsg *error)
{
    enum fs_status status;

    pthread_mutex_lock(&worker->claims_lock);
    status = posix_claim(&worker->claims, path, error);
    pthread_mutex_unlock(&worker->claims_lock);
    return status;
}

static void unclaim(struct worker *worker, const char *path)
{
    pthread_mutex_lock(&worker->claims_lock);
    posix_unclaim(&worker->claims, path);
    pthread_mutex_unlock(&worker->claims_lock);
}

static void forget_file(struct worker *worker, struct open_file *file)
{
    if (file->claimed_path != NULL) {
        unclaim(worker, file->claimed_path);
        mem_free(MEM_NET, file->claimed_path);
    }
    list_remove(&file->all);
    mem_free(MEM_NET, file);
    atomic_fetch_sub(&worker->file_count, 1);
}

/* It is given up, or closed; nothing is done that was not opened. */
static void let_go(struct worker *worker, struct open_file *file)
{
    posix_file_abort(&file->file);
    posix_append_close(&file->append);
    forget_file(worker, file);
}

static void check(struct worker *worker, struct open_file *file, enum fs_status status,
                  const struct errmsg *error)
{
    if (status != FS_OK) {
        uint64_t id = file->id;

        let_go(worker, file);
        report_file(worker, id, status, error);
    }
}

static void open_file(struct worker *worker, const struct job *job)
{
    struct open_file *file = mem_alloc_zeroed(MEM_NET, sizeof(*file));
    struct errmsg error = {0};
    enum fs_status status = claim(worker, job->text, &error);

    file->id = job->id;
    list_add_tail(&worker->open_files, &file->all);
    if (status == FS_OK) {
        file->claimed_path = mem_strdup(MEM_NET, job->text);
        status = job->kind == JOB_FILE_BEGIN
                     ? posix_file_open(&file->file, job->text, job->id, &error)
                     : posix_append_open(&file->append, job->text, job->mode, &error);
    }
    check(worker, file, status, &error);
}

static void write_to_file(struct worker *worker, struct job *job)
{
    struct open_file *file = find_file(worker, job->id);
    struct bytes bytes = buf_bytes(&job->bytes);
    struct errmsg error = {0};

    if (file != NULL) {
        check(worker, file,
              job->kind == JOB_FILE_APPEND ? posix_file_write(&file->file, bytes, &error)
                                           : posix_append_write(&file->append, bytes, &error),
              &error);
    }
    atomic_fetch_sub(&worker->queued_bytes, bytes.len);
}

static void close_file(struct worker *worker, const struct job *job)
{
    struct open_file *file = find_file(worker, job->id);

    if (file != NULL) {
        let_go(worker, file);
    }
}

static void commit_file(struct worker *worker, const struct job *job)
{
    struct open_file *file = find_file(worker, job->id);
    struct errmsg error = {0};
    enum fs_status status;

    if (file == NULL) {
        return; /* it failed before, and that was reported */
    }
    status = posix_file_commit(&file->file, file->claimed_path, &error);
    forget_file(worker, file); /* first: whoever hears the outcome may claim the path */
    report_file(worker, job->id, status, &error);
}

static void sync_append(struct worker *worker, const struct job *job)
{
    struct open_file *file = find_file(worker, job->id);
    struct errmsg error = {0};
    enum fs_status status;

    if (file == NULL) {
        return; /* it failed before, and that was reported */
    }
    status = posix_append_sync(&file->append, &error);
    if (status == FS_OK) {
        struct outcome *outcome = mem_alloc_zeroed(MEM_NET, sizeof(*outcome));

        outcome->value = (struct worker_outcome){.kind = WORKER_SYNCED,
                                                 .id = job->id,
                                                 .is_ok = true,
                                                 .durable_bytes = file->append.size_bytes};
        report(worker, outcome);
    }
    check(worker, file, status, &error);
}

static void change_name(struct worker *worker, const struct job *job)
{
    struct errmsg error = {0};
    enum fs_status status = job->new_text != NULL ? posix_rename(job->text, job->new_text, &error)
                                                  : posix_remove_durably(job->text, &error);

    atomic_fetch_sub(&worker->file_count, 1);
    report_file(worker, job->id, status, &error);
}

/* On a thread of the lookups. */
static void on_lookup(void *context, uint64_t id, const struct lookup_outcome *found)
{
    struct worker *worker = context;
    struct outcome *outcome = mem_alloc_zeroed(MEM_NET, sizeof(*outcome));

    outcome->value.kind = WORKER_RESOLVED;
    outcome->value.id = id;
    outcome->value.is_ok = found->count > 0;
    outcome->value.error = found->error;
    memcpy(outcome->value.addresses, found->addresses, sizeof(found->addresses));
    outcome->value.address_count = found->count;
    report(worker, outcome);
}

static void run_job(struct worker *worker, struct job *job)
{
    switch (job->kind) {
    case JOB_FILE_BEGIN:
    case JOB_APPEND_OPEN:
        open_file(worker, job);
        break;
    case JOB_FILE_APPEND:
    case JOB_APPEND_WRITE:
        write_to_file(worker, job);
        break;
    case JOB_FILE_COMMIT:
        commit_file(worker, job);
        break;
    case JOB_APPEND_SYNC:
        sync_append(worker, job);
        break;
    case JOB_FILE_ABORT:
    case JOB_APPEND_CLOSE:
        close_file(worker, job);
        break;
    case JOB_RENAME:
    case JOB_REMOVE:
        change_name(worker, job);
        break;
    case JOB_END:
        break;
    }
}

static void free_job(struct job *job)
{
    mem_free(MEM_NET, job->text);
    mem_free(MEM_NET, job->new_text);
    buf_deinit(&job->bytes);
    mem_free(MEM_NET, job);
}

static struct job *next_job(struct worker *worker)
{
    struct job *job;

    while (sem_wait(&worker->job_count) != 0) {
        ASSERT(errno == EINTR);
    }
    if (worker->taken_jobs == NULL) {
        worker->taken_jobs = handoff_take(&worker->jobs);
    }
    ASSERT(worker->taken_jobs != NULL);
    job = CONTAINER_OF(worker->taken_jobs, struct job, item);
    worker->taken_jobs = job->item.next;
    return job;
}

/* As the kernel has it (sched_setattr(2)); libc does not. */
struct scheduling {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns; /* the slice, for ordinary threads, since Linux 6.12 */
    uint64_t deadline_ns;
    uint64_t period_ns;
};

/* Where processors are fewer than busy threads, this one must not hold up the loop for a whole slice of
 * the scheduler's, some three milliseconds: it asks for short ones, and gives way after each job.
 * Kernels that know no such wish leave it as it is. */
static void ask_for_short_slices(void)
{
    struct scheduling wish = {
        .size = sizeof(wish), .nice = WORKER_NICE, .runtime_ns = WORKER_SLICE_NS};
    long ignored = syscall(SYS_sched_setattr, 0, &wish, 0);

    (void)ignored;
}

static void *run(void *context)
{
    struct worker *worker = context;
    bool is_over = false;

    ask_for_short_slices();
    while (!is_over) {
        struct job *job = next_job(worker);

        is_over = job->kind == JOB_END;
        run_job(worker, job);
        handoff_give(&worker->spent, &job->item);
        sched_yield();
    }
    while (!list_is_empty(&worker->open_files)) {
        struct open_file *file = CONTAINER_OF(worker->open_files.next, struct open_file, all);

        posix_file_abort(&file->file);
        posix_append_close(&file->append);
        forget_file(worker, file);
    }
    return NULL;
}

/* ---- the loop thread -------------------------------------------------------------------------- */

static void free_jobs(struct handoff_item *first)
{
    while (first != NULL) {
        struct job *job = CONTAINER_OF(first, struct job, item);

        first = first->next;
        free_job(job);
    }
}

static void hand_to_worker(struct worker *worker, struct job *job)
{
    free_jobs(handoff_take(&worker->spent));
    handoff_give(&worker->jobs, &job->item);
    sem_post(&worker->job_count);
}

static struct job *make_job(enum job_kind kind, uint64_t id, const char *text)
{
    struct job *job = mem_alloc_zeroed(MEM_NET, sizeof(*job));

    job->kind = kind;
    job->id = id;
    job->text = text != NULL ? mem_strdup(MEM_NET, text) : NULL;
    return job;
}

static void queue_job(struct worker *worker, enum job_kind kind, uint64_t id, const char *text)
{
    hand_to_worker(worker, make_job(kind, id, text));
}

/* Memory that was written out of before is there already, and in the processor's caches. */
static struct buf take_spent_buffer(struct worker *worker)
{
    struct handoff_item *first = handoff_take(&worker->spent);
    struct buf buffer = {0};

    for (struct handoff_item *item = first; item != NULL; item = item->next) {
        struct job *job = CONTAINER_OF(item, struct job, item);

        if (job->bytes.cap > buffer.cap && job->bytes.cap <= SPARE_BYTES) {
            buf_deinit(&buffer);
            buffer = buf_steal(&job->bytes);
        }
    }
    free_jobs(first);
    buf_clear(&buffer);
    return buffer;
}

static void queue_bytes(struct worker *worker, enum job_kind kind, uint64_t id, struct buf *steal)
{
    struct job *job = make_job(kind, id, NULL);

    job->bytes = buf_steal(steal);
    *steal = take_spent_buffer(worker);
    atomic_fetch_add(&worker->queued_bytes, job->bytes.len);
    hand_to_worker(worker, job);
}

/* The id of something that is under way until it is forgotten. */
static uint64_t next_id(struct worker *worker)
{
    atomic_fetch_add(&worker->file_count, 1);
    return worker->next_file++;
}

static uint64_t write_begin(void *ctx, const char *path)
{
    uint64_t id = next_id(ctx);

    queue_job(ctx, JOB_FILE_BEGIN, id, path);
    return id;
}

static void write_append(void *ctx, uint64_t id, struct buf *steal)
{
    queue_bytes(ctx, JOB_FILE_APPEND, id, steal);
}

static void write_commit(void *ctx, uint64_t id)
{
    queue_job(ctx, JOB_FILE_COMMIT, id, NULL);
}

static void write_abort(void *ctx, uint64_t id)
{
    queue_job(ctx, JOB_FILE_ABORT, id, NULL);
}

static uint64_t append_open(void *ctx, const char *path, enum fs_append_mode mode)
{
    struct worker *worker = ctx;
    struct job *job = make_job(JOB_APPEND_OPEN, next_id(worker), path);
    uint64_t id = job->id;

    job->mode = mode;
    hand_to_worker(worker, job);
    return id;
}

static void append(void *ctx, uint64_t id, struct buf *steal)
{
    queue_bytes(ctx, JOB_APPEND_WRITE, id, steal);
}

static void append_sync(void *ctx, uint64_t id)
{
    queue_job(ctx, JOB_APPEND_SYNC, id, NULL);
}

static void append_close(void *ctx, uint64_t id)
{
    queue_job(ctx, JOB_APPEND_CLOSE, id, NULL);
}

static uint64_t rename_later(void *ctx, const char *from, const char *to)
{
    struct worker *worker = ctx;
    struct job *job = make_job(JOB_RENAME, next_id(worker), from);
    uint64_t id = job->id;

    job->new_text = mem_strdup(MEM_NET, to);
    hand_to_worker(worker, job);
    return id;
}

static uint64_t remove_later(void *ctx, const char *path)
{
    uint64_t id = next_id(ctx);

    queue_job(ctx, JOB_REMOVE, id, path);
    return id;
}

static size_t write_queued(void *ctx)
{
    struct worker *worker = ctx;

    return atomic_load(&worker->queued_bytes);
}

static enum fs_status read_file(void *ctx, const char *path, uint64_t max_bytes, struct buf *out,
                                struct errmsg *error)
{
    (void)ctx;
    return posix_read_file(path, max_bytes, out, error);
}

static enum fs_status read_piece(void *ctx, const char *path, uint64_t offset, size_t max_bytes,
                                 struct buf *out, struct errmsg *error)
{
    (void)ctx;
    return posix_read_piece(path, offset, max_bytes, out, error);
}

static enum fs_status get_info(void *ctx, const char *path, struct fs_info *out,
                               struct errmsg *error)
{
    (void)ctx;
    return posix_get_info(path, out, error);
}

static enum fs_status list_names(void *ctx, const char *path, fs_name_fn *on_name, void *context,
                                 struct errmsg *error)
{
    (void)ctx;
    return posix_list(path, on_name, context, error);
}

static enum fs_status write_whole(void *ctx, const char *path, struct bytes bytes,
                                  struct errmsg *error)
{
    (void)ctx;
    return posix_write_file(path, bytes, error);
}

static enum fs_status remove_file(void *ctx, const char *path, struct errmsg *error)
{
    (void)ctx;
    return posix_remove(path, error);
}

static enum fs_status truncate_file(void *ctx, const char *path, uint64_t length_bytes,
                                    struct errmsg *error)
{
    (void)ctx;
    return posix_truncate(path, length_bytes, error);
}

static enum fs_status make_directory(void *ctx, const char *path, struct errmsg *error)
{
    (void)ctx;
    return posix_make_directory(path, error);
}

static struct fs functions_of(struct worker *worker)
{
    return (struct fs){
        .ctx = worker,
        .read_file = read_file,
        .read_piece = read_piece,
        .get_info = get_info,
        .list = list_names,
        .write_whole = write_whole,
        .remove = remove_file,
        .truncate = truncate_file,
        .make_directory = make_directory,
        .write_begin = write_begin,
        .write_append = write_append,
        .write_commit = write_commit,
        .write_abort = write_abort,
        .append_open = append_open,
        .append = append,
        .append_sync = append_sync,
        .append_close = append_close,
        .rename_later = rename_later,
        .remove_later = remove_later,
        .write_queued = write_queued,
    };
}

struct worker *worker_new(struct loop *loop)
{
    struct worker *worker = mem_alloc_zeroed(MEM_NET, sizeof(*worker));
    sigset_t all;
    sigset_t before;
    int failed;

    worker->loop = loop;
    worker->lookups = lookups_new(on_lookup, worker);
    worker->fs = functions_of(worker);
    worker->next_file = 1;
    list_init(&worker->open_files);
    pthread_mutex_init(&worker->claims_lock, NULL);
    sem_init(&worker->job_count, 0, 0);
    /* Signals are for the loop thread. */
    sigfillset(&all);
    crash_leave_unblocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT(failed == 0);
    return worker;
}

void worker_free(struct worker *worker)
{
    struct worker_outcome outcome;

    lookups_free(worker->lookups);
    queue_job(worker, JOB_END, 0, NULL);
    pthread_join(worker->thread, NULL);
    free_jobs(handoff_take(&worker->spent));
    free_jobs(worker->taken_jobs);
    free_jobs(handoff_take(&worker->jobs));
    while (worker_next_outcome(worker, &outcome)) {
    }
    sem_destroy(&worker->job_count);
    posix_claims_deinit(&worker->claims);
    pthread_mutex_destroy(&worker->claims_lock);
    mem_free(MEM_NET, worker);
}

const struct fs *worker_fs(struct worker *worker)
{
    return &worker->fs;
}

bool worker_claim(struct worker *worker, const char *path, struct errmsg *error)
{
    return claim(worker, path, error) == FS_OK;
}

bool worker_is_writing(const struct worker *worker)
{
    return atomic_load(&worker->file_count) > 0;
}

void worker_unclaim(struct worker *worker, const char *path)
{
    unclaim(worker, path);
}

void worker_resolve(struct worker *worker, uint64_t id, const char *host, uint16_t port)
{
    lookups_ask(worker->lookups, id, host, port);
}

bool worker_next_outcome(struct worker *worker, struct worker_outcome *out)
{
    struct outcome *outcome;

    if (worker->taken_outcomes == NULL) {
        worker->taken_outcomes = handoff_take(&worker->outcomes);
    }
    if (worker->taken_outcomes == NULL) {
        return false;
    }
    outcome = CONTAINER_OF(worker->taken_outcomes, struct outcome, item);
    worker->taken_outcomes = outcome->item.next;
    *out = outcome->value;
    mem_free(MEM_NET, outcome);
    return true;
}
