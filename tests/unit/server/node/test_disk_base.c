/* SPDX-License-Identifier: MIT */
/* What the log goes on from: snapshot and manifest, kept together, and how the server ends. */
#include "base/attr.h"
#include "node/inside.h"
#include "segment/segment.h"
#include "tests/unit/answers.h"

#include <stdio.h>

static const struct alone_option logged[] = {
    {"appendonly",              "yes" },
    {"repl-log-segment-size",   "4096"},
    {"repl-log-retention-size", "0"   },
};

static struct alone *start(void)
{
    return answers_start(logged, ARRAY_COUNT(logged));
}

/* Killed, and started again with the given directives. */
static struct alone *again(struct alone *a, const struct alone_option *options, size_t count)
{
    struct alone_past past = {.disk = &a->disk, .seed = 78, .now_us = a->now_us};
    struct alone *next = alone_new_after(options, count, &past);

    if (next->node != NULL && alone_load(next)) {
        alone_connect(next, 0);
    }
    alone_free(a);
    return next;
}

static void write_much(struct alone *a)
{
    char line[64];

    for (int i = 0; i < 300; i++) {
        snprintf(line, sizeof(line), "SET key:%d value\r\n", i);
        answers_send(a, 0, line);
    }
    answers_idle(a, 8, 500);
    answers_match(a, 0, "*");
}

Test(disk_base, lets_old_segments_go_once_a_snapshot_has_what_they_have)
{
    struct alone *a = start();

    write_much(a);
    cr_expect_gt(a->node->disk_log.segments.count, 2);
    answers_send(a, 0, "BGREWRITEAOF\r\nSET behind 1\r\n");
    answers_idle(a, 20, 500);
    cr_expect_leq(a->node->disk_log.segments.count, 2);
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 301);
    alone_free(a);
}

Test(disk_base, goes_on_with_the_history_after_an_orderly_end_and_begins_one_after_any_other)
{
    struct alone *a = start();
    struct history_id history;

    write_much(a);
    history = *oplog_history(a->node->journal.log);
    answers_send(a, 0, "SHUTDOWN\r\n");
    answers_idle(a, 5, 10);
    cr_assert(a->has_exited);
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect(history_id_equal(oplog_history(a->node->journal.log), &history));
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect_not(history_id_equal(oplog_history(a->node->journal.log), &history));
    cr_expect(history_id_equal(oplog_previous_history(a->node->journal.log), &history));
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 300);
    alone_free(a);
}

Test(disk_base, does_not_end_when_the_disk_refuses_unless_it_is_told_to)
{
    struct alone *a = start();

    answers_expect(a, "SET k v", "+OK|");
    a->disk.fault = DISK_BROKEN;
    answers_send(a, 0, "SHUTDOWN\r\n");
    answers_idle(a, 10, 10);
    answers_match(a, 0, "-ERR Errors trying to SHUTDOWN. Check logs.|");
    cr_expect_not(a->has_exited);
    answers_send(a, 0, "SHUTDOWN NOSAVE\r\n");
    answers_idle(a, 10, 10);
    cr_expect(a->has_exited);
    alone_free(a);
}

/* Each failure is heard of in a pass of its own, which must not begin the next attempt. */
Test(disk_base, tries_a_manifest_that_the_disk_refuses_once_a_second)
{
    struct alone *a = start();
    const struct disk_base *base = &a->node->disk_base;
    struct mono_time retry_at = {0};
    int attempts = 0;

    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 5, 500);
    a->disk.fault = DISK_BROKEN;
    a->node->disk_base.is_wanted = true;
    for (int ms = 0; ms < 3500; ms++) {
        answers_idle(a, 1, 1);
        attempts += base->retry_at.us != retry_at.us ? 1 : 0;
        retry_at = base->retry_at;
    }
    cr_expect_eq(attempts, 4, "%d", attempts);
    cr_expect(base->is_refused);
    cr_expect_eq(disk_base_wake_at(a->node).us, base->retry_at.us, "it sleeps until then");
    a->disk.fault = DISK_WELL;
    answers_idle(a, 5, 500);
    cr_expect(!base->is_refused && !base->is_wanted);
    alone_free(a);
}

