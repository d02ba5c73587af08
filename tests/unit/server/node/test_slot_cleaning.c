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

enum {
    LEASE_PASSES = 100, /* of 100 ms: a lone voter grants itself its lease */
};

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

Test(slot_cleaning, breaks_the_watches_of_what_goes_even_if_it_comes_back)
{
    struct alone *a = answers_start_cluster();
    struct cluster *c = a->node->cluster;
    struct cluster_address address = {.ip = "127.0.0.1", .port = 7001, .bus_port = 17001};
    struct cluster_id id = {0};

    memset(id.text, 'a', sizeof(id.text) - 1);
    answers_expect(a, "SET k 1", "+OK|");
    answers_expect(a, "WATCH k", "+OK|");
    slots_bind(c, slot_of_key(BYTES_LITERAL("k")), nodes_add(c, &id, &address));
    slot_cleaning_begin(a->node);
    answers_idle(a, 2, 1);
    cr_assert_eq(keyspace_count_all(a->node->data.keyspace), 0);
    slots_bind(c, slot_of_key(BYTES_LITERAL("k")), c->me);
    answers_expect(a, "SET k 1", "+OK|");
    answers_expect(a, "MULTI", "+OK|");
    answers_expect(a, "GET k", "+QUEUED|");
    answers_expect(a, "EXEC", "[*]-1|");
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
