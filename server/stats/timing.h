/* SPDX-License-Identifier: MIT */
/* What came of commands: how often each ran, how long it took, how it failed.  For the slow log and
 * for INFO commandstats and errorstats.
 *
 * A reading of the clock costs some 25 ns, a small GET 250 ns in all, so most commands are not
 * timed one by one:
 *
 *   exactly      what may take long for its own sake: commands that are not small ones (KEYS, INFO,
 *                FLUSHALL ...), and any request of more than TIMING_REQUEST_BYTES or
 *                TIMING_REQUEST_WORDS.  A reading before, a reading after.
 *   by its reply a small command that answers with more than TIMING_REPLY_BYTES has copied them: a
 *                reading after, and its start is the reading before that in its run, which is earlier
 *                by no more than the small commands between them.
 *   by sample    every TIMING_STRIDEth of the others, a prime so that no pipeline's rhythm hides a
 *                command from it, and a lone request when there was no sample for a while.  The
 *                sample stands for all calls of its command since the last one: an estimate.
 *   by run       the others.  A run is what is executed of one batch.  One reading ends it.  What is
 *                left of it without the commands that were timed tells that one of the small ones took
 *                as long as the threshold, though not which: that is what the slow log says then.
 *
 * A run begins at the newest reading, if only a little input was read since; otherwise it takes a
 * reading of its own.  So 64 small commands cost one reading, besides two for a sample in every
 * second batch; and a command of 10 ms is found, its length right to within 1 %.
 *
 * With a threshold below TIMING_EXACT_BELOW_US, where small commands could reach it, every command is
 * timed exactly.  That costs two readings a command.
 *
 * Invariants:  (1) calls are exact, and timed_calls <= calls
 *              (2) ns of a command never falls, except by timing_reset_stats
 * Pure: the clock is handed in.  Loop thread only. */
#ifndef STARLING_STATS_TIMING_H
#define STARLING_STATS_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/hist.h"
#include "spec/command.h"
#include "stats/error_stats.h"

enum {
    TIMING_NONE = -1,                 /* not timed; not slow */
    TIMING_LOOK = -2,                 /* not slow; it, or its reply, may be large */
    TIMING_REQUEST_BYTES = 16 * 1024, /* a larger request is timed */
    TIMING_REQUEST_WORDS = 64,        /* and one with more words */
    TIMING_REPLY_BYTES = 16 * 1024,   /* a larger reply is looked at afterwards */
    TIMING_INPUT_BYTES = 64 * 1024,   /* more than this since the last reading makes it too old */
    TIMING_STRIDE = 127,              /* small commands for each sample */
    TIMING_LONE_PERIOD_NS = 10 * 1000 * 1000, /* between samples of lone requests */
    TIMING_EXACT_BELOW_US = 1000,
};

typedef int64_t timing_clock_fn(void *context); /* nanoseconds, never goes back */

struct command_stats {
    uint64_t calls;
    uint64_t timed_calls; /* whose time is in ns, in their own right or by a sample */
    uint64_t ns;
    uint64_t failed_calls; /* ran, and answered an error */
    struct hist *times_ns; /* of calls, samples counting for those they stand for; NULL: none yet */
};

struct timing {
    int32_t countdown; /* small commands until the next sample; 0 while all are timed */
    int32_t mark;      /* countdown at the last reading */
    int64_t threshold_ns;
    bool is_exact;    /* all are timed */
    bool is_looking;  /* because somebody wants to see each of them */
    bool is_fresh;    /* the last reading can begin a run */
    bool is_running;  /* a run is on, */
    bool has_untimed; /* and has commands that were not timed, before mark */
    bool is_sample;   /* the command being timed stands for others, too */
    bool has_histograms;
    int64_t last_ns;      /* the last reading */
    int64_t run_began_ns; /* and what of the run has been timed since: */
    int64_t run_timed_ns;
    int64_t sampled_ns;   /* when there was a sample last */
    uint64_t input_bytes; /* that had come when the last reading was made */
    timing_clock_fn *clock;
    void *context;
    uint32_t small_bytes[COMMAND_COUNT]; /* the longest request that is small; 0: none is */
    struct command_stats commands[COMMAND_COUNT];
    struct error_stats errors;
};

void timing_deinit(struct timing *t);
void timing_init(struct timing *t, timing_clock_fn *clock, void *context);
/* Commands of threshold_us and more are slow; none is when it is negative. */
void timing_set_threshold(struct timing *t, int64_t threshold_us);
/* Is every command to be timed, so that timing_end tells of it?  Else it tells of all with more than
 * TIMING_REQUEST_BYTES or TIMING_REPLY_BYTES.  To be set before the threshold. */
void timing_set_looking(struct timing *t, bool is_looking);
/* Are histograms of the time of commands kept?  Those that there are stay. */
void timing_set_histograms(struct timing *t, bool has_histograms);
void timing_reset_stats(struct timing *t);

/* ---- runs: input_bytes is what all clients have sent so far ------------------------------------- */

/* The clock was read anyway, right now. */
void timing_pass_begin(struct timing *t, int64_t now_ns, uint64_t input_bytes);
/* Something other than a little input takes time: the last reading is too old to begin a run. */
void timing_make_stale(struct timing *t);
void timing_run_begin(struct timing *t, size_t request_count, uint64_t input_bytes);
/* How long the small commands of the run took that were not timed, in microseconds, when that is as
 * long as the threshold; else TIMING_NONE. */
int64_t timing_run_end(struct timing *t, uint64_t input_bytes);

/* ---- commands ----------------------------------------------------------------------------------- */

/* Is it one that is not timed exactly?  A request has at least one byte. */
static inline bool timing_is_small(const struct timing *t, enum command_id id, size_t request_bytes,
                                   size_t word_count)
{
    return request_bytes <= t->small_bytes[id] && word_count <= TIMING_REQUEST_WORDS;
}

int64_t timing_start(struct timing *t, bool is_small);
int64_t timing_finish(struct timing *t, enum command_id id, int64_t began_ns, struct bytes reply);
/* A request was answered without being executed. */
void timing_refused(struct timing *t, struct bytes reply);

/* A command ran that nobody times. */
static inline void timing_count(struct timing *t, enum command_id id)
{
    t->commands[id].calls++;
}

/* Right before a command runs; the result is for timing_end. */
static inline int64_t timing_begin(struct timing *t, enum command_id id, size_t request_bytes,
                                   size_t word_count)
{
    bool is_small = timing_is_small(t, id, request_bytes, word_count);

    if (LIKELY(--t->countdown >= 0 && is_small)) {
        return TIMING_NONE;
    }
    return timing_start(t, is_small);
}

/* Right after it; reply is what it has answered.  The microseconds it took when it was slow; TIMING_LOOK when it
 * was not, but was timed or answered much; else TIMING_NONE. */
static inline int64_t timing_end(struct timing *t, enum command_id id, int64_t began_ns,
                                 struct bytes reply)
{
    t->commands[id].calls++;
    /* A reply of no bytes, which few commands give, has the longer way, too. */
    if (LIKELY(began_ns < 0 && reply.len - 1 < TIMING_REPLY_BYTES && reply.data[0] != '-')) {
        return TIMING_NONE;
    }
    return timing_finish(t, id, began_ns, reply);
}

#endif
