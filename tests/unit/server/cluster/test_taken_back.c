/* SPDX-License-Identifier: MIT */
/* Slots that member 0 gives to the shard of 1, of which 4 is the replica, and that is gone for good before it takes them. */
#include "cluster/moves.h"
#include "cluster/nodes.h"
#include "cluster/range_admin.h"
#include "cluster/state.h"
#include "council/record_table.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    FIRST = 10,
    LAST = 60,
    GONE_MS = 6 * WORLD_TIMEOUT_MS, /* by then it is found failed */
    HEAL_MS = 8 * WORLD_TIMEOUT_MS,
};

static struct cluster_id import(struct world *w)
{
    struct cluster_call call = world_call(w, 1, NULL);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_id id = {0};

    for (size_t slot = FIRST; slot <= LAST; slot++) {
        bitset_add(slots, slot);
    }
    cr_assert(cluster_import_slots(w->members[1].core, &call, slots, &id));
    world_carry_out(w, 1);
    world_run(w, 500);
    return id;
}

static void give(struct world *w, const struct cluster_id *id)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 0, &error);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct shard_range range;

    for (size_t slot = FIRST; slot <= LAST; slot++) {
        bitset_add(slots, slot);
    }
    cr_assert(cluster_check_giving(w->members[0].core, &call, id, &w->members[1].id, slots, &range),
              "%s", error.text);
    cr_assert(cluster_give_range(w->members[0].core, &call, &range), "%s", error.text);
    world_carry_out(w, 0);
}

static bool take_back(struct world *w, const struct cluster_id *id, struct errmsg *error)
{
    struct cluster_call call = world_call(w, 0, error);
    bool is_done = cluster_take_back_range(w->members[0].core, &call, id);

    world_carry_out(w, 0);
    return is_done;
}

static bool add_slot(struct world *w, int member, uint16_t slot, struct errmsg *error)
{
    struct cluster_call call = world_call(w, member, error);
    bool is_done = cluster_add_slots(w->members[member].core, &call, &slot, 1);

    world_carry_out(w, member);
    return is_done;
}

/* All are one member's, and stay so when the other shard is back. */
static void expect_served_by(struct world *w, int member)
{
    for (uint16_t slot = FIRST; slot <= LAST; slot++) {
        cr_assert_eq(world_server_of(w, slot), member, "slot %u: %d", slot,
                     world_server_of(w, slot));
    }
    cr_expect_eq(cluster_range_count(w->members[member].core), 0);
}

Test(cluster_taken_back, what_was_given_to_a_shard_that_is_gone_for_good_is_its_givers_again)
{
    struct world *w = world_three_and_three();
    struct cluster_id id = import(w);
    struct errmsg error = {0};

    give(w, &id);
    world_kill(w, 1);
    world_kill(w, 4);
    world_run(w, 20);
    cr_expect_not(take_back(w, &id, &error), "it was not found failed yet");
    cr_expect(strstr(error.text, "CLUSTER FORGET") != NULL, "%s", error.text);
    world_run(w, GONE_MS);
    cr_assert_eq(world_server_of(w, FIRST), NOBODY);
    cr_expect_not(add_slot(w, 2, FIRST, &error), "its giver has the keys");
    cr_expect(strstr(error.text, "already busy") != NULL &&
                  strstr(error.text, w->members[0].id.text) != NULL &&
                  strstr(error.text, "CLUSTER CANCELSLOTMIGRATIONS") != NULL,
              "%s", error.text);
    cr_expect_not(add_slot(w, 0, FIRST, &error));
    cr_expect(strstr(error.text, "CLUSTER CANCELSLOTMIGRATIONS") != NULL, "%s", error.text);
    cr_assert(take_back(w, &id, &error), "%s", error.text);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    expect_served_by(w, 0);
    world_start(w, 1);
    world_start(w, 4);
    world_run(w, HEAL_MS);
    for (uint16_t slot = FIRST; slot <= LAST; slot++) {
        cr_assert_eq(world_server_of(w, slot), 0, "it takes nothing that was taken back");
    }
    cr_expect_neq(world_server_of(w, world_first_slot(1)), NOBODY);
    world_free(w);
}