Test(disk_base, replays_a_log_also_without_appendonly_and_ends_it_with_a_snapshot)
{
    static const struct alone_option plain[] = {
        {"appendonly", "no"}
    };
    struct alone *a = start();

    write_much(a);
    a = again(a, plain, 1);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 300);
    answers_idle(a, 20, 500);
    cr_expect_not(disk_log_is_on(&a->node->disk_log));
    a = again(a, plain, 1);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 300, "from the snapshot");
    cr_expect_not(disk_log_is_on(&a->node->disk_log));
    alone_free(a);
}

Test(disk_base, promises_nothing_of_a_log_whose_end_may_be_on_disk_already)
{
    struct alone *a = start();
    int seen = 0;

    answers_expect(a, "SET before 1", "+OK|");
    answers_idle(a, 20, 500);
    cr_assert(a->node->disk_log.is_based);
    answers_send(a, 0, "CONFIG SET appendonly no\r\n");
    for (int step = 0; step < 1000 && disk_log_is_on(&a->node->disk_log); step++) {
        if (files_is_writing(a->node, FILE_MANIFEST) && a->node->disk_base.writing_off) {
            cr_expect_not(a->node->disk_log.is_based);
            seen++;
        }
        answers_idle(a, 1, 1);
    }
    cr_expect_gt(seen, 0);
    cr_expect_not(disk_log_is_on(&a->node->disk_log));
    alone_free(a);
}

Test(disk_base, ends_a_log_with_a_snapshot_that_has_all_that_was_promised)
{
    struct alone *a = start();

    answers_expect(a, "SET before 1", "+OK|");
    answers_idle(a, 20, 500);
    a->is_disk_slow = true;
    answers_send(a, 0, "BGSAVE\r\n");
    answers_idle(a, 3, 1);
    cr_assert(saving_is_on(a->node));
    answers_send(a, 0, "SET behind 1\r\nCONFIG SET appendonly no\r\n");
    a->is_disk_slow = false;
    for (int step = 0; step < 1000 && disk_log_is_on(&a->node->disk_log); step++) {
        answers_idle(a, 1, 1);
    }
    cr_expect_not(disk_log_is_on(&a->node->disk_log));
    a = again(a, logged, ARRAY_COUNT(logged));
    answers_expect(a, "MGET before behind", "*2|$1|1|$1|1|");
    alone_free(a);
}

Test(disk_base, has_nobody_wait_for_a_log_that_is_to_end)
{
    struct alone *a = start();

    answers_expect(a, "SET k 1", "+OK|");
    answers_idle(a, 20, 500);
    alone_connect(a, 1);
    a->is_disk_slow = true;
    answers_send(a, 0, "SET k 2\r\nWAITAOF 1 0 0\r\n");
    answers_send(a, 1, "CONFIG SET appendonly no\r\nWAITAOF 1 0 0\r\n");
    answers_match(a, 0, "+OK|-ERR WAITAOF cannot be used when numlocal is set but*");
    answers_match(a, 1, "+OK|-ERR WAITAOF cannot be used when numlocal is set but*");
    a->is_disk_slow = false;
    answers_idle(a, 20, 500);
    alone_free(a);
}

static void remove_log(struct alone *a)
{
    struct disk *disk = &a->disk;

    for (size_t i = disk->files.count; i > 0; i--) {
        struct disk_file *file = &disk->files.items[i - 1];
        char name[DISK_NAME_MAX];

        snprintf(name, sizeof(name), "%s", file->name);
        if (strncmp(name, "appendonlydir/", 14) == 0) {
            cr_assert_eq(disk->fs.remove(disk, name, NULL), FS_OK);
        }
    }
}

Test(disk_base, begins_its_log_again_when_somebody_has_removed_it)
{
    struct alone *a = start();

    write_much(a);
    remove_log(a);
    answers_send(a, 0, "SET seen 1\r\n");
    answers_idle(a, 2, 1);
    cr_expect(disk_log_is_broken(&a->node->disk_log));
    answers_match(a, 0, "+OK|");
    answers_send(a, 0, "SET refused 1\r\nGET seen\r\n");
    answers_match(a, 0, "-MISCONF*|$1|1|");
    answers_idle(a, 30, 200);
    cr_expect(a->node->disk_log.is_based);
    answers_expect(a, "SET taken 1", "+OK|");
    answers_idle(a, 10, 500);
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 302);
    alone_free(a);
}

