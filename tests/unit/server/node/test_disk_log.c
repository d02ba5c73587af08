/* SPDX-License-Identifier: MIT */
/* The log on its way to the disk, and the replies that wait for it: as disks are, and as they fail. */
#include "base/attr.h"
#include "node/inside.h"
#include "segment/segment.h"
#include "tests/unit/answers.h"

#include <stdio.h>

static struct alone *start(const char *fsync)
{
    const struct alone_option options[] = {
        {"appendonly",            "yes" },
        {"appendfsync",           fsync },
        {"repl-log-segment-size", "4096"},
    };

    return answers_start(options, ARRAY_COUNT(options));
}

/* The same folder, found after a power cut that leaves what is durable and no more. */
static struct alone *after_power_cut(struct alone *a)
{
    const struct alone_option options[] = {
        {"appendonly",            "yes" },
        {"repl-log-segment-size", "4096"},
    };
    struct alone_past past = {.disk = &a->disk, .seed = 77, .now_us = a->now_us};
    struct alone *next;

    disk_power_cut(&a->disk, NULL);
    next = alone_new_after(options, ARRAY_COUNT(options), &past);
    cr_assert(alone_load(next), "%s", buf_text(&next->warnings));
    alone_connect(next, 0);
    alone_free(a);
    return next;
}

Test(disk_log, lets_a_reply_leave_once_it_is_durable_and_not_before)
{
    struct alone *a = start("always");

    a->is_disk_slow = true;
    answers_send(a, 0, "SET k v\r\n");
    answers_idle(a, 3, 10);
    answers_match(a, 0, "");
    a->is_disk_slow = false;
    answers_idle(a, 2, 10);
    answers_match(a, 0, "+OK|");
    a = after_power_cut(a);
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

Test(disk_log, holds_back_what_others_would_see_of_it)
{
    struct alone *a = start("always");

    a->is_disk_slow = true;
    answers_send(a, 0, "SET k v\r\n");
    answers_send(a, 1, "GET k\r\n");
    answers_match(a, 1, "");
    a->is_disk_slow = false;
    answers_idle(a, 3, 10);
    answers_match(a, 1, "$1|v|");
    alone_free(a);
}

Test(disk_log, syncs_each_second_and_nobody_waits_for_it)
{
    struct alone *a = start("everysec");

    a->is_disk_slow = true;
    answers_send(a, 0, "SET k v\r\n");
    answers_match(a, 0, "+OK|");
    cr_expect_eq(a->node->disk_log.syncs.count, 0);
    a->is_disk_slow = false;
    answers_idle(a, 3, 1000);
    cr_expect_geq(a->node->disk_log.syncs.count, 1);
    cr_expect_eq(a->node->disk_log.durable, oplog_end(a->node->journal.log));
    a = after_power_cut(a);
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

Test(disk_log, gathers_for_a_moment_and_hands_over_when_nobody_comes)
{
    struct alone *a = start("everysec");
    const struct disk_log *d = &a->node->disk_log;
    uint64_t before;

    answers_send(a, 0, "SET first v\r\n");
    cr_expect_eq(d->handed, oplog_end(a->node->journal.log),
                 "after a time without writes, at once");
    before = d->handed;
    answers_send(a, 0, "SET second v\r\n");
    answers_send(a, 0, "SET third v\r\n");
    cr_expect_eq(d->handed, before);
    cr_assert_leq(node_wake_at(a->node).us, a->now_us + 5000);
    answers_idle(a, 1, 5);
    cr_expect_eq(d->handed, oplog_end(a->node->journal.log));
    alone_free(a);
}

Test(disk_log, does_not_gather_what_somebody_waits_for)
{
    static const char *const fsyncs[] = {"everysec", "no", "always"};

    for (size_t i = 0; i < ARRAY_COUNT(fsyncs); i++) {
        struct alone *a = start(fsyncs[i]);

        answers_expect(a, "SET first v", "+OK|");
        answers_send(a, 0, "SET second v\r\nWAITAOF 1 0 0\r\n");
        alone_settle(a, 10); /* passes that the node itself wants at once */
        answers_match(a, 0, "+OK|*2|:1|:0|");
        alone_free(a);
    }
}

Test(disk_log, syncs_at_once_for_who_asks)
{
    struct alone *a = start("no");

    answers_send(a, 0, "SET k v\r\n");
    answers_idle(a, 3, 2000);
    answers_match(a, 0, "+OK|");
    cr_expect_eq(a->node->disk_log.syncs.count, 0, "the system syncs when it likes");
    answers_send(a, 0, "WAITAOF 1 0 0\r\n");
    answers_idle(a, 3, 10);
    answers_match(a, 0, "*2|:1|:0|");
    a = after_power_cut(a);
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

Test(disk_log, begins_a_segment_when_one_is_full)
{
    struct alone *a = start("everysec");
    char line[64];

    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof(line), "SET key:%d value\r\n", i);
        answers_send(a, 0, line);
    }
    answers_idle(a, 10, 500);
    cr_expect_gt(a->node->disk_log.segments.count, 2);
    a = after_power_cut(a);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 300);
    alone_free(a);
}

Test(disk_log, knows_how_large_its_files_are)
{
    struct alone *a = start("everysec");
    struct fs_info info = {0};
    struct errmsg error = {0};

    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 3, 1000);
    cr_assert_eq(a->disk.fs.get_info(&a->disk, "appendonlydir/0000000000000001.log", &info, &error),
                 FS_OK);
    cr_expect_eq(segment_list_size(&a->node->disk_log.segments), info.size_bytes);
    alone_free(a);
}

