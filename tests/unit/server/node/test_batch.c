/* SPDX-License-Identifier: MIT */
/* Requests that are split, prepared and executed together, against requests one by one. */
#include "base/attr.h"
#include "tests/unit/server/node/lone_node.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(batch, each_request_of_a_pipeline_sees_what_those_before_it_did)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "SET k a\r\nAPPEND k b\r\nGET k\r\nDEL k\r\nGET k\r\nINCR k\r\nINCR k\r\n",
                     "+OK|:2|$2|ab|:1|$-1|:1|:2|");
    lone_node_expect(w, "SET k 5\r\nRENAME k l\r\nMGET k l\r\nSET k x EX 100\r\nTTL k\r\n",
                     "+OK|+OK|*2|$-1|$1|5|+OK|:100|");
    lone_node_free(w);
}

Test(batch, a_database_selected_within_a_pipeline_counts_for_the_rest_of_it)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "SET k zero\r\nSELECT 3\r\nGET k\r\nSET k three\r\nSELECT 0\r\nGET k\r\n",
                     "+OK|+OK|$-1|+OK|+OK|$4|zero|");
    lone_node_expect(w, "SWAPDB 0 3\r\nGET k\r\nSELECT 3\r\nGET k\r\n",
                     "+OK|$5|three|+OK|$4|zero|");
    lone_node_free(w);
}

Test(batch, what_a_control_command_forbids_is_refused_from_the_next_request_on)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w,
                     "SET k 1\r\nCONFIG SET min-replicas-to-write 1\r\nSET k 2\r\nGET k\r\n"
                     "CONFIG SET min-replicas-to-write 0\r\nSET k 3\r\n",
                     "+OK|+OK|-NOREPLICAS *|$1|1|+OK|+OK|");
    lone_node_expect(w, "SET k 1\r\nCLIENT REPLY OFF\r\nSET k 2\r\nGET k\r\n", "+OK|");
    lone_node_expect(w, "CLIENT REPLY ON\r\nCLIENT REPLY SKIP\r\nGET k\r\nGET k\r\n", "+OK|$1|2|");
    lone_node_free(w);
}

Test(batch, what_is_wrong_with_one_request_does_not_touch_its_neighbours)
{
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, "SET k 1\r\nNOSUCH k\r\nGET\r\nGET k k\r\nget k\r\nMSET a 1 b\r\nGET a\r\n",
                     "+OK|-ERR unknown command 'NOSUCH'*|-ERR wrong number*|-ERR wrong number*|"
                     "$1|1|-ERR wrong number*|$-1|");
    lone_node_free(w);
}

/* "MSET key:0 0 key:1 1 ..." or "MGET key:0 key:1 ..." as RESP. */
static void add_many(struct buf *out, const char *name, unsigned count, bool has_values)
{
    buf_printf(out, "*%u\r\n$4\r\n%s\r\n", count * (has_values ? 2 : 1) + 1, name);
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        int len = snprintf(key, sizeof(key), "key:%u", i);

        buf_printf(out, "$%d\r\n%s\r\n", len, key);
        if (has_values) {
            buf_printf(out, "$%d\r\n%s\r\n", len - 4, key + 4);
        }
    }
}

Test(batch, requests_of_any_number_of_keys_stand_in_one_pipeline)
{
    static const unsigned counts[] = {1, 15, 16, 17, 255, 256, 257, 1000};
    struct lone_node *w = lone_node_new();
    struct buf input = {0};
    struct buf expected = {0};

    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        add_many(&input, "MSET", counts[i], true);
        buf_append_text(&expected, "+OK|");
        add_many(&input, "MGET", counts[i], false);
        buf_printf(&expected, "*%u|", counts[i]);
        for (unsigned key = 0; key < counts[i]; key++) {
            char value[16];

            buf_printf(&expected, "$%d|%s|", snprintf(value, sizeof(value), "%u", key), value);
        }
    }
    cr_assert_str_eq(lone_node_send(w, buf_bytes(&input)), buf_text(&expected));
    buf_deinit(&input);
    buf_deinit(&expected);
    lone_node_free(w);
}

