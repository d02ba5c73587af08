/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/cluster/core.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

static enum route_kind route(struct core *core, struct route_request request)
{
    struct route_target target;

    return cluster_route(core->cluster, core->now, &request, &target);
}

static enum route_kind route_in(const struct world *w, int member, struct route_request request,
                                struct route_target *target)
{
    return cluster_route(w->members[member].core, w->now, &request, target);
}

static void set_slot(struct world *w, int member, uint16_t slot, enum cluster_setslot_kind kind,
                     int other)
{
    cr_assert(world_set_slot(w, member, slot, kind, other));
}

Test(route, a_slot_of_nobody_is_not_served)
{
    struct core core = core_new("");

    core_tick(&core, 0);
    cr_expect_eq(route(&core, (struct route_request){.slot = 1}), ROUTE_CLUSTERDOWN_SLOT);
    core_deinit(&core);
}

Test(route, a_node_alone_serves_all_slots_it_owns)
{
    struct core core = core_new("");

    core_own_everything(&core);
    cr_expect(cluster_has_lease(core.cluster, core.now));
    cr_expect_eq(route(&core, (struct route_request){.slot = 1, .is_write = true}), ROUTE_SERVE);
    core_deinit(&core);
}

Test(route, what_is_served_plainly_is_served_whatever_the_request)
{
    struct core core = core_new("");

    cr_expect_not(cluster_routes_plainly(core.cluster, core.now));
    core_own_everything(&core);
    cr_assert(cluster_routes_plainly(core.cluster, core.now));
    for (uint16_t slot = 0; slot < SLOT_COUNT; slot++) {
        struct route_request request = {.slot = slot, .is_write = true, .has_many_keys = true};

        cr_assert(cluster_serves_plainly(core.cluster, slot));
        cr_assert_eq(route(&core, request), ROUTE_SERVE);
    }
    core_deinit(&core);
}

Test(route, without_full_coverage_nothing_is_served_unless_that_is_allowed)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core = core_new("");
    struct cluster_call call = core_call(&core);
    uint16_t slot = 9;

    cr_assert(cluster_add_slots(core.cluster, &call, &slot, 1));
    core_settle(&core);
    cr_expect_eq(route(&core, (struct route_request){.slot = 9}), ROUTE_CLUSTERDOWN_STATE);
    settings.require_full_coverage = false;
    cr_assert(cluster_configure(core.cluster, &settings, &core.error));
    core_tick(&core, 1);
    cr_expect_eq(route(&core, (struct route_request){.slot = 9}), ROUTE_SERVE);
    cr_expect_eq(route(&core, (struct route_request){.slot = 8}), ROUTE_CLUSTERDOWN_SLOT);
    core_deinit(&core);
}

Test(route, reads_go_on_when_down_if_that_is_allowed)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core;
    struct cluster_call call;
    uint16_t slot = 9;

    settings.allow_reads_when_down = true;
    core = core_new_with("", &settings);
    call = core_call(&core);
    cr_assert(cluster_add_slots(core.cluster, &call, &slot, 1));
    core_settle(&core);
    cr_expect_eq(route(&core, (struct route_request){.slot = 9}), ROUTE_SERVE);
    cr_expect_eq(route(&core, (struct route_request){.slot = 9, .is_write = true}),
                 ROUTE_CLUSTERDOWN_READONLY);
    core_deinit(&core);
}

Test(route, a_slot_of_another_node_is_moved_there)
{
    struct world *w = world_three_and_three();
    struct route_target target;
    uint16_t slot = world_first_slot(1);

    cr_assert_eq(route_in(w, 0, (struct route_request){.slot = slot}, &target), ROUTE_MOVED);
    cr_expect_not(cluster_serves_plainly(w->members[0].core, slot));
    cr_expect_str_eq(target.host, "10.0.0.2");
    cr_expect_eq(target.port, 7001);
    world_free(w);
}

