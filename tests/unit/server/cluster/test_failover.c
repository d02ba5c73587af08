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
    world_part_from_all_but(w, 6, 6, false);
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
