/* SPDX-License-Identifier: MIT */
/* Whole clusters of cores: they find each other, replace who fails, and never disagree. */
#include "tests/unit/server/cluster/world.h"

#include "base/rng.h"
#include "cluster/state.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(cluster_world, six_nodes_that_met_one_know_all_and_are_ok)
{
    struct world *w = world_three_and_three();

    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(world_known_nodes(w, i), 6);
    }
    cr_expect(world_is_ok(w));
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(world_server_of(w, world_first_slot(i)), i);
        cr_expect(world_is_replica_of(w, i + 3, i));
    }
    world_free(w);
}

Test(cluster_world, a_killed_primary_is_replaced_by_its_replica_within_a_timeout_and_a_half)
{
    struct world *w = world_three_and_three();

    world_kill(w, 0);
    world_run(w, WORLD_TIMEOUT_MS * 3 / 4);
    cr_expect_eq(w->members[3].promotions, 0, "not before the lease could run out");
    world_run(w, WORLD_TIMEOUT_MS * 3 / 4);
    cr_expect_eq(w->members[3].promotions, 1);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_run(w, 500);
    cr_expect(world_is_ok(w));
    world_free(w);
}

Test(cluster_world, of_three_replicas_exactly_one_takes_over_and_the_others_follow_it)
{
    struct world *w = world_three_and_three();
    unsigned promotions = 0;
    int winner;

    for (int i = 4; i <= 5; i++) {
        struct cluster_call call = world_call(w, i, NULL);

        cr_assert(
            cluster_replicate(w->members[i].core, &call, bytes_from_text(w->members[0].id.text)));
        world_carry_out(w, i);
    }
    world_run(w, 1000);
    world_kill(w, 0);
    world_run(w, 4000);
    winner = world_server_of(w, world_first_slot(0));
    cr_assert_geq(winner, 3);
    for (int i = 3; i <= 5; i++) {
        promotions += w->members[i].promotions;
        cr_expect(i == winner || world_is_replica_of(w, i, winner));
    }
    cr_expect_eq(promotions, 1);
    world_free(w);
}

Test(cluster_world, the_replica_with_the_most_data_takes_over)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 4, NULL);

    cr_assert(cluster_replicate(w->members[4].core, &call, bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 4);
    world_run(w, 500);
    w->members[3].is_frozen = true;
    w->members[0].status.offset = 5000;
    world_run(w, 500);
    world_kill(w, 0);
    world_run(w, 3000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 4);
    cr_expect(world_is_replica_of(w, 3, 4));
    world_free(w);
}

Test(cluster_world, a_candidate_behind_a_reachable_sibling_does_not_take_over)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 4, NULL);

    cr_assert(cluster_replicate(w->members[4].core, &call, bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 4);
    w->members[3].is_frozen = true;
    w->members[0].status.offset = 5000;
    world_run(w, 1000);
    /* The one behind does not hear its sibling, so it thinks itself the first. */
    world_kill(w, 0);
    world_run(w, 900);
    w->members[4].is_disk_stuck = true;
    world_run(w, 5000);
    cr_expect_eq(w->members[3].promotions, 0);
    cr_expect_gt(cluster_get_stats(w->members[3].core).elections_started, 0);
    world_free(w);
}

Test(cluster_world, an_old_primary_comes_back_as_a_replica)
{
    struct world *w = world_three_and_three();

    world_kill(w, 1);
    world_run(w, 3000);
    cr_assert_eq(world_server_of(w, world_first_slot(1)), 4);
    world_start(w, 1);
    world_run(w, 2000);
    cr_expect(world_is_replica_of(w, 1, 4));
    cr_expect_eq(world_server_of(w, world_first_slot(1)), 4);
    cr_expect(world_is_ok(w));
    world_free(w);
}

Test(cluster_world, a_primary_that_restarts_quickly_keeps_its_slots)
{
    struct world *w = world_three_and_three();

    world_kill(w, 1);
    world_run(w, 200);
    world_start(w, 1);
    cr_expect_not(world_has_lease(w, 1), "nobody has granted it one yet");
    world_run(w, 2000);
    cr_expect_eq(world_server_of(w, world_first_slot(1)), 1);
    cr_expect_eq(w->members[4].promotions, 0);
    world_free(w);
}

