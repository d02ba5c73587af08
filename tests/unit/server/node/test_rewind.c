/* SPDX-License-Identifier: MIT */
/* Going back to where histories part, by the node's own snapshot and log. */
#include "node/inside.h"
#include "tests/unit/answers.h"

static struct alone *start_logged(void)
{
    return answers_start(&(struct alone_option){"appendonly", "yes"}, 1);
}

/* What a primary that goes elsewhere is told by whom it follows; *to is the place of so many bytes so far. */
static void be_told(struct alone *a, uint64_t offset)
{
    struct replication_position to = journal_position(a->node);

    to.offset = offset;
    node_follow(a->node, "127.0.0.1", 7000);
    rewind_want(a->node, &to);
}

Test(rewind, brings_the_data_back_to_the_place_and_asks_again)
{
    struct alone *a = start_logged();
    uint64_t place;
    struct history_id history;

    answers_send(a, 1, "SET kept 1\r\nRPUSH l a b\r\n");
    place = oplog_end(a->node->journal.log);
    history = *oplog_history(a->node->journal.log);
    answers_send(a, 1, "SET kept 2\r\nSET lost 1\r\nDEL l\r\n");
    answers_idle(a, 5, 2000);
    be_told(a, place);
    answers_idle(a, 5, 10);
    cr_expect_not(a->node->rewind.is_wanted);
    cr_expect_eq(a->node->loading.phase, LOAD_IDLE);
    cr_expect_eq(oplog_end(a->node->journal.log), place);
    cr_expect(history_id_equal(oplog_history(a->node->journal.log), &history));
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 2);
    cr_expect(disk_log_is_on(&a->node->disk_log) && a->node->disk_log.is_based);
    cr_expect_neq(a->primary_link, 0, "it asks again");
    alone_free(a);
}

Test(rewind, is_no_way_when_the_snapshot_is_behind_the_place_or_there_is_no_log)
{
    struct alone *a = start_logged();
    struct alone *b = answers_start(NULL, 0);
    uint64_t place;

    answers_send(a, 1, "SET kept 1\r\n");
    place = oplog_end(a->node->journal.log);
    answers_send(a, 1, "SET kept 2\r\nBGSAVE\r\n");
    answers_idle(a, 5, 2000);
    be_told(a, place);
    cr_expect_eq(rewind_chance(a->node), REWIND_NEVER);
    answers_idle(a, 5, 10);
    cr_expect_not(a->node->rewind.is_wanted);
    cr_expect(a->node->upstream.needs_full);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 1, "the data is kept meanwhile");
    alone_free(a);

    answers_send(b, 1, "SET kept 1\r\n");
    be_told(b, 0);
    cr_expect_eq(rewind_chance(b->node), REWIND_NEVER);
    rewind_forget(b->node);
    alone_free(b);
}

Test(rewind, waits_for_a_save_to_end)
{
    struct alone *a = start_logged();
    uint64_t place;

    answers_send(a, 1, "SET kept 1\r\n");
    place = oplog_end(a->node->journal.log);
    answers_send(a, 1, "SET kept 2\r\n");
    answers_idle(a, 5, 2000);
    a->is_disk_slow = true;
    be_told(a, place);
    files_begin(a->node, FILE_MANIFEST, "appendonlydir/manifest");
    cr_expect_eq(rewind_chance(a->node), REWIND_LATER);
    files_abort(a->node, FILE_MANIFEST);
    a->is_disk_slow = false;
    cr_expect_eq(rewind_chance(a->node), REWIND_NOW);
    answers_idle(a, 5, 10);
    cr_expect_eq(oplog_end(a->node->journal.log), place);
    alone_free(a);
}

/* Power went between a snapshot and the manifest that names it: to read it again would lead to where we are, for ever. */
Test(rewind, goes_to_no_place_before_the_snapshot_that_was_loaded)
{
    struct alone *a = start_logged();
    uint64_t place;

    answers_send(a, 1, "SET kept 1\r\n");
    place = oplog_end(a->node->journal.log);
    answers_send(a, 1, "SET kept 2\r\n");
    answers_idle(a, 5, 2000);
    a->node->loading.has_position = true;
    a->node->loading.position.offset = place + 1;
    be_told(a, place);
    cr_expect_eq(rewind_chance(a->node), REWIND_NEVER);
    a->node->loading.position.offset = place;
    cr_expect_eq(rewind_chance(a->node), REWIND_NOW);
    rewind_forget(a->node);
    alone_free(a);
}

Test(rewind, is_not_for_who_became_a_primary_meanwhile)
{
    struct alone *a = start_logged();

    answers_send(a, 1, "SET kept 1\r\n");
    be_told(a, 0);
    node_become_primary(a->node);
    answers_idle(a, 2, 10);
    cr_expect_not(a->node->rewind.is_wanted);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 1);
    alone_free(a);
}

Test(rewind, does_not_end_the_process_when_the_disk_refuses)
{
    struct alone *a = start_logged();
    uint64_t place;

    answers_send(a, 1, "SET kept 1\r\n");
    place = oplog_end(a->node->journal.log);
    answers_send(a, 1, "SET lost 1\r\n");
    answers_idle(a, 5, 2000);
    be_told(a, place);
    a->disk.fault = DISK_BROKEN;
    answers_idle(a, 5, 10);
    cr_assert_not(a->has_exited, "%s", buf_text(&a->warnings));
    cr_expect_eq(oplog_end(a->node->journal.log), place);
    cr_expect(disk_log_is_broken(&a->node->disk_log));
    a->disk.fault = DISK_WELL;
    answers_idle(a, 2, 1000);
    cr_expect_not(disk_log_is_broken(&a->node->disk_log));
    cr_expect(a->node->disk_log.is_based);
    alone_free(a);
}

/* It was replayed to its end, and asked again, without end. */
Test(rewind, is_no_way_back_to_the_beginning)
{
    struct alone *a = start_logged();

    answers_send(a, 1, "SET lost 1\r\n");
    answers_idle(a, 5, 2000);
    be_told(a, 0);
    cr_expect_eq(rewind_chance(a->node), REWIND_NEVER);
    answers_idle(a, 5, 10);
    cr_expect_not(a->node->rewind.is_wanted);
    cr_expect(a->node->upstream.needs_full);
    alone_free(a);
}
