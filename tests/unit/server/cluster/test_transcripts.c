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
                "our primary is silent, asking the council for its place\n"
                "no take-over yet: wait, 742 ms\n"
                "proposing to take over in epoch 6, rank 0, offset 0\n"
                "this node takes over as primary in epoch 6\n"
                "-> state fail\n"
                "-> become primary\n"
                "the lease is held\n"
                "-> state ok\n"
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n");
    world_free(w);
}

Test(cluster_transcript, another_primary_hears_of_a_failure_and_who_takes_over)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_kill(w, 0);
    world_run(w, 3000);
    expect_told(w, 1, "node <0> has failed: a majority cannot reach it\n");
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
                "this node takes over as primary in epoch 6\n"
                "manual failover is over: roles have changed\n"
                "-> state fail\n"
                "-> become primary\n"
                "node <0> is a replica of <3> now\n"
                "the lease is held\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_hands_over_pauses_and_gives_up_its_lease)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    world_run(w, 1000);
    expect_told(w, 0,
                "manual failover asked for by replica <3>\n"
                "-> pause writes 10000 ms\n"
                "-> pause writes and reads 10000 ms\n"
                "the lease has run out: we hand over\n"
                "-> state fail\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "-> resume writes\n"
                "our data is whole\n");
    world_free(w);
}

static bool offer(struct world *w, int member, struct errmsg *error)
{
    struct cluster_call call = world_call(w, member, error);
    bool is_begun = cluster_hand_over(w->members[member].core, &call);

    world_carry_out(w, member);
    return is_begun;
}

