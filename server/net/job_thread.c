/* SPDX-License-Identifier: MIT */
#include "net/job_thread.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/crash.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    NICE = 5,
    SLICE_NS = 100 * 1000,
};

struct job_thread {
    job_run_fn *run;
    void *context;
    bool has_thread; /* the caller's thread */
    pthread_t thread;
    sem_t given_count; /* and one more for the end */
    struct handoff given;
    struct handoff done;
    struct handoff_item *taken; /* the thread's: from given, in order */
};

/* ---- the thread ------------------------------------------------------------------------------- */

/* NULL: it is over. */
static struct handoff_item *next_job(struct job_thread *thread)
{
    struct handoff_item *job;

    while (sem_wait(&thread->given_count) != 0) {
        ASSERT(errno == EINTR);
    }
    if (thread->taken == NULL) {
        thread->taken = handoff_take(&thread->given);
    }
    job = thread->taken;
    if (job != NULL) {
        thread->taken = job->next;
    }
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
    struct scheduling wish = {.size = sizeof(wish), .nice = NICE, .runtime_ns = SLICE_NS};
    long ignored = syscall(SYS_sched_setattr, 0, &wish, 0);

    (void)ignored;
}

static void *work(void *context)
{
    struct job_thread *thread = context;
    struct handoff_item *job;

    ask_for_short_slices();
    while ((job = next_job(thread)) != NULL) {
        thread->run(thread->context, job);
        handoff_give(&thread->done, job);
        sched_yield();
    }
    return NULL;
}

/* ---- the caller's thread ---------------------------------------------------------------------- */

struct job_thread *job_thread_new(job_run_fn *run, void *context)
{
    struct job_thread *thread = mem_alloc_zeroed(MEM_NET, sizeof(*thread));

    thread->run = run;
    thread->context = context;
    sem_init(&thread->given_count, 0, 0);
    return thread;
}

/* Signals are for the loop thread. */
static void start(struct job_thread *thread)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    crash_leave_unblocked(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread->has_thread = pthread_create(&thread->thread, NULL, work, thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void job_thread_give(struct job_thread *thread, struct handoff_item *job)
{
    if (!thread->has_thread) {
        start(thread);
    }
    if (!thread->has_thread) {
        thread->run(thread->context, job);
        handoff_give(&thread->done, job);
        return;
    }
    handoff_give(&thread->given, job);
    sem_post(&thread->given_count);
}

struct handoff_item *job_thread_take_done(struct job_thread *thread)
{
    return handoff_take(&thread->done);
}

void job_thread_finish(struct job_thread *thread)
{
    if (thread->has_thread) {
        sem_post(&thread->given_count);
        pthread_join(thread->thread, NULL);
        thread->has_thread = false;
    }
    ASSERT(thread->taken == NULL);
}

void job_thread_free(struct job_thread *thread)
{
    ASSERT(!thread->has_thread);
    ASSERT(handoff_take(&thread->done) == NULL);
    sem_destroy(&thread->given_count);
    mem_free(MEM_NET, thread);
}
