/* SPDX-License-Identifier: MIT */
/* Who sits in the council, as nodes come, go silent and are removed. */
#include "tests/unit/server/cluster/world.h"

#include "cluster/state.h"

#include <criterion/criterion.h>

enum {
    AWAY_TIMEOUTS = 30, /* a member keeps its seat for so long */
    NOTICED_TIMEOUTS = 2,
    SEATS = 5, /* of six nodes */
};

static const struct seats *seats_of(const struct world *w, int member)
{
    return council_seats(w->members[member].core->council);
}

static bool has_seat(const struct world *w, int whose, int asked)
{
    return seats_has(seats_of(w, asked), &w->members[whose].id);
}

/* The one of six that has none. */
static int find_seatless(const struct world *w)
{
    for (int i = 0; i < w->count; i++) {
        if (!has_seat(w, i, 0)) {
            return i;
        }
    }
    cr_assert_fail("all have a seat");
    return NOBODY;
}

static struct world *world_with_five_seats(void)
{
    struct world *w = world_three_and_three();

    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_assert_eq(seats_of(w, 0)->members.count, SEATS);
    return w;
}

Test(council_side, a_member_that_is_away_for_thirty_timeouts_loses_its_seat_to_another_node)
{
    struct world *w = world_with_five_seats();
    int next = find_seatless(w);
    int away = next == 5 ? 4 : 5;

    world_kill(w, away);
    world_run(w, AWAY_TIMEOUTS * WORLD_TIMEOUT_MS);
    cr_expect(has_seat(w, away, 0), "it is not looked for earlier");
    cr_expect_not(has_seat(w, next, 0));
    world_run(w, NOTICED_TIMEOUTS * WORLD_TIMEOUT_MS);
    cr_expect_not(has_seat(w, away, 0));
    cr_expect(has_seat(w, next, 0));
    cr_expect_eq(seats_of(w, 0)->members.count, SEATS);
    world_start(w, away);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_not(has_seat(w, away, 0), "nor is it given back");
    world_free(w);
}

/* It knows nobody else then: the seats are those that were agreed. */
Test(council_side, who_is_cut_off_and_forgets_the_others_is_no_majority_by_that)
{
    struct world *w = world_with_five_seats();
    uint16_t slots[] = {1, 2, 3};

    world_cut_off(w, 0, 1);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    for (int i = 1; i < w->count; i++) {
        struct cluster_call call = world_call(w, 0, NULL);

        cr_assert(
            cluster_forget(w->members[0].core, &call, bytes_from_text(w->members[i].id.text)));
        world_carry_out(w, 0);
    }
    cr_assert_eq(world_known_nodes(w, 0), 1);
    for (int ms = 0; ms < 10 * WORLD_TIMEOUT_MS; ms++) {
        struct cluster_call call = world_call(w, 0, NULL);

        if (ms == WORLD_TIMEOUT_MS) {
            cr_assert(cluster_del_slots(w->members[0].core, &call, slots, ARRAY_COUNT(slots)));
            world_carry_out(w, 0);
        }
        world_run(w, 1);
        cr_assert_not(world_has_lease(w, 0), "after %d ms", ms);
        cr_assert_eq(seats_of(w, 0)->members.count, SEATS);
    }
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}

static void make_pair(struct world *w, int primary)
{
    uint16_t slots[SLOT_COUNT];
    struct cluster_call call = world_call(w, primary, NULL);

    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        slots[slot] = (uint16_t)slot;
    }
    cr_assert(cluster_add_slots(w->members[primary].core, &call, slots, SLOT_COUNT));
    world_carry_out(w, primary);
    call = world_call(w, 0, NULL);
    cr_assert(
        cluster_meet(w->members[0].core, &call, bytes_from_text(w->members[1].ip), 7001, 17001));
    world_carry_out(w, 0);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    call = world_call(w, 1 - primary, NULL);
    cr_assert(cluster_replicate(w->members[1 - primary].core, &call,
                                bytes_from_text(w->members[primary].id.text)));
    world_carry_out(w, 1 - primary);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
}

Test(council_side, of_two_nodes_the_primary_has_the_only_seat_and_serves_on_without_its_replica)
{
    for (int primary = 0; primary < 2; primary++) {
        struct world *w = world_new(2);

        make_pair(w, primary);
        cr_assert(world_is_replica_of(w, 1 - primary, primary));
        cr_expect_eq(seats_of(w, primary)->members.count, 1);
        cr_expect(has_seat(w, primary, primary));
        world_kill(w, 1 - primary);
        for (int ms = 0; ms < 5 * WORLD_TIMEOUT_MS; ms++) {
            world_run(w, 1);
            cr_assert_eq(world_server_of(w, 0), primary, "after %d ms", ms);
        }
        world_free(w);
    }
}

Test(council_side, whoever_took_over_by_order_has_a_council_that_grows_again)
{
    struct world *w = world_with_five_seats();
    struct cluster_call call;

    for (int i = 0; i < w->count; i++) {
        if (i != 3) {
            world_kill(w, i);
        }
    }
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    call = world_call(w, 3, NULL);
    cr_assert(cluster_failover(w->members[3].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 3);
    world_run(w, WORLD_TIMEOUT_MS);
    cr_expect_eq(seats_of(w, 3)->members.count, 1);
    world_start(w, 4);
    world_start(w, 5);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    cr_expect_eq(seats_of(w, 3)->members.count, 3);
    cr_expect(has_seat(w, 4, 3) && has_seat(w, 5, 3));
    cr_expect(seats_equal(seats_of(w, 4), seats_of(w, 3)));
    cr_expect_eq(world_server_of(w, world_first_slot(0)), 3);
    world_free(w);
}
