/* SPDX-License-Identifier: MIT */
/* Replicas that move to a primary without one. */
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

/* A primary counts as failed, then the five timeouts, then whatever is said of it. */
enum {
    LONG_ENOUGH_MS = 8 * WORLD_TIMEOUT_MS,
};

static int smaller_of(const struct world *w, int a, int b)
{
    return strcmp(w->members[a].id.text, w->members[b].id.text) < 0 ? a : b;
}

static void configure(struct world *w, int member, bool allow, int64_t barrier)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct errmsg error;

    settings.port = (uint16_t)(7000 + member);
    settings.bus_port = (uint16_t)(17000 + member);
    settings.node_timeout_ms = WORLD_TIMEOUT_MS;
    settings.allow_migration = allow;
    settings.migration_barrier = barrier;
    cr_assert(cluster_configure(w->members[member].core, &settings, &error));
    world_tick(w, member);
}

Test(cluster_orphans, a_primary_without_a_replica_gets_the_smallest_of_the_richest_shard)
{
    struct world *w = world_of_replicas(4); /* 3 and 6 are replicas of 0 */
    int mover = smaller_of(w, 3, 6);
    int other = mover == 3 ? 6 : 3;

    world_listen(w);
    world_kill(w, 4);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, mover, 0), "not at once");
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, mover, 1));
    cr_expect_eq(w->members[mover].follows, 1);
    cr_expect(world_is_replica_of(w, other, 0));
    cr_expect_not_null(
        strstr(world_told(w, mover), "primary <1> has no replica, ours has 2: following it"));
    cr_expect_not_null(strstr(world_told(w, 2), "is a replica of <1> now"), "everybody is told");
    world_start(w, 4);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, 4, 1), "who comes back stays");
    cr_expect(world_is_replica_of(w, mover, 1), "nobody goes back");
    world_free(w);
}

Test(cluster_orphans, nobody_moves_when_the_barrier_or_the_operator_forbids_it)
{
    struct world *w = world_of_replicas(4);
    int mover = smaller_of(w, 3, 6);

    configure(w, mover, true, 2);
    world_kill(w, 4);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, mover, 0));
    configure(w, mover, false, 1);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, mover, 0));
    configure(w, mover, true, 1);
    world_run(w, WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, mover, 1));
    world_free(w);
}

Test(cluster_orphans, a_replica_whose_own_shard_has_to_be_taken_over_stays)
{
    struct world *w = world_of_replicas(4);

    world_kill(w, 4);
    world_run(w, 4 * WORLD_TIMEOUT_MS);
    world_kill(w, 0);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, 3, 6) || world_is_replica_of(w, 6, 3));
    world_free(w);
}

Test(cluster_orphans, a_replica_that_is_not_in_step_stays)
{
    struct world *w = world_of_replicas(4);
    int mover = smaller_of(w, 3, 6);

    w->members[mover].status.is_data_complete = false;
    world_kill(w, 4);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, mover, 0));
    world_free(w);
}

static void call(struct world *w, int member,
                 bool (*what)(struct world *, int, struct cluster_call *))
{
    struct errmsg error = {0};
    struct cluster_call made = world_call(w, member, &error);

    cr_assert(what(w, member, &made), "%s", error.text);
    world_carry_out(w, member);
}

static bool leave(struct world *w, int member, struct cluster_call *made)
{
    return cluster_reset(w->members[member].core, made, false);
}

static bool meet_first(struct world *w, int member, struct cluster_call *made)
{
    return cluster_meet(w->members[member].core, made, bytes_from_text(w->members[0].ip), 7000,
                        17000);
}

static bool follow_6(struct world *w, int member, struct cluster_call *made)
{
    return cluster_replicate(w->members[member].core, made, bytes_from_text(w->members[6].id.text));
}

static bool forget_6(struct world *w, int member, struct cluster_call *made)
{
    return cluster_forget(w->members[member].core, made, bytes_from_text(w->members[6].id.text));
}

Test(cluster_orphans, a_replica_whose_primary_was_removed_follows_the_one_with_fewest)
{
    struct world *w = world_of_replicas(5); /* 6 of 0, 7 of 1 */

    call(w, 6, leave);
    call(w, 6, meet_first);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    call(w, 7, follow_6);
    world_run(w, WORLD_TIMEOUT_MS);
    cr_assert(world_is_replica_of(w, 7, 6));
    world_kill(w, 5); /* 2 has none from now on */
    call(w, 0, forget_6);
    world_kill(w, 6);
    world_run(w, LONG_ENOUGH_MS);
    cr_expect(world_is_replica_of(w, 7, 2));
    cr_expect_eq(w->members[7].follows, 2);
    world_free(w);
}