Test(cluster_world, a_paused_primary_that_wakes_has_no_lease)
{
    struct world *w = world_three_and_three();

    cr_assert(world_has_lease(w, 2));
    world_pause(w, 2);
    world_run(w, 5000);
    cr_expect_not(world_has_lease(w, 2));
    cr_expect_eq(world_server_of(w, world_first_slot(2)), 5);
    world_resume(w, 2);
    world_run(w, 1);
    cr_expect_not(world_has_lease(w, 2));
    world_run(w, 3000);
    cr_expect(world_is_replica_of(w, 2, 5));
    world_free(w);
}

Test(cluster_world, a_primary_in_the_minority_stops_and_the_majority_replaces_it)
{
    struct world *w = world_three_and_three();

    world_cut_off(w, 0, 1);
    world_run(w, 950);
    cr_expect_not(world_has_lease(w, 0));
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect_not(cluster_is_ok(w->members[0].core, w->now));
    world_cut_off(w, 0, 0);
    world_run(w, 4000);
    cr_expect(world_is_replica_of(w, 0, 3));
    cr_expect(world_is_ok(w));
    world_free(w);
}

Test(cluster_world, the_others_keep_their_leases_while_one_primary_is_down)
{
    struct world *w = world_three_and_three();

    world_kill(w, 0);
    for (int i = 0; i < 3000; i++) {
        world_run(w, 1);
        cr_assert(world_has_lease(w, 1) && world_has_lease(w, 2));
    }
    world_free(w);
}

Test(cluster_world, a_promise_counts_when_it_is_on_disk)
{
    static const int others[] = {1, 2, 4, 5};
    struct world *w = world_three_and_three();

    for (size_t i = 0; i < 4; i++) {
        w->members[others[i]].is_disk_stuck = true;
    }
    world_kill(w, 0);
    world_run(w, 4000);
    cr_expect_eq(w->members[3].promotions, 0);
    for (size_t i = 0; i < 4; i++) {
        w->members[others[i]].is_disk_stuck = false;
        world_carry_out(w, others[i]);
    }
    world_run(w, 4000);
    cr_expect_eq(w->members[3].promotions, 1);
    world_free(w);
}

Test(cluster_world, a_replica_without_whole_data_is_not_promoted)
{
    struct world *w = world_three_and_three();

    w->members[3].status.is_data_complete = false;
    world_run(w, 500);
    world_kill(w, 0);
    world_run(w, 6000);
    cr_expect_eq(w->members[3].promotions, 0);
    cr_expect_eq(cluster_get_stats(w->members[3].core).elections_started, 0);
    world_free(w);
}

Test(cluster_world, a_replica_whose_data_is_too_old_is_not_promoted)
{
    struct world *w = world_three_and_three();

    world_run(w, 100);
    w->members[3].follows = 5; /* its link goes elsewhere and is down */
    world_cut_off(w, 5, 9);
    world_run(w, 25000);
    world_kill(w, 0);
    world_run(w, 5000);
    cr_expect_eq(w->members[3].promotions, 0);
    world_free(w);
}

/* The council may have agreed on a primary that has not heard so yet, and lets nobody synchronise. */
Test(cluster_world,
     a_link_that_broke_makes_a_primary_silent_at_once_and_one_that_never_was_does_not)
{
    for (int was_up = 0; was_up <= 1; was_up++) {
        struct world *w = world_three_and_three();
        uint64_t asked_before;

        world_run(w, 100);
        asked_before = cluster_get_stats(w->members[3].core).elections_started;
        w->members[3].status.is_link_up = was_up == 1;
        w->members[3].status.link_down_since = w->now;
        w->members[3].follows = 5; /* its link goes elsewhere and is down */
        world_cut_off(w, 5, 9);
        world_run(w, WORLD_TIMEOUT_MS / 2);
        cr_expect_eq(cluster_get_stats(w->members[3].core).elections_started > asked_before,
                     was_up == 1);
        world_free(w);
    }
}

Test(cluster_world, a_manual_failover_moves_the_role_without_a_gap_in_data)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 3, NULL);

    w->members[0].status.offset = 700;
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 500);
    cr_expect_eq(w->members[3].promotions, 1);
    cr_expect_eq(w->members[3].status.offset, 700);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_run(w, 1500);
    cr_expect(world_is_replica_of(w, 0, 3));
    cr_expect_not(w->members[0].is_write_paused);
    world_free(w);
}

