/* SPDX-License-Identifier: MIT */
#include "cluster/slots.h"

#include "tests/unit/server/cluster/world.h"

#include "base/bitset.h"
#include "cluster/admin.h"
#include "cluster/nodes.h"
#include "cluster/state.h"

#include <criterion/criterion.h>

/* One of another council may have been made primary of our shard there, in whatever epoch. */
Test(cluster_slots, who_is_agreed_to_be_primary_gives_no_slot_to_one_who_only_says_to_be_it)
{
    struct world *w = world_three_and_three();
    struct cluster *core = w->members[0].core;
    const struct cluster_node *replica = nodes_find(core, &w->members[3].id);
    uint64_t claim[FRAME_SLOT_WORDS] = {0};
    uint64_t heard[FRAME_SLOT_WORDS];

    cr_assert(cluster_id_equal(&replica->shard, &core->me->shard));
    bitset_add(claim, world_first_slot(0));
    slots_leave_out_agreed(core, replica, claim, heard);
    cr_expect_eq(bitset_count(heard, FRAME_SLOT_WORDS), 0);
    core = w->members[2].core;
    replica = nodes_find(core, &w->members[3].id);
    slots_leave_out_agreed(core, replica, claim, heard);
    cr_expect_eq(bitset_count(heard, FRAME_SLOT_WORDS), 1,
                 "others may not know of the agreement yet");
    world_free(w);
}

static void change(struct world *w, int member, uint16_t slot,
                   bool (*how)(struct cluster *, struct cluster_call *, const uint16_t *, size_t))
{
    struct cluster_call call = world_call(w, member, NULL);

    cr_assert(how(w->members[member].core, &call, &slot, 1));
    world_carry_out(w, member);
}

/* As redis-cli's fix does it.  Meanwhile the record without it may be on its way, whenever the slot is added again. */
Test(cluster_slots, one_that_is_let_go_and_added_again_is_not_settled_before_it_is_served_for_good)
{
    for (int gap_ms = 0; gap_ms < 20; gap_ms += WORLD_EACH) {
        struct world *w = world_three_and_three();
        uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
        int waited_ms = 0;

        world_run(w, 3000);
        change(w, 0, slot, cluster_del_slots);
        world_run(w, gap_ms);
        change(w, 0, slot, cluster_add_slots);
        for (; waited_ms < 1000 &&
               !cluster_slot_is_settled(w->members[0].core, w->now, slot, bytes_from_text(""), 0);
             waited_ms++) {
            world_run(w, 1);
        }
        cr_expect_lt(waited_ms, 1000);
        for (int ms = 0; ms < 100; ms++) {
            cr_assert_eq(world_server_of(w, slot), 0, "%d ms after it was added, %d ms after that",
                         gap_ms, ms);
            world_run(w, 1);
        }
        world_free(w);
    }
}

/* When members refuse it without end: two may have been given it at the same moment. */
Test(cluster_slots,
     of_its_slots_a_primary_can_let_go_of_those_that_its_record_does_not_have_and_of_no_others)
{
    struct world *w = world_three_and_three();
    struct cluster *core = w->members[1].core;
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
    size_t before;

    world_run(w, 1000);
    change(w, 0, slot, cluster_del_slots);
    world_run(w, 1000);
    before = bitset_count(core->me->slots, FRAME_SLOT_WORDS);
    cr_expect_eq(slots_give_up_added(core), 0);
    world_cut_off(w, 1, 1);
    change(w, 1, slot, cluster_add_slots);
    cr_assert_eq(core->owner[slot], core->me);
    cr_expect_eq(slots_give_up_added(core), 1);
    cr_expect_null(core->owner[slot]);
    cr_expect_eq(bitset_count(core->me->slots, FRAME_SLOT_WORDS), before);
    world_free(w);
}

/* Members may have accepted the record with the slot, whenever the links broke, and nobody has had it agreed. */
Test(cluster_slots, one_that_a_primary_without_a_record_lets_go_again_can_be_added_elsewhere)
{
    for (int gap_ms = 0; gap_ms < 6; gap_ms++) {
        struct world *w = world_without_slots(3);
        uint16_t slot = 5;

        change(w, 0, slot, cluster_add_slots);
        world_run(w, gap_ms);
        world_cut_off(w, 0, 1);
        change(w, 0, slot, cluster_del_slots);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        world_cut_off(w, 0, 0);
        world_run(w, 3 * WORLD_TIMEOUT_MS);
        cr_expect(cluster_slot_is_settled(w->members[0].core, w->now, slot, bytes_from_text(""), 0),
                  "parted after %d ms", gap_ms);
        change(w, 1, slot, cluster_add_slots);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        cr_expect_eq(world_server_of(w, slot), 1, "parted after %d ms", gap_ms);
        world_free(w);
    }
}

