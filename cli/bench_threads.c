/* SPDX-License-Identifier: MIT */
/* Clients and requests are shared out evenly.  A thread without a client does not run, so there are
 * never more threads than clients. */
#include "cli/bench_threads.h"

#include "base/mem.h"

#include <pthread.h>
#include <string.h>

struct worker {
    pthread_t thread;
    bool has_started;
    const struct bench_job *job; /* of all */
    struct bench_options bench;  /* its share */
    struct rng rng;
    struct bench_result result;
    struct errmsg error;
    bool is_ok;
};

int64_t bench_threads_share(int64_t total, int64_t count, int64_t index)
{
    return total / count + (index < total % count ? 1 : 0);
}

void bench_threads_merge(struct bench_result *into, const struct bench_result *from)
{
    into->replies += from->replies;
    into->errors += from->errors;
    into->redirections += from->redirections;
    into->lost += from->lost;
    into->was_interrupted |= from->was_interrupted;
    if (from->elapsed_us > into->elapsed_us) {
        into->elapsed_us = from->elapsed_us;
    }
    if (into->first_error[0] == '\0') {
        memcpy(into->first_error, from->first_error, sizeof(into->first_error));
    }
    hist_merge(&into->latencies_us, &from->latencies_us);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct bench_nodes nodes;
    struct bench_job job = *worker->job;

    job.bench = &worker->bench;
    job.rng = &worker->rng;
    job.nodes = &nodes;
    job.shows_progress = false; /* no thread knows how far the others are */
    worker->is_ok = bench_nodes_open(&nodes, job.options, job.bench->is_cluster, &worker->error) &&
                    bench_engine_run(&job, &worker->result, &worker->error);
    bench_nodes_deinit(&nodes);
    return NULL;
}

static void give_share(struct worker *worker, const struct bench_job *job, int64_t count,
                       int64_t index)
{
    worker->job = job;
    worker->bench = *job->bench;
    worker->bench.clients = bench_threads_share(job->bench->clients, count, index);
    worker->bench.requests = bench_threads_share(job->bench->requests, count, index);
    rng_init(&worker->rng, rng_u64(job->rng));
}

/* False, and the message of the first that failed, when one did. */
static bool join(struct worker *workers, int64_t count, struct bench_result *result,
                 struct errmsg *error)
{
    bool is_ok = true;

    for (int64_t i = 0; i < count; i++) {
        if (!workers[i].has_started) {
            continue;
        }
        pthread_join(workers[i].thread, NULL);
        bench_threads_merge(result, &workers[i].result);
        if (is_ok && !workers[i].is_ok) {
            *error = workers[i].error;
            is_ok = false;
        }
    }
    return is_ok;
}

bool bench_threads_run(const struct bench_job *job, struct bench_result *result,
                       struct errmsg *error)
{
    int64_t count = job->bench->threads;
    struct worker *workers;
    bool has_all = true;
    bool is_ok;

    count = count < job->bench->clients ? count : job->bench->clients;
    if (job->bench->requests > 0 && count > job->bench->requests) {
        count = job->bench->requests; /* a share of 0 would be no bound */
    }
    workers = mem_alloc_zeroed(MEM_CLI, (size_t)count * sizeof(*workers));
    *result = (struct bench_result){0};
    for (int64_t i = 0; i < count && has_all; i++) {
        give_share(&workers[i], job, count, i);
        has_all = pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0;
        workers[i].has_started = has_all;
    }
    is_ok = join(workers, count, result, error);
    if (is_ok && !has_all) {
        errmsg_set(error, "cannot start a thread");
        is_ok = false;
    }
    mem_free(MEM_CLI, workers);
    return is_ok;
}