Test(cluster_taken_back, nothing_is_taken_back_while_a_replica_of_the_receiver_is_left_to_take_it)
{
    struct world *w = world_three_and_three();
    struct cluster_id id = import(w);
    struct errmsg error = {0};

    give(w, &id);
    world_kill(w, 1);
    world_run(w, 20);
    for (int ms = 0; ms < HEAL_MS && world_server_of(w, FIRST) == NOBODY; ms++) {
        world_run(w, 1);
        cr_assert_not(take_back(w, &id, &error), "after %d ms", ms);
    }
    cr_expect_eq(world_server_of(w, FIRST), 4);
    world_free(w);
}

/* Has it accepted that the shard has the slot, which is not agreed? */
static bool has_half(struct world *w, int member, const struct cluster_id *shard)
{
    struct record_state *r = record_find(w->members[member].core->council, shard);
    uint64_t slots[SHARD_SLOT_WORDS] = {0};

    bitset_add(slots, FIRST);
    return shard_slots_overlap(record_claims(r), slots) &&
           !shard_slots_overlap(buf_bytes(&r->known_slots), slots);
}

/* It is given, and its receiver's shard ends when this member alone can have accepted that it takes it. */
static void end_half_agreed(struct world *w, const struct cluster_id *id, int witness)
{
    give(w, id);
    for (int ms = 0; ms < 200 && !w->members[1].core->has_taken; ms++) {
        world_run(w, 1);
    }
    world_part_from_all_but(w, 1, witness, true);
    world_run(w, 50);
    world_kill(w, 1);
    world_kill(w, 4);
}

/* One member alone has accepted that the receiver takes it, and is needed for a majority. */
Test(cluster_taken_back, what_the_receiver_had_half_agreed_is_put_an_end_to_before_it_is_taken_back)
{
    int halves = 0;

    for (int witness = 0; witness < 6; witness += witness == 0 || witness == 3 ? 2 : 1) {
        struct world *w = world_three_and_three();
        struct cluster_id id = import(w);
        struct cluster_id shard = nodes_find(w->members[0].core, &w->members[1].id)->shard;
        struct errmsg error = {0};

        if (!council_is_member(w->members[witness].core->council)) {
            world_free(w);
            continue;
        }
        end_half_agreed(w, &id, witness);
        halves += has_half(w, witness, &shard);
        world_run(w, GONE_MS);
        cr_assert_eq(world_server_of(w, FIRST), NOBODY);
        cr_assert(take_back(w, &id, &error), "%s", error.text);
        world_run(w, 4 * WORLD_TIMEOUT_MS);
        expect_served_by(w, 0);
        world_part_from_all_but(w, 1, witness, false);
        world_start(w, 1);
        world_start(w, 4);
        world_run(w, HEAL_MS);
        cr_expect_eq(world_server_of(w, FIRST), 0);
        cr_expect_neq(world_server_of(w, world_first_slot(1)), NOBODY);
        world_free(w);
    }
    cr_expect_gt(halves, 0);
}

/* Some members have accepted that the receiver takes it, others that its giver has it again, and a seat is empty. */
Test(cluster_taken_back, it_stays_given_when_the_receiver_is_back_before_members_agree_on_either)
{
    int given = 0;

    for (int ms = 0; ms < 6; ms++) {
        struct world *w = world_three_and_three();
        struct cluster_id id = import(w);
        struct errmsg error = {0};
        int server;

        end_half_agreed(w, &id, 3);
        world_run(w, GONE_MS);
        cr_assert(take_back(w, &id, &error), "%s", error.text);
        world_part_from_all_but(w, 1, 3, false);
        world_run(w, ms);
        world_start(w, 1);
        world_run(w, HEAL_MS);
        server = world_server_of(w, FIRST);
        cr_assert(server == 0 || server == 1, "after %d ms", ms);
        expect_served_by(w, server);
        cr_expect_eq(world_server_of(w, world_first_slot(0)), 0);
        cr_expect_eq(world_server_of(w, world_first_slot(1)), 1);
        given += server == 1;
        world_free(w);
    }
    cr_expect_gt(given, 0);
}

