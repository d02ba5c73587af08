/* SPDX-License-Identifier: MIT */
/* Whoever opens connections to the bus and does not prove to be a node holds few of them, not for
 * long, and is not believed. */
#include "tests/unit/server/node/lone_node.h"

#include "cluster/frame.h"
#include "cluster/message_part.h"
#include "node/inside.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum {
    FLOOD = 1100,
    HELD = 256,
    PATIENCE_PASSES = 30, /* of 200 ms: more than five seconds */
};

static struct lone_node *start(void)
{
    struct errmsg error;
    struct lone_node *w = lone_node_new_clustered(false, &error);

    cr_assert_not_null(w);
    return w;
}

static void accept_link(struct lone_node *w, uint64_t link)
{
    node_begin_pass(w->node, w->env.now(w));
    node_link_accepted(w->node, link, "10.0.0.9");
    node_end_pass(w->node);
}

static void idle(struct lone_node *w)
{
    for (int i = 0; i < PATIENCE_PASSES; i++) {
        lone_node_idle(w);
    }
}

static void receive(struct lone_node *w, uint64_t link, struct bytes bytes)
{
    node_begin_pass(w->node, w->env.now(w));
    node_link_input(w->node, link, bytes);
    node_end_pass(w->node);
}

/* What a node says that is not known here. */
static void encode_strange(enum frame_type type, uint64_t sequence, struct bytes body,
                           struct buf *out)
{
    struct frame frame = {
        .type = type, .flags = FRAME_PRIMARY, .boot = 1, .sequence = sequence, .body = body};

    memset(frame.sender.text, 'a', CLUSTER_ID_LEN);
    memset(frame.shard.text, 'b', CLUSTER_ID_LEN);
    frame_encode(&frame, (struct bytes){0}, out);
}

static void greet(struct lone_node *w, uint64_t link)
{
    struct buf bytes = {0};

    encode_strange(FRAME_PING, 1, (struct bytes){0}, &bytes);
    receive(w, link, buf_bytes(&bytes));
    buf_deinit(&bytes);
}

Test(bus_links, a_silent_one_is_closed_after_a_while)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    lone_node_idle(w);
    cr_expect_eq(w->closed_count, 0);
    idle(w);
    cr_expect_eq(w->closed_count, 1);
    cr_expect_eq(w->last_closed, ENV_LINK_INCOMING | 1);
    lone_node_free(w);
}

Test(bus_links, one_that_brought_a_frame_of_a_node_stays)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    greet(w, ENV_LINK_INCOMING | 1);
    idle(w);
    cr_expect_eq(w->closed_count, 0);
    lone_node_free(w);
}

Test(bus_links, of_a_flood_the_oldest_silent_ones_go_and_a_node_s_stays)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    greet(w, ENV_LINK_INCOMING | 1);
    for (uint64_t i = 0; i < FLOOD; i++) {
        accept_link(w, ENV_LINK_INCOMING | (i + 2));
    }
    cr_expect_eq(w->closed_count, FLOOD - HELD);
    cr_expect_eq(w->last_closed, ENV_LINK_INCOMING | (FLOOD - HELD + 1));
    lone_node_free(w);
}

Test(bus_links, a_message_that_a_stranger_brings_is_told_to_nobody)
{
    struct lone_node *w = start();
    struct message_part part = {
        .number = 1, .total = 10, .bytes = bytes_make("\0\0\0\1chello", 10)};
    struct buf body = {0};
    struct buf bytes = {0};

    message_part_encode(&part, &body);
    lone_node_expect(w, "SUBSCRIBE c\r\n", "*3|$9|subscribe|*");
    accept_link(w, ENV_LINK_INCOMING | 1);
    encode_strange(FRAME_PUBLISH, 1, buf_bytes(&body), &bytes);
    receive(w, ENV_LINK_INCOMING | 1, buf_bytes(&bytes));
    lone_node_expect(w, "", "");
    cr_expect_eq(w->closed_count, 0);
    buf_deinit(&body);
    buf_deinit(&bytes);
    lone_node_free(w);
}

