/* SPDX-License-Identifier: MIT */
/* cluster/sync_set: who becomes a member, who is one no more, and who may take over. */
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    AGREED_MS = 300,    /* more than a change of the record takes */
    AT_LAST_MS = 31000, /* more than a primary waits for better data without a set */
};

/* What the primary sees of a replica, until it is said anew. */
static void say(struct world *w, int primary, int replica, enum cluster_sync_state state)
{
    struct cluster_status *status = &w->members[primary].status;

    status->sync_fact_count = 1;
    status->sync_facts[0] = (struct cluster_sync_fact){
        .member = {.node = w->members[replica].id, .memory = w->members[replica].status.memory},
        .state = state,
    };
    world_set_status(w, primary);
}

static void say_nothing(struct world *w, int primary)
{
    w->members[primary].status.sync_fact_count = 0;
    world_set_status(w, primary);
}

static struct cluster_sync_view view_of(const struct world *w, int member)
{
    struct cluster_sync_view view;

    cluster_sync_view(w->members[member].core, &view);
    return view;
}

static bool has_member(const struct world *w, int primary, int replica)
{
    struct cluster_sync_view view = view_of(w, primary);

    return shard_sync_find(&view.agreed, &w->members[replica].id) != NULL;
}

static void join(struct world *w, int primary, int replica)
{
    say(w, primary, replica, CLUSTER_SYNC_IN_STEP);
    world_run(w, AGREED_MS);
    say_nothing(w, primary);
    cr_assert(has_member(w, primary, replica));
}

/* Members 0 1 2 are primaries, 3 and 6 replicas of 0. */
static struct world *start(int replicas, int required)
{
    struct world *w = world_of_replicas(replicas);

    for (int i = 0; i < w->count; i++) {
        world_set_sync(w, i, required);
    }
    world_run(w, AGREED_MS);
    cr_assert_eq(view_of(w, 0).agreed.required, (uint32_t)required);
    return w;
}

static void run_until_served_by(struct world *w, int member)
{
    for (int ms = 0; ms < 6 * WORLD_TIMEOUT_MS; ms++) {
        if (world_server_of(w, world_first_slot(0)) == member) {
            return;
        }
        world_run(w, 1);
    }
    cr_assert_fail("member %d does not serve", member);
}

static bool fails_over(struct world *w, int member, enum cluster_failover_kind kind,
                       struct errmsg *error)
{
    struct cluster_call call = world_call(w, member, error);
    bool is_ok = cluster_failover(w->members[member].core, &call, kind);

    world_carry_out(w, member);
    return is_ok;
}

Test(sync_set, a_replica_in_step_is_waited_for_at_once_and_a_member_when_that_is_agreed)
{
    struct world *w = start(3, 1);
    struct cluster_sync_view view;

    say(w, 0, 3, CLUSTER_SYNC_IN_STEP);
    view = view_of(w, 0);
    cr_expect_eq(view.agreed.count, 0);
    cr_expect_eq(view.joining_count, 1);
    world_run(w, AGREED_MS);
    view = view_of(w, 0);
    cr_expect_eq(view.agreed.count, 1);
    cr_expect_eq(view.joining_count, 0);
    cr_expect(view.is_settled);
    world_free(w);
}

Test(sync_set, nothing_is_settled_before_it_is_on_disk)
{
    struct world *w = start(3, 1);

    w->disk_ms = 100;
    say(w, 0, 3, CLUSTER_SYNC_IN_STEP);
    for (int ms = 0; ms < 5000 && !has_member(w, 0, 3); ms++) {
        world_run(w, 1);
    }
    cr_expect(has_member(w, 0, 3));
    cr_expect(!view_of(w, 0).is_settled);
    world_run(w, 250);
    cr_expect(view_of(w, 0).is_settled);
    world_free(w);
}

Test(sync_set, one_that_is_late_is_out_where_enough_are_left_and_one_that_is_gone_anyway)
{
    struct world *w = start(6, 1);

    join(w, 0, 3);
    join(w, 0, 6);
    say(w, 0, 3, CLUSTER_SYNC_LATE);
    world_run(w, AGREED_MS);
    cr_expect(!has_member(w, 0, 3));
    say(w, 0, 6, CLUSTER_SYNC_LATE);
    world_run(w, AGREED_MS);
    cr_expect(has_member(w, 0, 6), "no other is left");
    say(w, 0, 6, CLUSTER_SYNC_GONE);
    world_run(w, AGREED_MS);
    cr_expect_eq(view_of(w, 0).agreed.count, 0);
    world_free(w);
}

/* Nobody would ask it for what it has if the primary lost its own. */
Test(sync_set, nothing_is_settled_by_the_word_of_one_that_an_operator_has_removed)
{
    struct world *w = start(6, 1);
    struct cluster_call call;

    join(w, 0, 3);
    join(w, 0, 6);
    cr_assert(view_of(w, 0).is_settled);
    call = world_call(w, 0, NULL);
    cr_assert(cluster_forget(w->members[0].core, &call, bytes_from_text(w->members[3].id.text)));
    cr_expect(has_member(w, 0, 3) && !view_of(w, 0).is_settled);
    world_carry_out(w, 0);
    world_run(w, AGREED_MS);
    cr_expect(!has_member(w, 0, 3) && has_member(w, 0, 6));
    cr_expect(view_of(w, 0).is_settled);
    world_free(w);
}

