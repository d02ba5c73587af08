/* SPDX-License-Identifier: MIT */
/* What members say and decide, with their reasons, one line after another. */
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* Random delays are part of a transcript. */
static struct world *cluster_of_one_seed(void)
{
    unsetenv("STARLING_SEED");
    return world_three_and_three();
}

static void expect_told(struct world *w, int member, const char *lines)
{
    cr_expect_str_eq(world_told(w, member), lines, "member %d told:\n%s", member,
                     world_told(w, member));
}

static void fail_over(struct world *w, int member, enum cluster_failover_kind kind)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_failover(w->members[member].core, &call, kind));
    world_carry_out(w, member);
}

Test(cluster_transcript, a_replica_whose_primary_was_killed_says_why_it_stands_and_that_it_won)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_kill(w, 0);
    world_run(w, 3000);
    expect_told(w, 3,
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "it is our primary; this replica can take over\n"
                "standing for election: the primary has failed\n"
                "-> state fail\n"
                "asking for votes in epoch 6, rank 0, offset 0\n"
                "this node takes over as primary in epoch 6\n"
                "the lease is held\n"
                "-> state ok\n"
                "-> become primary\n"
                "lease for node <1>\n"
                "lease for node <2>\n");
    world_free(w);
}

Test(cluster_transcript, a_voter_lets_a_failed_primary_be_replaced_and_grants_the_next_its_lease)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_kill(w, 0);
    world_run(w, 3000);
    expect_told(w, 1,
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "-> state fail\n"
                "voting for node <3> in epoch 6\n"
                "node <3> is a primary now\n"
                "lease for node <3>\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, a_replica_takes_over_by_agreement_once_all_data_is_there)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    world_run(w, 1000);
    expect_told(w, 3,
                "manual failover begun\n"
                "all of the primary's data is here, offset 0\n"
                "standing for election: the primary agrees\n"
                "asking for votes in epoch 6, rank 0, offset 0\n"
                "this node takes over as primary in epoch 6\n"
                "manual failover is over: roles have changed\n"
                "-> state fail\n"
                "the lease is held\n"
                "-> state ok\n"
                "-> become primary\n"
                "node <0> is a replica of <3> now\n"
                "lease for node <1>\n"
                "lease for node <2>\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_hands_over_pauses_and_gives_up_its_lease_with_its_vote)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    world_run(w, 1000);
    expect_told(w, 0,
                "manual failover asked for by replica <3>\n"
                "-> pause writes 10000 ms\n"
                "voting for node <3> in epoch 6\n"
                "the lease has run out: we voted to be replaced\n"
                "-> state fail\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "manual failover is over: roles have changed\n"
                "-> resume writes\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n");
    world_free(w);
}

Test(cluster_transcript, a_voter_asked_for_a_forced_takeover_refuses_until_the_lease_has_run_out)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 1,
                "no vote for node <3> in epoch 6: the primary's lease has not run out\n"
                "no lease for node <0>: there was a vote to replace it\n"
                "voting for node <3> in epoch 6\n"
                "node <3> is a primary now\n"
                "lease for node <3>\n"
                "node <0> is a replica of <3> now\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_is_replaced_by_force_votes_for_it_and_follows)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 0,
                "voting for node <3> in epoch 6\n"
                "the lease has run out: we voted to be replaced\n"
                "-> state fail\n"
                "standing for election: there was a vote to replace us\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "standing for election no longer: nothing is to be replaced\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_was_cut_off_loses_its_lease_and_follows_who_replaced_it)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_cut_off(w, 0, 1);
    world_run(w, 4000);
    world_cut_off(w, 0, 0);
    world_run(w, 4000);
    expect_told(w, 0,
                "the lease has run out: no majority of voters has answered\n"
                "-> state fail\n"
                "node <1> does not answer\n"
                "node <2> does not answer\n"
                "node <3> does not answer\n"
                "node <4> does not answer\n"
                "node <5> does not answer\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "node <1> answers again\n"
                "node <2> answers again\n"
                "-> state ok\n"
                "node <3> answers again\n"
                "node <4> answers again\n"
                "node <5> answers again\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_stood_still_finds_its_lease_run_out_before_anything_else)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_pause(w, 0);
    world_run(w, 4000);
    world_resume(w, 0);
    world_run(w, 2000);
    expect_told(w, 0,
                "this process stood still for 4001 ms\n"
                "the lease has run out: no majority of voters has answered\n"
                "-> state fail\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n");
    world_free(w);
}

