/* SPDX-License-Identifier: MIT */
/* What a change of role or epoch costs while nothing fails: nobody's lease, and no more than a
 * round trip until everybody knows. */
#include "tests/unit/server/cluster/core.h"
#include "tests/unit/server/cluster/world.h"

#include "cluster/frame.h"
#include "cluster/state.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    DISK_MS = 7,
    TYPE_AT = 5, /* frame.h */
    COUNCIL = 5,
    FRAME_MS = 1, /* what a frame takes from one member to another */
};

static void fail_over(struct world *w, int replica, enum cluster_failover_kind kind)
{
    struct cluster_call call = world_call(w, replica, NULL);

    cr_assert(cluster_failover(w->members[replica].core, &call, kind));
    world_carry_out(w, replica);
}

/* Until the slots of the first shard are served by this member. */
static void run_until_served_by(struct world *w, int member)
{
    for (int ms = 0; ms < 5 * WORLD_TIMEOUT_MS; ms++) {
        if (world_server_of(w, world_first_slot(0)) == member) {
            return;
        }
        world_run(w, 1);
    }
    cr_assert_fail("member %d does not serve", member);
}

static void expect_lease_for(struct world *w, int member, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        world_run(w, 1);
        cr_assert(world_has_lease(w, member), "member %d has no lease %lld ms later", member,
                  (long long)i);
    }
}

static int sent_by(const struct world *w, int member, uint16_t slot)
{
    struct route_request request = {.slot = slot};
    struct route_target target = {.host = ""};

    switch (cluster_route(w->members[member].core, w->now, &request, &target)) {
    case ROUTE_SERVE:
        return member;
    case ROUTE_MOVED:
        return target.port - 7000;
    case ROUTE_ASK:
    case ROUTE_TRYAGAIN:
    case ROUTE_AWAIT:
    case ROUTE_LOOK:
    case ROUTE_CLUSTERDOWN_SLOT:
    case ROUTE_CLUSTERDOWN_STATE:
    case ROUTE_CLUSTERDOWN_READONLY:
        break;
    }
    return NOBODY;
}

Test(cluster_takeover, a_planned_one_never_costs_the_new_primary_its_lease)
{
    for (int phase = 0; phase < WORLD_TIMEOUT_MS / 5; phase += 11 * WORLD_EACH) {
        struct world *w = world_three_and_three();

        w->disk_ms = DISK_MS;
        world_run(w, phase);
        fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
        run_until_served_by(w, 3);
        expect_lease_for(w, 3, 3 * WORLD_TIMEOUT_MS);
        world_free(w);
    }
}

Test(cluster_takeover, one_after_a_failure_never_costs_the_new_primary_its_lease)
{
    for (int phase = 0; phase < WORLD_TIMEOUT_MS / 5; phase += 41) {
        struct world *w = world_three_and_three();

        w->disk_ms = DISK_MS;
        world_run(w, phase);
        world_kill(w, 0);
        run_until_served_by(w, 3);
        expect_lease_for(w, 3, 3 * WORLD_TIMEOUT_MS);
        world_free(w);
    }
}

Test(cluster_takeover, everybody_sends_clients_to_the_new_owner_within_a_round_trip)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(0);

    w->disk_ms = DISK_MS;
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    run_until_served_by(w, 3);
    world_run(w, 2 * FRAME_MS);
    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(sent_by(w, i, slot), 3, "member %d sends clients to %d", i,
                     sent_by(w, i, slot));
    }
    world_free(w);
}

Test(cluster_takeover, whoever_was_cut_off_hears_of_it_with_the_first_frame)
{
    struct world *w = world_three_and_three();
    int64_t ms = 0;

    world_cut_off(w, 5, 1);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
    run_until_served_by(w, 3);
    world_run(w, WORLD_TIMEOUT_MS);
    world_cut_off(w, 5, 0);
    while (sent_by(w, 5, world_first_slot(0)) != 3 && ms++ < 5 * WORLD_TIMEOUT_MS) {
        world_run(w, 1);
    }
    cr_expect_leq(ms, WORLD_TIMEOUT_MS, "after %lld ms", (long long)ms);
    world_free(w);
}