Test(sync_set, what_is_off_has_no_members)
{
    struct world *w = start(3, 1);

    join(w, 0, 3);
    world_set_sync(w, 0, 0);
    world_run(w, AGREED_MS);
    cr_expect_eq(view_of(w, 0).agreed.required, 0);
    cr_expect_eq(view_of(w, 0).agreed.count, 0);
    world_free(w);
}

Test(sync_set, only_a_member_takes_over_whatever_another_one_has)
{
    struct world *w = start(6, 1);

    join(w, 0, 6);
    w->members[3].is_frozen = true;
    w->members[3].status.offset += 1000;
    world_set_status(w, 3);
    world_run(w, AGREED_MS);
    world_kill(w, 0);
    run_until_served_by(w, 6);
    cr_expect_eq(view_of(w, 6).agreed.required, 1);
    cr_expect_eq(view_of(w, 6).agreed.count, 0, "it is the primary now");
    world_free(w);
}

Test(sync_set, whoever_has_lost_its_memory_takes_over_at_an_operators_word_only)
{
    struct world *w = start(3, 1);
    struct errmsg error = {0};

    join(w, 0, 3);
    w->members[3].status.memory++;
    world_set_status(w, 3);
    cr_expect(!fails_over(w, 3, CLUSTER_FAILOVER_AGREED, &error));
    cr_expect(!fails_over(w, 3, CLUSTER_FAILOVER_FORCE, &error));
    cr_expect_not_null(strstr(error.text, "in-sync set"));
    world_kill(w, 0);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect(fails_over(w, 3, CLUSTER_FAILOVER_TAKEOVER, &error));
    run_until_served_by(w, 3);
    world_free(w);
}

/* Who took over had nobody to confirm anything, but that is not for the former primary to know. */
Test(sync_set, whose_successor_was_removed_takes_over_at_an_operators_word_only)
{
    struct world *w = start(3, 1);
    struct errmsg error = {0};
    struct cluster_call call;

    join(w, 0, 3);
    world_cut_off(w, 0, 1);
    run_until_served_by(w, 3);
    world_kill(w, 3);
    world_run(w, 10);
    for (int i = 0; i < 6; i++) {
        call = world_call(w, i, NULL);
        cr_assert(i == 3 || cluster_forget(w->members[i].core, &call,
                                           bytes_from_text(w->members[3].id.text)));
        world_carry_out(w, i);
    }
    world_cut_off(w, 0, 0);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect(!fails_over(w, 0, CLUSTER_FAILOVER_FORCE, &error));
    cr_expect_not_null(strstr(error.text, "TAKEOVER"), "%s", error.text);
    cr_expect(fails_over(w, 0, CLUSTER_FAILOVER_TAKEOVER, &error), "%s", error.text);
    run_until_served_by(w, 0);
    world_free(w);
}

/* That changes neither slots nor epoch; and of twelve nodes seven have a seat in the council, by which they would hear of it. */
Test(sync_set, a_replica_that_was_away_when_it_was_agreed_on_hears_of_it_all_the_same)
{
    struct world *w = start(9, 1);
    struct errmsg error;

    for (int replica = 9; replica < 12; replica++) {
        int primary = replica % 3;

        say(w, primary, replica, CLUSTER_SYNC_IN_STEP);
        for (int ms = 0; ms < AGREED_MS / 4; ms++) {
            world_break(w, replica);
            world_run(w, 1);
        }
        cr_assert(has_member(w, primary, replica));
        cr_expect_not(fails_over(w, replica, CLUSTER_FAILOVER_AGREED, &error), "it has heard");
        say_nothing(w, primary);
        world_run(w, WORLD_TIMEOUT_MS / 2);
        cr_expect(fails_over(w, replica, CLUSTER_FAILOVER_AGREED, &error), "replica %d: %s",
                  replica, error.text);
    }
    world_free(w);
}

Test(sync_set, a_planned_take_over_is_for_members_and_keeps_the_others)
{
    struct world *w = start(6, 1);
    struct errmsg error = {0};

    join(w, 0, 6);
    world_run(w, AGREED_MS);
    cr_expect(!fails_over(w, 3, CLUSTER_FAILOVER_AGREED, &error));
    join(w, 0, 3);
    world_run(w, AGREED_MS);
    cr_assert(fails_over(w, 3, CLUSTER_FAILOVER_AGREED, &error), "%s", error.text);
    run_until_served_by(w, 3);
    cr_expect(has_member(w, 3, 6));
    world_free(w);
}

Test(sync_set, a_primary_that_may_lack_what_its_set_has_waits_for_it_without_end)
{
    struct world *w = start(3, 1);
    struct errmsg error = {0};

    join(w, 0, 3);
    world_cut_off(w, 3, 1);
    w->members[0].loses_data = true;
    world_kill(w, 0);
    world_start(w, 0);
    world_run(w, AT_LAST_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    cr_expect(fails_over(w, 0, CLUSTER_FAILOVER_TAKEOVER, &error), "%s", error.text);
    run_until_served_by(w, 0);
    world_free(w);
}

Test(sync_set, one_whose_set_has_lost_its_memory_too_goes_on_as_without_one)
{
    struct world *w = start(3, 1);

    join(w, 0, 3);
    world_kill(w, 3);
    w->members[0].loses_data = true;
    world_kill(w, 0);
    world_start(w, 0);
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, world_first_slot(0)), NOBODY);
    world_start(w, 3);
    run_until_served_by(w, 0);
    world_free(w);
}
