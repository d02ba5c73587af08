/* SPDX-License-Identifier: MIT */
/* The journal: which bytes the effects of commands become. */
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define MULTI    "*1\r\n$5\r\nMULTI\r\n"
#define EXEC     "*1\r\n$4\r\nEXEC\r\n"
#define SELECT_0 "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
#define SELECT_3 "*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n"
#define DEL_A    "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"
#define DEL_B    "*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n"

/* Everything in the log from the offset on; the caller's to deinit. */
static struct buf log_from(const struct alone *a, uint64_t offset)
{
    const struct oplog *log = a->node->journal.log;
    struct buf out = {0};

    while (offset < oplog_end(log)) {
        struct bytes piece;

        cr_assert_eq(oplog_read(log, offset, SIZE_MAX, &piece), OPLOG_OK);
        buf_append_bytes(&out, piece);
        offset += piece.len;
    }
    return out;
}

static void expect_log(struct alone *a, const char *text)
{
    struct buf log = log_from(a, 0);

    cr_expect_str_eq(buf_text(&log), text);
    journal_check(a->node);
    buf_deinit(&log);
}

/* Effects as commands leave them: a DEL of each of the keys, one letter each. */
static void commit(struct alone *a, const char *keys, unsigned db)
{
    struct effects *effects = journal_effects(a->node);

    effects_begin(effects, (struct bytes){0}, NULL, 0);
    for (; *keys != '\0'; keys++) {
        struct bytes words[] = {BYTES_LITERAL("DEL"), bytes_make(keys, 1)};

        effects_add(effects, words, 2);
    }
    journal_commit(a->node, effects, db);
}

Test(journal, selects_the_database_when_the_reader_has_another)
{
    struct alone *a = alone_new(NULL, 0);

    commit(a, "a", 0);
    commit(a, "b", 0);
    commit(a, "a", 3);
    expect_log(a, SELECT_0 DEL_A DEL_B SELECT_3 DEL_A);
    cr_assert_eq(a->node->journal.stream_db, 3);
    cr_assert_eq(a->node->journal.changes, 3);
    alone_free(a);
}

Test(journal, wraps_several_effects_of_one_command)
{
    struct alone *a = alone_new(NULL, 0);

    commit(a, "ab", 0);
    expect_log(a, SELECT_0 MULTI DEL_A DEL_B EXEC);
    alone_free(a);
}

Test(journal, makes_one_piece_of_a_transaction_in_two_databases)
{
    struct alone *a = alone_new(NULL, 0);

    commit(a, "a", 3);
    journal_begin(a->node);
    commit(a, "ab", 0);
    commit(a, "a", 3);
    expect_log(a, SELECT_3 DEL_A);
    journal_end(a->node);
    expect_log(a, SELECT_3 DEL_A MULTI SELECT_0 DEL_A DEL_B SELECT_3 DEL_A EXEC);
    alone_free(a);
}

Test(journal, wraps_no_transaction_of_one_effect_and_leaves_nothing_of_an_empty_one)
{
    struct alone *a = alone_new(NULL, 0);

    journal_begin(a->node);
    commit(a, "", 3);
    journal_end(a->node);
    cr_assert_eq(a->node->journal.stream_db, -1);
    expect_log(a, "");
    journal_begin(a->node);
    commit(a, "a", 0);
    journal_end(a->node);
    expect_log(a, SELECT_0 DEL_A);
    alone_free(a);
}

Test(journal, executes_to_the_same_data_where_it_is_read_back)
{
    struct alone *a = alone_new(NULL, 0);
    struct alone *reader = alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);
    struct buf log;

    alone_connect(a, 0);
    node_begin_pass(a->node, a->env.now(a->env.context));
    journal_begin(a->node);
    node_session_input(
        a->node, a->clients[0].session,
        BYTES_LITERAL("MSET a 1 b 2\r\nSELECT 3\r\nSET a x PX 5000\r\nCOPY a c DB 0\r\n"));
    batch_run(a->node);
    journal_end(a->node);
    node_end_pass(a->node);
    alone_pass(a, 1000, 0,
               BYTES_LITERAL("INCRBYFLOAT f 0.1\r\nMOVE f 5\r\nSELECT 0\r\nGETEX b EX 9\r\n"
                             "RENAME a d\r\nSWAPDB 0 3\r\nAPPEND d y\r\nSELECT 9\r\nSET k v\r\n"));
    log = log_from(a, 0);
    cr_assert(alone_lead(reader));
    alone_primary_sends(reader, buf_bytes(&log));
    cr_assert_eq(node_digest(reader->node), node_digest(a->node));
    cr_assert_neq(node_digest(a->node), 0);
    cr_assert_eq(oplog_end(reader->node->journal.log), oplog_end(a->node->journal.log));
    cr_assert_eq(reader->node->journal.stream_db, a->node->journal.stream_db);
    buf_deinit(&log);
    alone_free(a);
    alone_free(reader);
}

Test(journal, has_requests_that_are_no_effects_and_change_nothing)
{
    struct alone *a = alone_new(NULL, 0);

    journal_append_plain(a->node, "REPLCONF", "GETACK", "*");
    journal_append_plain(a->node, "PING", NULL, NULL);
    expect_log(a, "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n*1\r\n$4\r\nPING\r\n");
    cr_assert_eq(a->node->journal.changes, 0);
    cr_assert_eq(a->node->journal.stream_db, -1);
    alone_free(a);
}

Test(journal, counts_changes_since_the_save_that_has_them)
{
    struct alone *a = alone_new(NULL, 0);

    journal_note_changes(a->node, 5);
    journal_saved(a->node, 3);
    cr_assert_eq(a->node->journal.changes, 2);
    journal_saved(a->node, 7);
    cr_assert_eq(a->node->journal.changes, 0);
    cr_assert_not(journal_take_flush(a->node));
    journal_note_flush(a->node);
    cr_assert(journal_take_flush(a->node));
    cr_assert_not(journal_take_flush(a->node), "it is told once");
    alone_free(a);
}

Test(journal, goes_on_at_its_offset_under_the_id_of_a_new_history)
{
    struct alone *a = alone_new(NULL, 0);
    struct replication_position before;
    struct replication_position after;

    commit(a, "a", 0);
    before = journal_position(a->node);
    journal_fork(a->node);
    after = journal_position(a->node);
    cr_assert_eq(after.offset, before.offset);
    cr_assert_not(history_id_equal(&after.history, &before.history));
    cr_assert(history_id_equal(oplog_previous_history(a->node->journal.log), &before.history));
    cr_assert_eq(a->node->journal.stream_db, -1, "readers select anew");
    journal_begin_history(a->node);
    after = journal_position(a->node);
    cr_assert_eq(after.offset, before.offset);
    cr_assert_eq(oplog_start(a->node->journal.log), before.offset, "it shares nothing");
    alone_free(a);
}

Test(journal, commits_nothing_on_a_replica, .signal = SIGABRT)
{
    commit(alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1), "a", 0);
}

Test(journal, takes_no_bytes_of_a_primary_while_it_is_one, .signal = SIGABRT)
{
    journal_append_received(alone_new(NULL, 0)->node, BYTES_LITERAL("\r\n"));
}

Test(journal, has_one_transaction_at_a_time, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);

    journal_begin(a->node);
    journal_begin(a->node);
}

Test(journal, does_not_grow_past_an_open_transaction, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);

    journal_begin(a->node);
    journal_append_plain(a->node, "PING", NULL, NULL);
}