/* When the old primary lets its clients go the new one serves: else they are told that nobody does. */
static void hand_over(struct world *w, int from, int to)
{
    struct cluster_call call = world_call(w, to, NULL);

    cr_assert(cluster_failover(w->members[to].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, to);
    for (int ms = 0; ms < 500 && !w->members[from].is_write_paused; ms++) {
        world_run(w, 1);
    }
    cr_assert(w->members[from].is_write_paused);
    for (int ms = 0; ms < 500 && w->members[from].is_write_paused; ms++) {
        world_run(w, 1);
    }
    cr_assert_not(w->members[from].is_write_paused);
    cr_expect(world_has_lease(w, to), "clients were sent on to member %d too early", to);
}

Test(cluster_world, whoever_gets_its_place_back_serves_when_clients_are_sent_there)
{
    for (int wait_ms = 0; wait_ms < 100; wait_ms += 30) {
        struct world *w = world_three_and_three();

        hand_over(w, 0, 3);
        world_run(w, wait_ms);
        hand_over(w, 3, 0);
        hand_over(w, 0, 3);
        world_free(w);
    }
}

/* What a client is told there, of a slot of member 0's. */
static enum route_kind told_at(struct world *w, int member)
{
    struct route_request request = {.slot = world_first_slot(0)};
    struct route_target target;

    return cluster_route(w->members[member].core, w->now, &request, &target);
}

Test(cluster_world, clients_wait_a_little_while_for_the_lease_of_whoever_takes_over)
{
    for (int is_slow = 0; is_slow <= 1; is_slow++) {
        struct world *w = world_three_and_three();
        struct cluster_call call = world_call(w, 3, NULL);
        int waited = 0;

        w->disk_ms = is_slow == 1 ? 2 * WORLD_TIMEOUT_MS / 5 : 5; /* its own word is to be there */
        cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
        world_carry_out(w, 3);
        for (int ms = 0; ms < 5000 && told_at(w, 3) == ROUTE_MOVED; ms++) {
            world_run(w, 1);
        }
        for (; told_at(w, 3) == ROUTE_AWAIT; waited++) {
            world_run(w, 1);
        }
        cr_expect_eq(told_at(w, 3), is_slow == 1 ? ROUTE_CLUSTERDOWN_STATE : ROUTE_SERVE);
        cr_expect(waited > 0 && waited <= WORLD_TIMEOUT_MS / 5, "%d ms", waited);
        cr_expect(is_slow == 0 || waited >= WORLD_TIMEOUT_MS / 5 - 1, "%d ms", waited);
        world_free(w);
    }
}

Test(cluster_world, a_manual_failover_waits_for_the_replica_and_gives_up_in_time)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 3, NULL);

    w->members[3].is_frozen = true;
    w->members[0].status.offset = 700;
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 1000);
    cr_expect(w->members[0].is_write_paused);
    world_run(w, 5000);
    cr_expect_not(w->members[0].is_write_paused);
    cr_expect_eq(w->members[3].promotions, 0);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

/* The primary keeps no link but that to its replica. */
static void part_from_all_but(struct world *w, int member, int other, bool is_apart)
{
    for (int i = 0; i < w->count; i++) {
        if (i != member && i != other) {
            world_part(w, member, i, is_apart);
        }
    }
}

Test(cluster_world, a_manual_failover_that_was_given_up_is_not_agreed_later)
{
    struct world *w = world_three_and_three();
    struct cluster_call call;

    world_run(w, 3000); /* until it has five seats */
    world_forbid_failover(w, 3);
    part_from_all_but(w, 0, 3, true);
    call = world_call(w, 3, NULL);
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 6000);
    cr_expect_not(w->members[0].is_write_paused);
    w->members[3].is_frozen = true; /* what is written from now on it does not get */
    part_from_all_but(w, 0, 3, false);
    world_run(w, 3000);
    cr_expect_eq(w->members[3].promotions, 0);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

