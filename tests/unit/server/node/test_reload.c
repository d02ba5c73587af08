/* SPDX-License-Identifier: MIT */
/* The data is saved and read back. */
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <signal.h>

static struct alone *start(void)
{
    struct alone *a = answers_start(&(struct alone_option){"enable-debug-command", "yes"}, 1);

    answers_expect(a, "SET k v", "+OK|");
    return a;
}

Test(reload, pauses_everybody_until_the_data_is_back)
{
    struct alone *a = start();
    const struct pauses *pauses = &a->node->pauses;

    a->is_disk_slow = true;
    answers_send(a, 0, "DEBUG RELOAD\r\n");
    cr_expect(a->node->reload.is_on);
    cr_expect_eq(pauses->by_reason[PAUSE_FOR_RELOAD].scope, PAUSE_ALL);
    cr_expect(reload_is_blocked(a->node));
    a->is_disk_slow = false;
    alone_settle(a, ANSWERS_PASSES);
    answers_match(a, 0, "+OK|");
    cr_expect_not(a->node->reload.is_on);
    cr_expect_eq(pauses->scope, PAUSE_NOTHING);
    cr_expect_not(reload_is_blocked(a->node));
    alone_free(a);
}

Test(reload, of_a_disk_that_fails_ends_the_pause_and_keeps_the_data)
{
    struct alone *a = start();

    a->disk.fault = DISK_BROKEN;
    answers_expect(a, "DEBUG RELOAD", "-ERR saving failed, see the server's log|");
    cr_expect_not(a->node->reload.is_on);
    cr_expect_eq(a->node->pauses.scope, PAUSE_NOTHING);
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

/* Only clients are held meanwhile. */
Test(reload, keeps_what_our_primary_has_sent_since_the_save)
{
    struct alone *a = start();

    answers_expect(a, "REPLICAOF 127.0.0.1 7000", "+OK|");
    cr_assert(alone_lead(a));
    a->is_disk_slow = true;
    answers_send(a, 0, "DEBUG RELOAD\r\n");
    alone_primary_sends(a, BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$5\r\nlater\r\n$1\r\nw\r\n"));
    a->is_disk_slow = false;
    alone_settle(a, 200);
    answers_expect(a, "GET later", "-ERR the data has changed since it was saved|$1|w|");
    answers_expect(a, "DEBUG RELOAD", "+OK|");
    answers_expect(a, "GET later", "$1|w|");
    alone_free(a);
}

Test(reload, of_a_save_that_it_did_not_ask_for_changes_nothing)
{
    struct alone *a = start();
    struct keyspace *before = a->node->data.keyspace;

    answers_expect(a, "SAVE", "+OK|");
    cr_expect_eq(a->node->data.keyspace, before);
    alone_free(a);
}

Test(reload, of_what_lies_there_begins_a_history_of_its_own)
{
    struct alone *a = start();
    struct node_facts before;
    struct node_facts after;

    answers_expect(a, "SAVE", "+OK|");
    node_facts(a->node, &before);
    cr_assert_null(reload_now(a->node, RELOAD_NOSAVE));
    node_facts(a->node, &after);
    cr_expect_not(history_id_equal(&before.history, &after.history));
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

Test(reload, of_no_file_at_all_says_so)
{
    struct alone *a = start();

    cr_expect_not_null(reload_now(a->node, RELOAD_NOSAVE));
    answers_expect(a, "GET k", "$1|v|");
    alone_free(a);
}

Test(reload, twice_at_once_is_a_bug, .signal = SIGABRT)
{
    struct alone *a = start();

    a->is_disk_slow = true;
    answers_send(a, 0, "DEBUG RELOAD\r\n");
    reload_begin(a->node, a->clients[1].session, 0);
}
