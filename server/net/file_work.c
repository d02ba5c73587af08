/* SPDX-License-Identifier: MIT */
#include "net/file_work.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/job_thread.h"
#include "persist/posix_append.h"
#include "persist/posix_file.h"

#include <stdatomic.h>

enum {
    SPARE_BYTES = 2 * 1024 * 1024,  /* larger buffers are freed when they are written */
    BEHIND_BYTES = 4 * 1024 * 1024, /* so many wait where the disk is slower than what comes */
};

enum job_kind {
    JOB_BEGIN,
    JOB_COMMIT,
    JOB_OPEN,
    JOB_SYNC,
    JOB_WRITE,
    JOB_LEAVE,
    JOB_RENAME,
    JOB_REMOVE,
};

struct job {
    struct handoff_item item;
    enum job_kind kind;
    uint64_t id;
    char *path;
    char *new_path; /* JOB_RENAME */
    enum fs_append_mode mode;
    struct buf bytes;
};

/* A file on its way; the thread's alone. */
struct open_file {
    struct list all;
    uint64_t id;
    struct posix_file file;     /* one that is written as a whole, */
    struct posix_append append; /* or one that grows */
    char *claimed_path;         /* NULL: another process has it */
};

struct file_work {
    struct job_thread *thread;
    struct claims *claims;
    file_done_fn *done;
    void *context;
    struct list open_files; /* the thread's */
    _Atomic size_t queued_bytes;
    _Atomic size_t busy_count; /* begun and not yet forgotten */
};

/* ---- the thread ------------------------------------------------------------------------------- */

static void tell(struct file_work *work, uint64_t id, enum fs_status status,
                 const struct errmsg *error)
{
    struct file_outcome outcome = {
        .completion = {.id = id, .status = status, .error = *error},
    };

    work->done(work->context, &outcome);
}

static struct open_file *find_file(struct file_work *work, uint64_t id)
{
    LIST_FOR_EACH (item, &work->open_files) {
        struct open_file *file = CONTAINER_OF(item, struct open_file, all);

        if (file->id == id) {
            return file;
        }
    }
    return NULL;
}

static void forget_file(struct file_work *work, struct open_file *file)
{
    if (file->claimed_path != NULL) {
        claims_remove(work->claims, file->claimed_path);
        mem_free(MEM_NET, file->claimed_path);
    }
    list_remove(&file->all);
    mem_free(MEM_NET, file);
    atomic_fetch_sub(&work->busy_count, 1);
}

/* It is given up, or closed; nothing is done that was not opened. */
static void let_go(struct file_work *work, struct open_file *file)
{
    posix_file_abort(&file->file);
    posix_append_close(&file->append);
    forget_file(work, file);
}

static void check(struct file_work *work, struct open_file *file, enum fs_status status,
                  const struct errmsg *error)
{
    if (status != FS_OK) {
        uint64_t id = file->id;

        let_go(work, file);
        tell(work, id, status, error);
    }
}

static void open_file(struct file_work *work, const struct job *job)
{
    struct open_file *file = mem_alloc_zeroed(MEM_NET, sizeof(*file));
    struct errmsg error = {0};
    enum fs_status status = claims_add_owed(work->claims, &error);

    status = status == FS_OK ? claims_add(work->claims, job->path, &error) : status;
    file->id = job->id;
    list_add_tail(&work->open_files, &file->all);
    if (status == FS_OK) {
        file->claimed_path = mem_strdup(MEM_NET, job->path);
        status = job->kind == JOB_BEGIN
                     ? posix_file_open(&file->file, job->path, job->id, &error)
                     : posix_append_open(&file->append, job->path, job->mode, &error);
    }
    check(work, file, status, &error);
}

static void write_to_file(struct file_work *work, const struct job *job)
{
    struct open_file *file = find_file(work, job->id);
    struct bytes bytes = buf_bytes(&job->bytes);
    struct errmsg error = {0};

    if (file != NULL) {
        check(work, file,
              file->append.path != NULL
                  ? posix_append_write(&file->append, bytes,
                                       atomic_load(&work->queued_bytes) > BEHIND_BYTES, &error)
                  : posix_file_write(&file->file, bytes, &error),
              &error);
    }
    atomic_fetch_sub(&work->queued_bytes, bytes.len);
}

static void leave_file(struct file_work *work, const struct job *job)
{
    struct open_file *file = find_file(work, job->id);

    if (file != NULL) {
        let_go(work, file);
    }
}

static void commit_file(struct file_work *work, const struct job *job)
{
    struct open_file *file = find_file(work, job->id);
    struct errmsg error = {0};
    enum fs_status status;

    if (file == NULL) {
        return; /* it failed before, and that was told */
    }
    status = posix_file_commit(&file->file, file->claimed_path, &error);
    forget_file(work, file); /* first: whoever hears the outcome may claim the path */
    tell(work, job->id, status, &error);
}

static void sync_file(struct file_work *work, const struct job *job)
{
    struct open_file *file = find_file(work, job->id);
    struct errmsg error = {0};
    enum fs_status status;

    if (file == NULL) {
        return; /* it failed before, and that was told */
    }
    status = posix_append_sync(&file->append, &error);
    if (status == FS_OK) {
        struct file_outcome outcome = {
            .is_sync = true,
            .completion = {.id = job->id, .durable_bytes = file->append.size_bytes},
        };

        work->done(work->context, &outcome);
    }
    check(work, file, status, &error);
}

