/* SPDX-License-Identifier: MIT */
/* Who shares a sync of the log with whom, with appendfsync always. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>

/* Two clients: the first waits for a sync, the second came when that was under way; the first is answered. */
static struct alone *answer_the_first(void)
{
    const struct alone_option options[] = {
        {"appendonly",  "yes"   },
        {"appendfsync", "always"},
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));
    struct buf out;

    alone_settle(a, 50);
    alone_connect(a, 0);
    alone_connect(a, 1);
    a->is_disk_slow = true;
    alone_pass(a, 1000, 0, bytes_from_text("SET a 1\r\n"));
    alone_pass(a, 10000, 1, bytes_from_text("SET b 1\r\n"));
    cr_assert(a->node->disk_log.is_syncing);
    a->is_disk_slow = false;
    alone_pass(a, 10000, ALONE_CLIENTS, (struct bytes){0});
    a->is_disk_slow = true;
    out = alone_take(a, 0);
    cr_assert_str_eq(buf_text(&out), "+OK\r\n");
    buf_deinit(&out);
    cr_assert_not(a->node->disk_log.is_syncing);
    return a;
}

Test(company, lets_a_client_that_was_answered_join_the_next_sync)
{
    struct alone *a = answer_the_first();
    const struct disk_log *d = &a->node->disk_log;

    alone_pass(a, 100, 0, bytes_from_text("SET a 2\r\n"));
    alone_pass(a, 1, ALONE_CLIENTS, (struct bytes){0});
    cr_assert(d->is_syncing);
    cr_expect_eq(d->asked, oplog_end(a->node->journal.log));
    alone_free(a);
}

Test(company, waits_for_a_client_that_stays_away_only_a_part_of_what_a_sync_takes)
{
    struct alone *a = answer_the_first();

    alone_pass(a, 10, ALONE_CLIENTS, (struct bytes){0});
    cr_expect_not(a->node->disk_log.is_syncing);
    alone_pass(a, 5000, ALONE_CLIENTS, (struct bytes){0});
    cr_expect(a->node->disk_log.is_syncing);
    alone_free(a);
}