/* Its giver's record names it as given for a node timeout more. */
Test(cluster_slots, one_that_is_let_go_right_behind_its_arrival_does_not_come_back_from_who_gave_it)
{
    for (int gap_ms = 0; gap_ms < WORLD_TIMEOUT_MS; gap_ms += 1 + gap_ms / 2) {
        struct world *w = world_three_and_three();
        uint16_t slot = world_first_slot(0);

        world_run(w, 1000);
        cr_assert(world_set_slot(w, 0, slot, CLUSTER_SETSLOT_NODE, 1));
        for (int ms = 0; ms < 1000 && world_server_of(w, slot) != 1; ms++) {
            world_run(w, 1);
        }
        world_run(w, gap_ms);
        cr_assert_eq(world_server_of(w, slot), 1);
        change(w, 1, slot, cluster_del_slots);
        world_run(w, 3 * WORLD_TIMEOUT_MS);
        cr_expect_eq(world_server_of(w, slot), NOBODY, "%d ms behind it", gap_ms);
        change(w, 0, slot, cluster_add_slots);
        world_run(w, 1000);
        cr_assert_eq(world_server_of(w, slot), 0);
        cr_assert(world_set_slot(w, 0, slot, CLUSTER_SETSLOT_NODE, 1));
        world_run(w, 1000);
        cr_expect_eq(world_server_of(w, slot), 1, "given anew it is taken");
        world_free(w);
    }
}

/* Else it would be in no record, and on its way to nobody. */
Test(cluster_slots, of_one_that_was_given_its_giver_cannot_unsay_by_stable_whose_it_is)
{
    struct world *w = world_three_and_three();
    uint16_t slot = world_first_slot(0);

    world_run(w, 1000);
    world_kill(w, 1);
    world_kill(w, 4);
    cr_assert(world_set_slot(w, 0, slot, CLUSTER_SETSLOT_NODE, 1));
    world_run(w, 50);
    cr_assert(world_set_slot(w, 0, slot, CLUSTER_SETSLOT_STABLE, 0));
    world_run(w, 5 * WORLD_TIMEOUT_MS);
    world_start(w, 1);
    world_start(w, 4);
    world_run(w, 8 * WORLD_TIMEOUT_MS);
    cr_expect_neq(world_server_of(w, slot), NOBODY);
    cr_expect_eq(world_server_of(w, slot), world_server_of(w, world_first_slot(1)));
    cr_expect_eq(w->members[0].core->moves.count, 0);
    world_free(w);
}

/* As redis-cli's fix does it: first what is on the move, then what nobody has. */
Test(cluster_slots, one_on_the_move_is_settled_where_others_have_no_owner)
{
    struct world *w = world_three_and_three();
    uint16_t missing = (uint16_t)(world_first_slot(2) + 1);
    uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
    struct cluster_call call;
    int waited_ms = 0;

    world_run(w, 3000);
    change(w, 2, missing, cluster_del_slots);
    world_run(w, 3000);
    cr_assert_not(cluster_is_ok(w->members[2].core, w->now));
    call = world_call(w, 2, NULL);
    cr_assert(cluster_set_slot(w->members[2].core, &call, slot, CLUSTER_SETSLOT_IMPORTING,
                               bytes_from_text(w->members[0].id.text)));
    world_carry_out(w, 2);
    cr_expect_not(cluster_slot_is_settled(w->members[2].core, w->now, slot, (struct bytes){0}, 0),
                  "not agreed yet");
    for (; waited_ms < 1000 &&
           !cluster_slot_is_settled(w->members[2].core, w->now, slot, (struct bytes){0}, 0);
         waited_ms++) {
        world_run(w, 1);
    }
    cr_expect_lt(waited_ms, 1000);
    world_free(w);
}

/* Who is told first, and who is in the greater epoch, decides nothing: the council does. */
Test(cluster_slots, one_that_two_are_given_at_once_is_in_the_end_of_one_of_them)
{
    for (int i = 0; i < 40; i += WORLD_EACH) {
        struct world *w = world_three_and_three();
        uint16_t slot = (uint16_t)(world_first_slot(0) + 1);
        int first = i % 2 == 0 ? 1 : 2;
        struct cluster_call call;

        w->disk_ms = 7;
        world_run(w, 3000);
        change(w, 0, slot, cluster_del_slots);
        world_run(w, 500);
        change(w, first, slot, cluster_del_slots); /* it shows an owner that has let it go */
        change(w, 3 - first, slot, cluster_del_slots);
        change(w, first, slot, cluster_add_slots);
        world_run(w, i / 2);
        call = world_call(w, 3 - first, NULL);
        if (cluster_add_slots(w->members[3 - first].core, &call, &slot, 1)) { /* else it was told */
            world_carry_out(w, 3 - first);
        }
        for (int ms = 0; ms < 1000; ms++) {
            world_run(w, 1);
            for (int member = 1; member <= 2; member++) {
                const struct cluster *c = w->members[member].core;

                cr_assert(!bitset_has(c->agreed, slot) || c->owner[slot] == c->me,
                          "%d: member %d gives up at a word what is agreed to be its own", i,
                          member);
            }
        }
        for (int member = 0; member < 6; member++) {
            const struct cluster *c = w->members[member].core;

            cr_assert(cluster_is_ok(c, w->now), "%d: member %d", i, member);
            cr_assert_not_null(c->owner[slot], "%d: member %d", i, member);
            cr_expect(cluster_id_equal(&c->owner[slot]->id, &w->members[0].core->owner[slot]->id),
                      "%d: member %d", i, member);
        }
        cr_expect(world_server_of(w, slot) == 1 || world_server_of(w, slot) == 2, "%d: %d", i,
                  world_server_of(w, slot));
        world_free(w);
    }
}