Test(disk_base, refuses_writes_until_a_log_that_was_removed_has_a_snapshot_again)
{
    struct alone *a = start();

    write_much(a);
    remove_log(a);
    a->disk.fault = DISK_FULL;
    answers_send(a, 0, "SET seen 1\r\n");
    answers_idle(a, 20, 500);
    answers_match(a, 0, "+OK|");
    answers_expect(a, "SET refused 1", "-MISCONF*");
    a->disk.fault = DISK_WELL;
    a->is_disk_slow = true;
    answers_idle(a, 5, 500);
    answers_expect(a, "SET refused 1", "-MISCONF Errors writing to the AOF file: its files were*");
    a->is_disk_slow = false;
    answers_idle(a, 20, 500);
    answers_expect(a, "SET taken 1", "+OK|");
    alone_free(a);
}

Test(disk_base, does_not_begin_a_log_where_one_is_that_counts)
{
    struct alone *a = answers_start(NULL, 0);
    struct alone *other = start();
    struct buf manifest = {0};
    struct errmsg error = {0};

    answers_expect(other, "SET other 1", "+OK|");
    answers_idle(other, 10, 500);
    cr_assert_eq(other->disk.fs.read_file(&other->disk, "appendonlydir/manifest", 1 << 16,
                                          &manifest, &error),
                 FS_OK);
    alone_free(other);
    cr_assert_eq(
        a->disk.fs.write_whole(&a->disk, "appendonlydir/manifest", buf_bytes(&manifest), &error),
        FS_OK);
    buf_deinit(&manifest);
    answers_expect(a, "CONFIG SET appendonly yes",
                   "-ERR CONFIG SET failed (possibly related to argument 'appendonly') - the "
                   "folder appendonlydir has a log of other data*");
    cr_expect_not(disk_log_is_on(&a->node->disk_log));
    cr_assert_eq(a->disk.fs.remove(&a->disk, "appendonlydir/manifest", &error), FS_OK);
    answers_expect(a, "CONFIG SET appendonly yes", "+OK|");
    alone_free(a);
}

Test(disk_base, takes_one_snapshot_to_begin_a_log)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SET before 1", "+OK|");
    a->is_disk_slow = true;
    answers_send(a, 0, "CONFIG SET appendonly yes\r\n");
    answers_idle(a, 10, 100);
    a->is_disk_slow = false;
    answers_idle(a, 10, 100);
    cr_expect(a->node->disk_log.is_based);
    cr_expect_eq(a->node->disk_base.save_number, 1);
    alone_free(a);
}

Test(disk_base, refuses_a_snapshot_that_its_log_does_not_go_on_from)
{
    struct alone *a = start();
    struct alone *other = start();
    struct buf foreign = {0};
    struct errmsg error = {0};

    answers_send(other, 0, "SET other 1\r\nBGSAVE\r\n");
    answers_idle(other, 10, 500);
    cr_assert_eq(other->disk.fs.read_file(&other->disk, "dump.rdb", 1 << 20, &foreign, &error),
                 FS_OK);
    alone_free(other);
    write_much(a);
    answers_send(a, 0, "BGSAVE\r\n");
    answers_idle(a, 10, 500);
    cr_assert_eq(a->disk.fs.write_whole(&a->disk, "dump.rdb", buf_bytes(&foreign), &error), FS_OK);
    buf_deinit(&foreign);
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect(a->has_exited);
    cr_expect_not_null(
        strstr(buf_text(&a->warnings), "which the log in appendonlydir has nothing"));
    alone_free(a);
}

Test(disk_base, needs_the_snapshot_that_its_log_goes_on_from)
{
    struct alone *a = start();
    struct errmsg error = {0};

    write_much(a);
    answers_send(a, 0, "BGSAVE\r\n");
    answers_idle(a, 10, 500);
    cr_assert_eq(a->disk.fs.remove(&a->disk, "dump.rdb", &error), FS_OK);
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect(a->has_exited);
    cr_expect_not_null(strstr(buf_text(&a->warnings), "the snapshot dump.rdb is missing"));
    alone_free(a);
}