Test(cluster_world,
     a_forced_failover_is_refused_to_a_replica_with_less_than_another_and_a_takeover_not)
{
    struct world *w = world_of_replicas(6);
    struct errmsg error = {0};
    struct cluster_call call;

    w->members[3].is_frozen = true;
    w->members[0].status.offset = 5000;
    world_run(w, 1000);
    call = world_call(w, 3, &error);
    cr_expect_not(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_FORCE));
    cr_expect_not_null(strstr(error.text, w->members[6].id.text), "%s", error.text);
    world_run(w, 3000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    call = world_call(w, 3, &error);
    cr_expect(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 3);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

Test(cluster_world, a_forced_failover_replaces_a_working_primary_after_its_lease)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 4, NULL);

    cr_assert(cluster_failover(w->members[4].core, &call, CLUSTER_FAILOVER_FORCE));
    world_carry_out(w, 4);
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(1)), 4);
    cr_expect(world_is_replica_of(w, 1, 4));
    world_free(w);
}

Test(cluster_world, a_takeover_needs_nobody)
{
    struct world *w = world_three_and_three();
    struct cluster_call call;

    world_run(w, 3000); /* until it has five seats */
    for (int i = 0; i < 3; i++) {
        world_kill(w, i);
    }
    world_kill(w, 5);
    world_run(w, 4000);
    cr_expect_eq(w->members[3].promotions, 0, "no majority of the council is left");
    for (int i = 3; i <= 4; i++) {
        call = world_call(w, i, NULL);
        cr_assert(cluster_failover(w->members[i].core, &call, CLUSTER_FAILOVER_TAKEOVER));
        world_carry_out(w, i);
    }
    world_run(w, 4000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect_eq(world_server_of(w, world_first_slot(1)), 4);
    world_free(w);
}

Test(cluster_world, a_takeover_lets_a_primary_serve_that_lost_the_majority_and_its_replica)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_call call;

    world_run(w, 3000); /* until it has five seats */
    call = world_call(w, 0, &error);
    cr_expect_not(cluster_failover(w->members[0].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    cr_expect_str_eq(error.text, "You should send CLUSTER FAILOVER to a replica");
    for (int i = 1; i < w->count; i++) {
        world_kill(w, i);
    }
    world_run(w, 4000);
    cr_expect_not(world_has_lease(w, 0));
    call = world_call(w, 0, &error);
    cr_assert(cluster_failover(w->members[0].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 0);
    world_run(w, 4000);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

Test(cluster_world, members_that_were_reset_are_no_majority_and_a_takeover_does_without_them)
{
    struct world *w = world_three_and_three();
    struct cluster_call call;

    world_run(w, 3000);
    for (int i = 1; i < w->count; i++) {
        call = world_call(w, i, NULL);
        cr_assert(cluster_reset(w->members[i].core, &call, false));
        world_carry_out(w, i);
    }
    world_run(w, 4000);
    cr_expect_not(world_has_lease(w, 0), "no majority of the seats is left");
    call = world_call(w, 0, NULL);
    cr_assert(cluster_failover(w->members[0].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 0);
    world_run(w, 4000);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

/* Member 6 becomes a node of its own with the slots of all and a great epoch, then meets the others.  It is loading: the world
 * would not bear that it serves in a cluster of its own meanwhile. */
static void bring_in_a_claimer(struct world *w)
{
    struct cluster_call call = world_call(w, 6, NULL);
    uint16_t slots[SLOT_COUNT];

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        slots[slot] = (uint16_t)slot;
    }
    for (int i = 0; i < 6; i++) {
        world_part(w, i, 6, true);
    }
    cr_assert(cluster_reset(w->members[6].core, &call, false));
    world_carry_out(w, 6);
    w->members[6].status.is_loading = true;
    world_set_status(w, 6);
    cr_assert(cluster_set_config_epoch(w->members[6].core, &call, 1000));
    world_carry_out(w, 6);
    cr_assert(cluster_add_slots(w->members[6].core, &call, slots, SLOT_COUNT));
    world_carry_out(w, 6);
    for (int i = 0; i < 6; i++) {
        call = world_call(w, i, NULL);
        cr_assert(
            cluster_forget(w->members[i].core, &call, bytes_from_text(w->members[6].id.text)));
        world_carry_out(w, i);
    }
    world_run(w, 5000);
    part_from_all_but(w, 6, 6, false);
    call = world_call(w, 0, NULL);
    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[6].ip), 7006, 17006));
    world_carry_out(w, 0);
}

Test(cluster_world, a_node_that_claims_agreed_slots_under_a_greater_epoch_gets_none)
{
    struct world *w = world_of_replicas(4);

    world_run(w, 3000);
    bring_in_a_claimer(w);
    for (int ms = 0; ms < 12000; ms++) {
        world_run(w, 1);
        if (ms == 3000) {
            w->members[6].status.is_loading = false;
            world_set_status(w, 6);
        }
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(world_server_of(w, world_first_slot(i)), i, "after %d ms", ms);
            cr_assert(world_is_replica_of(w, 3 + i, i), "after %d ms", ms);
        }
    }
    cr_expect_eq(world_known_nodes(w, 6), 7);
    cr_expect_not(cluster_has_slots(w->members[6].core), "it lets go of what it will not get");
    cr_expect_not(cluster_lost_slot(w->members[6].core, 0), "its keys stay");
    cr_expect(world_is_ok(w));
    world_free(w);
}

/* Of twelve nodes seven have a seat in the council, by which they would get all records. */
Test(cluster_world, a_node_that_comes_over_from_a_council_of_its_own_hears_of_all_records)
{
    struct world *w = world_of_replicas(9);
    struct cluster_call call;

    world_run(w, 3000);
    for (int i = 3; i < w->count; i++) {
        const struct council *council = w->members[i].core->council;

        if (council_is_member(council)) {
            continue;
        }
        call = world_call(w, i, NULL);
        cr_assert(cluster_reset(w->members[i].core, &call, false));
        world_carry_out(w, i);
        world_run(w, 3000);
        call = world_call(w, 0, NULL);
        cr_assert(cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[i].ip),
                               (uint16_t)(7000 + i), (uint16_t)(17000 + i)));
        world_carry_out(w, 0);
        world_run(w, 3000);
        council = w->members[i].core->council;
        cr_assert_not(council_is_member(council));
        for (int shard = 0; shard < 3; shard++) {
            const struct cluster_id *id = cluster_my_shard_id(w->members[shard].core);

            cr_expect_not_null(council_find(council, id), "member %d, shard %d", i, shard);
        }
    }
    world_free(w);
}