/* Primary 0 was cut off, a vote to replace it was given, and the candidate is dead. */
static struct world *vote_against_in_vain(void)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_cut_off(w, 0, 1);
    for (int i = 0; i < 4000 && cluster_get_stats(w->members[1].core).votes_given == 0; i++) {
        world_run(w, 1);
    }
    world_kill(w, 3); /* before it hears of its votes */
    world_cut_off(w, 0, 0);
    world_run(w, 8000);
    return w;
}

Test(cluster_transcript, a_primary_that_was_voted_against_in_vain_asks_to_be_confirmed)
{
    struct world *w = vote_against_in_vain();

    expect_told(w, 0,
                "the lease has run out: no majority of voters has answered\n"
                "-> state fail\n"
                "node <1> does not answer\n"
                "node <2> does not answer\n"
                "node <3> does not answer\n"
                "node <4> does not answer\n"
                "node <5> does not answer\n"
                "node <1> answers again\n"
                "node <2> answers again\n"
                "node <4> answers again\n"
                "node <5> answers again\n"
                "standing for election: there was a vote to replace us\n"
                "node <3> has failed: a majority cannot reach it\n"
                "asking for votes in epoch 7, rank 0, offset 0\n"
                "confirmed as primary in epoch 7\n"
                "the lease is held\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, a_voter_withholds_the_lease_of_whom_it_voted_against_until_it_confirms_it)
{
    struct world *w = vote_against_in_vain();

    expect_told(w, 1,
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "-> state fail\n"
                "voting for node <3> in epoch 6\n"
                "no lease for node <0>: there was a vote to replace it\n"
                "node <3> does not answer\n"
                "node <3> has failed: a majority cannot reach it\n"
                "voting for node <0> in epoch 7\n"
                "lease for node <0>\n"
                "node <0> is back\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, a_replica_without_whole_data_says_why_it_cannot_take_over)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    w->members[3].status.is_data_complete = false;
    world_run(w, 500);
    world_kill(w, 0);
    world_run(w, 4000);
    expect_told(w, 3,
                "our data may lack writes of the primary\n"
                "node <0> has failed: a majority cannot reach it\n"
                "it is our primary; this replica cannot take over: its data is not complete\n"
                "-> state fail\n");
    world_free(w);
}

Test(cluster_transcript, a_candidate_that_no_voter_hears_counts_its_votes_and_tries_again)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_part(w, 3, 1, true);
    world_part(w, 3, 2, true);
    world_kill(w, 0);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 3,
                "manual failover forced\n"
                "standing for election: an operator insists\n"
                "asking for votes in epoch 6, rank 0, offset 0\n"
                "node <0> does not answer\n"
                "node <1> does not answer\n"
                "node <2> does not answer\n"
                "not elected in epoch 6: 0 votes of 3 voters\n"
                "-> state fail\n"
                "node <0> has failed: a majority cannot reach it\n"
                "it is our primary; this replica can take over\n"
                "asking for votes in epoch 7, rank 0, offset 0\n"
                "not elected in epoch 7: 0 votes of 3 voters\n"
                "asking for votes in epoch 8, rank 0, offset 0\n");
    world_free(w);
}

Test(cluster_transcript, a_manual_failover_whose_primary_goes_silent_is_given_up)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    world_part(w, 3, 0, true);
    world_run(w, 6000);
    expect_told(w, 3,
                "manual failover begun\n"
                "node <0> does not answer\n"
                "manual failover given up: it took too long\n");
    world_free(w);
}

Test(cluster_transcript, a_voter_that_restarted_just_now_votes_for_nobody_at_first)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_kill(w, 1);
    world_run(w, 50);
    world_start(w, 1);
    world_run(w, 200);
    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 1,
                "no vote for node <3> in epoch 6: this voter restarted or was reset just now\n"
                "no lease for node <0>: there was a vote to replace it\n"
                "no vote for node <3> in epoch 6: the primary's lease has not run out\n"
                "voting for node <0> in epoch 7\n"
                "no vote for node <3> in epoch 7: the vote of that epoch is given\n"
                "voting for node <3> in epoch 8\n"
                "node <3> is a primary now\n"
                "lease for node <3>\n"
                "node <0> is a replica of <3> now\n");
    world_free(w);
}

