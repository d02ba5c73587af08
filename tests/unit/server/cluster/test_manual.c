/* SPDX-License-Identifier: MIT */
/* Take-overs that an operator asks for: as planned, by force, and without anybody. */
#include "cluster/manual.h"

#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

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

Test(cluster_world, a_manual_failover_ends_when_the_replica_answers_no_more)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 3, NULL);

    w->members[3].is_frozen = true;
    w->members[0].status.offset = 700;
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 500);
    cr_assert(w->members[0].is_write_paused);
    world_kill(w, 3);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect_not(w->members[0].is_write_paused);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

Test(cluster_world, a_manual_failover_that_was_given_up_is_not_agreed_later)
{
    struct world *w = world_three_and_three();
    struct cluster_call call;

    world_run(w, 3000); /* until it has five seats */
    world_forbid_failover(w, 3);
    world_part_from_all_but(w, 0, 3, true);
    call = world_call(w, 3, NULL);
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_AGREED));
    world_carry_out(w, 3);
    world_run(w, 6000);
    cr_expect_not(w->members[0].is_write_paused);
    w->members[3].is_frozen = true; /* what is written from now on it does not get */
    world_part_from_all_but(w, 0, 3, false);
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
