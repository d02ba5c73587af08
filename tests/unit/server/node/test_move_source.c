/* SPDX-License-Identifier: MIT */
/* Slots that another shard fetches, and an operator who wants them to stay.
 *
 * Client 0 is the operator, client 1 the receiver, client 2 writes to the slot that goes. */
#include "cluster/nodes.h"
#include "cluster/range_admin.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "tests/unit/answers.h"

#include <stdio.h>

#define RECEIVER_ID "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

enum {
    OPERATOR,
    RECEIVER,
    WRITER,
    ASKED_MAX = 20,
    FORMED_PASSES = 50,
};

struct move {
    struct alone *a;
    unsigned slot;
    struct cluster_id id;
};

/* A primary without slots, which nobody hears of: what it asks comes from client 1. */
static void add_receiver(struct alone *a)
{
    struct cluster_address address = {.ip = "10.0.0.9", .port = 7000, .bus_port = 17000};
    struct cluster_id id;
    struct cluster_node *node;

    cr_assert(cluster_id_parse(BYTES_LITERAL(RECEIVER_ID), &id));
    node = nodes_add(a->node->cluster, &id, &address);
    node->is_in_handshake = false;
    node->shard = id;
    answers_send(a, RECEIVER, "REPLCONF listening-port 7000\r\n");
    answers_match(a, RECEIVER, "+OK|");
    a->clients[RECEIVER].session->feed->introduction.replica = id;
    a->clients[RECEIVER].session->feed->introduction.is_proven = true;
}

/* It is there, and may take what it is given. */
static void hear_receiver(struct move *m)
{
    struct cluster_node *node = nodes_find_text(m->a->node->cluster, BYTES_LITERAL(RECEIVER_ID));

    nodes_set_health(m->a->node->cluster, node, NODE_WELL);
    node->unanswered_since = m->a->node->now.mono; /* for a node timeout nobody finds it failed */
}

static const char *line_of(const struct move *m, const char *verb)
{
    static char line[128];

    snprintf(line, sizeof(line), "CLUSTER SYNCSLOTS %s %s\r\n", verb, m->id.text);
    return line;
}

static bool ask(struct move *m, const char *verb, const char *pattern)
{
    struct buf out;
    bool is_so;

    answers_send(m->a, RECEIVER, line_of(m, verb));
    out = answers_take(m->a, RECEIVER);
    is_so = glob_match(bytes_from_text(pattern), buf_bytes(&out));
    buf_deinit(&out);
    return is_so;
}

/* The operator has asked for it, and the receiver has all but what is written from now on. */
static struct move begin(void)
{
    struct move m = {.a = answers_start_cluster(), .slot = slot_of_key(BYTES_LITERAL("k"))};
    struct cluster_range_view view;
    char line[160];
    int asked = 0;

    add_receiver(m.a);
    answers_idle(m.a, FORMED_PASSES, 100); /* while a cluster forms nothing is served */
    answers_expect(m.a, "SET k 1", "+OK|");
    snprintf(line, sizeof(line), "CLUSTER MIGRATESLOTS SLOTSRANGE %u %u NODE " RECEIVER_ID, m.slot,
             m.slot);
    answers_expect(m.a, line, "+OK|");
    cr_assert_eq(cluster_range_count(m.a->node->cluster), 1);
    cluster_range_at(m.a->node->cluster, 0, &view);
    m.id = view.range->id;
    snprintf(line, sizeof(line), "CLUSTER SYNCSLOTS BEGIN %s %u-%u\r\n", m.id.text, m.slot, m.slot);
    answers_send(m.a, RECEIVER, line);
    answers_match(m.a, RECEIVER, "+YES|");
    while (!ask(&m, "NEXT", "[*]3|+LOG|:0|*") && asked < ASKED_MAX) {
        asked++;
    }
    cr_assert_lt(asked, ASKED_MAX);
    return m;
}

/* And now writes are held, of which one waits. */
static struct move begin_and_hold(void)
{
    struct move m = begin();

    cr_assert(ask(&m, "HOLD", "[*]3|+END|:0|*"));
    answers_send(m.a, WRITER, "SET k 2\r\n");
    answers_match(m.a, WRITER, "");
    return m;
}

Test(move_source, a_move_that_is_cancelled_lets_writes_go_at_once_and_is_told_so)
{
    struct move m = begin_and_hold();

    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS", "+OK|");
    answers_match(m.a, WRITER, "+OK|");
    cr_expect_eq(cluster_range_count(m.a->node->cluster), 0);
    cr_expect(ask(&m, "NEXT", "-LATER the move was cancelled|"));
    cr_expect(ask(&m, "NEXT", "-LATER no such move is under way on this connection|"));
    answers_expect(m.a, "GET k", "$1|2|");
    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS", "-ERR No migrations ongoing|");
    alone_free(m.a);
}