Test(cluster_transcript, a_takeover_by_order_needs_no_votes_and_brings_no_lease)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    for (int i = 0; i < 3; i++) {
        world_kill(w, i);
    }
    world_run(w, 2000);
    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_TAKEOVER);
    world_run(w, 1000);
    expect_told(w, 3,
                "this node takes over as primary in epoch 6\n"
                "-> become primary\n");
    world_free(w);
}

Test(cluster_transcript,
     a_primary_that_restarted_with_less_data_waits_for_its_replica_and_votes_for_it)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    w->members[0].status.offset = 300;
    world_run(w, 200);
    world_kill(w, 0);
    world_run(w, 50);
    w->members[0].loses_data = true;
    w->members[0].status.offset = 100;
    w->members[3].is_frozen = true;
    world_start(w, 0);
    world_listen(w);
    world_run(w, 3000);
    expect_told(w, 0,
                "our data is less than a replica has, which is to take over\n"
                "lease for node <1>\n"
                "lease for node <2>\n"
                "no vote for node <3> in epoch 6: this voter restarted or was reset just now\n"
                "voting for node <3> in epoch 6\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "our data may lack writes of the primary\n");
    expect_told(w, 3,
                "standing for election: the primary agrees\n"
                "asking for votes in epoch 6, rank 0, offset 300\n"
                "this node takes over as primary in epoch 6\n"
                "-> state fail\n"
                "-> become primary\n"
                "the lease is held\n"
                "-> state ok\n"
                "node <0> is a replica of <3> now\n"
                "lease for node <1>\n"
                "lease for node <2>\n");
    world_free(w);
}

Test(cluster_transcript, a_voter_refuses_a_candidate_that_is_behind_its_sibling)
{
    struct world *w = cluster_of_one_seed();
    struct cluster_call call = world_call(w, 4, NULL);

    cr_assert(cluster_replicate(w->members[4].core, &call, bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 4);
    w->members[3].is_frozen = true;
    w->members[0].status.offset = 5000;
    world_run(w, 1000);
    world_kill(w, 0);
    world_run(w, 900);
    world_part(w, 3, 4, true);
    w->members[4].is_disk_stuck = true; /* the other cannot stand: its epoch is not saved */
    world_listen(w);
    world_run(w, 3000);
    expect_told(w, 1,
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "-> state fail\n"
                "no vote for node <3> in epoch 7: a reachable sibling has more data\n"
                "no vote for node <3> in epoch 8: a reachable sibling has more data\n");
    world_free(w);
}

/* Two primaries that each were given epoch 1 before they met. */
static struct world *two_of_one_epoch(void)
{
    struct world *w;

    unsetenv("STARLING_SEED");
    w = world_new(2);
    for (int i = 0; i < 2; i++) {
        struct cluster_call call = world_call(w, i, NULL);
        uint16_t slot = (uint16_t)i;

        cr_assert(cluster_set_config_epoch(w->members[i].core, &call, 1));
        world_carry_out(w, i);
        call = world_call(w, i, NULL);
        cr_assert(cluster_add_slots(w->members[i].core, &call, &slot, 1));
        world_carry_out(w, i);
    }
    world_run(w, 100);
    world_listen(w);
    return w;
}

Test(cluster_transcript, of_two_primaries_of_one_epoch_the_one_with_the_smaller_id_moves_on)
{
    struct world *w = two_of_one_epoch();
    struct cluster_call call = world_call(w, 0, NULL);
    bool is_first = strcmp(w->members[0].id.text, w->members[1].id.text) < 0;

    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[1].ip), 7001, 17001));
    world_carry_out(w, 0);
    world_run(w, 2000);
    expect_told(w, is_first ? 0 : 1,
                "node <1> at 10.0.0.2:7001 is known now\n"
                "node <1> is now at 10.0.0.2:7001 (node1)\n"
                "config epoch shared with node <1>, moved on to 2\n"
                "the lease has run out: no majority of voters has answered\n"
                "lease for node <1>\n"
                "the lease is held\n");
    expect_told(w, is_first ? 1 : 0,
                "node <0> is now at 10.0.0.1:7000 (node0)\n"
                "node <0> at 10.0.0.1:7000 is known now\n"
                "lease for node <0>\n");
    world_free(w);
}
