/* SPDX-License-Identifier: MIT */
/* CLIENT PAUSE: whom it holds back, and for how long. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>

#define MS INT64_C(1000)

/* One after the other, as soon as the pass allows; "" is no answer. */
static void expect(struct alone *a, size_t client, const char *request, const char *reply)
{
    struct buf out;

    alone_pass(a, 0, client, bytes_from_text(request));
    out = alone_take(a, client);
    cr_assert(reply[0] != '\0' ? bytes_has_prefix(buf_bytes(&out), reply) : out.len == 0,
              "%s gives '%s', not '%s'", request, buf_text(&out), reply);
    buf_deinit(&out);
}

static void after(struct alone *a, int64_t later_us, size_t client, const char *reply)
{
    alone_pass(a, later_us, ALONE_CLIENTS, (struct bytes){0});
    expect(a, client, "", reply);
}

Test(waiting, a_pause_of_all_holds_every_command_even_those_about_clients)
{
    struct alone *a = answers_start(NULL, 0);

    expect(a, 0, "CLIENT PAUSE 100\r\n", "+OK");
    expect(a, 0, "GET k\r\n", "");
    expect(a, 1, "CLIENT UNPAUSE\r\n", "");
    expect(a, 2, "PING\r\n", "");
    after(a, 99 * MS, 2, "");
    after(a, MS, 2, "+PONG");
    after(a, MS, 1, "+OK");
    alone_free(a);
}

Test(waiting, a_pause_of_writes_lets_everything_else_through)
{
    struct alone *a = answers_start(NULL, 0);

    expect(a, 0, "CLIENT PAUSE 100 WRITE\r\n", "+OK");
    expect(a, 0, "GET k\r\n", "$-1");
    expect(a, 1, "SET k v\r\n", "");
    expect(a, 2, "CLIENT UNPAUSE\r\n", "+OK");
    after(a, 0, 1, "+OK");
    alone_free(a);
}

Test(waiting, a_pause_keeps_the_later_end_and_the_wider_scope)
{
    struct alone *a = answers_start(NULL, 0);

    expect(a, 0, "CLIENT PAUSE 100 WRITE\r\nCLIENT PAUSE 10 ALL\r\n", "+OK\r\n+OK");
    expect(a, 1, "GET k\r\n", "");
    after(a, 99 * MS, 1, "");
    after(a, MS, 1, "$-1");
    alone_free(a);
}

Test(waiting, a_pause_keeps_expired_keys_where_they_are)
{
    struct alone *a = answers_start(NULL, 0);
    struct node_facts before;
    struct node_facts facts;

    expect(a, 0, "SET k v PX 10\r\nCLIENT PAUSE 100 WRITE\r\n", "+OK\r\n+OK");
    node_facts(a->node, &before);
    after(a, 20 * MS, 0, "");
    expect(a, 0, "GET k\r\nEXISTS k\r\n", "$-1\r\n:0");
    node_facts(a->node, &facts);
    cr_assert_eq(facts.offset, before.offset, "nothing may be written while writes are paused");
    after(a, 100 * MS, 0, "");
    node_facts(a->node, &facts);
    cr_assert_gt(facts.offset, before.offset);
    alone_free(a);
}

Test(waiting, a_pause_and_wait_say_what_is_wrong_with_a_time)
{
    static const char *const cases[][2] = {
        {"CLIENT PAUSE x\r\n",                   "-ERR timeout is not an integer or out of range\r"},
        {"CLIENT PAUSE 1.5\r\n",                 "-ERR timeout is not an integer or out of range\r"},
        {"CLIENT PAUSE -1\r\n",                  "-ERR timeout is negative\r"                      },
        {"CLIENT PAUSE 9223372036854775807\r\n", "-ERR timeout is out of range\r"                  },
        {"CLIENT PAUSE 1 FOO\r\n",               "-ERR CLIENT PAUSE mode must be WRITE or ALL\r"   },
        {"CLIENT pause 1 ALL x\r\n",
         "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP."      },
        {"WAIT x 0\r\n",                         "-ERR value is not an integer or out of range\r"  },
        {"WAIT 0 x\r\n",                         "-ERR timeout is not an integer or out of range\r"},
        {"WAIT 0 -1\r\n",                        "-ERR timeout is negative\r"                      },
        {"WAIT -1 0\r\n",                        ":0\r"                                            },
    };
    struct alone *a = answers_start(NULL, 0);

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        expect(a, 0, cases[i][0], cases[i][1]);
    }
    alone_free(a);
}

