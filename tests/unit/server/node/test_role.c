/* SPDX-License-Identifier: MIT */
/* Who we are, and what follows from a change of that. */
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <signal.h>

Test(role, is_that_of_the_configuration_at_birth)
{
    struct alone *primary = answers_start(NULL, 0);
    struct alone *replica = answers_start(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    cr_expect(primary->node->role.is_primary);
    cr_expect(primary->node->data.is_complete, "a primary alone has all there is");
    cr_expect_not(replica->node->role.is_primary);
    cr_expect_not(replica->node->data.is_complete);
    alone_free(primary);
    alone_free(replica);
}

Test(role, a_primary_that_follows_ends_what_waits_for_its_replicas)
{
    struct alone *a = answers_start(NULL, 0);

    answers_send(a, 1, "SET k v\r\nWAIT 1 0\r\n");
    node_follow(a->node, "127.0.0.1", 7000);
    answers_idle(a, 2, 10);
    answers_match(a, 1, "+OK|-UNBLOCKED *");
    cr_expect_not(a->node->data.is_complete, "its data may hold what the new primary never saw");
    alone_free(a);
}

Test(role, a_replica_that_becomes_a_primary_begins_a_history_where_the_old_one_ends)
{
    struct alone *a = answers_start(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);
    struct node_facts before;
    struct node_facts after;

    cr_assert(alone_lead(a));
    node_facts(a->node, &before);
    node_become_primary(a->node);
    node_facts(a->node, &after);
    cr_expect(after.is_primary && !after.link_up);
    cr_expect_eq(a->primary_link, 0, "the link is closed");
    cr_expect_eq(after.offset, before.offset);
    cr_expect_not(history_id_equal(&after.history, &before.history));
    cr_expect(history_id_equal(oplog_previous_history(a->node->journal.log), &before.history));
    alone_free(a);
}

Test(role, becoming_what_we_are_changes_nothing)
{
    struct alone *a = answers_start(NULL, 0);
    struct node_facts before;
    struct node_facts after;

    node_facts(a->node, &before);
    node_become_primary(a->node);
    node_facts(a->node, &after);
    cr_expect(history_id_equal(&after.history, &before.history));
    alone_free(a);
}

Test(role, a_change_of_role_lets_our_replicas_go)
{
    struct alone *a = answers_start(&(struct alone_option){"replicaof", "127.0.0.1 7000"}, 1);

    cr_assert(alone_lead(a));
    answers_send(a, 3, "REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n");
    alone_settle(a, ANSWERS_PASSES);
    cr_assert_eq(a->node->replicas.count, 1);
    answers_expect(a, "REPLICAOF NO ONE", "+OK|");
    cr_expect_eq(a->node->replicas.count, 0);
    cr_expect_null(a->clients[3].session);
    alone_free(a);
}

Test(role, to_follow_nobody_s_port_is_a_bug, .signal = SIGABRT)
{
    node_follow(answers_start(NULL, 0)->node, "127.0.0.1", 0);
}