Test(bus_links, a_malformed_message_ends_its_link_and_is_logged_once)
{
    struct lone_node *w = start();
    struct buf bytes = {0};

    lone_node_idle(w);
    w->warnings = 0;
    for (uint64_t i = 1; i <= FLOOD; i++) {
        buf_clear(&bytes);
        encode_strange(FRAME_PUBLISH, 1, BYTES_LITERAL("no part"), &bytes);
        accept_link(w, ENV_LINK_INCOMING | i);
        /* It comes in two pieces, and others come behind. */
        receive(w, ENV_LINK_INCOMING | i, bytes_prefix(buf_bytes(&bytes), 100));
        encode_strange(FRAME_PING, 2, (struct bytes){0}, &bytes);
        receive(w, ENV_LINK_INCOMING | i, bytes_from(buf_bytes(&bytes), 100));
        cr_expect_eq(w->closed_count, i);
    }
    cr_expect_eq(w->warnings, 1);
    cr_expect_eq(bus_links_memory(w->node), 0);
    buf_deinit(&bytes);
    lone_node_free(w);
}

Test(bus_links, are_found_by_both_of_their_numbers_until_they_are_closed)
{
    struct lone_node *w = start();
    struct bus_link *first;
    struct bus_link *second;

    accept_link(w, ENV_LINK_INCOMING | 1);
    accept_link(w, ENV_LINK_INCOMING | 2);
    first = bus_links_find(w->node, ENV_LINK_INCOMING | 1);
    second = bus_links_find(w->node, ENV_LINK_INCOMING | 2);
    cr_assert(first != NULL && second != NULL && first != second);
    cr_expect_eq(bus_links_find_by_id(w->node, first->id), first);
    cr_expect_eq(bus_links_find_by_id(w->node, second->id), second);
    cr_expect_str_eq(first->peer_ip, "10.0.0.9");
    bus_links_close(w->node, first->id);
    cr_expect_eq(w->last_closed, ENV_LINK_INCOMING | 1);
    cr_expect_null(bus_links_find(w->node, ENV_LINK_INCOMING | 1));
    cr_expect_eq(bus_links_find(w->node, ENV_LINK_INCOMING | 2), second);
    lone_node_free(w);
}

Test(bus_links, that_nobody_knows_may_be_closed_and_sent_to)
{
    struct lone_node *w = start();
    struct cluster_link nobody = {.is_incoming = true, .number = 77};

    bus_links_close(w->node, nobody);
    bus_links_send(w->node, nobody, BYTES_LITERAL("frame"), 0);
    cr_expect_eq(w->closed_count, 0);
    lone_node_free(w);
}

Test(bus_links, that_have_too_much_to_send_drop_a_frame_and_count_it)
{
    static const struct {
        size_t waits;
        size_t queue_bytes;
        bool is_sent;
    } cases[] = {
        {0,               0,    true },
        {8 * 1024 * 1024, 0,    false}, /* the peer does not read */
        {999,             1000, true },
        {1000,            1000, false},
    };
    struct lone_node *w = start();
    uint64_t dropped = 0;

    accept_link(w, ENV_LINK_INCOMING | 1);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t sent = w->sent_bytes;

        w->queued_bytes = cases[i].waits;
        bus_links_send(w->node, bus_links_find(w->node, ENV_LINK_INCOMING | 1)->id,
                       BYTES_LITERAL("frame"), cases[i].queue_bytes);
        dropped += !cases[i].is_sent;
        cr_expect_eq(w->sent_bytes - sent, cases[i].is_sent ? 5 : 0, "case %zu", i);
        cr_expect_eq(w->node->bus.dropped, dropped, "case %zu", i);
    }
    lone_node_free(w);
}

Test(bus_links, count_in_memory_with_what_they_have_received)
{
    struct lone_node *w = start();

    cr_expect_eq(bus_links_memory(w->node), 0);
    accept_link(w, ENV_LINK_INCOMING | 1);
    cr_expect_geq(bus_links_memory(w->node), sizeof(struct bus_link));
    lone_node_free(w);
}

Test(bus_links, with_the_same_number_twice_are_a_bug, .signal = SIGABRT)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    accept_link(w, ENV_LINK_INCOMING | 1);
}

Test(bus_links, that_we_open_cannot_have_come_in, .signal = SIGABRT)
{
    struct cluster_address address = {.ip = "127.0.0.1", .bus_port = 17000};

    bus_links_open(start()->node, (struct cluster_link){.is_incoming = true, .number = 1},
                   &address);
}
