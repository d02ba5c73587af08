/* SPDX-License-Identifier: MIT */
/* The parts of timing that few commands come to. */
#include "stats/timing.h"

#include "base/assert.h"
#include "base/mem.h"

/* What takes longer counts for itself, whether a sample or not: a sample of a rare large value must
 * not stand for the small ones. */
#define LONG_NS (INT64_C(1000) * 1000)

static int64_t read_clock(const struct timing *t)
{
    int64_t now_ns = t->clock(t->context);

    ASSERT(now_ns >= t->last_ns);
    return now_ns;
}

/* FAST says that a command takes constant time for each of its keys.  These are as common, and as fast
 * in their small form. */
static bool is_small_command(const struct command_spec *spec)
{
    static const enum command_id others[] = {
        COMMAND_SET,  COMMAND_SETEX,  COMMAND_PSETEX,   COMMAND_DEL,
        COMMAND_MSET, COMMAND_MSETNX, COMMAND_GETRANGE,
    };

    if (spec->id == COMMAND_SWAPDB) {
        return false; /* while an image is made, both databases have to be visited first */
    }
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (spec->id == others[i]) {
            return true;
        }
    }
    return (spec->flags & COMMAND_FLAG_FAST) != 0;
}

void timing_init(struct timing *t, timing_clock_fn *clock, void *context)
{
    *t = (struct timing){.clock = clock, .context = context, .threshold_ns = INT64_MAX};
    for (int id = 0; id < COMMAND_COUNT; id++) {
        t->small_bytes[id] =
            is_small_command(command_spec((enum command_id)id)) ? TIMING_REQUEST_BYTES : 0;
    }
    t->countdown = TIMING_STRIDE - 1;
    t->mark = t->countdown;
}

void timing_set_threshold(struct timing *t, int64_t threshold_us)
{
    t->threshold_ns =
        threshold_us < 0 || threshold_us > INT64_MAX / 1000 ? INT64_MAX : threshold_us * 1000;
    t->is_exact = t->is_looking || t->threshold_ns < TIMING_EXACT_BELOW_US * INT64_C(1000);
    if (t->is_exact) {
        t->has_untimed = false;
        t->countdown = 0;
        t->mark = 0;
    }
}

void timing_set_looking(struct timing *t, bool is_looking)
{
    t->is_looking = is_looking;
}

void timing_set_histograms(struct timing *t, bool has_histograms)
{
    t->has_histograms = has_histograms;
}

static void free_times(struct timing *t)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        mem_free(MEM_NODE, t->commands[id].times_ns);
    }
}

void timing_deinit(struct timing *t)
{
    free_times(t);
    *t = (struct timing){0};
}

void timing_reset_stats(struct timing *t)
{
    free_times(t);
    memset(t->commands, 0, sizeof(t->commands));
    t->errors = (struct error_stats){0};
}

/* ---- runs ------------------------------------------------------------------------------------- */

void timing_pass_begin(struct timing *t, int64_t now_ns, uint64_t input_bytes)
{
    t->last_ns = now_ns;
    t->input_bytes = input_bytes;
    t->is_fresh = true;
}

void timing_make_stale(struct timing *t)
{
    t->is_fresh = false;
}

void timing_run_begin(struct timing *t, size_t request_count, uint64_t input_bytes)
{
    if (request_count == 0) {
        return;
    }
    if (!t->is_fresh || input_bytes - t->input_bytes > TIMING_INPUT_BYTES) {
        t->last_ns = read_clock(t);
    }
    t->is_running = true;
    t->run_began_ns = t->last_ns;
    t->run_timed_ns = 0;
    if (request_count == 1 && t->last_ns - t->sampled_ns >= TIMING_LONE_PERIOD_NS) {
        t->countdown = 0;
    }
    t->mark = t->countdown;
}

int64_t timing_run_end(struct timing *t, uint64_t input_bytes)
{
    int64_t left_ns = -1;

    if (!t->is_running) {
        return TIMING_NONE;
    }
    if (t->has_untimed || t->mark != t->countdown) {
        t->last_ns = read_clock(t);
        left_ns = t->last_ns - t->run_began_ns - t->run_timed_ns;
        t->has_untimed = false;
        t->mark = t->countdown;
    }
    t->input_bytes = input_bytes;
    t->is_fresh = true;
    t->is_running = false;
    return left_ns >= t->threshold_ns ? left_ns / 1000 : TIMING_NONE;
}

/* ---- commands --------------------------------------------------------------------------------- */

int64_t timing_start(struct timing *t, bool is_small)
{
    /* More than this command was counted since the last reading. */
    t->has_untimed = t->has_untimed || t->mark - t->countdown > 1;
    t->is_sample = is_small && !t->is_exact;
    if (t->countdown < 0) {
        t->countdown = t->is_sample ? TIMING_STRIDE - 1 : 0;
    }
    return read_clock(t);
}

static void account(struct timing *t, enum command_id id, int64_t took_ns, bool is_sample)
{
    struct command_stats *stats = &t->commands[id];

    if (t->has_histograms) {
        if (stats->times_ns == NULL) {
            stats->times_ns = mem_alloc_zeroed(MEM_NODE, sizeof(*stats->times_ns));
        }
        hist_add_many(stats->times_ns, took_ns, is_sample ? stats->calls - stats->timed_calls : 1);
    }
    if (is_sample) {
        stats->ns += (uint64_t)took_ns * (stats->calls - stats->timed_calls);
        stats->timed_calls = stats->calls;
        t->sampled_ns = t->last_ns;
    } else {
        stats->ns += (uint64_t)took_ns;
        stats->timed_calls++;
    }
}

int64_t timing_finish(struct timing *t, enum command_id id, int64_t began_ns, struct bytes reply)
{
    bool is_timed = began_ns >= 0;
    int64_t took_ns;

    if (reply.len > 0 && reply.data[0] == '-') {
        t->commands[id].failed_calls++;
        error_stats_count(&t->errors, reply);
    }
    if (!is_timed && reply.len <= TIMING_REPLY_BYTES) {
        return TIMING_NONE;
    }
    took_ns = -(is_timed ? began_ns : t->last_ns);
    t->last_ns = read_clock(t);
    took_ns += t->last_ns;
    t->run_timed_ns += took_ns;
    t->mark = t->countdown;
    if (took_ns >= LONG_NS || (is_timed && !t->is_sample)) {
        account(t, id, took_ns, false);
    } else if (is_timed) {
        account(t, id, took_ns, true);
    }
    return took_ns >= t->threshold_ns ? took_ns / 1000 : TIMING_LOOK;
}

void timing_refused(struct timing *t, struct bytes reply)
{
    if (reply.len > 0) { /* else it waits */
        error_stats_count(&t->errors, reply);
    }
}