Test(batch, requests_of_many_clients_are_answered_in_each_ones_order)
{
    enum {
        CLIENTS = 40
    };
    struct lone_node *w = lone_node_new();
    struct session_peer peer = {.address = "10.0.0.2:5000", .is_loopback = true};
    struct session *clients[CLIENTS];

    node_begin_pass(w->node, w->env.now(w));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = node_session_open(w->node, &peer, NULL);
        node_session_input(w->node, clients[i], BYTES_LITERAL("INCR n\r\nINCR n\r\nECHO x\r\n"));
    }
    node_end_pass(w->node);
    for (int i = 0; i < CLIENTS; i++) {
        struct bytes output;
        char expected[64];

        snprintf(expected, sizeof(expected), ":%d\r\n:%d\r\n$1\r\nx\r\n", 2 * i + 1, 2 * i + 2);
        cr_assert_eq(session_output(clients[i], &output, 1), 1);
        cr_assert(bytes_equal_text(output, expected), "%.*s", BYTES_ARGS(output));
        node_session_written(w->node, clients[i], output.len);
    }
    lone_node_free(w);
}

/* What was put back is read again at the end of the pass in which its client is released, and more may come before. */
Test(batch, what_was_put_back_is_executed_before_what_comes_later_in_the_pass)
{
    struct lone_node *w = lone_node_new();
    struct session_peer peer = {.address = "10.0.0.2:5000", .is_loopback = true};
    struct session *held;

    lone_node_expect(w, "CLIENT PAUSE 100000 WRITE\r\n", "+OK|");
    node_begin_pass(w->node, w->env.now(w));
    held = node_session_open(w->node, &peer, NULL);
    node_session_input(w->node, held, BYTES_LITERAL("APPEND k 1\r\nAPPEND k 2\r\n"));
    node_session_input(w->node, w->client, BYTES_LITERAL("CLIENT UNPA"));
    node_end_pass(w->node);
    node_begin_pass(w->node, w->env.now(w));
    node_session_input(w->node, w->client, BYTES_LITERAL("USE\r\n"));
    node_session_input(w->node, w->client,
                       BYTES_LITERAL("PI")); /* what was split before runs first */
    node_session_input(w->node, held, BYTES_LITERAL("APPEND k 3\r\nAPPEND k"));
    node_session_input(w->node, held, BYTES_LITERAL(" 4\r\n"));
    node_end_pass(w->node);
    lone_node_expect(w, "NG\r\nGET k\r\n", "+OK|+PONG|$4|1234|");
    lone_node_free(w);
}

Test(batch, every_one_of_very_many_idle_clients_is_noticed)
{
    enum {
        CLIENTS = 3000
    };
    struct lone_node *w = lone_node_new();
    struct session_peer peer = {.address = "10.0.0.2:5000", .is_loopback = true};
    static struct session *clients[CLIENTS];

    lone_node_expect(w, "CONFIG SET timeout 1\r\n", "+OK|");
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = node_session_open(w->node, &peer, NULL);
    }
    for (int pass = 0; pass < 20; pass++) {
        lone_node_idle(w);
        node_session_closed(w->node, clients[pass]);
        clients[pass] = NULL;
    }
    for (int i = 0; i < CLIENTS; i++) {
        cr_assert(clients[i] == NULL || session_is_closing(clients[i]), "client %d", i);
    }
    lone_node_free(w);
}

/* Pipelines that are cut within the first line of a request, and behind the next one's. */
Test(batch, requests_cut_in_their_first_line_are_read_from_their_beginning)
{
    static const char request[] = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    enum {
        LEN = sizeof(request) - 1
    };
    struct lone_node *w = lone_node_new();

    lone_node_expect(w, request, "$-1|");
    for (size_t first = 1; first < LEN; first++) {
        for (size_t second = 1; second < LEN; second++) {
            struct buf middle = {0};

            buf_append(&middle, request + first, LEN - first);
            buf_append(&middle, request, second);
            cr_assert_str_eq(lone_node_send(w, bytes_make(request, first)), "");
            cr_assert_str_eq(lone_node_send(w, buf_bytes(&middle)), "$-1|", "%zu %zu", first,
                             second);
            cr_assert_str_eq(lone_node_send(w, bytes_make(request + second, LEN - second)), "$-1|");
            buf_deinit(&middle);
        }
    }
    lone_node_free(w);
}
