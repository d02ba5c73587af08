/* SPDX-License-Identifier: MIT */
/* Our primary: what it sends is checked like what clients send, and each way a link ends is gone. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define HISTORY   "0123456789abcdef0123456789abcdef01234567"

/* Take the node's connection; its PING waits for an answer. */
static struct alone *meet(void)
{
    struct alone *a = alone_new(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    for (int i = 0; i < 10 && a->primary_link == 0; i++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
    cr_assert_neq(a->primary_link, 0);
    node_begin_pass(a->node, a->env.now(a));
    a->is_primary_link_up = true;
    node_link_up(a->node, a->primary_link, "127.0.0.1");
    node_end_pass(a->node);
    return a;
}

#define GREETING "+PONG\r\n+OK\r\n+OK\r\n+OK\r\n"

Test(replica_side, a_primary_that_speaks_nonsense_is_left)
{
    static const char *const answers[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "-ERR no\r\n",
        GREETING "+FULLRESYNC\r\n",
        GREETING "+FULLRESYNC x 0\r\n",
        GREETING "+FULLRESYNC " HISTORY "\r\n",
        GREETING "+FULLRESYNC " HISTORY " -1\r\n",
        GREETING "+FULLRESYNC " HISTORY " 9223372036854775807\r\n",
        GREETING "+FULLRESYNC " HISTORY " 18446744073709551615\r\n",
        GREETING "+FULLRESYNC " HISTORY " 99999999999999999999\r\n",
        GREETING "+CONTINUE not-a-history\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$-1\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$18446744073709551615\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$99999999999999999999\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$x\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$EOF:short\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$EOF:" HISTORY "x\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\nREDIS0009\r\n",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$9223372036854775807\r\nnot a snapshot at all",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$5\r\nREDIS",
        GREETING "+FULLRESYNC " HISTORY " 10\r\n$21\r\nnot a snapshot at all*1\r\n$4\r\nPING\r\n",
        GREETING "+CONTINUE " HISTORY "\r\n*1\r\nx\r\n",
        GREETING "+CONTINUE " HISTORY "\r\n*99999999\r\n",
        GREETING "+CONTINUE " HISTORY "\r\n*1\r\n$99999999999999\r\n",
        GREETING "+CONTINUE " HISTORY "\r\n*1\r\n$-1\r\n",
    };

    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        struct alone *a = meet();

        alone_primary_sends(a, bytes_from_text(answers[i]));
        cr_expect_not(a->is_primary_link_up, "%s", answers[i]);
        alone_connect(a, 0);
        answers_contain(a, 0, "PING\r\n", "+PONG");
        answers_contain(a, 0, "INFO replication\r\n", "master_link_status:down");
        alone_free(a);
    }
}

Test(replica_side, a_line_without_end_is_given_up)
{
    struct alone *a = meet();
    struct buf line = {0};

    for (int i = 0; i < 64 * 1024; i++) {
        buf_append_byte(&line, 'x');
    }
    for (int i = 0; i < 4 && a->is_primary_link_up; i++) {
        alone_primary_sends(a, buf_bytes(&line));
    }
    cr_assert_not(a->is_primary_link_up);
    buf_deinit(&line);
    alone_free(a);
}

Test(replica_side, has_a_link_exactly_while_it_connects_or_is_connected)
{
    struct alone *a = meet();
    const struct upstream *upstream = &a->node->upstream;

    cr_expect_neq(upstream->link, 0);
    replica_side_check(a->node);
    cr_assert(alone_lead(a));
    cr_expect(upstream_is_up(upstream));
    replica_side_check(a->node);
    node_begin_pass(a->node, a->env.now(a));
    node_link_down(a->node, a->primary_link, "reset by peer");
    cr_expect_eq(upstream->link, 0);
    cr_expect_not(upstream_is_up(upstream));
    replica_side_check(a->node);
    node_end_pass(a->node);
    a->primary_link = 0;
    alone_free(a);
}

Test(replica_side, a_link_that_went_down_is_opened_again)
{
    struct alone *a = meet();
    uint64_t first = a->primary_link;

    node_begin_pass(a->node, a->env.now(a));
    node_link_down(a->node, first, "reset by peer");
    node_end_pass(a->node);
    for (int i = 0; i < 10; i++) {
        alone_pass(a, SECOND_US, ALONE_CLIENTS, (struct bytes){0});
    }
    cr_expect_gt(a->primary_link, first, "under another number");
    alone_free(a);
}

Test(replica_side, that_stops_closes_the_link_and_opens_none)
{
    struct alone *a = meet();

    replica_side_stop(a->node);
    cr_expect_eq(a->node->upstream.link, 0);
    cr_expect_eq(a->primary_link, 0);
    cr_expect_eq(a->node->upstream.machine.pending.wake_at.us, MONO_NEVER.us);
    alone_free(a);
}

Test(replica_side, of_a_primary_cannot_follow, .signal = SIGABRT)
{
    replica_side_follow(alone_new(NULL, 0)->node, "127.0.0.1", 7000);
}

Test(replica_side, cannot_be_told_of_a_link_that_it_has_not, .signal = SIGABRT)
{
    replica_side_link_up(alone_new(NULL, 0)->node);
}
