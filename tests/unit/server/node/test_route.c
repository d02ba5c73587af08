/* SPDX-License-Identifier: MIT */
/* The gate of cluster mode: what is asked of the cluster, and what clients are told. */
#include "base/attr.h"
#include "cluster/nodes.h"
#include "cluster/slots.h"
#include "cluster/state.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "tests/alone/alone.h"
#include "tests/unit/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static struct alone *start_without_slots(void)
{
    struct alone *a = alone_new(&(struct alone_option){"cluster-enabled", "yes"}, 1);

    alone_connect(a, 0);
    return a;
}

/* The slot of k goes to a node that nobody knows the address of yet, or does not. */
static void move_slot_of(struct alone *a, const char *key, bool is_import)
{
    struct slot_move move = {.slot = slot_of_key(bytes_from_text(key)), .is_import = is_import};

    memset(move.peer.text, 'a', sizeof(move.peer.text) - 1);
    slots_set_move(a->node->cluster, &move);
}

Test(route, serves_keys_of_one_slot_and_refuses_those_of_two)
{
    struct alone *a = answers_start_cluster();

    answers_exactly(a, 0, "MSET {k}a 1 {k}b 2\r\nMGET {k}a {k}b\r\n",
                    "+OK\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    answers_exactly(a, 0, "MGET a b\r\n",
                    "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    answers_exactly(a, 0, "DEL {k}a {k}b c\r\n",
                    "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    answers_exactly(a, 0, "MSET a 1 b 2\r\n",
                    "-CROSSSLOT Keys in request don't hash to the same slot\r\n");
    answers_exactly(a, 0, "MGET a a a\r\n", "*3\r\n$-1\r\n$-1\r\n$-1\r\n");
    alone_free(a);
}

Test(route, says_that_a_slot_is_served_by_nobody)
{
    struct alone *a = start_without_slots();

    answers_exactly(
        a, 0, "GET k\r\nSET k v\r\nDBSIZE\r\n",
        "-CLUSTERDOWN Hash slot not served\r\n-CLUSTERDOWN Hash slot not served\r\n:0\r\n");
    alone_free(a);
}

Test(route, looks_for_keys_of_a_slot_that_is_leaving)
{
    struct alone *a = answers_start_cluster();

    answers_exactly(a, 0, "MSET {k}a 1 {k}b 2\r\n", "+OK\r\n");
    move_slot_of(a, "k", false);
    answers_exactly(a, 0, "MGET {k}a {k}b\r\n", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    answers_exactly(a, 0, "MGET {k}a {k}c\r\n",
                    "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    answers_exactly(a, 0, "GET other\r\n", "$-1\r\n");
    slots_clear_move(a->node->cluster, slot_of_key(BYTES_LITERAL("k")));
    answers_exactly(a, 0, "MGET {k}a {k}c\r\n", "*2\r\n$1\r\n1\r\n$-1\r\n");
    alone_free(a);
}

Test(route, counts_an_expired_key_as_missing_while_its_slot_leaves)
{
    struct alone *a = answers_start_cluster();

    upkeep_set_expiring(a->node, false);
    answers_exactly(a, 0, "SET {k}a 1\r\nSET {k}b 2 PX 10\r\n", "+OK\r\n+OK\r\n");
    move_slot_of(a, "k", false);
    alone_pass(a, SECOND_US / 10, ALONE_CLIENTS, (struct bytes){0});
    answers_exactly(a, 0, "MGET {k}a {k}b\r\n",
                    "-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    alone_free(a);
}

/* The slot of the key is another primary's, from whom we take it. */
static void begin_import(struct alone *a, const char *key)
{
    struct cluster_id id = {0};
    struct cluster_address address = {.ip = "127.0.0.1", .port = 7001, .bus_port = 17001};

    memset(id.text, 'a', sizeof(id.text) - 1);
    slots_bind(a->node->cluster, slot_of_key(bytes_from_text(key)),
               nodes_add(a->node->cluster, &id, &address));
    move_slot_of(a, key, true);
}

Test(route, serves_a_transaction_of_a_slot_that_comes_to_who_asked_before_it)
{
    struct alone *a = answers_start_cluster();
    const char *moved = "-MOVED 7629 127.0.0.1:7001\r\n";
    struct buf expected = {0};

    begin_import(a, "k");
    /* That before MULTI holds until EXEC. */
    answers_exactly(a, 0, "ASKING\r\nMULTI\r\nSET k 1\r\nGET k\r\nEXEC\r\n",
                    "+OK\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\n1\r\n");
    buf_printf(&expected, "%s", moved);
    answers_exactly(a, 0, "GET k\r\n", buf_text(&expected));
    /* Within it is queued, and comes too late for what stands behind it. */
    buf_clear(&expected);
    buf_printf(
        &expected,
        "+OK\r\n+QUEUED\r\n%s-EXECABORT Transaction discarded because of previous errors.\r\n",
        moved);
    answers_exactly(a, 0, "MULTI\r\nASKING\r\nGET k\r\nEXEC\r\n", buf_text(&expected));
    /* Nor does it hold behind EXEC or DISCARD. */
    buf_clear(&expected);
    buf_printf(&expected, "+OK\r\n+OK\r\n+QUEUED\r\n+OK\r\n%s", moved);
    answers_exactly(a, 0, "ASKING\r\nMULTI\r\nGET k\r\nDISCARD\r\nGET k\r\n", buf_text(&expected));
    buf_deinit(&expected);
    alone_free(a);
}

Test(route, asks_nothing_about_a_request_without_keys)
{
    struct alone *a = start_without_slots();
    struct bytes words[] = {BYTES_LITERAL("DBSIZE")};
    struct request request = {.session = a->clients[0].session,
                              .spec = command_spec(COMMAND_DBSIZE),
                              .args = words,
                              .arg_count = 1};

    cr_assert(route_keys(a->node, &request));
    cr_assert_eq(output_pending(&a->clients[0].session->output), 0);
    alone_free(a);
}

Test(route, is_of_clusters_alone, .signal = SIGABRT)
{
    struct alone *a = alone_new(NULL, 0);
    struct bytes words[] = {BYTES_LITERAL("GET"), BYTES_LITERAL("k")};
    struct session s = {.flags = 0};
    struct request request = {
        .session = &s, .spec = command_spec(COMMAND_GET), .args = words, .arg_count = 2};

    (void)route_keys(a->node, &request);
}
