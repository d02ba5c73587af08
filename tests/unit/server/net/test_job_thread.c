/* SPDX-License-Identifier: MIT */
/* net/job_thread: jobs beside the caller, in order. */
#include "net/job_thread.h"

#include "base/attr.h"
#include "base/list.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>

enum {
    JOBS = 1000,
    IMPOSSIBLE_SHIFT = 60,
};

struct job {
    struct handoff_item item;
    int number;
    bool is_beside; /* it was not run on the caller's thread */
};

struct desk {
    struct job_thread *thread;
    pthread_t caller;
    int next;
    struct job jobs[JOBS];
};

static void run(void *context, struct handoff_item *item)
{
    struct desk *d = context;
    struct job *job = CONTAINER_OF(item, struct job, item);

    cr_assert_eq(job->number, d->next++, "in order");
    job->is_beside = !pthread_equal(pthread_self(), d->caller);
}

static void start(struct desk *d)
{
    d->caller = pthread_self();
    d->thread = job_thread_new(run, d);
    for (int i = 0; i < JOBS; i++) {
        d->jobs[i].number = i;
    }
}

static void expect_done(struct desk *d, int first, int end)
{
    struct handoff_item *done = job_thread_take_done(d->thread);

    for (int i = first; i < end; i++) {
        cr_assert_eq(done, &d->jobs[i].item);
        done = done->next;
    }
    cr_assert_null(done);
}

Test(job_thread, runs_jobs_beside_the_caller_in_order_and_gives_them_back)
{
    static struct desk d;

    start(&d);
    for (int i = 0; i < JOBS; i++) {
        job_thread_give(d.thread, &d.jobs[i].item);
    }
    job_thread_finish(d.thread);
    expect_done(&d, 0, JOBS);
    for (int i = 0; i < JOBS; i++) {
        cr_assert(d.jobs[i].is_beside);
    }
    job_thread_free(d.thread);
}

Test(job_thread, has_none_before_the_first_job)
{
    static struct desk d;

    start(&d);
    job_thread_finish(d.thread);
    expect_done(&d, 0, 0);
    job_thread_free(d.thread);
}

/* Nobody has room for such a stack. */
static void set_stack_size(size_t size)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    cr_assert_eq(pthread_attr_setstacksize(&attributes, size), 0);
    cr_assert_eq(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
}

Test(job_thread, where_there_is_no_thread_the_caller_runs_the_job_and_the_next_one_gets_a_thread)
{
    static struct desk d;
    pthread_attr_t before;
    size_t size;

    start(&d);
    pthread_getattr_default_np(&before);
    pthread_attr_getstacksize(&before, &size);
    set_stack_size((size_t)1 << IMPOSSIBLE_SHIFT);
    job_thread_give(d.thread, &d.jobs[0].item);
    expect_done(&d, 0, 1);
    cr_assert_not(d.jobs[0].is_beside);
    set_stack_size(size);
    job_thread_give(d.thread, &d.jobs[1].item);
    job_thread_finish(d.thread);
    expect_done(&d, 1, 2);
    cr_assert(d.jobs[1].is_beside);
    job_thread_free(d.thread);
}