Test(cluster_world, a_primary_without_its_data_lets_its_replica_take_over)
{
    struct world *w = world_three_and_three();

    w->members[0].status.offset = 300;
    world_run(w, 200);
    world_kill(w, 0);
    world_run(w, 50);
    world_start(w, 0);
    w->members[0].status.is_data_complete = false;
    w->members[0].status.offset = 0;
    w->members[3].is_frozen = true;
    world_set_status(w, 0);
    world_run(w, 3000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    cr_expect(world_is_replica_of(w, 0, 3));
    world_free(w);
}

Test(cluster_world, a_primary_without_its_data_whose_heir_dies_is_replaced_by_the_next)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 4, NULL);
    int heir;

    cr_assert(cluster_replicate(w->members[4].core, &call, bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 4);
    w->members[0].status.offset = 300;
    world_run(w, 500);
    world_kill(w, 0);
    world_start(w, 0);
    w->members[0].status.is_data_complete = false;
    w->members[0].status.offset = 0;
    w->members[3].is_frozen = true;
    w->members[4].is_frozen = true;
    for (int i = 0; i < 4000 && w->members[3].promotions + w->members[4].promotions == 0; i++) {
        world_run(w, 1);
    }
    heir = w->members[3].promotions > 0 ? 3 : 4;
    cr_assert_gt(w->members[heir].promotions, 0);
    world_kill(w, heir);
    world_run(w, 6000);
    cr_expect_geq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

Test(cluster_world, all_nodes_that_move_to_new_addresses_at_once_find_each_other)
{
    struct world *w = world_three_and_three();

    for (int i = 0; i < w->count; i++) {
        world_kill(w, i);
    }
    for (int i = 0; i < w->count; i++) {
        snprintf(w->members[i].ip, sizeof(w->members[i].ip), "10.9.0.%d", 6 - i);
        world_start(w, i);
    }
    world_run(w, 4000);
    cr_expect(world_is_ok(w));
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(world_server_of(w, world_first_slot(i)), i);
        cr_expect(world_is_replica_of(w, i + 3, i));
        cr_expect_eq(world_known_nodes(w, i), 6);
    }
    world_free(w);
}

