/* SPDX-License-Identifier: MIT */
/* Whoever opens connections to the bus and does not prove to be a node holds few of them, not for
 * long, and is not believed. */
#include "tests/unit/server/node/lone_node.h"

#include "cluster/frame.h"
#include "cluster/message_part.h"
#include "cluster/proof.h"
#include "node/inside.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

enum {
    FLOOD = 1100,
    HELD = 256,
    PATIENCE_PASSES = 30, /* of 200 ms: more than five seconds */
};

/* A node that knows another one, of the id aaa... */
static struct lone_node *start(void)
{
    return lone_node_new_member(
        "000102030405060708090a0b0c0d0e0f10111213 10.0.0.1:7000@17000 myself,master - 0 0 1 "
        "connected\n"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 10.0.0.9:7000@17000 master - 0 0 2 connected\n"
        "vars currentEpoch 2 lastVoteEpoch 0\n");
}

static struct lone_node *start_alone(void)
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

/* Both sides say that they know the secret, which there is none of. */
static struct proof prove(struct lone_node *w, uint64_t link, char id)
{
    static struct rng rng; /* all zero: any nonce does */
    struct proof_self self = {.start = 1};
    struct proof_secrets none = {0};
    struct errmsg error;
    struct proof proof;
    struct buf hello = {0};

    memset(self.node.text, id, CLUSTER_ID_LEN);
    proof_greet(&proof, &self, &none, &rng, &hello);
    receive(w, link, buf_bytes(&hello));
    cr_assert(proof_take_welcome(&proof, buf_bytes(&w->sent), &none, &error));
    proof.peer = self; /* whom it speaks for, in these tests */
    buf_deinit(&hello);
    return proof;
}

/* What the node says on the link that it has proven. */
static void encode(struct proof *proof, enum frame_type type, struct bytes body, struct buf *out)
{
    size_t at = out->len;
    struct frame frame = {
        .type = type, .flags = FRAME_PRIMARY, .start = 1, .sequence = 1, .body = body};

    frame.sender = proof->peer.node;
    memset(frame.shard.text, 'b', CLUSTER_ID_LEN);
    frame_encode(&frame, out);
    proof_seal(proof, out, at);
}

static void greet(struct lone_node *w, uint64_t link, char id)
{
    struct proof proof = prove(w, link, id);
    struct buf bytes = {0};

    encode(&proof, FRAME_PING, (struct bytes){0}, &bytes);
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
    cr_expect_null(bus_links_find(w->node, ENV_LINK_INCOMING | 1));
    lone_node_free(w);
}

Test(bus_links, one_on_which_a_node_that_is_known_has_proven_itself_stays)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    greet(w, ENV_LINK_INCOMING | 1, 'a');
    idle(w);
    cr_expect(bus_links_find(w->node, ENV_LINK_INCOMING | 1) != NULL);
    lone_node_free(w);
}

Test(bus_links, one_that_has_but_greeted_and_one_of_a_stranger_are_closed_after_a_while)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    accept_link(w, ENV_LINK_INCOMING | 2);
    (void)prove(w, ENV_LINK_INCOMING | 1, 'a');
    greet(w, ENV_LINK_INCOMING | 2, 'c');
    idle(w);
    cr_expect_null(bus_links_find(w->node, ENV_LINK_INCOMING | 1));
    cr_expect_null(bus_links_find(w->node, ENV_LINK_INCOMING | 2));
    lone_node_free(w);
}

Test(bus_links, of_a_flood_the_oldest_silent_ones_go_and_a_node_s_stays)
{
    struct lone_node *w = start();

    accept_link(w, ENV_LINK_INCOMING | 1);
    greet(w, ENV_LINK_INCOMING | 1, 'a');
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
    struct proof proof;

    message_part_encode(&part, &body);
    lone_node_expect(w, "SUBSCRIBE c\r\n", "*3|$9|subscribe|*");
    accept_link(w, ENV_LINK_INCOMING | 1);
    proof = prove(w, ENV_LINK_INCOMING | 1, 'c');
    encode(&proof, FRAME_PUBLISH, buf_bytes(&body), &bytes);
    receive(w, ENV_LINK_INCOMING | 1, buf_bytes(&bytes));
    lone_node_expect(w, "", "");
    cr_expect_eq(w->closed_count, 0);
    buf_deinit(&body);
    buf_deinit(&bytes);
    lone_node_free(w);
}

Test(bus_links, a_malformed_message_ends_its_link_and_is_logged_once)
{
    struct lone_node *w = start_alone();
    struct buf bytes = {0};

    lone_node_idle(w);
    w->warnings = 0;
    for (uint64_t i = 1; i <= FLOOD; i++) {
        struct proof proof;

        accept_link(w, ENV_LINK_INCOMING | i);
        proof = prove(w, ENV_LINK_INCOMING | i, 'a');
        buf_clear(&bytes);
        encode(&proof, FRAME_PUBLISH, BYTES_LITERAL("no part"), &bytes);
        /* It comes in two pieces, and others come behind. */
        receive(w, ENV_LINK_INCOMING | i, bytes_prefix(buf_bytes(&bytes), 100));
        encode(&proof, FRAME_PING, (struct bytes){0}, &bytes);
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
    struct lone_node *w = start_alone();

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
