/* SPDX-License-Identifier: MIT */
/* A thread that does what may take long, one job behind the other.
 *
 * It is made with the first job, and gives its jobs back when they are done, so that who made them frees
 * them: else the loop could wait for an allocator that the thread holds while it does not run.
 *
 * Invariants:  (1) jobs are run in the order in which they were given, one at a time
 *              (2) where the system has no thread to give, the caller runs the job itself before
 *                  job_thread_give returns: late is better than never
 * Jobs are the caller's before they are given and after they are taken back.  The functions are for
 * one thread, the caller's; run is called on the thread. */
#ifndef STARLING_NET_JOB_THREAD_H
#define STARLING_NET_JOB_THREAD_H

#include "net/handoff.h"

typedef void job_run_fn(void *context, struct handoff_item *job);

struct job_thread;

struct job_thread *job_thread_new(job_run_fn *run, void *context);
void job_thread_give(struct job_thread *thread, struct handoff_item *job);
/* Jobs that are done, the oldest first; NULL when there are none. */
struct handoff_item *job_thread_take_done(struct job_thread *thread);
/* Do what was given, end the thread.  What is done can be taken afterwards. */
void job_thread_finish(struct job_thread *thread);
/* It has finished, and everything that is done was taken. */
void job_thread_free(struct job_thread *thread);

#endif
