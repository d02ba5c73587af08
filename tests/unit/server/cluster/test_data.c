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
    for (unsigned bits = 0; bits < 128; bits++) {
        struct data_facts facts = {
            .is_loading = true,
            .is_primary = (bits & 1) != 0,
            .is_whole = (bits & 2) != 0,
            .has_more = (bits & 4) != 0,
            .is_behind = (bits & 8) != 0,
            .misses_replica = (bits & 16) != 0,
            .misses_node = (bits & 32) != 0,
            .is_foreign = (bits & 64) != 0,
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

Test(cluster_data, of_a_replica_that_are_not_its_shards_are_not_whole_whatever_it_believes)
{
    cr_expect_eq(judge((struct data_facts){.is_foreign = true}), DATA_FOREIGN);
    cr_expect_eq(judge((struct data_facts){.is_foreign = true, .is_whole = true}), DATA_FOREIGN);
    cr_expect_eq(judge((struct data_facts){.is_foreign = true, .is_whole = true, .has_more = true}),
                 DATA_MORE_THAN_PRIMARY);
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

/* ---- whose data they are ------------------------------------------------------------------------- */

static void give_history(struct world *w, int member, const char *name, uint64_t offset)
{
    struct cluster_status *status = &w->members[member].status;

    memset(&status->history, 0, sizeof(status->history));
    bytes_to_text(bytes_from_text(name), status->history.text, sizeof(status->history.text));
    status->lineage = (struct lineage){0};
    status->offset = offset;
}

static void replicate(struct world *w, int member, int primary)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_replicate(w->members[member].core, &call,
                                bytes_from_text(w->members[primary].id.text)));
    world_carry_out(w, member);
}

/* It has been given another shard, and its first synchronization there is not over yet. */
Test(cluster_data, of_another_shard_never_takes_over_however_much_they_are)
{
    struct world *w = world_three_and_three();

    w->members[1].status.offset = 100000;
    world_run(w, 200);
    w->members[4].is_frozen = true;
    replicate(w, 4, 0);
    world_run(w, 1000);
    cr_assert(w->members[4].status.is_data_complete, "as it believes");
    world_kill(w, 0);
    world_kill(w, 3);
    world_run(w, 10000);
    cr_expect_eq(w->members[4].promotions, 0);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), -1);
    world_free(w);
}

static void run_until_told(struct world *w, int member, const char *words)
{
    for (int ms = 0; ms < 2000 && strstr(world_told(w, member), words) == NULL; ms++) {
        world_run(w, 1);
    }
    cr_assert(strstr(world_told(w, member), words) != NULL, "%s", world_told(w, member));
}

static void run_until_served(struct world *w, uint16_t slot)
{
    for (int ms = 0; ms < 4000 && world_server_of(w, slot) == NOBODY; ms++) {
        world_run(w, 1);
    }
}

/* It hands over to the replica that has more, and which an operator gives to another shard before it hears of that. */
Test(cluster_data, of_a_restarted_primary_are_served_when_its_heir_has_left_the_shard)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    restart_without_data(w, 0, 100);
    world_listen(w);
    run_until_told(w, 0, "hands over");
    world_pause(w, 3);
    run_until_told(w, 0, "following it");
    world_resume(w, 3);
    replicate(w, 3, 1);
    run_until_served(w, world_first_slot(0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0, "%s", world_told(w, 0));
    world_free(w);
}

/* When it can be asked for nobody is there to say yes, and when the others are back the replica has ended. */
Test(cluster_data, of_a_restarted_primary_are_not_handed_to_a_replica_that_answers_no_more)
{
    struct world *w = world_of_replicas(6);

    world_run(w, 3000); /* until it has five seats */
    w->members[6].is_frozen = true;
    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    for (int i = 0; i < w->count; i++) {
        world_part(w, 0, i, i != 0 && i != 3);
    }
    restart_without_data(w, 0, 100);
    world_listen(w);
    run_until_told(w, 0, "hands over");
    world_kill(w, 3);
    run_until_told(w, 0, "nothing is handed over to it");
    for (int i = 0; i < w->count; i++) {
        world_part(w, 0, i, false);
    }
    world_run(w, 6000);
    cr_expect_null(strstr(world_told(w, 1), "<3> is the primary"), "%s", world_told(w, 1));
    cr_expect_null(strstr(world_told(w, 0), "<3> is the primary"), "%s", world_told(w, 0));
    cr_expect_neq(world_server_of(w, world_first_slot(0)), NOBODY);
    world_free(w);
}

