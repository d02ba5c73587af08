/* SPDX-License-Identifier: MIT */
/* Work by the clock. */
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <stdio.h>

Test(upkeep, strikes_hz_times_a_second)
{
    struct alone *a = answers_start(&(struct alone_option){"hz", "20"}, 1);
    int strikes = 0;

    for (int i = 0; i < 1000; i++) {
        int64_t before_us = a->node->upkeep.at.us;

        answers_idle(a, 1, 1);
        strikes += a->node->upkeep.at.us != before_us;
    }
    cr_expect(strikes >= 19 && strikes <= 21, "%d", strikes);
    alone_free(a);
}

Test(upkeep, does_nothing_while_it_is_paused_and_keeps_nobody_awake)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SET k v PX 10", "+OK|");
    upkeep_pause(a->node, true);
    answers_idle(a, 10, 1000);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 1);
    cr_expect_eq(upkeep_wake_at(a->node).us, MONO_NEVER.us);
    upkeep_pause(a->node, false);
    answers_idle(a, 1, 1000);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 0);
    alone_free(a);
}

Test(upkeep, expires_only_while_it_is_told_to)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SET k v PX 10", "+OK|");
    upkeep_set_expiring(a->node, false);
    answers_idle(a, 10, 1000);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 1);
    upkeep_set_expiring(a->node, true);
    answers_idle(a, 1, 1000);
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 0);
    alone_free(a);
}

Test(upkeep, closes_clients_that_say_nothing_for_too_long_but_for_those_that_wait)
{
    struct alone *a = answers_start(&(struct alone_option){"timeout", "5"}, 1);

    answers_send(a, 1, "WAIT 1 0\r\n");
    for (int i = 0; i < 70; i++) {
        answers_idle(a, 1, 100);
        answers_send(a, 2, "PING\r\n");
    }
    cr_expect_null(a->clients[0].session, "it was silent");
    cr_expect_not_null(a->clients[1].session, "it waits");
    cr_expect_not_null(a->clients[2].session, "it is busy");
    alone_free(a);
}

Test(upkeep, goes_on_with_the_next_session_when_the_one_whose_turn_it_was_goes)
{
    struct alone *a = answers_start(&(struct alone_option){"hz", "1"}, 1);
    struct upkeep *upkeep = &a->node->upkeep;
    struct list *second = &a->clients[1].session->all;

    upkeep->next_checked = &a->clients[0].session->all;
    alone_disconnect(a, 0);
    cr_expect(upkeep->next_checked == second || upkeep->next_checked == NULL);
    upkeep_check(a->node);
    for (size_t i = 1; i < ALONE_CLIENTS; i++) {
        upkeep->next_checked = &a->clients[i].session->all;
        alone_disconnect(a, i);
        upkeep_check(a->node);
    }
    cr_expect_null(upkeep->next_checked);
    alone_free(a);
}

Test(upkeep, keeps_a_backlog_of_the_log_and_no_more)
{
    struct alone *a = answers_start(&(struct alone_option){"repl-backlog-size", "16kb"}, 1);
    const struct oplog *log = a->node->journal.log;
    char line[1100];

    snprintf(line, sizeof(line), "SET k %01000d", 1);
    for (int i = 0; i < 1500; i++) {
        answers_expect(a, line, "+OK|");
    }
    answers_idle(a, 2, 1000);
    cr_expect_gt(oplog_start(log), 0);
    cr_expect_geq(oplog_end(log) - oplog_start(log), 16 * 1024);
    alone_free(a);
}

Test(upkeep, output_beyond_its_limit_closes_a_client)
{
    struct alone *a =
        answers_start(&(struct alone_option){"client-output-buffer-limit", "normal 1000 0 0"}, 1);
    struct session *s = a->clients[1].session;

    answers_idle(a, 1, 10);
    buf_append(&s->output.buf, "+", 1);
    cr_expect_not(upkeep_check_output(a->node, s));
    for (int i = 0; i < UPKEEP_OUTPUT_FREE_BYTES + 1000; i++) {
        buf_append_byte(&s->output.buf, 'x');
    }
    cr_expect(upkeep_output_matters(s));
    cr_expect(upkeep_check_output(a->node, s));
    cr_expect(session_is_closing(s));
    cr_expect_not(upkeep_check_output(a->node, s), "once is enough");
    alone_free(a);
}