Test(cluster_takeover, a_new_epoch_does_not_cost_the_lease_while_it_is_written)
{
    struct world *w = world_three_and_three();
    struct cluster_call call = world_call(w, 0, NULL);
    uint64_t epoch;
    bool is_bumped;

    w->disk_ms = 10 * DISK_MS;
    cr_assert(cluster_bump_epoch(w->members[0].core, &call, &is_bumped, &epoch));
    cr_assert(is_bumped);
    world_carry_out(w, 0);
    cr_expect(world_has_lease(w, 0));
    expect_lease_for(w, 0, 3 * WORLD_TIMEOUT_MS);
    for (int i = 1; i < 3; i++) {
        expect_lease_for(w, i, 1);
    }
    world_free(w);
}

static void bump_epoch(struct world *w, int member)
{
    struct cluster_call call = world_call(w, member, NULL);
    uint64_t epoch;
    bool is_bumped;

    cr_assert(cluster_bump_epoch(w->members[member].core, &call, &is_bumped, &epoch));
    world_carry_out(w, member);
}

Test(cluster_takeover, raising_the_epoch_gives_no_lease_back_that_was_handed_over)
{
    for (int phase = 1; phase < 8 * DISK_MS; phase += WORLD_EACH) {
        struct world *w = world_three_and_three();

        w->disk_ms = DISK_MS;
        fail_over(w, 3, CLUSTER_FAILOVER_AGREED);
        world_run(w, phase);
        bump_epoch(w, 0);
        world_run(w, 3 * WORLD_TIMEOUT_MS); /* asserts that one at most serves */
        world_free(w);
    }
}

Test(cluster_takeover, whoever_took_over_has_the_members_word_against_a_raised_epoch)
{
    for (int phase = 0; phase < WORLD_TIMEOUT_MS; phase += 31 * WORLD_EACH) {
        struct world *w = world_three_and_three();

        w->disk_ms = DISK_MS;
        world_cut_off(w, 0, 1);
        run_until_served_by(w, 3);
        world_cut_off(w, 3, 2); /* nobody hears that it won */
        world_cut_off(w, 0, 0);
        world_run(w, phase);
        bump_epoch(w, 0);
        world_run(w, 3 * WORLD_TIMEOUT_MS); /* asserts that one at most serves */
        cr_expect(world_has_lease(w, 0));
        world_free(w);
    }
}

Test(cluster_takeover, members_agree_on_nobody_against_another_owner_of_the_same_epoch)
{
    struct world *w = world_three_and_three();

    world_cut_off(w, 0, 1);
    bump_epoch(w, 0); /* to the epoch in which the replica will be elected */
    run_until_served_by(w, 3);
    world_run(w, WORLD_TIMEOUT_MS / 2);
    world_part(w, 0, 3, true);
    world_cut_off(w, 0, 0);
    world_run(w, 5 * WORLD_TIMEOUT_MS); /* asserts that one at most serves */
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_part(w, 0, 3, false);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect(world_is_replica_of(w, 0, 3));
    world_free(w);
}

/* The newest message of the council that is on its way between the two. */
static void copy_grant(const struct world *w, int from, int to, struct buf *out)
{
    for (size_t i = 0; i < w->deliveries.count; i++) {
        const struct delivery *d = &w->deliveries.items[i];
        const struct connection *connection = &w->connections.items[d->connection];

        if (connection->from == from && connection->to == to && !d->is_to_opener &&
            d->frame.len > TYPE_AT && d->frame.data[TYPE_AT] == COUNCIL) {
            buf_clear(out);
            buf_append_bytes(out, buf_bytes(&d->frame));
        }
    }
}