/* The same, and its giver is gone for good then: its heir can have no record agreed as long as the receiver wants to take it. */
Test(cluster_taken_back, it_is_the_receivers_or_the_givers_heirs_when_the_giver_fails_meanwhile)
{
    int heirs = 0;

    for (int ms = 1; ms < 4; ms++) {
        struct world *w = world_of_replicas(4);
        struct cluster_id id = import(w);
        struct errmsg error = {0};
        int server;

        end_half_agreed(w, &id, 5);
        world_run(w, GONE_MS);
        cr_assert(take_back(w, &id, &error), "%s", error.text);
        world_run(w, ms);
        world_kill(w, 0);
        world_part_from_all_but(w, 1, 5, false);
        world_start(w, 1);
        world_start(w, 4);
        world_run(w, 2 * HEAL_MS);
        server = world_server_of(w, FIRST);
        cr_assert_neq(server, NOBODY, "after %d ms", ms);
        expect_served_by(w, server);
        cr_expect_neq(world_server_of(w, world_first_slot(0)), NOBODY, "after %d ms", ms);
        cr_expect_neq(world_server_of(w, world_first_slot(1)), NOBODY, "after %d ms", ms);
        heirs += server == 3 || server == 6;
        world_free(w);
    }
    cr_expect_gt(heirs, 0);
}

/* Whoever is killed when: the slots have one owner in the end. */
Test(cluster_taken_back, slots_are_their_givers_or_their_receivers_whenever_that_one_dies)
{
    int back = 0;
    int taken = 0;

    for (int ms = 0; ms < 16; ms += WORLD_EACH) {
        struct world *w = world_three_and_three();
        struct cluster_id id = import(w);
        struct errmsg error = {0};
        int server;

        give(w, &id);
        world_run(w, ms);
        world_kill(w, 1);
        world_kill(w, 4);
        world_run(w, GONE_MS);
        back += take_back(w, &id, &error);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        world_start(w, 1);
        world_start(w, 4);
        world_run(w, HEAL_MS);
        server = world_server_of(w, FIRST);
        taken += server != 0;
        cr_assert(server != NOBODY, "after %d ms", ms);
        for (uint16_t slot = FIRST; slot <= LAST; slot++) {
            cr_assert_eq(world_server_of(w, slot), server, "after %d ms", ms);
        }
        world_free(w);
    }
    cr_expect_gt(back, 0);
    cr_expect_gt(taken, 0);
}

Test(cluster_taken_back, a_slot_given_by_hand_to_a_shard_that_is_gone_is_taken_back_by_setslot_node)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};

    cr_assert(world_set_slot(w, 1, FIRST, CLUSTER_SETSLOT_IMPORTING, 0));
    cr_assert(world_set_slot(w, 0, FIRST, CLUSTER_SETSLOT_MIGRATING, 1));
    world_run(w, 500);
    world_kill(w, 1);
    world_kill(w, 4);
    cr_assert(world_set_slot(w, 0, FIRST, CLUSTER_SETSLOT_NODE, 1));
    world_run(w, GONE_MS);
    cr_assert_eq(world_server_of(w, FIRST), NOBODY);
    cr_expect_not(add_slot(w, 2, FIRST, &error));
    cr_expect(strstr(error.text, "SETSLOT 10 NODE") != NULL &&
                  strstr(error.text, w->members[0].id.text) != NULL,
              "%s", error.text);
    cr_assert(world_set_slot(w, 0, FIRST, CLUSTER_SETSLOT_NODE, 0));
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, FIRST), 0);
    world_start(w, 1);
    world_start(w, 4);
    world_run(w, HEAL_MS);
    cr_expect_eq(world_server_of(w, FIRST), 0);
    world_free(w);
}

Test(cluster_taken_back, what_was_given_is_anybodys_when_giver_and_receiver_are_gone_for_good)
{
    struct world *w = world_of_replicas(4);
    struct cluster_id id = import(w);
    struct errmsg error = {0};
    struct cluster_call call;
    uint16_t slot = FIRST;

    give(w, &id);
    world_run(w, 3);
    world_kill(w, 1);
    world_kill(w, 4);
    world_run(w, 1000);
    world_kill(w, 0);
    world_kill(w, 3);
    world_kill(w, 6);
    world_run(w, GONE_MS);
    call = world_call(w, 2, NULL);
    cr_assert(cluster_failover(w->members[2].core, &call, CLUSTER_FAILOVER_TAKEOVER));
    world_carry_out(w, 2);
    world_run(w, GONE_MS);
    cr_expect(add_slot(w, 2, slot, &error), "%s", error.text);
    world_run(w, 2 * WORLD_TIMEOUT_MS);
    cr_expect_eq(world_server_of(w, slot), 2);
    world_free(w);
}