Test(silence, holds_nothing_back_that_is_asked_for_after_a_write_that_nobody_hears_of)
{
    struct alone *a = answers_start_cluster();

    expect(a, 0, "SET k 0\r\n", "+OK");
    expect(a, 0, "CLIENT REPLY OFF\r\n", "");
    expect(a, 0, "SET k 1\r\n", "");
    expect(a, 0, "CLIENT REPLY ON\r\n", "+OK");
    expect(a, 0, "GET k\r\n", "$1\r\n1");
    expect(a, 1, "CLIENT REPLY SKIP\r\n", "");
    expect(a, 1, "SET k 2\r\n", "");
    expect(a, 1, "PING\r\n", "+PONG");
    alone_free(a);
}
Test(waiting, one_reason_s_end_leaves_the_pauses_of_others)
{
    struct alone *a = answers_start(NULL, 0);
    const struct pauses *pauses = &a->node->pauses;
    struct mono_time soon = mono_add_ms(a->node->now.mono, 100);

    waiting_pause(a->node, PAUSE_BY_CLIENT, soon, PAUSE_ALL);
    waiting_pause(a->node, PAUSE_FOR_TAKEOVER, MONO_NEVER, PAUSE_WRITES);
    cr_expect_eq(pauses->scope, PAUSE_ALL);
    cr_expect_eq(pauses->until.us, soon.us);
    waiting_unpause(a->node, PAUSE_BY_CLIENT);
    cr_expect_eq(pauses->scope, PAUSE_WRITES);
    cr_expect_eq(pauses->until.us, MONO_NEVER.us);
    waiting_unpause(a->node, PAUSE_FOR_TAKEOVER);
    cr_expect_eq(pauses->scope, PAUSE_NOTHING);
    waiting_check(a->node);
    alone_free(a);
}

Test(waiting, what_a_replica_says_of_itself_is_never_paused)
{
    struct alone *a = answers_start(NULL, 0);

    waiting_pause(a->node, PAUSE_BY_CLIENT, MONO_NEVER, PAUSE_ALL);
    cr_expect(waiting_is_paused_for(a->node, command_spec(COMMAND_GET)));
    cr_expect_not(waiting_is_paused_for(a->node, command_spec(COMMAND_REPLCONF)));
    cr_expect_not(waiting_is_paused_for(a->node, command_spec(COMMAND_PSYNC)));
    waiting_unpause(a->node, PAUSE_BY_CLIENT);
    alone_free(a);
}

Test(waiting, a_file_answers_those_who_wait_for_it_and_nobody_else)
{
    struct alone *a = answers_start(NULL, 0);

    waiting_hold(a->node, a->clients[1].session, HOLD_SAVE, MONO_NEVER);
    waiting_hold(a->node, a->clients[2].session, HOLD_CONFIG, MONO_NEVER);
    waiting_on_file(a->node, HOLD_SAVE, NULL);
    cr_expect_not(a->clients[1].session->flags & SESSION_HELD);
    cr_expect(a->clients[2].session->flags & SESSION_HELD);
    waiting_on_file(a->node, HOLD_CONFIG, "no space");
    after(a, MS, 1, "+OK");
    after(a, MS, 2, "-ERR no space");
    alone_free(a);
}

Test(waiting, a_nodes_file_answers_those_whose_change_it_has)
{
    struct alone *a = answers_start(NULL, 0);

    waiting_for_nodes_file(a->node, a->clients[1].session, 5, "OK");
    waiting_for_nodes_file(a->node, a->clients[2].session, 6, "BUMPED 3");
    waiting_on_nodes_file(a->node, 5, NULL);
    after(a, MS, 1, "+OK");
    after(a, MS, 2, "");
    waiting_on_nodes_file(a->node, 9, NULL);
    after(a, MS, 2, "+BUMPED 3");
    alone_free(a);
}

Test(waiting, for_no_replica_at_all_is_a_bug, .signal = SIGABRT)
{
    struct alone *a = answers_start(NULL, 0);

    waiting_for_acks(a->node, a->clients[0].session, 0, MONO_NEVER);
}

Test(waiting, a_pause_of_nothing_is_a_bug, .signal = SIGABRT)
{
    waiting_pause(answers_start(NULL, 0)->node, PAUSE_BY_CLIENT, MONO_NEVER, PAUSE_NOTHING);
}
