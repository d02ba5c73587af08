/* SPDX-License-Identifier: MIT */
/* When commands are timed, and what comes of it, with a clock that goes on when it is told to. */
#include "stats/timing.h"

#include "base/attr.h"

#include <criterion/criterion.h>

enum {
    MS = 1000 * 1000, /* in nanoseconds */
    BATCH = 64,
};

struct world {
    struct timing timing;
    int64_t now_ns;
    int readings;
    uint64_t input_bytes;
};

static int64_t read_clock(void *context)
{
    struct world *w = context;

    w->readings++;
    return w->now_ns;
}

static void start(struct world *w, int64_t threshold_us)
{
    *w = (struct world){.now_ns = INT64_C(1000) * MS};
    timing_init(&w->timing, read_clock, w);
    timing_set_threshold(&w->timing, threshold_us);
    timing_pass_begin(&w->timing, w->now_ns, 0);
    w->timing.sampled_ns = w->now_ns; /* no lone request is due for a sample */
}

/* Run one command that takes so long and answers so many bytes: what timing_end says of it. */
static int64_t run_told(struct world *w, enum command_id id, int64_t takes_ns, size_t reply_bytes)
{
    int64_t began_ns = timing_begin(&w->timing, id, 30, 2);

    w->now_ns += takes_ns;
    return timing_end(&w->timing, id, began_ns, bytes_make("+", reply_bytes));
}

/* The same; how long it took if it was slow. */
static int64_t run_sized(struct world *w, enum command_id id, int64_t takes_ns, size_t reply_bytes)
{
    int64_t slow_us = run_told(w, id, takes_ns, reply_bytes);

    return slow_us >= 0 ? slow_us : TIMING_NONE;
}

static int64_t run(struct world *w, enum command_id id, int64_t takes_ns)
{
    return run_sized(w, id, takes_ns, 1);
}

/* A batch of so many GETs of 250 ns; what timing_run_end says. */
static int64_t run_batch(struct world *w, size_t count)
{
    w->input_bytes += count * 30;
    timing_run_begin(&w->timing, count, w->input_bytes);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(run(w, COMMAND_GET, 250), TIMING_NONE);
    }
    return timing_run_end(&w->timing, w->input_bytes);
}

/* ---- how often the clock is read -------------------------------------------------------------- */

Test(timing, reads_the_clock_once_for_a_batch_of_small_commands)
{
    struct world w;

    start(&w, 10000);
    cr_assert_eq(run_batch(&w, BATCH), TIMING_NONE);
    cr_assert_eq(w.readings, 1);
}

Test(timing, reads_the_clock_twice_more_for_each_sample)
{
    struct world w;

    start(&w, 10000);
    for (int i = 0; i < TIMING_STRIDE; i++) {
        run_batch(&w, BATCH);
    }
    cr_assert_eq(w.readings, TIMING_STRIDE + 2 * BATCH);
}

Test(timing, does_not_read_the_clock_when_nothing_ran)
{
    struct world w;

    start(&w, 10000);
    timing_make_stale(&w.timing);
    run_batch(&w, 0);
    cr_assert_eq(w.readings, 0);
    run_batch(&w, 1);
    cr_assert_eq(w.readings, 2, "an empty run is no reading to begin the next one at");
}

Test(timing, begins_a_run_with_a_reading_when_the_last_one_is_old)
{
    struct world w;

    start(&w, 10000);
    timing_make_stale(&w.timing);
    w.now_ns += 50 * MS;
    cr_assert_eq(run_batch(&w, 2), TIMING_NONE);
    w.input_bytes += TIMING_INPUT_BYTES + 1;
    w.now_ns += 50 * MS;
    cr_assert_eq(run_batch(&w, 2), TIMING_NONE);
    cr_assert_eq(w.readings, 4);
}

Test(timing, times_what_is_not_small_with_two_readings)
{
    static const struct {
        enum command_id id;
        size_t request_bytes;
        size_t words;
        bool is_timed;
    } cases[] = {
        {COMMAND_GET,         30,    2,  false},
        {COMMAND_SET,         16384, 3,  false},
        {COMMAND_SET,         16385, 3,  true },
        {COMMAND_MGET,        1000,  64, false},
        {COMMAND_MGET,        1000,  65, true },
        {COMMAND_MSET,        1000,  64, false},
        {COMMAND_DEL,         30,    2,  false},
        {COMMAND_KEYS,        30,    2,  true },
        {COMMAND_FLUSHALL,    30,    1,  true },
        {COMMAND_SCAN,        30,    2,  true },
        {COMMAND_SWAPDB,      30,    3,  true },
        {COMMAND_INFO,        30,    1,  true },
        {COMMAND_CLIENT_LIST, 30,    2,  true },
        {COMMAND_PING,        30,    1,  false},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world w;
        int64_t began_ns;

        start(&w, 10000);
        began_ns = timing_begin(&w.timing, cases[i].id, cases[i].request_bytes, cases[i].words);
        timing_end(&w.timing, cases[i].id, began_ns, BYTES_LITERAL("+"));
        cr_expect_eq(w.readings, cases[i].is_timed ? 2 : 0, "case %zu", i);
        cr_expect_eq(w.timing.commands[cases[i].id].calls, 1);
    }
}

