/* SPDX-License-Identifier: MIT */
/* The values of the metrics are those of the parts of a node. */
#include "control/metrics_collect.h"

#include "node/inside.h"
#include "tests/unit/answers.h"

#include <string.h>

static struct metrics collect(struct alone *a, enum metric_section section, struct buf *lines)
{
    struct metrics m;

    buf_clear(lines);
    metrics_collect(a->node, section, &m, lines);
    return m;
}

Test(metrics_collect, clients_are_those_connected_and_those_that_wait)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf lines = {0};

    alone_disconnect(a, 3);
    answers_send(a, 0, "WAIT 1 0\r\n");
    cr_expect_eq(collect(a, METRICS_CLIENTS, &lines).connected_clients, 3);
    cr_expect_eq(collect(a, METRICS_CLIENTS, &lines).blocked_clients, 1);
    buf_deinit(&lines);
    alone_free(a);
}

Test(metrics_collect, persistence_tells_what_changed_and_of_the_save_under_way)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf lines = {0};

    answers_expect(a, "SET a 1\r\nSET b 2", "+OK|+OK|");
    cr_expect_eq(collect(a, METRICS_PERSISTENCE, &lines).rdb_changes_since_last_save, 2);
    a->is_disk_slow = true;
    answers_send(a, 0, "BGSAVE\r\n");
    cr_expect_eq(collect(a, METRICS_PERSISTENCE, &lines).rdb_bgsave_in_progress, 1);
    a->is_disk_slow = false;
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_eq(collect(a, METRICS_PERSISTENCE, &lines).rdb_bgsave_in_progress, 0);
    cr_expect_eq(collect(a, METRICS_PERSISTENCE, &lines).rdb_changes_since_last_save, 0);
    buf_deinit(&lines);
    alone_free(a);
}

Test(metrics_collect, the_key_space_has_a_line_for_each_database_with_keys)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf lines = {0};

    answers_expect(a, "SET a 1\r\nSET b 1 EX 100\r\nSELECT 3\r\nSET c 1", "+OK|+OK|+OK|+OK|");
    (void)collect(a, METRICS_KEYSPACE, &lines);
    cr_expect_not_null(strstr(buf_text(&lines), "db0:keys=2,expires=1,"));
    cr_expect_null(strstr(buf_text(&lines), "db1:"));
    cr_expect_not_null(strstr(buf_text(&lines), "db3:keys=1,expires=0,"));
    buf_deinit(&lines);
    alone_free(a);
}