static void forget_everywhere(struct world *w, int member)
{
    for (int i = 0; i < w->count; i++) {
        struct cluster_call call = world_call(w, i, NULL);

        if (i != member) {
            cr_assert(cluster_forget(w->members[i].core, &call,
                                     bytes_from_text(w->members[member].id.text)));
            world_carry_out(w, i);
        }
    }
}

/* It comes back to what it was replaced by, and that was taken out of the cluster before it could hear of it. */
Test(cluster_data, of_a_replaced_primary_are_served_when_who_took_its_place_was_removed)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    world_cut_off(w, 0, 1);
    w->members[0].status.offset = 310; /* nobody hears of these */
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    world_kill(w, 3);
    world_run(w, 10);
    forget_everywhere(w, 3);
    world_listen(w);
    world_cut_off(w, 0, 0);
    run_until_told(w, 0, "no longer in the cluster");
    run_until_served(w, world_first_slot(0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0, "%s", world_told(w, 0));
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_ok(w));
    world_free(w);
}

Test(cluster_data, of_a_restarted_primary_are_not_handed_to_a_replica_that_leaves)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    w->members[3].is_frozen = true;
    restart_without_data(w, 0, 100);
    world_listen(w);
    run_until_told(w, 0, "hands over");
    replicate(w, 3, 1);
    run_until_served(w, world_first_slot(0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0, "%s", world_told(w, 0));
    world_free(w);
}

/* Its disk hung when it took over, so it starts as the replica that it was, and hears that it is the primary. */
Test(cluster_data, of_a_node_that_finds_itself_primary_after_a_start_are_judged_first)
{
    struct world *w = world_three_and_three();
    struct cluster_status before;
    struct cluster_call call;

    w->members[0].status.offset = 500;
    world_run(w, 200);
    before = w->members[3].status;
    w->members[3].is_disk_stuck = true;
    call = world_call(w, 3, NULL);
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 500);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    w->members[3].status.offset = 600;
    world_run(w, 200);
    cr_assert_eq(w->members[0].status.offset, 600);

    w->members[0].is_frozen = true;
    world_kill(w, 3);
    w->members[3].is_disk_stuck = false;
    w->members[3].is_frozen = true;
    w->members[3].status = before;
    world_start(w, 3);
    cr_assert(cluster_is_replica(w->members[3].core));
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

Test(cluster_data, of_a_history_that_was_given_up_do_not_count_as_more)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 500;
    world_run(w, 200);
    replicate(w, 4, 0);
    world_run(w, 500);
    w->members[4].is_frozen = true;
    give_history(w, 4, "ofanotherlife", 900000); /* a file of long ago */
    world_run(w, 200);
    world_kill(w, 0);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect_eq(w->members[4].promotions, 0);
    world_free(w);
}

/* The primary stood still and was replaced; the new one comes back with nothing before the old one is its replica. */
Test(cluster_data, of_a_replaced_primary_are_better_than_none)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 500;
    world_run(w, 200);
    world_pause(w, 0);
    world_run(w, 3000);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    world_kill(w, 3);
    world_run(w, 50);
    w->members[3].loses_data = true;
    give_history(w, 3, "empty", 0);
    world_start(w, 3);
    world_run(w, DATA_WAIT_MAX_MS - 5000);
    cr_assert_not(world_has_lease(w, 3), "who may have more was not heard");
    world_resume(w, 0);
    w->members[0].is_frozen = true; /* it keeps what it has */
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    cr_expect(world_is_replica_of(w, 3, 0));
    world_free(w);
}

/* Of what it wrote before anybody else could have it nothing was confirmed; nor is it the shard's. */
Test(cluster_data, with_a_tail_that_was_given_up_never_take_over)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 500;
    world_run(w, 200);
    world_pause(w, 0);
    w->members[0].status.offset = 700;
    world_run(w, 3000);
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    w->members[3].status.offset = 600;
    world_run(w, 200);
    world_resume(w, 0);
    w->members[0].is_frozen = true; /* its tail is not taken back yet */
    world_run(w, 500);
    cr_assert(world_is_replica_of(w, 0, 3));
    cr_assert(w->members[0].status.is_data_complete, "as it believes");
    world_kill(w, 3);
    world_run(w, 10000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), -1);
    w->members[0].is_frozen = false;
    w->members[0].status.history = w->members[3].status.history;
    w->members[0].status.offset = 600;
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0, "when it has, it does");
    world_free(w);
}

