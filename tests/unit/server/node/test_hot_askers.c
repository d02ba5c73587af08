/* SPDX-License-Identifier: MIT */
/* node/hot_askers: from where clients have asked for the map. */
#include "node/hot_askers.h"

#include "lone_node.h"
#include "node/inside.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    HOSTS = 2000,
    CYCLE = HOT_ASKERS / HOT_ASKERS_AGAIN, /* looks in which all is told again */
};

/* The node's client comes from that host now. */
static const struct session *at_host(struct lone_node *w, unsigned host)
{
    snprintf(w->client->peer.address, sizeof(w->client->peer.address), "10.7.%u.%u:%u", host / 250,
             host % 250, 30000 + host);
    return w->client;
}

static void note_all(struct lone_node *w)
{
    for (unsigned host = 0; host < HOSTS; host++) {
        hot_askers_note(w->node, at_host(w, host));
    }
}

static unsigned known(struct lone_node *w)
{
    unsigned count = 0;

    for (unsigned host = 0; host < HOSTS; host++) {
        count += hot_askers_have(w->node, at_host(w, host)) &&
                 hot_askers_have_nameless(w->node, at_host(w, host));
    }
    hot_askers_check(w->node);
    return count;
}

/* So many looks of the one node, which tells the other one. */
static size_t tell(struct lone_node *from, struct lone_node *to, unsigned looks)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < looks; i++) {
        struct buf text = {0};

        if (hot_askers_take_new(from->node, &text)) {
            bytes += text.len;
            cr_expect_leq(text.len, (HOT_ASKERS_TOLD + HOT_ASKERS_AGAIN) * sizeof(uint64_t));
            hot_askers_hear(to->node, buf_bytes(&text));
        }
        buf_deinit(&text);
    }
    return bytes;
}

Test(hot_askers, thousands_of_hosts_are_known_at_a_time)
{
    struct lone_node *w = lone_node_new();

    cr_expect_eq(known(w), 0);
    note_all(w);
    cr_expect_geq(known(w), HOSTS - HOSTS / 20, "%u", known(w));
    lone_node_free(w);
}

Test(hot_askers, a_host_is_known_by_its_address_whatever_the_port)
{
    struct lone_node *w = lone_node_new();

    hot_askers_note(w->node, at_host(w, 7));
    snprintf(w->client->peer.address, sizeof(w->client->peer.address), "10.7.0.7:1");
    cr_expect(hot_askers_have(w->node, w->client));
    snprintf(w->client->peer.address, sizeof(w->client->peer.address), "10.7.0.70:30007");
    cr_expect_not(hot_askers_have(w->node, w->client));
    lone_node_free(w);
}

Test(hot_askers, what_is_new_is_told_first_and_in_messages_of_some_kilobytes)
{
    struct lone_node *a = lone_node_new();
    struct lone_node *b = lone_node_new();

    note_all(a);
    (void)tell(a, b, 2 * HOSTS / HOT_ASKERS_TOLD + 1);
    cr_expect_eq(known(b), known(a));
    cr_expect_eq(tell(b, a, CYCLE), 0, "what was heard is not told on");
    lone_node_free(b);
    lone_node_free(a);
}

Test(hot_askers, who_asks_a_second_node_is_told_of_by_that_one_too)
{
    struct lone_node *first = lone_node_new();
    struct lone_node *second = lone_node_new();
    struct lone_node *late = lone_node_new();

    hot_askers_note(first->node, at_host(first, 7));
    (void)tell(first, second, 1);
    hot_askers_note(second->node, at_host(second, 7));
    (void)tell(second, late, CYCLE);
    cr_expect(hot_askers_have(late->node, at_host(late, 7)));
    lone_node_free(late);
    lone_node_free(second);
    lone_node_free(first);
}

Test(hot_askers, who_comes_later_is_told_all_of_it_by_and_by)
{
    struct lone_node *a = lone_node_new();
    struct lone_node *b = lone_node_new();
    struct lone_node *late = lone_node_new();

    note_all(a);
    (void)tell(a, b, CYCLE);
    (void)tell(a, late, CYCLE);
    cr_expect_eq(known(late), known(a));
    lone_node_free(late);
    lone_node_free(b);
    lone_node_free(a);
}
