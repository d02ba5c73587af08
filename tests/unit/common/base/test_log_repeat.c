/* SPDX-License-Identifier: MIT */
/* base/log_repeat. */
#include "base/log_repeat.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct mono_time at_s(int64_t seconds)
{
    return (struct mono_time){.us = seconds * 1000000};
}

static int admit_many(struct log_repeat *repeat, int64_t second, const char *line, int count)
{
    int admitted = 0;

    for (int i = 0; i < count; i++) {
        admitted += log_repeat_admit(repeat, at_s(second), LOG_WARNING, line);
    }
    return admitted;
}

Test(log_repeat, a_line_that_comes_again_and_again_is_written_thrice_and_counted)
{
    struct log_repeat repeat = {0};
    struct log_repeated told;

    cr_assert_eq(admit_many(&repeat, 1, "the disk is full", 100), 3);
    cr_assert(!log_repeat_next(&repeat, at_s(30), false, &told));
    cr_assert(log_repeat_next(&repeat, at_s(61), false, &told));
    cr_assert_eq(told.count, 97);
    cr_assert_eq(told.level, LOG_WARNING);
    cr_assert_str_eq(told.text, "the disk is full");
    cr_assert(!log_repeat_next(&repeat, at_s(61), false, &told));
}

Test(log_repeat, four_lines_a_second_become_one_a_minute)
{
    struct log_repeat repeat = {0};
    struct log_repeated told;
    int written = 0;
    uint64_t counted = 0;

    for (int64_t second = 0; second < 1200; second++) {
        written += admit_many(&repeat, second, "cannot write", 4);
        while (log_repeat_next(&repeat, at_s(second), second == 1199, &told)) {
            written++;
            counted += told.count;
        }
    }
    cr_assert_leq(written, 24);
    cr_assert_eq(counted, 4797);
}

Test(log_repeat, after_a_quiet_minute_a_line_is_news_again)
{
    struct log_repeat repeat = {0};

    cr_assert_eq(admit_many(&repeat, 1, "saved", 2), 2);
    cr_assert_eq(admit_many(&repeat, 62, "saved", 2), 2);
}

Test(log_repeat, lines_that_differ_in_numbers_have_more_room)
{
    struct log_repeat repeat = {0};
    char line[40];
    int admitted = 0;

    for (int i = 0; i < 500; i++) {
        snprintf(line, sizeof(line), "client 10.0.0.1:%d is slow", i);
        admitted += log_repeat_admit(&repeat, at_s(1), LOG_NOTICE, line);
    }
    cr_assert_eq(admitted, 50);
}

Test(log_repeat, at_the_end_everything_is_told_and_other_messages_are_not_mixed_up)
{
    struct log_repeat repeat = {0};
    struct log_repeated told;
    uint64_t counted = 0;

    cr_assert_eq(admit_many(&repeat, 1, "one", 10), 3);
    cr_assert_eq(admit_many(&repeat, 1, "two", 5), 3);
    cr_assert_eq(admit_many(&repeat, 1, "three", 3), 3);
    while (log_repeat_next(&repeat, at_s(2), true, &told)) {
        counted += told.count;
    }
    cr_assert_eq(counted, 9);
}