Test(route, a_replica_serves_reads_of_its_primary_to_sessions_that_asked_for_it)
{
    struct world *w = world_three_and_three();
    struct route_target target;
    struct route_request request = {.slot = world_first_slot(0)};

    cr_expect_eq(route_in(w, 3, request, &target), ROUTE_MOVED);
    request.is_readonly_session = true;
    cr_expect_eq(route_in(w, 3, request, &target), ROUTE_SERVE);
    cr_expect_eq(route_in(w, 4, request, &target), ROUTE_MOVED);
    request.is_write = true;
    cr_expect_eq(route_in(w, 3, request, &target), ROUTE_MOVED);
    world_free(w);
}

Test(route, without_a_lease_a_primary_serves_nothing)
{
    struct world *w = world_three_and_three();
    struct route_target target;
    struct route_request request = {.slot = world_first_slot(0)};

    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_SERVE);
    cr_expect(cluster_routes_plainly(w->members[0].core, w->now));
    /* As after a pause: the core was not stepped, but time has passed. */
    w->now = mono_add_ms(w->now, WORLD_TIMEOUT_MS);
    cr_expect_not(cluster_routes_plainly(w->members[0].core, w->now));
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_CLUSTERDOWN_STATE);
    world_free(w);
}

Test(route, a_migrating_slot_asks_for_the_keys_and_sends_on_those_that_are_gone)
{
    struct world *w = world_three_and_three();
    struct route_target target;
    struct route_request request = {.slot = world_first_slot(0)};

    cr_expect(cluster_serves_plainly(w->members[0].core, request.slot));
    set_slot(w, 0, request.slot, CLUSTER_SETSLOT_MIGRATING, 1);
    cr_expect_not(cluster_serves_plainly(w->members[0].core, request.slot));
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_LOOK);
    request.keys = ROUTE_KEYS_ALL_HERE;
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_SERVE);
    request.keys = ROUTE_KEYS_SOME_MISSING;
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_TRYAGAIN);
    request.keys = ROUTE_KEYS_ALL_MISSING;
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_ASK);
    cr_expect_eq(target.port, 7001);
    world_free(w);
}

Test(route, an_importing_slot_is_served_to_who_is_asking)
{
    struct world *w = world_three_and_three();
    struct route_target target;
    struct route_request request = {.slot = world_first_slot(0)};

    set_slot(w, 1, request.slot, CLUSTER_SETSLOT_IMPORTING, 0);
    cr_expect_eq(route_in(w, 1, request, &target), ROUTE_MOVED);
    request.is_asking = true;
    cr_expect_eq(route_in(w, 1, request, &target), ROUTE_SERVE);
    request.has_many_keys = true;
    cr_expect_eq(route_in(w, 1, request, &target), ROUTE_LOOK);
    request.keys = ROUTE_KEYS_SOME_MISSING;
    cr_expect_eq(route_in(w, 1, request, &target), ROUTE_TRYAGAIN);
    world_free(w);
}

Test(route, a_slot_that_was_handed_over_is_served_by_its_new_owner_alone)
{
    struct world *w = world_three_and_three();
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);

    set_slot(w, 0, slot, CLUSTER_SETSLOT_MIGRATING, 1);
    set_slot(w, 1, slot, CLUSTER_SETSLOT_IMPORTING, 0);
    set_slot(w, 1, slot, CLUSTER_SETSLOT_NODE, 1);
    world_run(w, 500);
    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(cluster_owns_slot(w->members[i].core, slot), i == 1);
    }
    cr_expect_eq(world_server_of(w, slot), 1);
    cr_expect(world_has_lease(w, 0));
    world_free(w);
}

Test(route, the_endpoint_is_of_the_preferred_kind)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct world *w = world_three_and_three();
    struct route_target target;
    struct errmsg error;
    struct route_request request = {.slot = world_first_slot(1)};

    settings.node_timeout_ms = WORLD_TIMEOUT_MS;
    settings.preferred_endpoint = CLUSTER_ENDPOINT_HOSTNAME;
    cr_assert(cluster_configure(w->members[0].core, &settings, &error));
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_MOVED);
    cr_expect_str_eq(target.host, "node1");
    settings.preferred_endpoint = CLUSTER_ENDPOINT_UNKNOWN;
    cr_assert(cluster_configure(w->members[0].core, &settings, &error));
    cr_expect_eq(route_in(w, 0, request, &target), ROUTE_MOVED);
    cr_expect_str_eq(target.host, "");
    world_free(w);
}