Test(cluster_transcript, a_primary_that_is_about_to_end_offers_its_place_and_hands_over)
{
    struct world *w = cluster_of_one_seed();
    struct errmsg error;

    world_listen(w);
    w->members[0].status.offset = 700;
    cr_assert(offer(w, 0, &error));
    world_run(w, 1000);
    expect_told(w, 0,
                "offering this node's place to replica <3>\n"
                "-> pause writes 2000 ms\n"
                "-> pause writes and reads 10000 ms\n"
                "the lease has run out: we hand over\n"
                "-> state fail\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "-> resume writes\n"
                "our data is whole\n");
    expect_told(w, 3,
                "our primary offers its place\n"
                "all of the primary's data is here, offset 700\n"
                "this node takes over as primary in epoch 6\n"
                "manual failover is over: roles have changed\n"
                "-> state fail\n"
                "-> become primary\n"
                "node <0> is a replica of <3> now\n"
                "the lease is held\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_whose_replica_is_too_far_behind_gives_its_offer_up)
{
    struct world *w = cluster_of_one_seed();
    struct errmsg error;

    world_listen(w);
    w->members[3].is_frozen = true;
    w->members[0].status.offset = 700;
    cr_assert(offer(w, 0, &error));
    cr_expect(cluster_is_handing_over(w->members[0].core));
    world_run(w, 2500);
    expect_told(w, 0,
                "offering this node's place to replica <3>\n"
                "-> pause writes 2000 ms\n"
                "manual failover given up: it took too long\n"
                "-> resume writes\n");
    cr_expect_not(cluster_is_handing_over(w->members[0].core));
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

Test(cluster_transcript, a_replica_whose_primary_ends_behind_its_offer_takes_over_by_the_usual_way)
{
    struct world *w = cluster_of_one_seed();
    struct errmsg error;

    w->members[3].is_frozen = true;
    w->members[0].status.offset = 700;
    cr_assert(offer(w, 0, &error));
    world_run(w, 100);
    world_listen(w);
    world_kill(w, 0);
    world_run(w, 1500);
    cr_expect(bytes_has_prefix(bytes_from_text(world_told(w, 3)),
                               "manual failover given up: the link to the primary broke\n"),
              "%s", world_told(w, 3));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

Test(cluster_transcript, nobody_is_offered_a_place_that_no_replica_may_take)
{
    struct world *w = cluster_of_one_seed();
    struct errmsg error;

    cr_expect_not(offer(w, 3, &error));
    cr_expect_str_eq(error.text, "this node serves no slots");
    world_forbid_failover(w, 3);
    world_run(w, 500);
    cr_expect_not(offer(w, 0, &error));
    cr_expect_str_eq(error.text, "no replica that can be reached has its data and may take over");
    cr_expect_not(w->members[0].is_write_paused);
    world_free(w);
}

Test(cluster_transcript, who_hands_over_lets_clients_go_when_its_heir_serves)
{
    struct world *w = cluster_of_one_seed();
    struct errmsg error;

    cr_assert(offer(w, 0, &error));
    for (int ms = 0; ms < 500 && w->members[0].is_write_paused; ms++) {
        world_run(w, 1);
    }
    cr_expect_not(w->members[0].is_write_paused);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

Test(cluster_transcript, another_primary_hears_of_a_forced_takeover)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 1, "node <0> is a replica of <3> now\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_is_replaced_by_force_loses_its_lease_and_follows)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 0,
                "the record of this shard was not agreed: wait\n"
                "the lease has run out: no majority of the council has granted it\n"
                "-> state fail\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "our data is whole\n");
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
                "the lease has run out: no majority of the council has granted it\n"
                "-> state fail\n"
                "node <1> does not answer\n"
                "node <2> does not answer\n"
                "node <3> does not answer\n"
                "node <4> does not answer\n"
                "node <5> does not answer\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "our data is whole\n"
                "our primary is silent, asking the council for its place\n"
                "node <1> answers again\n"
                "node <2> answers again\n"
                "node <3> answers again\n"
                "-> state ok\n"
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
                "the lease has run out: no majority of the council has granted it\n"
                "-> state fail\n"
                "node <3> is a primary now\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "our data is whole\n");
    world_free(w);
}

/* Primary 0 was cut off, its place was promised to its replica, and that is dead. */
static struct world *promise_in_vain(void)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    world_cut_off(w, 0, 1);
    w->disk_ms = 20; /* so long the members' words are on their way */
    while (strstr(world_told(w, 3), "proposing to take over") == NULL) {
        world_run(w, 1);
    }
    world_kill(w, 3); /* before its record is agreed */
    world_cut_off(w, 0, 0);
    world_run(w, 8000);
    return w;
}

Test(cluster_transcript, a_primary_whose_place_was_promised_in_vain_has_its_record_agreed_again)
{
    struct world *w = promise_in_vain();

    expect_told(w, 0,
                "the lease has run out: no majority of the council has granted it\n"
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
                "node <3> has failed: a majority cannot reach it\n"
                "the lease is held\n"
                "-> state ok\n");
    world_free(w);
}

Test(cluster_transcript, another_primary_hears_of_a_takeover_in_vain)
{
    struct world *w = promise_in_vain();

    expect_told(w, 1,
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "-> state fail\n"
                "node <3> does not answer\n"
                "node <3> has failed: a majority cannot reach it\n"
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
                "node <0> does not answer\n"
                "node <0> has failed: a majority cannot reach it\n"
                "it is our primary; this replica cannot take over: its data is not complete\n"
                "-> state fail\n");
    world_free(w);
}

Test(cluster_transcript, a_replica_that_no_majority_hears_tries_again)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    for (int i = 1; i <= 5; i++) {
        world_part(w, 3, i, i != 3);
    }
    world_kill(w, 0);
    fail_over(w, 3, CLUSTER_FAILOVER_FORCE);
    world_run(w, 3000);
    expect_told(w, 3,
                "node <0> does not answer\n"
                "node <1> does not answer\n"
                "node <2> does not answer\n"
                "node <4> does not answer\n"
                "node <5> does not answer\n"
                "no take-over yet: wait, 853 ms\n"
                "-> state fail\n");
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
                "manual failover given up: it took too long\n"
                "our primary is silent, asking the council for its place\n"
                "no take-over yet: wait, 846 ms\n");
    world_free(w);
}

Test(cluster_transcript, a_takeover_by_order_needs_nobody)
{
    struct world *w = cluster_of_one_seed();

    world_listen(w);
    for (int i = 0; i < 3; i++) {
        world_kill(w, i);
    }
    world_kill(w, 5); /* no majority of any five seats is left */
    world_run(w, 2000);
    world_listen(w);
    fail_over(w, 3, CLUSTER_FAILOVER_TAKEOVER);
    world_run(w, 1000);
    expect_told(
        w, 3,
        "TAKEOVER: no majority of the council can be reached, this node is the council from now "
        "on; should the others not be gone, two nodes may acknowledge writes for one slot\n"
        "node <0> has failed: a majority cannot reach it\n"
        "it is our primary; this replica can take over\n"
        "node <1> has failed: a majority cannot reach it\n"
        "node <2> has failed: a majority cannot reach it\n"
        "node <5> has failed: a majority cannot reach it\n"
        "the council has 1 seats, generation 1736727; this node has one\n"
        "proposing to take over in epoch 6, rank 0, offset 0\n"
        "this node takes over as primary in epoch 6\n"
        "-> become primary\n"
        "the lease is held\n"
        "the lease has run out: no majority of the council has granted it\n"
        "the council has 2 seats, generation 1736728, a change under way; this node has one\n"
        "the lease is held\n"
        "the council has 2 seats, generation 1736729; this node has one\n");
    world_free(w);
}

Test(cluster_transcript, a_primary_that_restarted_with_less_data_hands_over_to_its_replica)
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
                "replica <3> has more than this primary, which hands over to it\n"
                "the record of this shard was not agreed: wait\n"
                "node <3> owns the slots of this shard now, following it\n"
                "-> state ok\n"
                "-> follow <3> at 10.0.0.4:7003\n"
                "our data may lack writes of the primary\n");
    expect_told(w, 3,
                "this node takes over as primary in epoch 6\n"
                "-> state fail\n"
                "-> become primary, doubt data\n"
                "our data is not less than that of any replica\n"
                "-> data complete\n"
                "node <0> is a replica of <3> now\n"
                "the lease is held\n"
                "-> state ok\n"
                "our data is whole\n");
    world_free(w);
}

Test(cluster_transcript, a_member_refuses_a_candidate_that_is_behind_its_sibling)
{
    struct world *w = cluster_of_one_seed();
    struct cluster_call call = world_call(w, 4, NULL);

    cr_assert(cluster_replicate(w->members[4].core, &call, bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 4);
    w->members[3].is_frozen = true;
    w->members[0].status.offset = 5000;
    world_run(w, 1000);
    world_kill(w, 0);
    world_run(w, 600);
    world_part(w, 3, 4, true);
    w->members[4].is_disk_stuck = true; /* the other cannot stand: its epoch is not saved */
    world_listen(w);
    world_run(w, 3000);
    expect_told(w, 1,
                "node <3> is not to take over: replica <4> has more data\n"
                "node <0> has failed: a majority cannot reach it\n"
                "-> state fail\n");
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
                "config epoch shared with node <1>, moving on\n"
                "the lease has run out: what we write is not agreed to be the shard's\n"
                "this node's own council has ended, it joins that of others\n"
                "the council has 1 seats, generation 1\n"
                "the record of this shard was not agreed: wait\n"
                "the record of this shard was not agreed: wait\n"
                "the lease is held\n");
    expect_told(w, is_first ? 1 : 0,
                "node <0> is now at 10.0.0.1:7000 (node0)\n"
                "node <0> at 10.0.0.1:7000 is known now\n");
    world_free(w);
}
