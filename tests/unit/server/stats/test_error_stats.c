/* SPDX-License-Identifier: MIT */
/* Counts of errors against their header's promises. */
#include "stats/error_stats.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void count(struct error_stats *stats, const char *reply)
{
    error_stats_count(stats, bytes_from_text(reply));
}

static void expect(const struct error_stats *stats, const char *lines)
{
    struct buf text = {0};

    error_stats_write(stats, &text);
    cr_assert_str_eq(buf_text(&text), lines);
    buf_deinit(&text);
}

Test(error_stats, counts_by_the_first_word_in_the_order_of_codes)
{
    struct error_stats stats = {0};

    count(&stats, "-WRONGTYPE Operation against\r\n");
    count(&stats, "-ERR syntax error\r\n");
    count(&stats, "-MOVED 1 127.0.0.1:7000\r\n");
    count(&stats, "-ERR no such key\r\n");
    expect(&stats, "errorstat_ERR:count=2\r\nerrorstat_MOVED:count=1\r\n"
                   "errorstat_WRONGTYPE:count=1\r\n");
    cr_assert_eq(stats.total, 4);
}

Test(error_stats, takes_what_has_no_code_for_err)
{
    struct error_stats stats = {0};

    count(&stats, "-\r\n");
    count(&stats, "- text\r\n");
    count(&stats, "-ALONE\r\n");
    count(&stats, "-AVERYLONGWORDTHATNOBODYWOULDTAKEFORACODE text\r\n");
    count(&stats, "");
    count(&stats, "ERR Protocol error");
    expect(&stats, "errorstat_ERR:count=6\r\n");
}

Test(error_stats, counts_codes_beyond_the_bound_together)
{
    struct error_stats stats = {0};
    char reply[32];

    for (int i = 0; i < ERROR_STATS_CODES + 10; i++) {
        snprintf(reply, sizeof(reply), "-CODE%03d text\r\n", i);
        count(&stats, reply);
    }
    count(&stats, "-CODE005 text\r\n");
    count(&stats, "-CODE300 text\r\n");
    cr_assert_eq(stats.code_count, ERROR_STATS_CODES + 1);
    cr_assert_eq(stats.codes[5].count, 2);
    cr_assert_str_eq(stats.codes[ERROR_STATS_CODES].code, "ERRORSTATS_OVERFLOW");
    cr_assert_eq(stats.codes[ERROR_STATS_CODES].count, 11);
    cr_assert_eq(stats.total, ERROR_STATS_CODES + 12);
}