Test(timing, tells_of_commands_that_may_be_large_and_of_all_when_somebody_looks)
{
    struct world w;

    start(&w, 10000);
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, 1), TIMING_NONE);
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, TIMING_REPLY_BYTES), TIMING_NONE);
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, TIMING_REPLY_BYTES + 1), TIMING_LOOK);
    cr_expect_eq(run_told(&w, COMMAND_KEYS, 250, 1), TIMING_LOOK);
    timing_set_looking(&w.timing, true);
    timing_set_threshold(&w.timing, 10000);
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, 1), TIMING_LOOK);
    cr_expect_eq(run_told(&w, COMMAND_GET, 10 * MS, 1), 10000);
    timing_set_looking(&w.timing, false);
    timing_set_threshold(&w.timing, 10000);
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, 1), TIMING_LOOK, "a sample");
    cr_expect_eq(run_told(&w, COMMAND_GET, 250, 1), TIMING_NONE);
}

/* ---- what is slow ----------------------------------------------------------------------------- */

Test(timing, finds_a_slow_command_that_is_not_small)
{
    struct world w;

    start(&w, 10000);
    timing_run_begin(&w.timing, 3, 0);
    cr_expect_eq(run(&w, COMMAND_GET, 250), TIMING_NONE);
    cr_expect_eq(run(&w, COMMAND_KEYS, 10 * MS - 1), TIMING_NONE);
    cr_expect_eq(run(&w, COMMAND_KEYS, 10 * MS), 10000);
    cr_expect_eq(timing_run_end(&w.timing, 0), TIMING_NONE, "no small one was slow");
}

Test(timing, finds_a_slow_small_command_by_its_long_reply)
{
    struct world w;
    int64_t found_us;

    start(&w, 10000);
    timing_run_begin(&w.timing, BATCH, 0);
    for (int i = 0; i < BATCH - 2; i++) {
        run(&w, COMMAND_GET, 500);
    }
    found_us = run_sized(&w, COMMAND_GET, 10 * MS, TIMING_REPLY_BYTES + 1);
    cr_expect(found_us >= 10000 && found_us <= 10100, "%lld", (long long)found_us);
    cr_expect_eq(run_sized(&w, COMMAND_GET, 12 * MS, TIMING_REPLY_BYTES + 1), 12000);
    cr_expect_eq(timing_run_end(&w.timing, 0), TIMING_NONE);
}

Test(timing, finds_a_run_in_which_some_small_command_was_slow)
{
    struct world w;
    int64_t found_us;

    start(&w, 10000);
    timing_run_begin(&w.timing, 4, 0);
    run(&w, COMMAND_GET, 250);
    run(&w, COMMAND_GET, 20 * MS);
    cr_expect_eq(run(&w, COMMAND_KEYS, 40 * MS), 40000);
    run(&w, COMMAND_GET, 250);
    found_us = timing_run_end(&w.timing, 0);
    cr_expect(found_us >= 20000 && found_us <= 20100, "%lld", (long long)found_us);
    cr_expect_eq(run_batch(&w, BATCH), TIMING_NONE, "that is over");
}

Test(timing, finds_a_slow_lone_command_though_a_pass_has_just_begun)
{
    struct world w;

    start(&w, 10000);
    timing_pass_begin(&w.timing, w.now_ns, 0);
    timing_run_begin(&w.timing, 1, 30);
    run(&w, COMMAND_GET, 30 * MS);
    cr_assert_eq(timing_run_end(&w.timing, 30), 30000);
    cr_assert_eq(w.readings, 1);
}

Test(timing, times_every_command_when_the_threshold_is_low)
{
    struct world w;

    start(&w, 999);
    timing_run_begin(&w.timing, 3, 0);
    cr_expect_eq(run(&w, COMMAND_GET, 999 * 1000), 999);
    cr_expect_eq(run(&w, COMMAND_GET, 998 * 1000), TIMING_NONE);
    cr_expect_eq(run(&w, COMMAND_GET, 2 * MS), 2000);
    cr_expect_eq(timing_run_end(&w.timing, 0), TIMING_NONE);
    cr_expect_eq(w.readings, 6);
}

Test(timing, finds_everything_slow_when_the_threshold_is_zero_and_nothing_when_it_is_negative)
{
    struct world w;

    start(&w, 0);
    cr_expect_eq(run(&w, COMMAND_GET, 0), 0);
    cr_expect_eq(run(&w, COMMAND_KEYS, 0), 0);
    timing_set_threshold(&w.timing, -1);
    cr_expect_eq(run(&w, COMMAND_KEYS, INT64_C(10000) * MS), TIMING_NONE);
    timing_run_begin(&w.timing, 2, 0);
    run(&w, COMMAND_GET, INT64_C(10000) * MS);
    run(&w, COMMAND_GET, INT64_C(10000) * MS);
    cr_expect_eq(timing_run_end(&w.timing, 0), TIMING_NONE);
}