Test(disk_log, refuses_writes_while_the_disk_does_and_goes_on_when_it_does_not_any_more)
{
    static const enum disk_fault faults[] = {DISK_FULL, DISK_BROKEN};

    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        struct alone *a = start("always");

        answers_expect(a, "SET before 1", "+OK|");
        a->disk.fault = faults[i];
        answers_send(a, 0, "SET held 1\r\n");
        answers_idle(a, 5, 10);
        answers_match(a, 0, "");
        answers_expect(a, "PING", ""); /* behind the reply that waits */
        answers_send(a, 1, "SET refused 1\r\n");
        answers_match(a, 1, "-MISCONF Errors writing to the AOF file: *");
        answers_send(a, 1, "GET before\r\n");
        answers_match(a, 1, "$1|1|");
        a->disk.fault = DISK_WELL;
        answers_idle(a, 5, 1100);
        answers_match(a, 0, "+OK|+PONG|");
        answers_expect(a, "SET after 1", "+OK|");
        cr_expect_gt(a->node->disk_log.failure_count, 0);
        a = after_power_cut(a);
        answers_expect(a, "MGET before held refused after", "*4|$1|1|$1|1|$-1|$1|1|");
        alone_free(a);
    }
}

Test(disk_log, each_time_that_the_disk_refuses_is_told_of)
{
    struct alone *a = start("always");
    unsigned told = 0;

    for (int i = 0; i < 3; i++) {
        a->disk.fault = DISK_FULL;
        answers_send(a, 0, "SET k v\r\n");
        answers_idle(a, 5, 1100);
        a->disk.fault = DISK_WELL;
        answers_idle(a, 5, 1100);
        answers_match(a, 0, "+OK|");
    }
    for (const char *at = buf_text(&a->warnings); (at = strstr(at, "cannot be written")) != NULL;
         at++) {
        told++;
    }
    cr_expect_eq(told, 3, "%s", buf_text(&a->warnings));
    alone_free(a);
}

Test(disk_log, begins_anew_when_the_data_was_replaced)
{
    struct alone *a = start("everysec");

    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 3, 1000);
    journal_restart(a->node, history_id_make(&a->node->rng), 5000);
    answers_idle(a, 1, 10);
    cr_expect_not(a->node->disk_log.is_based);
    cr_expect_eq(disk_log_durable(a->node), 0);
    answers_expect(a, "SET k w", "+OK|");
    answers_idle(a, 5, 1000);
    cr_expect(a->node->disk_log.is_based, "a snapshot was made");
    cr_expect_gt(disk_log_durable(a->node), 5000);
    a = after_power_cut(a);
    answers_expect(a, "GET k", "$1|w|");
    alone_free(a);
}

/* What was there when the data was replaced, of a segment behind a durable one. */
enum found {
    FOUND_UNSYNCED,   /* it is open, and nothing of it is durable */
    FOUND_REFUSED,    /* it could not be created */
    FOUND_BEING_GONE, /* the same, and it is about to be removed */
    FOUND_CASES,
};

static void bring_about(struct alone *a, enum found found)
{
    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 3, 1000);
    (void)journal_fork(a->node);
    a->disk.fault = found == FOUND_UNSYNCED ? DISK_WELL : DISK_FULL;
    answers_send(a, 0, "SET k u\r\n");
    answers_match(a, 0, "+OK|");
    answers_idle(a, found == FOUND_UNSYNCED ? 1 : 3, 10);
    a->disk.fault = DISK_WELL;
    a->is_disk_held = found == FOUND_BEING_GONE;
    answers_idle(a, found == FOUND_BEING_GONE ? 2 : 0, 600);
    cr_assert_eq(a->node->disk_log.segments.count, 2);
    cr_assert_eq(a->node->disk_log.phase, found == FOUND_UNSYNCED  ? DISK_LOG_OPEN
                                          : found == FOUND_REFUSED ? DISK_LOG_BROKEN
                                                                   : DISK_LOG_REMOVING);
}

Test(disk_log, leaves_no_gap_in_the_numbers_of_its_segments_when_the_data_was_replaced)
{
    for (enum found found = 0; found < FOUND_CASES; found++) {
        struct alone *a = start("everysec");

        bring_about(a, found);
        journal_restart(a->node, history_id_make(&a->node->rng), 5000);
        answers_idle(a, 1, 10);
        a->is_disk_held = false;
        while (alone_disk_step(a)) {
        }
        answers_idle(a, 5, 1000);
        answers_expect(a, "SET k w", "+OK|");
        answers_idle(a, 5, 1000);
        cr_expect(a->node->disk_log.is_based, "a snapshot was made");
        cr_expect_gt(disk_log_durable(a->node), 5000);
        a = after_power_cut(a);
        answers_expect(a, "GET k", "$1|w|");
        alone_free(a);
    }
}

/* The first segment of the new data was refused once: the one that takes its place does not go on from the old ones either. */
Test(disk_log, begins_anew_also_when_the_disk_refuses_that_at_first)
{
    struct alone *a = start("everysec");
    const struct disk_log *d = &a->node->disk_log;

    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 3, 1000);
    journal_restart(a->node, history_id_make(&a->node->rng), 5000);
    a->disk.fault = DISK_FULL;
    answers_expect(a, "SET k w", "+OK|");
    answers_idle(a, 2, 10);
    cr_assert(disk_log_is_broken(d));
    a->disk.fault = DISK_WELL;
    answers_idle(a, 3, 1100);
    cr_assert_eq(d->segments.count, 2);
    cr_expect(d->segments.items[1].head.is_anew);
    alone_free(a);
}
