/* SPDX-License-Identifier: MIT */
/* The one door to data commands, row by row: who sees expired keys, and where effects go. */
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static struct alone *start_primary(void)
{
    struct alone *a = alone_new(NULL, 0);

    alone_connect(a, 0);
    upkeep_set_expiring(a->node, false);
    return a;
}

static struct alone *start_replica(void)
{
    struct alone_option options[] = {
        {"replicaof",         "127.0.0.1 7000"},
        {"replica-read-only", "no"            }
    };
    struct alone *a = alone_new(options, 2);

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    return a;
}

static uint64_t log_end(const struct alone *a)
{
    return oplog_end(a->node->journal.log);
}

static bool log_has(const struct alone *a, uint64_t offset, const char *text)
{
    struct bytes piece;
    struct buf copy = {0};
    bool has;

    cr_assert_eq(oplog_read(a->node->journal.log, offset, SIZE_MAX, &piece), OPLOG_OK);
    buf_append_bytes(&copy, piece);
    has = strstr(buf_text(&copy), text) != NULL;
    buf_deinit(&copy);
    return has;
}

static bool is_there(const struct alone *a, const char *key)
{
    struct key_ref ref = keyspace_ref(a->node->data.keyspace, 0, bytes_from_text(key));

    return keyspace_find_any(a->node->data.keyspace, &ref) != NULL;
}

Test(call, by_a_client_puts_what_it_changed_into_the_journal_and_nothing_else)
{
    struct alone *a = start_primary();
    uint64_t before = log_end(a);
    uint64_t written;

    answers_exactly(a, 0, "GET k\r\nDEL k\r\n", "$-1\r\n:0\r\n");
    cr_assert_eq(log_end(a), before);
    answers_exactly(a, 0, "SET k v\r\n", "+OK\r\n");
    written = log_end(a);
    cr_assert(log_has(a, before, "SET\r\n$1\r\nk\r\n$1\r\nv"));
    cr_assert_eq(a->clients[0].session->last_write_offset, written);
    cr_assert_eq(a->node->journal.changes, 1);
    answers_exactly(a, 0, "GET k\r\n", "$1\r\nv\r\n");
    cr_assert_eq(log_end(a), written);
    alone_free(a);
}

Test(call, by_a_client_does_not_see_expired_keys_and_removes_them)
{
    struct alone *a = start_primary();
    uint64_t before;

    answers_exactly(a, 0, "SET k v PX 10\r\n", "+OK\r\n");
    before = log_end(a);
    alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    cr_assert(is_there(a, "k"));
    answers_exactly(a, 0, "GET k\r\n", "$-1\r\n");
    cr_assert_not(is_there(a, "k"));
    cr_assert(log_has(a, before, "DEL\r\n$1\r\nk"));
    alone_free(a);
}

Test(call, by_a_client_of_a_writable_replica_leaves_its_effects_here)
{
    struct alone *a = start_replica();
    uint64_t before = log_end(a);
    uint64_t changes = a->node->journal.changes;

    answers_exactly(a, 0, "SET own v\r\n", "+OK\r\n");
    cr_assert(is_there(a, "own"));
    cr_assert_eq(log_end(a), before);
    cr_assert_eq(a->node->journal.changes, changes + 1);
    alone_free(a);
}

Test(call, by_our_primary_sees_expired_keys)
{
    struct alone *a = start_replica();
    const char *requests = "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n$4\r\nPXAT\r\n$1\r\n1\r\n"
                           "*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n";
    uint64_t before = log_end(a);
    struct key_ref ref;
    int64_t value = 0;

    alone_primary_sends(a, bytes_from_text(requests));
    ref = keyspace_ref(a->node->data.keyspace, 0, BYTES_LITERAL("k"));
    cr_assert(entry_integer(keyspace_find_any(a->node->data.keyspace, &ref), &value));
    cr_assert_eq(value, 2, "it was 1, though expired");
    cr_assert_eq(log_end(a), before + strlen(requests), "the log has the primary's bytes alone");
    answers_exactly(a, 0, "GET k\r\n", "$-1\r\n");
    cr_assert(is_there(a, "k"), "only the primary decides");
    alone_free(a);
}

Test(call, by_the_node_removes_what_has_expired_and_tells_replicas)
{
    struct alone *a = start_primary();
    uint64_t before;
    bool has_more;

    answers_exactly(a, 0, "MSET a 1 b 2 c 3\r\nPEXPIRE a 10\r\nPEXPIRE b 10\r\n",
                    "+OK\r\n:1\r\n:1\r\n");
    alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    before = log_end(a);
    cr_assert_eq(call_expire(a->node, 1000, 100, &has_more), 2);
    cr_assert(log_has(a, before, "DEL\r\n$1\r\na") && log_has(a, before, "DEL\r\n$1\r\nb"));
    cr_assert_not(is_there(a, "a") || is_there(a, "b"));
    cr_assert(is_there(a, "c"));
    before = log_end(a);
    cr_assert_eq(call_expire(a->node, 1000, 100, &has_more), 0);
    cr_assert_eq(log_end(a), before);
    alone_free(a);
}

Test(call, by_the_node_removes_a_key_or_all_and_tells_replicas)
{
    struct alone *a = start_primary();
    uint64_t before;

    answers_exactly(a, 0, "MSET a 1 b 2\r\n", "+OK\r\n");
    before = log_end(a);
    call_remove(a->node, 0, BYTES_LITERAL("nosuch"));
    cr_assert_eq(log_end(a), before);
    call_remove(a->node, 0, BYTES_LITERAL("a"));
    cr_assert(log_has(a, before, "DEL\r\n$1\r\na"));
    cr_assert_not(is_there(a, "a"));
    call_flush_all(a->node);
    cr_assert(log_has(a, before, "*1\r\n$8\r\nFLUSHALL"));
    cr_assert_eq(keyspace_count_all(a->node->data.keyspace), 0);
    alone_free(a);
}

Test(call, of_flushall_notes_that_everything_went_whoever_it_comes_from)
{
    struct alone *a = start_primary();
    struct alone *replica = start_replica();

    (void)journal_take_flush(replica->node);
    node_begin_pass(replica->node, replica->env.now(replica));
    node_link_input(replica->node, replica->primary_link,
                    BYTES_LITERAL("*1\r\n$8\r\nFLUSHALL\r\n"));
    cr_assert(journal_take_flush(replica->node));
    node_end_pass(replica->node);
    node_begin_pass(a->node, a->env.now(a));
    node_session_input(a->node, a->clients[0].session, BYTES_LITERAL("FLUSHALL\r\n"));
    batch_run(a->node);
    cr_assert(journal_take_flush(a->node));
    node_end_pass(a->node);
    alone_free(replica);
    alone_free(a);
}

Test(call, by_a_primary_is_none_where_we_are_one, .signal = SIGABRT)
{
    struct alone *a = start_primary();
    struct bytes words[] = {BYTES_LITERAL("GET"), BYTES_LITERAL("k")};
    struct buf replies = {0};
    struct resp_writer reply = {.out = &replies, .version = 2};

    call_for_primary(a->node,
                     &(struct streamed_command){
                         .spec = command_spec(COMMAND_GET), .args = words, .arg_count = 2},
                     &reply);
}

Test(call, by_the_node_expires_nothing_on_a_replica, .signal = SIGABRT)
{
    bool has_more;

    (void)call_expire(start_replica()->node, 10, 10, &has_more);
}
