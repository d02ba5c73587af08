/* SPDX-License-Identifier: MIT */
/* A node as the shell sees it: passes, sessions, when it wants to be woken. */
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <signal.h>
#include <string.h>

Test(node, sleeps_until_the_first_of_what_it_waits_for)
{
    struct alone *a = answers_start(&(struct alone_option){"hz", "1"}, 1);

    alone_settle(a, ANSWERS_PASSES);
    cr_expect_eq(node_wake_at(a->node).us, a->node->upkeep.at.us);
    answers_send(a, 0, "CLIENT PAUSE 20 WRITE\r\n");
    cr_expect_eq(node_wake_at(a->node).us, a->now_us + 20000);
    answers_send(a, 1, "WAIT 1 5\r\n");
    cr_expect_eq(node_wake_at(a->node).us, a->now_us + 5000);
    alone_free(a);
}

Test(node, does_not_sleep_while_slices_are_to_be_done)
{
    struct alone *a = answers_start(&(struct alone_option){"enable-debug-command", "yes"}, 1);

    answers_expect(a, "DEBUG POPULATE 20000", "+OK|");
    answers_send(a, 0, "BGSAVE\r\n");
    cr_assert(a->node->image.is_on);
    cr_expect_eq(node_wake_at(a->node).us, a->now_us);
    alone_free(a);
}

Test(node, refuses_clients_beyond_maxclients_and_strangers_without_a_password)
{
    struct alone *a = answers_start(&(struct alone_option){"maxclients", "5"}, 1);
    struct session_peer near = {.is_loopback = true};
    struct session_peer far = {.address = "10.0.0.9:5000"};
    const char *refusal = NULL;
    struct session *fifth;

    cr_expect_null(node_session_open(a->node, &far, &refusal));
    cr_expect_not_null(strstr(refusal, "-DENIED"));
    fifth = node_session_open(a->node, &near, &refusal);
    cr_assert_not_null(fifth);
    cr_expect_null(node_session_open(a->node, &near, &refusal));
    cr_expect_str_eq(refusal, "-ERR max number of clients reached\r\n");
    node_session_closed(a->node, fifth);
    alone_free(a);
}

Test(node, leaves_the_bytes_of_a_held_client_in_its_socket_when_they_are_many)
{
    struct alone *a = answers_start(NULL, 0);
    struct session *s = a->clients[0].session;
    struct buf many = {0};

    cr_expect(node_session_wants_input(a->node, s));
    answers_send(a, 0, "WAIT 1 0\r\n");
    cr_expect(node_session_wants_input(a->node, s), "some are taken all the same");
    for (int i = 0; i < 20000; i++) {
        buf_append_text(&many, "PING\r\n");
    }
    alone_pass(a, 1000, 0, buf_bytes(&many));
    cr_expect_not(node_session_wants_input(a->node, s));
    buf_deinit(&many);
    alone_free(a);
}

Test(node, describes_the_request_that_runs_without_its_words)
{
    struct alone *a = answers_start(NULL, 0);
    struct buf text = {0};

    node_describe_request(a->node, &text);
    cr_expect_str_eq(buf_text(&text), "none");
    buf_deinit(&text);
    alone_free(a);
}

Test(node, passes_over_files_that_were_given_up)
{
    struct alone *a = answers_start(NULL, 0);
    struct errmsg error = {0};

    node_begin_pass(a->node, a->env.now(a));
    node_file_done(a->node, 12345, false, &error);
    node_end_pass(a->node);
    cr_expect_eq(a->node->saving.outcome, SAVING_NO_OUTCOME);
    alone_free(a);
}

Test(node, a_clock_that_goes_back_is_a_bug, .signal = SIGABRT)
{
    struct alone *a = answers_start(NULL, 0);
    struct moment early = a->env.now(a);

    answers_idle(a, 1, 10);
    node_begin_pass(a->node, early);
}

Test(node, a_session_that_is_closed_twice_is_a_bug, .signal = SIGABRT)
{
    struct alone *a = answers_start(NULL, 0);

    a->clients[0].session->flags |= SESSION_CLOSED;
    node_session_closed(a->node, a->clients[0].session);
}