/* As its receiver knows it. */
static struct cluster_link link_between(const struct world *w, int from, int to)
{
    for (size_t i = 0; i < w->connections.count; i++) {
        const struct connection *connection = &w->connections.items[i];

        if (connection->from == from && connection->to == to && connection->is_up) {
            return (struct cluster_link){.is_incoming = true, .number = connection->incoming};
        }
    }
    cr_assert_fail("member %d has no link to %d", from, to);
    return (struct cluster_link){0};
}

/* How long the member's lease lasts from now. */
static int lease_left_ms(const struct world *w, int member)
{
    int ms = 0;

    while (cluster_has_lease(w->members[member].core, mono_add_ms(w->now, ms))) {
        ms++;
    }
    return ms;
}

Test(cluster_takeover, a_grant_that_was_given_to_another_is_none)
{
    struct world *w = world_three_and_three();
    struct cluster_event event = {.type = CLUSTER_EVENT_FRAME, .link = link_between(w, 1, 0)};
    struct buf grant = {0};
    int before;

    world_cut_off(w, 0, 1);
    for (int ms = 0; ms < WORLD_TIMEOUT_MS / 3; ms++) {
        copy_grant(w, 1, 2, &grant);
        world_run(w, 1);
    }
    cr_assert_gt(grant.len, 0);
    before = lease_left_ms(w, 0);
    cr_assert_gt(before, 0);
    event.frame = buf_bytes(&grant);
    cluster_step(w->members[0].core, w->now, &event, &w->members[0].actions);
    cr_expect_eq(lease_left_ms(w, 0), before);
    world_carry_out(w, 0);
    buf_deinit(&grant);
    world_free(w);
}

static bool says(const struct core *core, const char *words)
{
    struct buf text = {0};
    bool is_said;

    for (size_t i = 0; i < core->actions.count; i++) {
        const struct cluster_action *action = cluster_action_at(&core->actions, i);

        if (action->type == CLUSTER_ACTION_LOG) {
            buf_append_bytes(&text, cluster_action_bytes(&core->actions, action));
        }
    }
    is_said = strstr(buf_text(&text), words) != NULL;
    buf_deinit(&text);
    return is_said;
}

/* No record says yet whose the slots are, so data that is nobody's passes for the shard's; and what the node has said of its link, as
 * a primary, is that there is none. */
Test(cluster_takeover, whoever_has_only_begun_to_follow_a_primary_does_not_ask_for_its_place)
{
    struct cluster_settings settings = CLUSTER_SETTINGS_DEFAULT;
    struct core core;
    struct cluster_call call;

    settings.node_timeout_ms = WORLD_TIMEOUT_MS / 2;
    core = core_new_with(CORE_ID " 10.0.0.1:7000@17000 myself,master - 0 0 1 connected\n" OTHER_ID
                                 " 10.0.0.2:7000@17000 master - 0 0 2 connected 0-16383\n"
                                 "vars currentEpoch 2 lastVoteEpoch 0\n",
                         &settings);
    core_settle(&core);
    actions_clear(&core.actions);
    call = core_call(&core);
    cr_assert(cluster_replicate(core.cluster, &call, bytes_from_text(OTHER_ID)), "%s",
              core.error.text);
    cr_expect_not(says(&core, "silent"));
    core_tick(&core, WORLD_TIMEOUT_MS / 10);
    cr_expect_not(says(&core, "silent"));
    core_deinit(&core);
}

enum {
    CROWD = 10,
    FORMING_TIMEOUTS = 5,
};

/* Ten primaries, each with a tenth of the slots, none with an epoch of its own. */
static struct world *world_of_a_crowd(void)
{
    struct world *w = world_new(CROWD);

    w->disk_ms = DISK_MS;
    for (int i = 0; i < CROWD; i++) {
        uint16_t slots[SLOT_COUNT];
        size_t count = 0;
        struct cluster_call call = world_call(w, i, NULL);

        for (int slot = i * SLOT_COUNT / CROWD; slot < (i + 1) * SLOT_COUNT / CROWD; slot++) {
            slots[count++] = (uint16_t)slot;
        }
        cr_assert(cluster_add_slots(w->members[i].core, &call, slots, count));
        world_carry_out(w, i);
        if (i > 0) {
            call = world_call(w, 0, NULL);
            cr_assert(cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[i].ip),
                                   7000 + i, 17000 + i));
            world_carry_out(w, 0);
        }
    }
    return w;
}

