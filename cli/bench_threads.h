/* SPDX-License-Identifier: MIT */
/* One test by several threads: each has an engine, connections, a view of the nodes and random
 * numbers of its own; they share nothing that changes.  What they measured is one result. */
#ifndef STARLING_CLI_BENCH_THREADS_H
#define STARLING_CLI_BENCH_THREADS_H

#include "base/attr.h"
#include "cli/bench_engine.h"

/* Like bench_engine_run, with bench->threads threads; the job's nodes are not used. */
MUST_USE bool bench_threads_run(const struct bench_job *job, struct bench_result *result,
                                struct errmsg *error);

/* ---- for tests --------------------------------------------------------------------------------- */

/* The part of total that thread number index of count has: parts differ by one at most. */
int64_t bench_threads_share(int64_t total, int64_t count, int64_t index);
/* Add what one thread measured; the time is that of the slowest. */
void bench_threads_merge(struct bench_result *into, const struct bench_result *from);

#endif
