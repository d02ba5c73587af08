/* SPDX-License-Identifier: MIT */
/* What took long, against its header's promises. */
#include "stats/latency.h"

#include "base/mem.h"

#include <criterion/criterion.h>

static const struct latency_series *series_of(const struct latency *latency,
                                              enum latency_event event)
{
    cr_assert_not_null(latency->series[event]);
    return latency->series[event];
}

Test(latency, remembers_nothing_below_its_threshold_and_nothing_without_one)
{
    struct latency latency = {0};

    latency_add(&latency, LATENCY_COMMAND, 1700000000, 100000);
    cr_expect_null(latency.series[LATENCY_COMMAND]);
    latency.threshold_ms = 100;
    latency_add(&latency, LATENCY_COMMAND, 1700000000, 99);
    cr_expect_null(latency.series[LATENCY_COMMAND]);
    latency_add(&latency, LATENCY_COMMAND, 1700000000, 100);
    cr_expect_eq(series_of(&latency, LATENCY_COMMAND)->count, 1);
    cr_expect_null(latency.series[LATENCY_FAST_COMMAND]);
    latency_deinit(&latency);
}

Test(latency, keeps_the_longest_of_a_second)
{
    struct latency latency = {.threshold_ms = 1};
    const struct latency_series *series;

    latency_add(&latency, LATENCY_COMMAND, 1700000000, 20);
    latency_add(&latency, LATENCY_COMMAND, 1700000000, 30);
    latency_add(&latency, LATENCY_COMMAND, 1700000000, 10);
    latency_add(&latency, LATENCY_COMMAND, 1700000001, 5);
    latency_add(&latency, LATENCY_COMMAND, 1699999990, 6); /* the clock was set back */
    series = series_of(&latency, LATENCY_COMMAND);
    cr_assert_eq(series->count, 2);
    cr_expect_eq(latency_sample_at(series, 0)->unix_s, 1700000000);
    cr_expect_eq(latency_sample_at(series, 0)->ms, 30);
    cr_expect_eq(latency_sample_at(series, 1)->unix_s, 1700000001);
    cr_expect_eq(latency_sample_at(series, 1)->ms, 6);
    cr_expect_eq(series->max_ms, 30);
    latency_deinit(&latency);
}

Test(latency, keeps_the_newest_samples_and_the_most_of_all)
{
    struct latency latency = {.threshold_ms = 1};
    const struct latency_series *series;

    latency_add(&latency, LATENCY_LOG_TRIM, 1, 5000);
    for (int i = 2; i < 500; i++) {
        latency_add(&latency, LATENCY_LOG_TRIM, i, i);
    }
    series = series_of(&latency, LATENCY_LOG_TRIM);
    cr_assert_eq(series->count, LATENCY_SAMPLES);
    cr_expect_eq(latency_sample_at(series, 0)->unix_s, 500 - LATENCY_SAMPLES);
    cr_expect_eq(latency_sample_at(series, LATENCY_SAMPLES - 1)->unix_s, 499);
    cr_expect_eq(series->max_ms, 5000);
    latency_deinit(&latency);
}

Test(latency, a_summary_has_mean_deviation_and_period)
{
    static const int64_t times_ms[] = {10, 40, 20, 80, 160, 15, 300};
    struct latency latency = {.threshold_ms = 1};
    struct latency_summary summary;

    for (int i = 0; i < 7; i++) {
        latency_add(&latency, LATENCY_COMMAND, 1700000000 + i, times_ms[i]);
    }
    summary = latency_summarise(series_of(&latency, LATENCY_COMMAND), 1700000008);
    cr_expect_eq(summary.mean_ms, 89);
    cr_expect_eq(summary.deviation_ms, 80);
    cr_expect_eq(summary.low_ms, 10);
    cr_expect_eq(summary.high_ms, 300);
    cr_expect_float_eq(summary.period_s, 8.0 / 7, 1e-9);
    summary = latency_summarise(series_of(&latency, LATENCY_COMMAND), 0);
    cr_expect_float_eq(summary.period_s, 0.0, 1e-9, "the clock was set back");
    latency_deinit(&latency);
}

Test(latency, a_reset_forgets_one_kind_and_gives_its_memory_back)
{
    size_t before = mem_used(MEM_NODE);
    struct latency latency = {.threshold_ms = 1};

    latency_add(&latency, LATENCY_COMMAND, 1, 1);
    latency_add(&latency, LATENCY_FILE_SYNC, 1, 1);
    cr_expect(latency_reset(&latency, LATENCY_COMMAND));
    cr_expect_not(latency_reset(&latency, LATENCY_COMMAND));
    cr_expect_not_null(latency.series[LATENCY_FILE_SYNC]);
    cr_expect_gt(mem_used(MEM_NODE), before);
    latency_deinit(&latency);
    cr_expect_eq(mem_used(MEM_NODE), before);
}

Test(latency, every_kind_has_a_name_by_which_it_is_found)
{
    for (int event = 0; event < LATENCY_EVENT_COUNT; event++) {
        const char *name = latency_event_name((enum latency_event)event);

        cr_expect_eq(latency_event_find(bytes_from_text(name)), (enum latency_event)event);
    }
    cr_expect_eq(latency_event_find(BYTES_LITERAL("Command")), LATENCY_EVENT_COUNT);
    cr_expect_eq(latency_event_find(BYTES_LITERAL("")), LATENCY_EVENT_COUNT);
}