static bool has_epoch_of_its_own(const struct world *w, int member)
{
    struct cluster_node_view mine;

    cluster_node_at(w->members[member].core, 0, (struct moment){.mono = w->now}, &mine);
    for (size_t i = 1; i < cluster_node_count(w->members[member].core); i++) {
        struct cluster_node_view view;

        cluster_node_at(w->members[member].core, i, (struct moment){.mono = w->now}, &view);
        if (view.config_epoch == mine.config_epoch) {
            return false;
        }
    }
    return true;
}

/* Each has agreed who is primary of what, and acknowledged by that. */
Test(cluster_forming, two_grown_clusters_that_meet_stay_two_and_all_nodes_say_so)
{
    struct world *w = world_new(6);
    struct cluster_call call;

    for (int i = 1; i < w->count; i++) {
        int first = i < 3 ? 0 : 3;

        call = world_call(w, first, NULL);
        if (i != first) {
            cr_assert(cluster_meet(w->members[first].core, &call, bytes_from_text(w->members[i].ip),
                                   7000 + i, 17000 + i));
            world_carry_out(w, first);
        }
    }
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    world_listen(w);
    call = world_call(w, 0, NULL);
    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[3].ip), 7003, 17003));
    world_carry_out(w, 0);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        const char *told = world_told(w, i);
        const char *first = strstr(told, "<5> is of another council");

        cr_expect_eq(first != NULL, i < 3, "%d: %s", i, told);
        cr_expect(first == NULL || strstr(first + 1, "<5> is of another council") == NULL);
    }
    world_free(w);
}

Test(cluster_forming, ten_nodes_with_one_epoch_become_one_cluster_and_part_their_ways)
{
    struct world *w = world_of_a_crowd();
    size_t distinct = 0;

    for (int ms = 0; ms < 2 * FORMING_TIMEOUTS * WORLD_TIMEOUT_MS; ms++) {
        world_run(w, 1);
        distinct = 0;
        for (int i = 0; i < CROWD; i++) {
            bool is_ok = cluster_is_ok(w->members[i].core, w->now);

            cr_assert(is_ok || ms < FORMING_TIMEOUTS * WORLD_TIMEOUT_MS,
                      "member %d is not ok after %d ms", i, ms);
            distinct += has_epoch_of_its_own(w, i) ? 1 : 0;
        }
        cr_assert(distinct == CROWD || ms < FORMING_TIMEOUTS * WORLD_TIMEOUT_MS);
    }
    world_free(w);
}

/* It would stand in the way of every later one. */
Test(cluster_takeover, what_a_former_primary_had_begun_is_given_up_though_it_waits_to_take_over)
{
    struct world *w = world_three_and_three();
    struct cluster *replica = w->members[3].core;

    world_run(w, 1000);
    world_kill(w, 0);
    for (int ms = 0; ms < 5 * WORLD_TIMEOUT_MS && replica->takeover.phase != TAKEOVER_WAITING;
         ms++) {
        world_run(w, 1);
    }
    cr_assert_eq(replica->takeover.phase, TAKEOVER_WAITING);
    replica->takeover.at = mono_add_ms(w->now, 9 * WORLD_TIMEOUT_MS);
    world_run(w, 5 * WORLD_TIMEOUT_MS); /* until no lease is in the way */
    replica->own.is_proposed = true;
    council_propose(replica->council, w->now, &replica->me->shard, COUNCIL_TAKE_OVER);
    cr_assert(council_is_proposing(replica->council));
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_assert_eq(replica->takeover.phase, TAKEOVER_WAITING);
    cr_expect_not(council_is_proposing(replica->council));
    run_until_served_by(w, 3);
    world_free(w);
}
