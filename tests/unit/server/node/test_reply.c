/* SPDX-License-Identifier: MIT */
/* What every file of a node says to clients, the shell and the log. */
#include "node/inside.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

struct world {
    struct alone *alone;
    struct session *s;
    struct resp_writer writer;
    struct request request;
};

static struct world start(void)
{
    struct world w = {.alone = alone_new(NULL, 0)};

    alone_connect(w.alone, 0);
    w.s = w.alone->clients[0].session;
    w.writer = session_writer(w.s);
    w.request.session = w.s;
    return w;
}

static void expect(struct world *w, const char *text)
{
    cr_expect_str_eq(buf_text(&w->s->output.buf), text);
    alone_free(w->alone);
}

Test(reply, of_an_error_is_one_line_whatever_is_in_it)
{
    struct world w = start();

    w.request.reply = &w.writer;
    reply_error(&w.request, "ERR no '%s' for %d", "a\r\nb", 7);
    expect(&w, "-ERR no 'a  b' for 7\r\n");
}

Test(reply, to_an_unknown_subcommand_names_the_way_to_help)
{
    struct world w = start();
    struct bytes words[] = {BYTES_LITERAL("client"), BYTES_LITERAL("foo\n")};

    w.request.reply = &w.writer;
    w.request.spec = command_spec(COMMAND_CLIENT);
    w.request.args = words;
    w.request.arg_count = 2;
    reply_unknown_sub(&w.request);
    expect(&w, "-ERR unknown subcommand 'foo '. Try CLIENT HELP.\r\n");
}

Test(reply, to_a_misused_subcommand_names_it_and_its_parent)
{
    struct world w = start();
    struct bytes words[] = {BYTES_LITERAL("CLIENT"), BYTES_LITERAL("pause")};

    w.request.reply = &w.writer;
    w.request.spec = command_spec(COMMAND_CLIENT_PAUSE);
    w.request.args = words;
    w.request.arg_count = 2;
    reply_sub_misused(&w.request);
    expect(&w, "-ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT "
               "HELP.\r\n");
}

Test(reply, closes_a_session_now_or_after_what_it_is_still_sent)
{
    struct world w = start();

    node_close_session(w.alone->node, w.s, true);
    cr_assert(w.s->flags & SESSION_CLOSE_AFTER_WRITE);
    cr_assert_not(w.s->flags & SESSION_CLOSE_NOW);
    node_close_session(w.alone->node, w.s, false);
    cr_assert(w.s->flags & SESSION_CLOSE_NOW);
    cr_assert(w.s->flags & SESSION_TOUCHED, "the shell is to look at it");
    alone_free(w.alone);
}

Test(reply, writes_lines_to_the_log_as_long_as_a_line_may_be)
{
    struct world w = start();
    char much[3000];

    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    node_log(w.alone->node, LOG_NOTICE, "%s", "below the threshold");
    cr_assert_eq(w.alone->warnings.len, 0);
    node_log(w.alone->node, LOG_WARNING, "%d %s", 12, much);
    cr_assert_eq(strncmp(buf_text(&w.alone->warnings), "12 xxx", 6), 0);
    cr_assert_leq(w.alone->warnings.len, 1024);
    alone_free(w.alone);
}

Test(reply, of_an_error_needs_somebody_to_hear_it, .signal = SIGABRT)
{
    struct world w = start();

    reply_error(&w.request, "ERR nobody");
}