Test(cluster_world, one_node_that_moves_is_known_at_its_new_address_everywhere)
{
    struct world *w = world_three_and_three();
    struct cluster_node_view view;
    size_t index;

    world_kill(w, 4);
    snprintf(w->members[4].ip, sizeof(w->members[4].ip), "10.0.7.7");
    world_start(w, 4);
    world_run(w, 3000);
    for (int i = 0; i < w->count; i++) {
        struct moment now = {.mono = w->now, .unix_ms = 1};

        cr_assert(
            cluster_find_node(w->members[i].core, bytes_from_text(w->members[4].id.text), &index));
        cluster_node_at(w->members[i].core, index, now, &view);
        cr_expect(strcmp(view.ip, "10.0.7.7") == 0);
    }
    world_free(w);
}

Test(cluster_world, a_node_with_another_secret_is_not_let_in)
{
    struct world *w = world_new(2);
    struct cluster_call call;

    for (int i = 0; i < 2; i++) {
        world_kill(w, i);
        buf_clear(&w->members[i].file);
        snprintf(w->members[i].secret, sizeof(w->members[i].secret), "secret %d", i);
        world_start(w, i);
    }
    call = world_call(w, 0, NULL);
    cr_assert(cluster_meet(w->members[0].core, &call, BYTES_LITERAL("10.0.0.2"), 7001, 17001));
    world_carry_out(w, 0);
    world_run(w, 5000);
    cr_expect_eq(world_known_nodes(w, 0), 1);
    cr_expect_eq(world_known_nodes(w, 1), 1);
    cr_expect_gt(cluster_get_stats(w->members[0].core).refused_frames, 0);
    world_free(w);
}

Test(cluster_world, nodes_with_one_secret_work_together)
{
    struct world *w = world_new(2);
    struct cluster_call call;

    for (int i = 0; i < 2; i++) {
        world_kill(w, i);
        buf_clear(&w->members[i].file);
        snprintf(w->members[i].secret, sizeof(w->members[i].secret), "our secret");
        world_start(w, i);
    }
    call = world_call(w, 0, NULL);
    cr_assert(cluster_meet(w->members[0].core, &call, BYTES_LITERAL("node1"), 7001, 17001));
    world_carry_out(w, 0);
    world_run(w, 2000);
    cr_expect_eq(world_known_nodes(w, 0), 2);
    cr_expect_eq(world_known_nodes(w, 1), 2);
    world_free(w);
}

Test(cluster_world, a_primary_whose_place_was_promised_in_vain_serves_again)
{
    struct world *w = world_three_and_three();

    world_cut_off(w, 0, 1);
    w->disk_ms = 20; /* so long the members' promises are on their way */
    world_listen(w);
    while (strstr(world_told(w, 3), "proposing to take over") == NULL) {
        world_run(w, 1);
    }
    /* The candidate dies before its record is agreed, and the primary is back. */
    world_kill(w, 3);
    world_cut_off(w, 0, 0);
    world_run(w, 8000);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
    world_free(w);
}

Test(cluster_world, random_kills_pauses_and_cuts_never_give_two_leases_and_heal)
{
    const char *seed_text = getenv("STARLING_SEED");
    uint64_t seed = seed_text != NULL ? strtoull(seed_text, NULL, 10) : 1;
    struct world *w = world_three_and_three();
    struct rng rng;

    cr_log_info("reproduce: STARLING_SEED=%llu %s", (unsigned long long)seed,
                "build/release/tests/unit/server/cluster/run --filter 'cluster_world/random*'");
    rng_init(&rng, seed);
    for (int round = 0; round < 60; round++) {
        int i = (int)rng_below(&rng, 6);
        struct member *m = &w->members[i];

        switch (rng_below(&rng, 4)) {
        case 0:
            m->is_running ? world_kill(w, i) : world_start(w, i);
            break;
        case 1:
            m->is_paused = !m->is_paused && m->is_running;
            break;
        default:
            m->side = m->side == 0 ? (int)rng_below(&rng, 3) : 0;
            break;
        }
        world_run(w, (int64_t)rng_below(&rng, 1500)); /* asserts one lease a slot */
    }
    for (int i = 0; i < 6; i++) {
        w->members[i].side = 0;
        world_resume(w, i);
        if (!w->members[i].is_running) {
            world_start(w, i);
        }
    }
    world_run(w, 15000);
    cr_expect(world_is_ok(w));
    for (int shard = 0; shard < 3; shard++) {
        cr_expect_neq(world_server_of(w, world_first_slot(shard)), NOBODY);
    }
    world_free(w);
}
