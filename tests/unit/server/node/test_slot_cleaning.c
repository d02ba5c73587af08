/* SPDX-License-Identifier: MIT */
/* Keys of slots that another node took from us go away, in slices, and no others. */
#include "cluster/nodes.h"
#include "cluster/slots.h"
#include "cluster/state.h"
#include "node/inside.h"
#include "spec/slot.h"
#include "tests/unit/answers.h"

#include <signal.h>
#include <string.h>

Test(slot_cleaning, leaves_the_keys_of_slots_that_are_ours)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "MSET {t}a 1 {t}b 2", "+OK|");
    slot_cleaning_begin(a->node);
    cr_assert(a->node->slot_cleaning.is_due);
    answers_idle(a, 2, 10);
    cr_expect_not(a->node->slot_cleaning.is_due, "one slice looks at all slots");
    cr_expect_eq(keyspace_count_all(a->node->data.keyspace), 2);
    alone_free(a);
}

/* Another node has it now. */
static void lose_slot_of(struct alone *a, struct bytes key)
{
    struct cluster *c = a->node->cluster;
    struct cluster_address address = {.ip = "127.0.0.1", .port = 7001, .bus_port = 17001};
    struct cluster_id id = {0};

    memset(id.text, 'a', sizeof(id.text) - 1);
    slots_bind(c, slot_of_key(key), nodes_add(c, &id, &address));
    slot_cleaning_begin(a->node);
}

Test(slot_cleaning, breaks_the_watches_of_what_goes_even_if_it_comes_back)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "SET k 1", "+OK|");
    answers_expect(a, "WATCH k", "+OK|");
    lose_slot_of(a, BYTES_LITERAL("k"));
    answers_idle(a, 2, 1);
    cr_assert_eq(keyspace_count_all(a->node->data.keyspace), 0);
    slots_bind(a->node->cluster, slot_of_key(BYTES_LITERAL("k")), a->node->cluster->me);
    answers_expect(a, "SET k 1", "+OK|");
    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "GET k", "+QUEUED|");
    answers_expect(a, "EXEC", "[*]-1|");
    alone_free(a);
}

/* The keys are where they went, and are told of there. */
Test(slot_cleaning, is_told_to_nobody_who_listens_to_events)
{
    struct alone *a = answers_start_cluster();

    answers_expect(a, "CONFIG SET notify-keyspace-events KEAnom", "+OK|");
    answers_send(a, 1, "PSUBSCRIBE *\r\n");
    answers_expect(a, "MSET {t}a 1 {t}b 2", "+OK|");
    answers_expect(a, "SET {t}c 4 EX 100", "+OK|");
    answers_expect(a, "SET other 3", "+OK|");
    answers_match(a, 1, "*3|$10|psubscribe|*:{t}a|$3|set|*:{t}c|$6|expire|*");
    lose_slot_of(a, BYTES_LITERAL("t"));
    answers_idle(a, 2, 10);
    cr_assert_eq(keyspace_count_all(a->node->data.keyspace), 1);
    answers_match(a, 1, "");
    answers_expect(a, "DEL other", ":1|");
    answers_match(a, 1,
                  "*4|$8|pmessage|$1|*|$20|__keyspace@0__:other|$3|del|"
                  "*4|$8|pmessage|$1|*|$18|__keyevent@0__:del|$5|other|");
    alone_free(a);
}

/* Nothing tells it why its primary removes them. */
Test(slot_cleaning, of_its_primary_a_replica_tells_as_of_any_del)
{
    static const struct alone_option options[] = {
        {"replicaof",              "127.0.0.1 7000"},
        {"notify-keyspace-events", "KEA"           }
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));

    cr_assert(alone_lead(a));
    alone_connect(a, 0);
    alone_primary_sends(a, BYTES_LITERAL("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"));
    answers_expect(a, "PSUBSCRIBE __keyevent*", "*psubscribe*");
    alone_primary_sends(a, BYTES_LITERAL("*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"));
    answers_match(a, 0, "*4|$8|pmessage|*|$18|__keyevent@0__:del|$1|k|");
    alone_free(a);
}

Test(slot_cleaning, begins_anew_with_the_first_slot_whenever_some_are_lost)
{
    struct alone *a = answers_start_cluster();

    slot_cleaning_begin(a->node);
    answers_idle(a, 2, 10);
    cr_assert_eq(a->node->slot_cleaning.slot, SLOT_COUNT);
    slot_cleaning_begin(a->node);
    cr_expect_eq(a->node->slot_cleaning.slot, 0);
    cr_expect(a->node->pass.has_work, "it does not wait for the next client");
    alone_free(a);
}

Test(slot_cleaning, of_a_replica_waits_since_its_primary_sends_what_to_remove)
{
    struct alone *a = answers_start_cluster();

    node_follow(a->node, "127.0.0.1", 7000);
    cr_assert_not(journal_is_open(a->node));
    slot_cleaning_begin(a->node);
    cr_expect_not(slot_cleaning_step(a->node), "nobody is kept awake");
    cr_expect(a->node->slot_cleaning.is_due);
    cr_expect_eq(a->node->slot_cleaning.slot, 0);
    alone_free(a);
}

Test(slot_cleaning, outside_a_cluster_is_a_bug, .signal = SIGABRT)
{
    slot_cleaning_begin(answers_start(NULL, 0)->node);
}