static void expect_reads_alone(struct alone *a)
{
    answers_send(a, 0, "GET kept\r\nSET refused 1\r\n");
    answers_match(a, 0, "$1|1|-MISCONF Errors writing to the AOF file: *");
    cr_expect_eq(disk_log_durable(a->node), 0);
    cr_expect(disk_log_is_broken(&a->node->disk_log));
}

Test(disk_base, serves_reads_from_a_start_on_while_the_disk_refuses_and_writes_once_it_does_not)
{
    static const enum disk_fault faults[] = {DISK_FULL, DISK_BROKEN};

    for (size_t i = 0; i < 2 * ARRAY_COUNT(faults); i++) {
        struct alone *a = start();

        answers_expect(a, "SET kept 1", "+OK|");
        answers_idle(a, 3, 1000);
        if (i % 2 == 1) {
            answers_send(a, 0, "SHUTDOWN\r\n");
            answers_idle(a, 5, 10);
            cr_assert(a->has_exited);
        }
        a->disk.fault = faults[i / 2];
        a = again(a, logged, ARRAY_COUNT(logged));
        cr_assert(!a->has_exited, "%s", buf_text(&a->warnings));
        expect_reads_alone(a);
        answers_idle(a, 5, 1000);
        a = again(a, logged, ARRAY_COUNT(logged)); /* killed, and still no room */
        expect_reads_alone(a);
        answers_idle(a, 5, 1000);
        a->disk.fault = DISK_WELL;
        answers_idle(a, 2, 1000);
        answers_expect(a, "SET after 1", "+OK|");
        answers_idle(a, 3, 1000);
        disk_power_cut(&a->disk, NULL);
        a = again(a, logged, ARRAY_COUNT(logged));
        answers_expect(a, "MGET kept refused after", "*3|$1|1|$-1|$1|1|");
        alone_free(a);
    }
}

/* The data was replaced meanwhile: what is on disk is still of the one before, until there is a snapshot. */
Test(disk_base, begins_anew_when_the_data_was_replaced_before_the_disk_took_anything)
{
    struct alone *a = start();

    answers_expect(a, "SET kept 1", "+OK|");
    answers_idle(a, 3, 1000);
    a->disk.fault = DISK_FULL;
    a = again(a, logged, ARRAY_COUNT(logged));
    journal_restart(a->node, history_id_make(&a->node->rng), 5000);
    answers_idle(a, 3, 1000);
    expect_reads_alone(a);
    a->disk.fault = DISK_WELL;
    a->is_disk_slow = true;
    answers_idle(a, 1, 1000);
    cr_expect_not(a->node->disk_base.is_put_off);
    cr_expect_not(a->node->disk_log.is_based);
    a->is_disk_slow = false;
    answers_idle(a, 5, 1000);
    cr_expect(a->node->disk_log.is_based);
    answers_expect(a, "SET after 1", "+OK|");
    answers_idle(a, 3, 1000);
    disk_power_cut(&a->disk, NULL);
    a = again(a, logged, ARRAY_COUNT(logged));
    answers_expect(a, "MGET kept after", "*2|$1|1|$1|1|");
    alone_free(a);
}

/* The disk is well again, and nothing was tried since: the end needs a snapshot, or the next start would miss the log. */
Test(disk_base, does_not_say_where_a_log_ends_that_goes_on_from_nothing)
{
    struct alone *a = start();

    answers_expect(a, "SET kept 1", "+OK|");
    answers_idle(a, 3, 1000);
    a->disk.fault = DISK_BROKEN;
    journal_restart(a->node, history_id_make(&a->node->rng), 5000);
    answers_idle(a, 3, 10);
    a->disk.fault = DISK_WELL;
    cr_expect_not(a->node->disk_log.is_based);
    answers_send(a, 0, "SHUTDOWN\r\n");
    answers_idle(a, 10, 10);
    cr_expect(a->has_exited);
    a = again(a, logged, ARRAY_COUNT(logged));
    answers_expect(a, "GET kept", "$1|1|");
    alone_free(a);
}

Test(disk_base, does_not_start_a_log_where_none_was_on_a_disk_that_refuses)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SET kept 1", "+OK|");
    a->disk.fault = DISK_FULL;
    a = again(a, logged, ARRAY_COUNT(logged));
    cr_expect(a->has_exited);
    cr_expect_not_null(strstr(buf_text(&a->warnings), "appendonlydir cannot be written"));
    alone_free(a);
}
