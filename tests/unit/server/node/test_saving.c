/* SPDX-License-Identifier: MIT */
/* Saves, and what is said while they are under way. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

Test(saving, goes_to_the_file_that_was_its_name_when_it_began)
{
    const struct alone_option options[] = {
        {"enable-debug-command",     "yes"},
        {"enable-protected-configs", "yes"},
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));
    struct buf out;

    alone_connect(a, 0);
    alone_pass(a, 1000, 0,
               bytes_from_text("DEBUG POPULATE 20000\r\nBGSAVE\r\n"
                               "CONFIG SET dbfilename other.rdb\r\n"));
    alone_settle(a, 200);
    out = alone_take(a, 0);
    cr_expect_str_eq(buf_text(&out), "+OK\r\n+Background saving started\r\n+OK\r\n");
    cr_assert(answers_has_file(a, "dump.rdb") && !answers_has_file(a, "other.rdb"));
    buf_deinit(&out);
    alone_pass(a, 1000, 0, bytes_from_text("SAVE\r\n"));
    alone_settle(a, 200);
    cr_assert(answers_has_file(a, "other.rdb"));
    alone_free(a);
}

static struct alone *start_with_keys(void)
{
    struct alone *a = answers_start(&(struct alone_option){"enable-debug-command", "yes"}, 1);

    answers_expect(a, "DEBUG POPULATE 20000", "+OK|");
    return a;
}

Test(saving, walks_then_commits_then_is_idle_again)
{
    struct alone *a = start_with_keys();
    const struct saving *saving = &a->node->saving;

    cr_expect_eq(saving->phase, SAVING_IDLE);
    a->is_disk_slow = true;
    answers_send(a, 0, "BGSAVE\r\n");
    cr_expect_eq(saving->phase, SAVING_WALKING);
    saving_check(a->node);
    for (int i = 0; i < ANSWERS_PASSES && saving->phase == SAVING_WALKING; i++) {
        answers_idle(a, 1, 1);
    }
    cr_expect_eq(saving->phase, SAVING_COMMITTING);
    saving_check(a->node);
    a->is_disk_slow = false;
    answers_idle(a, 2, 1);
    cr_expect_eq(saving->phase, SAVING_IDLE);
    cr_expect_eq(saving->save_count, 1);
    alone_free(a);
}

Test(saving, counts_as_unsaved_what_was_changed_while_it_was_under_way)
{
    struct alone *a = start_with_keys();

    a->is_disk_slow = true;
    answers_send(a, 0, "BGSAVE\r\n");
    answers_send(a, 0, "SET later 1\r\n");
    a->is_disk_slow = false;
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_eq(a->node->journal.changes, 1);
    alone_free(a);
}

Test(saving, that_is_wanted_during_another_begins_when_that_is_over)
{
    struct alone *a = start_with_keys();

    answers_send(a, 0, "BGSAVE\r\nBGSAVE SCHEDULE\r\n");
    cr_expect(a->node->saving.is_wanted);
    alone_settle(a, ANSWERS_PASSES);
    cr_expect_not(saving_is_on(a->node));
    cr_expect_eq(a->node->saving.save_count, 2);
    alone_free(a);
}

Test(saving, by_a_save_point_that_failed_is_tried_again_after_five_seconds)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "CONFIG SET save \"1 1\"", "+OK|");
    a->disk.fault = DISK_BROKEN;
    answers_expect(a, "SET k v", "+OK|");
    answers_idle(a, 30, 100);
    cr_expect_not(a->node->saving.is_last_ok);
    cr_expect_eq(a->node->saving.save_count, 0);
    a->disk.fault = DISK_WELL;
    answers_idle(a, 10, 100);
    cr_expect_eq(a->node->saving.save_count, 0, "it is too early");
    answers_idle(a, 60, 100);
    cr_expect_eq(a->node->saving.save_count, 1);
    cr_expect_eq(a->node->journal.changes, 0);
    alone_free(a);
}

Test(saving, that_ends_without_having_begun_is_a_bug, .signal = SIGABRT)
{
    saving_file_done(answers_start(NULL, 0)->node, true, NULL);
}

Test(saving, that_succeeds_before_all_was_written_is_a_bug, .signal = SIGABRT)
{
    struct alone *a = start_with_keys();

    answers_send(a, 0, "BGSAVE\r\n");
    saving_file_done(a->node, true, NULL);
}

Test(saving, counts_no_segment_as_growth_that_is_kept_for_replicas_while_the_disk_is_behind)
{
    const struct alone_option options[] = {
        {"appendonly",            "yes" },
        {"repl-log-segment-size", "4096"},
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));
    const struct segment_list *segments = &a->node->disk_log.segments;
    struct replication_position position;
    char set[2100];

    snprintf(set, sizeof(set), "SET key %01500d", 1);
    for (int i = 0; i < 12; i++) {
        answers_expect(a, set, "+OK|");
        alone_settle(a, 20);
    }
    cr_assert_gt(segments->count, 3);
    a->is_disk_slow = true; /* what is written from here on is not durable */
    for (int i = 0; i < 12; i++) {
        answers_expect(a, set, "+OK|");
    }
    position = journal_position(a->node);
    disk_base_saved(a->node, &position, "dump.rdb", disk_base_new_save(a->node), 100);
    alone_pass(a, 1000, ALONE_CLIENTS, (struct bytes){0});
    cr_expect_leq(disk_base_grown_bytes(a->node), segments->items[segments->count - 1].size_bytes);
    a->is_disk_slow = false;
    alone_settle(a, 200);
    alone_free(a);
}

/* Of walks over the data one is on at a time, and the receiver decides how long that of a move takes. */
Test(saving, begins_when_no_image_of_slots_that_move_is_on)
{
    static const uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {1};
    struct alone *a = answers_start_cluster();

    answers_expect(a, "SET {t}a 1", "+OK|");
    move_image_begin(a->node, a, slots);
    answers_expect(a, "BGSAVE", "+Background saving started|");
    alone_settle(a, 50);
    cr_expect_not(a->node->image.is_on);
    cr_expect_not(answers_has_file(a, "dump.rdb"));
    move_image_cancel(a->node);
    answers_idle(a, 3, 10);
    alone_settle(a, 200);
    cr_expect(answers_has_file(a, "dump.rdb"));
    alone_free(a);
}
