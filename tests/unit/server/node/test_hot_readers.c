/* SPDX-License-Identifier: MIT */
/* node/hot_readers: what a connection's requests of hot slots leave behind.  Who is sent where is in tests/wire/hot_copies.wire. */
#include "node/hot_readers.h"

#include "lone_node.h"
#include "node/inside.h"
#include "session/hot_reads.h"

#include <criterion/criterion.h>

Test(hot_readers, after_reset_a_connection_has_asked_for_no_hot_slot)
{
    struct lone_node *w = lone_node_new();

    hot_reads_get(&w->client->hot_reads, 7)->requests = 1000;
    cr_expect_str_eq(lone_node_ask(w, "PING\n"), "+PONG|");
    cr_expect_not_null(w->client->hot_reads);
    cr_expect_str_eq(lone_node_ask(w, "RESET\n"), "+RESET|");
    cr_expect_null(w->client->hot_reads);
    lone_node_free(w);
}
