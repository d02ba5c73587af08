/* SPDX-License-Identifier: MIT */
/* INFO: values that tools read. */
#include "base/attr.h"
#include "stats/metrics.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(info, every_metric_has_its_line_in_its_section)
{
    struct lone_node *w = lone_node_new();
    char line[128];

    for (size_t i = 0; metric_at(i) != NULL; i++) {
        const struct metric *row = metric_at(i);
        char request[64];

        if (row->when == METRIC_WHEN_ALWAYS && row->kind != METRIC_LINES &&
            row->kind != METRIC_TALLY) {
            snprintf(request, sizeof(request), "INFO %s\r\n",
                     metric_section_info(row->section).name);
            snprintf(line, sizeof(line), "|%s:", row->name);
            cr_expect_not_null(strstr(lone_node_ask(w, request), line), "%s", row->name);
        }
    }
    lone_node_free(w);
}

Test(info, the_periodic_work_counts_what_it_removed_and_what_it_left)
{
    struct lone_node *w = lone_node_new();
    char line[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "SET key%d x PX 100\r\n", i);
        lone_node_expect(w, line, "+OK|");
    }
    lone_node_idle(w);
    lone_node_expect(w, "INFO stats\r\n", "*|expired_time_cap_reached_count:?|*");
    lone_node_expect(w, "INFO stats\r\n", "*|expired_stale_perc:*.??|*");
    for (int i = 0; i < 20; i++) {
        lone_node_idle(w);
    }
    lone_node_expect(w, "INFO stats\r\n", "*|expired_keys:1000|expired_stale_perc:0.00|*");
    lone_node_free(w);
}

Test(info, times_of_commands_are_told_as_percentiles)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "CONFIG SET slowlog-log-slower-than 1\r\n", "+OK|");
    w->reading_cost_ns = 5000;
    lone_node_expect(w, "SET k v\r\nSET k v\r\nGET k\r\n", "+OK|+OK|$1|v|");
    lone_node_expect(w, "INFO latencystats\r\n",
                     "*|latency_percentiles_usec_get:p50=5.0*,p99=5.0*,p99.9=5.0*|*");
    lone_node_expect(w, "INFO latencystats\r\n", "*|latency_percentiles_usec_set:*");
    lone_node_expect(w, "CONFIG RESETSTAT\r\nINFO latencystats\r\n", "+OK|$*|# Latencystats|*");
    cr_assert_null(strstr(lone_node_ask(w, "INFO latencystats\r\n"), "usec_get"));
    lone_node_free(w);
}