Test(cluster_data, of_a_shard_are_served_when_their_history_is_agreed)
{
    struct world *w = world_three_and_three();

    cr_assert(world_has_lease(w, 0));
    give_history(w, 0, "begunanew", 7);
    world_set_status(w, 0);
    cr_expect_not(world_has_lease(w, 0));
    world_run(w, 500);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

/* A start makes nothing fresh. */
Test(cluster_data, of_a_replica_are_as_old_when_it_has_started_again)
{
    for (int is_old = 0; is_old < 2; is_old++) {
        struct world *w = world_three_and_three();
        struct cluster_status *status = &w->members[3].status;

        world_kill(w, 3);
        world_kill(w, 0);
        w->members[3].is_frozen = true;
        status->is_from_disk = true;
        status->data_as_of = mono_add_ms(w->now, is_old ? -3600000 : -1000);
        world_start(w, 3);
        world_run(w, 8000);
        cr_expect_eq(world_server_of(w, world_first_slot(0)), is_old ? -1 : 3);
        world_free(w);
    }
}

/* ---- the last word ------------------------------------------------------------------------------- */

static bool fails_over(struct world *w, int member, enum cluster_failover_kind kind,
                       struct errmsg *error)
{
    struct cluster_call call = world_call(w, member, error);
    bool is_done = cluster_failover(w->members[member].core, &call, kind);

    world_carry_out(w, member);
    return is_done;
}

Test(cluster_data, that_may_lack_writes_are_served_at_an_operators_last_word_only)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};

    w->members[3].is_frozen = true;
    w->members[3].status.is_data_complete = false;
    world_set_status(w, 3);
    world_kill(w, 0);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect_not(fails_over(w, 3, CLUSTER_FAILOVER_FORCE, &error));
    cr_expect_not_null(strstr(error.text, "may lack writes"), "%s", error.text);
    cr_expect_not_null(strstr(error.text, "TAKEOVER"), "%s", error.text);
    world_listen(w);
    cr_expect(fails_over(w, 3, CLUSTER_FAILOVER_TAKEOVER, &error), "%s", error.text);
    run_until_served(w, world_first_slot(0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect_not_null(strstr(world_told(w, 3), "is given up"), "%s", world_told(w, 3));
    world_free(w);
}

Test(cluster_data, that_are_being_loaded_no_operator_has_served)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};

    w->members[3].is_frozen = true;
    w->members[3].status.is_loading = true;
    world_set_status(w, 3);
    world_kill(w, 0);
    cr_expect_not(fails_over(w, 3, CLUSTER_FAILOVER_TAKEOVER, &error));
    cr_expect_not_null(strstr(error.text, "is being loaded"), "%s", error.text);
    world_run(w, 6000);
    cr_expect_eq(w->members[3].promotions, 0);
    world_free(w);
}

Test(cluster_data, of_another_shard_no_operator_has_served)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};

    w->members[3].is_frozen = true;
    give_history(w, 3, "ffff", 5000);
    world_set_status(w, 3);
    world_kill(w, 0);
    cr_expect_not(fails_over(w, 3, CLUSTER_FAILOVER_TAKEOVER, &error));
    cr_expect_not_null(strstr(error.text, "agreed to be the shard's"), "%s", error.text);
    world_run(w, 6000);
    cr_expect_eq(w->members[3].promotions, 0);
    world_free(w);
}

/* Member 0 is replaced by 3, has written more by then, and has not got the new primary's data yet. */
static struct world *world_with_a_tail(void)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    world_kill(w, 0);
    run_until_served(w, world_first_slot(0));
    cr_assert_eq(world_server_of(w, world_first_slot(0)), 3);
    w->members[0].is_frozen = true;
    w->members[0].status.offset = 400;
    world_start(w, 0);
    world_run(w, 2000);
    cr_assert(world_is_replica_of(w, 0, 3));
    return w;
}

Test(cluster_data, with_writes_that_were_given_up_are_not_all_that_a_planned_take_over_needs)
{
    struct world *w = world_with_a_tail();
    struct errmsg error = {0};

    cr_expect(fails_over(w, 0, CLUSTER_FAILOVER_AGREED, &error), "%s", error.text);
    world_run(w, 8000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect_eq(w->members[3].promotions, 1);
    world_free(w);
}

Test(cluster_data, with_writes_that_were_given_up_are_better_than_none_at_an_operators_last_word)
{
    struct world *w = world_with_a_tail();
    struct errmsg error = {0};

    world_kill(w, 3);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect_not(fails_over(w, 0, CLUSTER_FAILOVER_FORCE, &error));
    cr_expect(fails_over(w, 0, CLUSTER_FAILOVER_TAKEOVER, &error), "%s", error.text);
    run_until_served(w, world_first_slot(0));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}
