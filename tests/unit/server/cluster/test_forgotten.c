/* SPDX-License-Identifier: MIT */
/* Who was removed stays so, whoever was away meanwhile, until an operator lets it in again. */
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    GHOST = 5,
    LATE = 4,
    STRANGER = 9999, /* the number of a link that no member has opened */
    TYPE_AT = 5,     /* frame.h */
    MEET = 3,
};

static void forget(struct world *w, int member, int whom)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(
        cluster_forget(w->members[member].core, &call, bytes_from_text(w->members[whom].id.text)));
    world_carry_out(w, member);
}

static void meet(struct world *w, int member, int whom)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_meet(w->members[member].core, &call, bytes_from_text(w->members[whom].ip),
                           7000 + whom, 17000 + whom));
    world_carry_out(w, member);
}

static void expect_known(const struct world *w, size_t count)
{
    for (int i = 0; i < w->count; i++) {
        if (w->members[i].is_running) {
            cr_expect_eq(world_known_nodes(w, i), count, "member %d knows %zu", i,
                         world_known_nodes(w, i));
        }
    }
}

/* All but the late one have forgotten the ghost; it comes back, and they have restarted. */
static struct world *world_with_a_late_comer(void)
{
    struct world *w = world_three_and_three();

    world_kill(w, GHOST);
    world_kill(w, LATE);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < LATE; i++) {
        forget(w, i, GHOST);
    }
    world_run(w, WORLD_TIMEOUT_MS);
    for (int i = 0; i < LATE; i++) {
        world_kill(w, i);
        world_start(w, i);
    }
    world_start(w, LATE);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    return w;
}

Test(cluster_forgotten, a_node_that_was_down_meanwhile_is_told_and_brings_nobody_back)
{
    struct world *w = world_with_a_late_comer();

    expect_known(w, 5);
    world_kill(w, LATE);
    world_start(w, LATE);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    expect_known(w, 5);
    cr_expect_not_null(strstr(buf_text(&w->members[LATE].file), " forgotten "));
    world_free(w);
}

Test(cluster_forgotten, a_node_that_lives_on_is_not_learned_again)
{
    struct world *w = world_with_a_late_comer();

    world_start(w, GHOST);
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < GHOST; i++) {
        cr_expect_eq(world_known_nodes(w, i), 5);
    }
    world_free(w);
}

Test(cluster_forgotten, meeting_it_lets_it_in_again_everywhere_and_at_once)
{
    for (int is_met_by_ghost = 0; is_met_by_ghost < 2; is_met_by_ghost++) {
        struct world *w = world_with_a_late_comer();

        world_kill(w, LATE); /* it has the removal on its disk, and hears of the return later */
        world_start(w, GHOST);
        world_run(w, WORLD_TIMEOUT_MS);
        if (is_met_by_ghost) {
            struct cluster_call call = world_call(w, GHOST, NULL);

            cr_assert(cluster_reset(w->members[GHOST].core, &call, false));
            world_carry_out(w, GHOST);
            meet(w, GHOST, 0);
        } else {
            meet(w, 0, GHOST);
        }
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        expect_known(w, 6);
        world_start(w, LATE);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        expect_known(w, 6);
        world_free(w);
    }
}

Test(cluster_forgotten, it_can_be_forgotten_and_let_in_again_and_again)
{
    struct world *w = world_three_and_three();

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < GHOST; i++) {
            forget(w, i, GHOST);
        }
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        for (int i = 0; i < GHOST; i++) {
            cr_expect_eq(world_known_nodes(w, i), 5);
        }
        meet(w, round, GHOST);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        expect_known(w, 6);
    }
    world_free(w);
}

Test(cluster_forgotten, who_was_told_by_others_agrees_with_the_operator)
{
    struct world *w = world_three_and_three();

    forget(w, 0, GHOST);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < GHOST; i++) {
        cr_expect_eq(world_known_nodes(w, i), 5);
        forget(w, i, GHOST);
    }
    world_free(w);
}

Test(cluster_forgotten, nobody_lets_an_owner_of_slots_go_by_hearsay)
{
    struct world *w = world_three_and_three();

    forget(w, 3, 1);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < w->count; i++) {
        cr_expect_eq(world_known_nodes(w, i), i == 3 ? 5 : 6);
    }
    cr_expect_eq(world_server_of(w, world_first_slot(1)), 1);
    world_free(w);
}

/* The MEET that a member sends next, as it goes over the wire. */
static struct buf record_meeting(struct world *w, int member, int whom)
{
    struct buf recorded = {0};

    meet(w, member, whom);
    for (int ms = 0; ms < WORLD_TIMEOUT_MS && recorded.len == 0; ms++) {
        world_run(w, 1);
        for (size_t i = 0; i < w->deliveries.count; i++) {
            struct bytes frame = buf_bytes(&w->deliveries.items[i].frame);

            if (recorded.len == 0 && frame.len > TYPE_AT && frame.data[TYPE_AT] == MEET) {
                buf_append_bytes(&recorded, frame);
            }
        }
    }
    cr_assert_gt(recorded.len, 0);
    return recorded;
}