Test(timing, blames_nobody_for_a_threshold_that_falls_to_zero_on_the_way)
{
    struct world w;
    int64_t began_ns;

    start(&w, 10000);
    timing_run_begin(&w.timing, 3, 0);
    run(&w, COMMAND_GET, 250);
    began_ns = timing_begin(&w.timing, COMMAND_CONFIG_SET, 60, 4);
    timing_set_threshold(&w.timing, 0);
    cr_expect_eq(timing_end(&w.timing, COMMAND_CONFIG_SET, began_ns, BYTES_LITERAL("+")), 0);
    cr_expect_eq(run(&w, COMMAND_GET, 250), 0);
    cr_expect_eq(timing_run_end(&w.timing, 0), TIMING_NONE);
}

/* ---- statistics ------------------------------------------------------------------------------- */

Test(timing, counts_every_call_and_estimates_time_by_samples)
{
    struct world w;
    const struct command_stats *get;
    uint64_t count = (uint64_t)1000 * BATCH;

    start(&w, 10000);
    for (int i = 0; i < 1000; i++) {
        run_batch(&w, BATCH);
    }
    get = &w.timing.commands[COMMAND_GET];
    cr_assert_eq(get->calls, count);
    cr_assert_gt(get->timed_calls, count - TIMING_STRIDE);
    cr_assert_eq(get->ns, get->timed_calls * 250);
}

Test(timing, lets_a_sample_stand_for_its_own_command_only)
{
    struct world w;

    start(&w, 10000);
    for (int i = 0; i < 10000; i++) {
        timing_run_begin(&w.timing, 2, 0);
        run(&w, COMMAND_GET, 200);
        run(&w, COMMAND_SET, 900);
        timing_run_end(&w.timing, 0);
    }
    cr_assert_eq(w.timing.commands[COMMAND_GET].ns,
                 w.timing.commands[COMMAND_GET].timed_calls * 200);
    cr_assert_eq(w.timing.commands[COMMAND_SET].ns,
                 w.timing.commands[COMMAND_SET].timed_calls * 900);
    cr_assert_gt(w.timing.commands[COMMAND_SET].timed_calls, 10000 - 2 * TIMING_STRIDE);
}

Test(timing, counts_a_long_command_once_even_as_a_sample)
{
    struct world w;
    const struct command_stats *get = &w.timing.commands[COMMAND_GET];

    start(&w, 10000);
    timing_run_begin(&w.timing, TIMING_STRIDE, 0);
    for (int i = 0; i < TIMING_STRIDE - 1; i++) {
        run(&w, COMMAND_GET, 250);
    }
    run(&w, COMMAND_GET, 5 * MS);
    cr_assert_eq(w.readings, 2, "the last one was the sample");
    cr_assert_eq(get->ns, 5 * MS);
    cr_assert_eq(get->timed_calls, 1);
}

Test(timing, samples_lone_requests_when_there_was_none_for_a_while)
{
    struct world w;
    const struct command_stats *get = &w.timing.commands[COMMAND_GET];

    start(&w, 10000);
    run_batch(&w, 1);
    cr_assert_eq(get->timed_calls, 0);
    w.now_ns += 10 * MS;
    timing_pass_begin(&w.timing, w.now_ns, w.input_bytes);
    run_batch(&w, 1);
    cr_assert_eq(get->timed_calls, 2);
    run_batch(&w, 1);
    cr_assert_eq(get->timed_calls, 2, "one was just made");
}

Test(timing, counts_failures_and_refusals_by_their_code)
{
    struct world w;

    start(&w, 10000);
    timing_end(&w.timing, COMMAND_INCR, timing_begin(&w.timing, COMMAND_INCR, 30, 2),
               BYTES_LITERAL("-ERR value is not an integer or out of range\r\n"));
    run(&w, COMMAND_INCR, 250);
    timing_refused(&w.timing, BYTES_LITERAL("-NOAUTH Authentication required.\r\n"));
    timing_refused(&w.timing, BYTES_LITERAL(""));
    cr_expect_eq(w.timing.commands[COMMAND_INCR].calls, 2);
    cr_expect_eq(w.timing.commands[COMMAND_INCR].failed_calls, 1);
    cr_expect_eq(w.timing.errors.total, 2);
    cr_expect_eq(w.timing.errors.code_count, 2);
    cr_expect_eq(w.readings, 0);
}

Test(timing, forgets_its_statistics_on_demand)
{
    struct world w;

    start(&w, 10000);
    run_batch(&w, BATCH);
    run(&w, COMMAND_KEYS, MS);
    timing_refused(&w.timing, BYTES_LITERAL("-ERR syntax error\r\n"));
    timing_reset_stats(&w.timing);
    cr_assert_eq(w.timing.commands[COMMAND_GET].calls, 0);
    cr_assert_eq(w.timing.commands[COMMAND_KEYS].ns, 0);
    cr_assert_eq(w.timing.errors.total, 0);
    cr_assert_eq(run(&w, COMMAND_KEYS, 10 * MS), 10000, "but not what is slow");
}
