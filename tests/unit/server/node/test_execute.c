/* SPDX-License-Identifier: MIT */
/* One request: executed, answered or silenced, counted. */
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

static struct alone *start(void)
{
    struct alone *a = alone_new(NULL, 0);

    alone_connect(a, 0);
    return a;
}

Test(execute, answers_a_request_and_notes_it_in_its_session)
{
    struct alone *a = start();
    struct session *s = a->clients[0].session;

    answers_exactly(a, 1000, "SET k v\r\nCLIENT GETNAME\r\n", "+OK\r\n$-1\r\n");
    cr_assert_eq(s->command_count, 2);
    cr_assert_eq(s->last_command->id, COMMAND_CLIENT_GETNAME, "the subcommand it turned out to be");
    cr_assert_eq(s->active_at.us, a->now_us);
    cr_assert_eq(a->node->counters.commands, 2);
    alone_free(a);
}

Test(execute, counts_a_refused_request_as_refused_and_not_as_a_call)
{
    struct alone *a = start();

    answers_exactly(a, 1000, "GET\r\n", "-ERR wrong number of arguments for 'get' command\r\n");
    cr_assert_eq(a->node->counters.commands, 0);
    cr_assert_eq(a->node->counters.rejected_calls[COMMAND_GET], 1);
    cr_assert_eq(a->clients[0].session->command_count, 0);
    alone_free(a);
}

Test(execute, silences_one_command_after_skip_even_one_that_fails)
{
    struct alone *a = start();

    answers_exactly(a, 1000, "CLIENT REPLY SKIP\r\nSET k v\r\nGET k\r\n", "$1\r\nv\r\n");
    answers_exactly(a, 1000, "CLIENT REPLY SKIP\r\nNOSUCH\r\nGET k\r\n", "$1\r\nv\r\n");
    answers_exactly(a, 1000, "GET k\r\nCLIENT REPLY SKIP\r\nGET\r\nGET k\r\n",
                    "$1\r\nv\r\n$1\r\nv\r\n");
    cr_assert_not(a->clients[0].session->flags & (SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT));
    alone_free(a);
}

/* What is answered later, or is no reply: nothing of it may be taken for the reply of the next request. */
Test(execute, silences_one_command_after_skip_even_one_that_waits)
{
    static const struct {
        const char *request;
        const char *answer; /* before that of PING */
    } cases[] = {
        {"WAIT 1 50\r\n",     ""                             },
        {"SAVE\r\n",          ""                             },
        {"BLPOP l 0.05\r\n",  ""                             },
        {"SET k v\r\n",       ""                             }, /* writes are paused */
        {"AUTH u x\r\n",      ""                             },
        {"UNSUBSCRIBE c\r\n", "[*]3|$11|unsubscribe|$1|c|:0|"},
        {"WAIT 1 x\r\n",      ""                             },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alone *a = start();
        struct buf lines = {0};
        struct buf expected = {0};

        for (int k = 0; k < 10; k++) {
            answers_expect(a, "AUTH u x", "-WRONGPASS *");
        }
        answers_expect(a, "CLIENT PAUSE 100 WRITE", "+OK|");
        for (int k = 0; k < 2; k++) {
            const char *ends = k == 0 ? "PING\r\nPING a\r\n" : "CLIENT REPLY ON\r\nPING a\r\n";

            buf_clear(&lines);
            buf_printf(&lines, "CLIENT REPLY %s\r\n%s%s", k == 0 ? "SKIP" : "OFF", cases[i].request,
                       ends);
            answers_send(a, 0, buf_text(&lines));
            answers_idle(a, 20, 100);
            buf_clear(&expected);
            buf_printf(&expected, "%s%s|$1|a|", cases[i].answer, k == 0 ? "+PONG" : "+OK");
            answers_match(a, 0, buf_text(&expected));
        }
        buf_deinit(&lines);
        buf_deinit(&expected);
        alone_free(a);
    }
}

Test(execute, silences_no_command_after_the_one_that_is_always_heard)
{
    struct alone *a = start();

    answers_expect(a, "CLIENT REPLY SKIP\r\nSUBSCRIBE c\r\nGET k\r\nUNSUBSCRIBE c\r\nGET k",
                   "[*]3|$9|subscribe|$1|c|:1|-ERR Can't execute 'get'*|[*]3|$11|unsubscribe|$1|c|"
                   ":0|$-1|");
    alone_free(a);
}

Test(execute, silences_everything_between_off_and_on)
{
    struct alone *a = start();

    answers_exactly(a, 1000, "CLIENT REPLY OFF\r\nSET k v\r\nNOSUCH\r\nINFO\r\n", "");
    answers_exactly(a, 1000, "GET k\r\n", "");
    answers_exactly(a, 1000, "CLIENT REPLY ON\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
    alone_free(a);
}

Test(execute, forgets_asking_after_one_command)
{
    struct alone *a = alone_new(&(struct alone_option){"cluster-enabled", "yes"}, 1);

    alone_connect(a, 0);
    answers_exactly(a, 1000, "ASKING\r\n", "+OK\r\n");
    cr_assert(a->clients[0].session->flags & SESSION_ASKING);
    answers_exactly(a, 1000, "PING\r\n", "+PONG\r\n");
    cr_assert_not(a->clients[0].session->flags & SESSION_ASKING);
    alone_free(a);
}

Test(execute, lets_a_control_command_change_what_the_next_one_may)
{
    struct alone *a = start();

    answers_exactly(
        a, 1000,
        "SET k 1\r\nCONFIG SET min-replicas-to-write 1\r\nSET k 2\r\nGET k\r\n"
        "CONFIG SET min-replicas-to-write 0\r\nSET k 3\r\nGET k\r\n",
        "+OK\r\n+OK\r\n-NOREPLICAS Not enough good replicas to write.\r\n$1\r\n1\r\n+OK\r\n"
        "+OK\r\n$1\r\n3\r\n");
    alone_free(a);
}

Test(execute, runs_nothing_of_a_session_that_is_held, .signal = SIGABRT)
{
    struct alone *a = start();
    struct bytes words[] = {BYTES_LITERAL("PING")};
    struct request request = {.session = a->clients[0].session,
                              .spec = command_spec(COMMAND_PING),
                              .args = words,
                              .arg_count = 1};

    waiting_hold(a->node, request.session, HOLD_SAVE, MONO_NEVER);
    execute_request(a->node, &request);
}