static void play(struct world *w, int member, const struct buf *recorded, const char *from_ip)
{
    struct cluster_event event = {
        .type = CLUSTER_EVENT_FRAME,
        .link = {.is_incoming = true, .number = STRANGER},
        .frame = buf_bytes(recorded),
        .peer_ip = from_ip,
    };

    cluster_step(w->members[member].core, w->now, &event, &w->members[member].actions);
    world_carry_out(w, member);
}

Test(cluster_forgotten, a_greeting_of_before_the_removal_lets_nobody_in_when_played_again)
{
    struct world *w = world_three_and_three();
    struct buf recorded = record_meeting(w, GHOST, 0);

    world_run(w, WORLD_TIMEOUT_MS);
    for (int i = 0; i < GHOST; i++) {
        forget(w, i, GHOST);
    }
    world_run(w, WORLD_TIMEOUT_MS);
    play(w, 0, &recorded, w->members[GHOST].ip);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    for (int i = 0; i < GHOST; i++) {
        cr_expect_eq(world_known_nodes(w, i), 5);
    }
    buf_deinit(&recorded);
    world_free(w);
}

Test(cluster_forgotten, a_greeting_that_leads_to_nothing_leaves_the_removal_as_it_was)
{
    struct world *w = world_three_and_three();
    struct buf recorded;

    for (int i = 0; i < GHOST; i++) {
        forget(w, i, GHOST);
    }
    world_run(w, WORLD_TIMEOUT_MS);
    world_cut_off(w, 0, 1);
    recorded = record_meeting(w, GHOST, 1);
    world_kill(w, GHOST);
    world_cut_off(w, 0, 0);
    play(w, 0, &recorded, w->members[GHOST].ip);
    world_run(w, 3 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_known_nodes(w, 0), 5);
    cr_expect_not_null(strstr(buf_text(&w->members[0].file), " forgotten "));
    buf_deinit(&recorded);
    world_free(w);
}

static void force_takeover(struct world *w, int member)
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(cluster_failover(w->members[member].core, &call, CLUSTER_FAILOVER_FORCE));
    world_carry_out(w, member);
}

Test(cluster_forgotten, what_members_promised_outlives_removal_and_return)
{
    for (int phase = 0; phase < WORLD_TIMEOUT_MS / 5; phase += 7 * WORLD_EACH) {
        struct world *w = world_three_and_three();

        world_run(w, phase);
        for (int i = 1; i < 3; i++) {
            forget(w, i, 0);
            meet(w, i, 0);
        }
        world_run(w, 10); /* time for the handshake, but mostly not for a heartbeat */
        world_cut_off(w, 0, 1);
        force_takeover(w, 3);
        world_run(w, 2 * WORLD_TIMEOUT_MS); /* asserts that nobody serves beside 0 */
        world_free(w);
    }
}

/* Nobody is left who could let them go: an operator's word is all there is. */
Test(cluster_forgotten, slots_of_a_shard_that_is_gone_for_good_are_served_by_whom_they_are_added_to)
{
    for (int is_forgotten = 0; is_forgotten <= 1; is_forgotten++) {
        struct world *w = world_three_and_three();
        struct errmsg error = {0};
        struct cluster_call call;
        uint16_t slots[SLOT_COUNT];
        size_t count = 0;

        world_run(w, WORLD_TIMEOUT_MS);
        world_kill(w, 0);
        world_kill(w, 3); /* its replica */
        world_run(w, 3 * WORLD_TIMEOUT_MS);
        for (int i = 1; i < 6 && is_forgotten; i++) {
            if (i != 3) {
                forget(w, i, 0);
                forget(w, i, 3);
            }
        }
        world_run(w, WORLD_TIMEOUT_MS);
        for (int slot = world_first_slot(0); slot < world_first_slot(1); slot++) {
            slots[count++] = (uint16_t)slot;
        }
        call = world_call(w, 1, &error);
        cr_assert(is_forgotten == 1 || cluster_del_slots(w->members[1].core, &call, slots, count));
        cr_assert(cluster_add_slots(w->members[1].core, &call, slots, count), "%s", error.text);
        world_carry_out(w, 1);
        for (int ms = 0; ms < 6 * WORLD_TIMEOUT_MS; ms++) {
            world_run(w, 1);
            cr_assert(world_has_lease(w, 1), "it has lost its lease after %d ms", ms);
        }
        cr_expect_eq(world_server_of(w, world_first_slot(0)), 1);
        cr_expect_eq(world_server_of(w, world_first_slot(1)), 1);
        world_free(w);
    }
}
