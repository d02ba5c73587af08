/* SPDX-License-Identifier: MIT */
/* The log on disk, proven and measured with real processes: the parts of tests/bench/log.c.
 *
 * Each part starts servers of its own, prints its figures with their limits, and ends them.  It returns false with a
 * reason when something could not be measured, and counts in missed what is beyond a limit. */
#ifndef STARLING_TESTS_BENCH_LOG_H
#define STARLING_TESTS_BENCH_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "tests/bench/peers.h"

struct log_bench {
    uint64_t kills;    /* rounds of log_kills */
    uint64_t restarts; /* of each kind */
    uint64_t megabytes;
    uint64_t seconds;
    uint64_t rounds; /* of what is compared */
    uint64_t keys;
    uint64_t commands;
    const struct peer *ours;
    const struct peer *redis; /* NULL: not installed */
    size_t missed;
};

/* Ended by SIGKILL under load, with appendfsync always: is all that was acknowledged there afterwards? */
MUST_USE bool log_kills(struct log_bench *bench, struct errmsg *error);
/* Primary, replica or both, in order or not: how many full resyncs does it take? */
MUST_USE bool log_restarts(struct log_bench *bench, struct errmsg *error);
/* A replica behind a slow line: what does it cost the primary's memory, and is it kept? */
MUST_USE bool log_slow(struct log_bench *bench, struct errmsg *error);
/* CPU and throughput with the log and without. */
MUST_USE bool log_costs(struct log_bench *bench, struct errmsg *error);
/* The longest request while a snapshot takes the log's place, and while it is synced. */
MUST_USE bool log_pauses(struct log_bench *bench, struct errmsg *error);
/* How long the start takes, from a snapshot and the log, and from the log alone. */
MUST_USE bool log_loading(struct log_bench *bench, struct errmsg *error);
/* Many segments come and go: do memory and descriptors stay as they are? */
MUST_USE bool log_rotations(struct log_bench *bench, struct errmsg *error);

/* Print a figure beside its limit, and count it when it is beyond. */
void log_judge(struct log_bench *bench, const char *what, double figure, double limit);
/* The same for a figure that must not be smaller. */
void log_judge_at_least(struct log_bench *bench, const char *what, double figure, double limit);

/* Start one of the peer with these arguments behind the usual ones, on any processor unless pinned. */
MUST_USE bool log_start(const struct peer *peer, uint64_t cpu_mask, const char *const *args,
                        size_t arg_count, struct server *out, struct errmsg *error);
/* The reply to a request of words between blanks, as text; "" when there is none. */
void log_ask(const struct server *server, const char *request, char *out, size_t size);
/* A number of INFO; -1 when it is not there. */
int64_t log_info(const struct server *server, const char *section, const char *field);
/* Have both the same data?  Prints the digests; those of servers that allow DEBUG. */
MUST_USE bool log_has_same_digest(const struct server *a, const struct server *b);
/* Wait until a number of INFO is this; false with a reason when it does not come about. */
MUST_USE bool log_wait(const struct server *server, const char *section, const char *field,
                       int64_t wanted, struct errmsg *error);

#endif
