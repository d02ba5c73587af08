/* SPDX-License-Identifier: MIT */
/* When a primary sends to its replicas. */
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <string.h>

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

Test(replica_output, is_gathered_while_clients_send_and_goes_out_when_none_does)
{
    struct lone_node *w = lone_node_new();
    struct session *replica = follow(w);

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

Test(replica_output, keeps_nobody_awake_while_clients_only_read)
{
    struct lone_node *w = lone_node_new();

    follow(w);
    lone_node_ask(w, "GET k\r\n");
    lone_node_ask(w, "GET k\r\n");
    cr_assert_gt(node_wake_at(w->node).us, w->env.now(w).mono.us);
    lone_node_free(w);
}

Test(replica_output, goes_out_at_once_when_it_is_much_or_late_or_somebody_waits_for_it)
{
    struct lone_node *w = lone_node_new();
    struct session *replica = follow(w);
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
