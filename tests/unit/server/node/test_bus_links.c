/* SPDX-License-Identifier: MIT */
/* Whoever opens connections to the bus and does not prove to be a node holds few of them, not for
 * long. */
#include "tests/unit/server/node/lone_node.h"

#include "cluster/frame.h"

#include <criterion/criterion.h>

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

/* What a node says that is not known here. */
static void greet(struct lone_node *w, uint64_t link)
{
    struct frame frame = {.type = FRAME_PING, .flags = FRAME_PRIMARY, .boot = 1, .sequence = 1};
    struct buf bytes = {0};

    memset(frame.sender.text, 'a', CLUSTER_ID_LEN);
    memset(frame.shard.text, 'b', CLUSTER_ID_LEN);
    frame_encode(&frame, (struct bytes){0}, &bytes);
    node_begin_pass(w->node, w->env.now(w));
    node_link_input(w->node, link, buf_bytes(&bytes));
    node_end_pass(w->node);
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
