/* SPDX-License-Identifier: MIT */
/* cluster/data: whose data may stand for the shard's. */
#include "cluster/data.h"

#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

enum {
    TIMEOUT_MS = 1000,
    SOON = 2999,
    LATER = 3000, /* when nodes of which nothing is known are waited for no more */
    AT_LAST = 30000,
};

static enum data_verdict judge(struct data_facts facts)
{
    facts.timeout_ms = TIMEOUT_MS;
    return data_judge(&facts);
}

Test(cluster_data, is_never_complete_while_it_is_loaded)
{
    for (unsigned bits = 0; bits < 64; bits++) {
        struct data_facts facts = {
            .is_loading = true,
            .is_primary = (bits & 1) != 0,
            .is_whole = (bits & 2) != 0,
            .has_more = (bits & 4) != 0,
            .is_behind = (bits & 8) != 0,
            .misses_replica = (bits & 16) != 0,
            .misses_node = (bits & 32) != 0,
            .waited_ms = AT_LAST,
        };

        cr_expect_eq(judge(facts), DATA_LOADING);
    }
}

Test(cluster_data, that_the_node_knows_to_be_whole_is_whatever_others_have)
{
    for (unsigned bits = 0; bits < 32; bits++) {
        struct data_facts facts = {
            .is_whole = true,
            .is_primary = (bits & 1) != 0,
            .has_more = (bits & 2) != 0,
            .is_behind = (bits & 4) != 0,
            .misses_replica = (bits & 8) != 0,
            .misses_node = (bits & 16) != 0,
        };

        cr_expect_eq(judge(facts), DATA_WHOLE);
    }
}

Test(cluster_data, of_a_replica_counts_only_when_its_primary_has_even_less)
{
    cr_expect_eq(judge((struct data_facts){.has_more = true}), DATA_MORE_THAN_PRIMARY);
    cr_expect_eq(judge((struct data_facts){.has_more = false}), DATA_STALE);
    cr_expect_eq(judge((struct data_facts){.waited_ms = AT_LAST}), DATA_STALE, "however long");
}

Test(cluster_data, of_a_primary_is_accepted_when_all_were_heard_or_waited_for)
{
    static const struct {
        bool is_behind;
        bool misses_replica;
        bool misses_node;
        int64_t waited_ms;
        enum data_verdict verdict;
    } cases[] = {
        {false, false, false, 0,           DATA_UNDISPUTED     },
        {false, false, true,  0,           DATA_NODE_UNHEARD   },
        {false, false, true,  SOON,        DATA_NODE_UNHEARD   },
        {false, false, true,  LATER,       DATA_UNDISPUTED     },
        {false, true,  true,  0,           DATA_REPLICA_UNHEARD},
        {false, true,  true,  LATER,       DATA_REPLICA_UNHEARD},
        {false, true,  true,  AT_LAST - 1, DATA_REPLICA_UNHEARD},
        {false, true,  true,  AT_LAST,     DATA_UNDISPUTED     },
        {true,  false, false, 0,           DATA_BEHIND         },
        {true,  false, false, AT_LAST - 1, DATA_BEHIND         },
        {true,  false, false, AT_LAST,     DATA_GIVEN_UP       },
        {true,  true,  true,  LATER,       DATA_BEHIND         },
        {true,  true,  true,  AT_LAST,     DATA_GIVEN_UP       },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum data_verdict verdict = judge((struct data_facts){
            .is_primary = true,
            .is_behind = cases[i].is_behind,
            .misses_replica = cases[i].misses_replica,
            .misses_node = cases[i].misses_node,
            .waited_ms = cases[i].waited_ms,
        });

        cr_expect_eq(verdict, cases[i].verdict, "case %zu: %s", i, data_verdict_text(verdict));
    }
}

/* A long node timeout: the nodes that are not known are waited for as long, beyond 30 seconds. */
Test(cluster_data, waits_for_unknown_nodes_by_the_node_timeout)
{
    struct data_facts facts = {
        .is_primary = true, .misses_node = true, .waited_ms = 44999, .timeout_ms = 15000};

    cr_expect_eq(data_judge(&facts), DATA_NODE_UNHEARD);
    facts.waited_ms = 45000;
    cr_expect_eq(data_judge(&facts), DATA_UNDISPUTED);
}

Test(cluster_data, is_complete_by_four_verdicts_and_each_has_its_words)
{
    static const enum data_verdict complete[] = {DATA_WHOLE, DATA_MORE_THAN_PRIMARY,
                                                 DATA_UNDISPUTED, DATA_GIVEN_UP};
    size_t found = 0;

    for (int verdict = DATA_UNKNOWN; verdict <= DATA_GIVEN_UP; verdict++) {
        found += data_verdict_is_complete((enum data_verdict)verdict) ? 1 : 0;
        for (int other = DATA_UNKNOWN; other < verdict; other++) {
            cr_expect_str_neq(data_verdict_text((enum data_verdict)verdict),
                              data_verdict_text((enum data_verdict)other));
        }
    }
    cr_expect_eq(found, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect(data_verdict_is_complete(complete[i]));
    }
}

/* ---- in a cluster ----------------------------------------------------------------------------- */

static void restart_without_data(struct world *w, int member, uint64_t offset)
{
    world_kill(w, member);
    world_run(w, 50);
    w->members[member].loses_data = true;
    w->members[member].status.offset = offset;
    world_start(w, member);
}

Test(cluster_data, of_a_restarted_primary_is_accepted_when_no_replica_has_more)
{
    struct world *w = world_three_and_three();

    restart_without_data(w, 0, w->members[0].status.offset);
    cr_expect_not(w->members[0].status.is_data_complete);
    world_run(w, 2000);
    cr_expect(w->members[0].status.is_data_complete, "the core said so");
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    cr_expect_eq(cluster_get_stats(w->members[3].core).elections_started, 0,
                 "its replica hears of it in time");
    world_free(w);
}

Test(cluster_data, of_a_restarted_primary_is_not_served_while_its_replica_was_not_heard)
{
    struct world *w = world_three_and_three();

    world_kill(w, 3);
    restart_without_data(w, 0, w->members[0].status.offset);
    world_run(w, DATA_WAIT_MAX_MS - 1000);
    cr_expect_not(world_has_lease(w, 0));
    cr_expect_not(w->members[0].status.is_data_complete);
    world_run(w, 2000);
    cr_expect(w->members[0].status.is_data_complete);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

Test(cluster_data, of_a_primary_that_no_replica_replaces_is_served_in_the_end)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    world_forbid_failover(w, 3); /* it has more, and may not take over */
    restart_without_data(w, 0, 100);
    world_run(w, DATA_WAIT_MAX_MS - 1000);
    cr_expect_not(world_has_lease(w, 0));
    world_run(w, 2000);
    cr_expect(w->members[0].status.is_data_complete);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

/* Both were down; the replica's file is older than what the primary had, but newer than what it
 * has now. */
Test(cluster_data, of_a_stale_replica_is_better_than_less_of_its_primary)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    restart_without_data(w, 0, 100);
    w->members[3].status.is_data_complete = false;
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect(world_is_replica_of(w, 0, 3));
    world_free(w);
}

Test(cluster_data, of_a_stale_replica_with_less_than_its_primary_is_not_wanted)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    w->members[3].status.is_data_complete = false;
    w->members[3].status.offset = 200;
    restart_without_data(w, 0, 250);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    cr_expect_eq(w->members[3].promotions, 0);
    world_free(w);
}
