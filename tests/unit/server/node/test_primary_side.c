/* SPDX-License-Identifier: MIT */
/* What replicas ask, and when a primary sends to them. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define HISTORY   "0123456789abcdef0123456789abcdef01234567"

/* What the session has been sent since the last call, as text. */
static const char *take_output(struct lone_node *w, struct session *s)
{
    struct bytes output;

    buf_clear(&w->shown);
    while (session_output(s, &output, 1) == 1) {
        buf_append_bytes(&w->shown, output);
        node_session_written(w->node, s, output.len);
    }
    return buf_text(&w->shown);
}

/* A replica that has the image and follows the stream. */
static struct session *follow(struct lone_node *w)
{
    struct session_peer peer = {.address = "10.0.0.3:5000", .is_loopback = true};
    struct session *replica = node_session_open(w->node, &peer, NULL);

    node_begin_pass(w->node, w->env.now(w));
    node_session_input(w->node, replica,
                       BYTES_LITERAL("REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n"));
    node_end_pass(w->node);
    for (int i = 0; i < 5; i++) {
        lone_node_idle(w);
        take_output(w, replica);
    }
    node_begin_pass(w->node, w->env.now(w));
    node_session_input(w->node, replica, BYTES_LITERAL("REPLCONF ACK 0\r\n"));
    node_end_pass(w->node);
    lone_node_idle(w);
    take_output(w, replica);
    return replica;
}

static struct session *follow_one_who_gathers(struct lone_node *w)
{
    lone_node_expect(w, "CONFIG SET repl-send-before-reply no\r\n", "+OK|");
    return follow(w);
}

Test(primary_side, the_stream_goes_out_in_the_pass_that_answers)
{
    struct lone_node *w = lone_node_new();
    struct session *replica = follow(w);

    for (int i = 0; i < 3; i++) {
        lone_node_ask(w, "SET k 1\r\n");
        cr_assert_not_null(strstr(take_output(w, replica), "SET"));
    }
    lone_node_free(w);
}

Test(primary_side, the_stream_is_gathered_while_clients_send_and_goes_out_when_none_does)
{
    struct lone_node *w = lone_node_new();
    struct session *replica = follow_one_who_gathers(w);

    lone_node_ask(w, "SET second 1\r\n");
    lone_node_ask(w, "SET third 1\r\n");
    cr_assert_eq(session_output_pending(replica), 0);
    cr_assert_eq(node_wake_at(w->node).us, w->env.now(w).mono.us, "the loop must not sleep");
    node_begin_pass(w->node, w->env.now(w));
    node_end_pass(w->node);
    cr_assert_not_null(strstr(take_output(w, replica), "third"));
    cr_assert_gt(node_wake_at(w->node).us, w->env.now(w).mono.us);
    lone_node_free(w);
}

Test(primary_side, the_stream_keeps_nobody_awake_while_clients_only_read)
{
    struct lone_node *w = lone_node_new();

    follow(w);
    lone_node_ask(w, "GET k\r\n");
    lone_node_ask(w, "GET k\r\n");
    cr_assert_gt(node_wake_at(w->node).us, w->env.now(w).mono.us);
    lone_node_free(w);
}

Test(primary_side, the_stream_goes_out_at_once_when_it_is_much_or_late_or_somebody_waits_for_it)
{
    struct lone_node *w = lone_node_new();
    struct session *replica = follow_one_who_gathers(w);
    struct buf big = {0};

    lone_node_ask(w, "SET first 1\r\n");
    take_output(w, replica);
    buf_append_text(&big, "*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$70000\r\n");
    memset(buf_reserve(&big, 70000), 'v', 70000);
    big.len += 70000;
    buf_append_text(&big, "\r\n");
    lone_node_send(w, buf_bytes(&big));
    cr_assert_not_null(strstr(take_output(w, replica), "big"), "it is much");
    lone_node_ask(w, "SET early 1\r\n");
    cr_assert_eq(session_output_pending(replica), 0);
    w->now_ns += 300 * 1000;
    lone_node_ask(w, "SET late 1\r\n");
    cr_assert_not_null(strstr(take_output(w, replica), "late"), "it is late");
    lone_node_ask(w, "SET k 1\r\nWAIT 1 0\r\n");
    cr_assert_not_null(strstr(take_output(w, replica), "GETACK"), "somebody waits");
    buf_deinit(&big);
    lone_node_free(w);
}

/* ---- what replicas ask ------------------------------------------------------------------------ */

Test(primary_side, what_a_replica_says_of_itself_is_checked)
{
    static const char *const cases[][2] = {
        {"REPLCONF listening-port 65536\r\n",               "-ERR value is not an integer"},
        {"REPLCONF listening-port -1\r\n",                  "-ERR value is not an integer"},
        {"REPLCONF listening-port x\r\n",                   "-ERR value is not an integer"},
        {"REPLCONF listening-port\r\n",                     "-ERR syntax error"           },
        {"REPLCONF ip-address \"1.2.3.4\\r\\nrole:x\"\r\n", "-ERR REPLCONF ip-address"    },
        {"REPLCONF ip-address 1,2\r\n",                     "-ERR REPLCONF ip-address"    },
        {"REPLCONF version \"1\\r\\n\"\r\n",                "+OK"                         },
        {"REPLCONF capa eof capa psync2 capa nosuch\r\n",   "+OK"                         },
        {"REPLCONF nosuch 1\r\n",                           "-ERR Unrecognized REPLCONF"  },
        {"PSYNC ? x\r\n",                                   "-ERR value is not an integer"},
        {"PSYNC " HISTORY " 9223372036854775808\r\n",       "-ERR value is not an integer"},
        {"PSYNC " HISTORY " 9223372036854775807\r\n",       "+FULLRESYNC "                },
    };
    struct alone *a = alone_new(NULL, 0);

    alone_connect(a, 0);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        answers_contain(a, 0, cases[i][0], cases[i][1]);
    }
    alone_free(a);
}

Test(primary_side, a_replica_cannot_acknowledge_what_it_was_not_sent)
{
    static const char *const acks[] = {
        "REPLCONF ACK 9223372036854775807\r\n", "REPLCONF ACK 18446744073709551615\r\n",
        "REPLCONF ACK 100000\r\n", "REPLCONF ACK -1\r\n", "REPLCONF ACK x\r\n"};
    struct alone *a = alone_new(NULL, 0);
    struct buf out;

    alone_connect(a, 0);
    alone_connect(a, 1);
    answers_contain(a, 1, "REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n", "+FULLRESYNC");
    alone_pass(a, 1000, 1, BYTES_LITERAL("REPLCONF ACK 0\r\n"));
    alone_settle(a, 50);
    for (size_t i = 0; i < ARRAY_COUNT(acks); i++) {
        alone_pass(a, 1000, 1, bytes_from_text(acks[i]));
        answers_contain(a, 0, "SET k v\r\n", "+OK");
        alone_pass(a, 1000, 0, BYTES_LITERAL("WAIT 1 1000\r\n"));
        alone_pass(a, 1000, 1, bytes_from_text(acks[i]));
        out = alone_take(a, 0);
        cr_expect_eq(out.len, 0, "%s ends WAIT with %s", acks[i], buf_text(&out));
        buf_deinit(&out);
        alone_pass(a, 2 * SECOND_US, ALONE_CLIENTS, (struct bytes){0});
        out = alone_take(a, 0);
        cr_expect(bytes_equal_text(buf_bytes(&out), ":0\r\n"), "%s", buf_text(&out));
        buf_deinit(&out);
    }
    alone_free(a);
}