/* Under a claim, so that a lock that a process has left which was killed goes with the file. */
static enum fs_status remove_file(struct file_work *work, const char *path, struct errmsg *error)
{
    enum fs_status status = claims_add(work->claims, path, error);

    if (status == FS_OK) {
        status = posix_remove_durably(path, error);
        claims_remove(work->claims, path);
    }
    return status;
}

static void change_name(struct file_work *work, const struct job *job)
{
    struct errmsg error = {0};
    enum fs_status status = claims_add_owed(work->claims, &error);

    if (status == FS_OK) {
        status = job->kind == JOB_RENAME ? posix_rename(job->path, job->new_path, &error)
                                         : remove_file(work, job->path, &error);
    }

    atomic_fetch_sub(&work->busy_count, 1);
    tell(work, job->id, status, &error);
}

static void run_job(void *context, struct handoff_item *item)
{
    struct file_work *work = context;
    const struct job *job = CONTAINER_OF(item, struct job, item);

    switch (job->kind) {
    case JOB_BEGIN:
    case JOB_OPEN:
        open_file(work, job);
        break;
    case JOB_COMMIT:
        commit_file(work, job);
        break;
    case JOB_SYNC:
        sync_file(work, job);
        break;
    case JOB_WRITE:
        write_to_file(work, job);
        break;
    case JOB_LEAVE:
        leave_file(work, job);
        break;
    case JOB_RENAME:
    case JOB_REMOVE:
        change_name(work, job);
        break;
    }
}

/* ---- the caller's thread ---------------------------------------------------------------------- */

static void free_job(struct job *job)
{
    mem_free(MEM_NET, job->path);
    mem_free(MEM_NET, job->new_path);
    buf_deinit(&job->bytes);
    mem_free(MEM_NET, job);
}

static void free_jobs(struct handoff_item *first)
{
    while (first != NULL) {
        struct job *job = CONTAINER_OF(first, struct job, item);

        first = first->next;
        free_job(job);
    }
}

static void give(struct file_work *work, struct job *job)
{
    free_jobs(job_thread_take_done(work->thread));
    job_thread_give(work->thread, &job->item);
}

static struct job *make_job(enum job_kind kind, uint64_t id, const char *path)
{
    struct job *job = mem_alloc_zeroed(MEM_NET, sizeof(*job));

    job->kind = kind;
    job->id = id;
    job->path = path != NULL ? mem_strdup(MEM_NET, path) : NULL;
    return job;
}

/* It is under way until it is forgotten. */
static struct job *make_first_job(struct file_work *work, enum job_kind kind, uint64_t id,
                                  const char *path)
{
    ASSERT(path != NULL);
    atomic_fetch_add(&work->busy_count, 1);
    return make_job(kind, id, path);
}

/* Memory that was written out of before is there already, and in the processor's caches. */
static struct buf take_spent_buffer(struct file_work *work)
{
    struct handoff_item *first = job_thread_take_done(work->thread);
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

struct file_work *file_work_new(struct claims *claims, file_done_fn *done, void *context)
{
    struct file_work *work = mem_alloc_zeroed(MEM_NET, sizeof(*work));

    work->thread = job_thread_new(run_job, work);
    work->claims = claims;
    work->done = done;
    work->context = context;
    list_init(&work->open_files);
    return work;
}

void file_work_free(struct file_work *work)
{
    job_thread_finish(work->thread);
    while (!list_is_empty(&work->open_files)) {
        let_go(work, CONTAINER_OF(work->open_files.next, struct open_file, all));
    }
    ASSERT(!file_work_is_busy(work));
    free_jobs(job_thread_take_done(work->thread));
    job_thread_free(work->thread);
    mem_free(MEM_NET, work);
}

void file_work_begin(struct file_work *work, uint64_t id, const char *path)
{
    give(work, make_first_job(work, JOB_BEGIN, id, path));
}

void file_work_commit(struct file_work *work, uint64_t id)
{
    give(work, make_job(JOB_COMMIT, id, NULL));
}

void file_work_open(struct file_work *work, uint64_t id, const char *path, enum fs_append_mode mode)
{
    struct job *job = make_first_job(work, JOB_OPEN, id, path);

    job->mode = mode;
    give(work, job);
}

void file_work_sync(struct file_work *work, uint64_t id)
{
    give(work, make_job(JOB_SYNC, id, NULL));
}

void file_work_write(struct file_work *work, uint64_t id, struct buf *steal)
{
    struct job *job = make_job(JOB_WRITE, id, NULL);

    job->bytes = buf_steal(steal);
    *steal = take_spent_buffer(work);
    atomic_fetch_add(&work->queued_bytes, job->bytes.len);
    give(work, job);
}

void file_work_leave(struct file_work *work, uint64_t id)
{
    give(work, make_job(JOB_LEAVE, id, NULL));
}

void file_work_rename(struct file_work *work, uint64_t id, const char *from, const char *to)
{
    struct job *job = make_first_job(work, JOB_RENAME, id, from);

    job->new_path = mem_strdup(MEM_NET, to);
    give(work, job);
}

void file_work_remove(struct file_work *work, uint64_t id, const char *path)
{
    give(work, make_first_job(work, JOB_REMOVE, id, path));
}

void file_work_tidy(struct file_work *work)
{
    free_jobs(job_thread_take_done(work->thread));
}

size_t file_work_queued(const struct file_work *work)
{
    return atomic_load(&work->queued_bytes);
}

bool file_work_is_busy(const struct file_work *work)
{
    return atomic_load(&work->busy_count) > 0;
}