Test(move_source, a_move_that_is_cancelled_while_writes_are_held_is_not_given)
{
    struct move m = begin_and_hold();

    answers_send(m.a, OPERATOR, "CLUSTER CANCELSLOTMIGRATIONS\r\n");
    cr_expect(ask(&m, "COMMIT", "-LATER *"));
    cr_expect(node_owns_slot(m.a->node, m.slot));
    alone_settle(m.a, ANSWERS_PASSES);
    answers_match(m.a, OPERATOR, "+OK|");
    answers_expect(m.a, "GET k", "$1|2|");
    alone_free(m.a);
}

/* Its receiver asks for the next piece when it runs again: until then there is nobody to be told. */
Test(move_source, a_move_that_is_cancelled_is_listed_so_whether_its_receiver_asks_or_not)
{
    static const char cancelled[] = "*state|$9|cancelled|$7|message|$22|the move was cancelled|*";
    struct move m = begin_and_hold();

    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS", "+OK|");
    answers_match(m.a, WRITER, "+OK|");
    answers_expect(m.a, "CLUSTER GETSLOTMIGRATIONS", cancelled);
    answers_expect(m.a, "CLUSTER MIGRATESLOTS SLOTSRANGE 7629 7629 NODE " RECEIVER_ID, "+OK|");
    cr_expect(ask(&m, "NEXT", "-LATER the move was cancelled|"));
    answers_expect(m.a, "CLUSTER GETSLOTMIGRATIONS", cancelled);
    cr_expect_eq(m.a->node->move_source.reports.count, 1);
    alone_free(m.a);
}

/* The receiver's only node is removed, before it took what it was given. */
Test(move_source, what_was_given_to_a_shard_that_is_gone_is_served_here_again_with_its_keys)
{
    struct move m = begin_and_hold();

    cr_assert(ask(&m, "COMMIT", "-GIVEN|"));
    answers_expect(m.a, "CLUSTER FORGET " RECEIVER_ID, "+OK|");
    answers_match(m.a, WRITER, "-CLUSTERDOWN *|");
    answers_expect(m.a, "CLUSTER ADDSLOTS 7629",
                   "-ERR Slot 7629 is on the move: it was given to a shard that is gone*"
                   "CLUSTER CANCELSLOTMIGRATIONS*|");
    answers_expect(m.a, "DBSIZE", ":0|");
    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS", "+OK|");
    answers_idle(m.a, FORMED_PASSES, 100);
    cr_expect(node_owns_slot(m.a->node, m.slot));
    answers_expect(m.a, "GET k", "$1|1|");
    answers_expect(m.a, "DBSIZE", ":1|");
    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS", "-ERR No migrations ongoing|");
    alone_free(m.a);
}

/* From when it is proposed on: it may be agreed, whatever becomes of this node. */
Test(move_source, what_was_given_cannot_be_cancelled_even_before_that_is_agreed)
{
    struct move m = begin_and_hold();

    hear_receiver(&m);
    m.a->is_disk_held = true;
    cr_assert(ask(&m, "COMMIT", "-GIVEN|"));
    answers_send(m.a, OPERATOR, "CLUSTER CANCELSLOTMIGRATIONS\r\n");
    answers_match(m.a, OPERATOR,
                  "-ERR Too late to cancel: the slots were given to their new owner (nodes of "
                  "shard * are left*)|");
    cr_expect(cluster_has_given(m.a->node->cluster, &m.id));
    m.a->is_disk_held = false;
    while (alone_disk_step(m.a)) {
    }
    alone_settle(m.a, ANSWERS_PASSES);
    answers_expect(m.a, "CLUSTER CANCELSLOTMIGRATIONS",
                   "-ERR Too late to cancel: the slots were given to their new owner (nodes of "
                   "shard * are left*)|");
    cr_expect(ask(&m, "CANCEL", "-GIVEN|"));
    cr_expect_not(node_owns_slot(m.a->node, m.slot));
    answers_match(m.a, WRITER, "");
    alone_free(m.a);
}

/* What the receiver has is too much then: it asks for an image again. */
Test(move_source, what_removes_everything_at_the_source_begins_the_move_anew)
{
    struct move m = begin();
    char line[160];

    answers_expect(m.a, "FLUSHALL", "+OK|");
    cr_expect(ask(&m, "NEXT", "-LATER everything was removed here meanwhile|"));
    snprintf(line, sizeof(line), "CLUSTER SYNCSLOTS BEGIN %s %u-%u\r\n", m.id.text, m.slot, m.slot);
    answers_send(m.a, RECEIVER, line);
    answers_match(m.a, RECEIVER, "+YES|");
    cr_expect(ask(&m, "NEXT", "[*]3|+IMAGE|*"));
    alone_free(m.a);
}
