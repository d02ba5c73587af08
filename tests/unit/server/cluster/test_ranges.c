/* SPDX-License-Identifier: MIT */
/* Ranges of slots that go from member 0 to member 1 of a cluster whose members die in between: 3 is 0's replica, 4 is 1's. */
#include "cluster/range_admin.h"
#include "cluster/ranges.h"
#include "cluster/state.h"
#include "tests/unit/server/cluster/world.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    FIRST = 10,
    LAST = 60,
    HEAL_MS = 8 * WORLD_TIMEOUT_MS,
};

static void set_slots(uint64_t *slots)
{
    for (size_t slot = FIRST; slot <= LAST; slot++) {
        bitset_add(slots, slot);
    }
}

static struct cluster_id import(struct world *w, int member)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_id id = {0};

    set_slots(slots);
    cr_assert(cluster_import_slots(w->members[member].core, &call, slots, &id), "%s", error.text);
    world_carry_out(w, member);
    return id;
}

static bool give(struct world *w, int member, int taker, const struct cluster_id *id)
{
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, member, &error);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct shard_range range;
    bool is_given;

    set_slots(slots);
    is_given = cluster_check_giving(w->members[member].core, &call, id, &w->members[taker].id,
                                    slots, &range) &&
               cluster_give_range(w->members[member].core, &call, &range);
    world_carry_out(w, member);
    return is_given;
}

static bool is_agreed(const struct world *w, int member)
{
    struct cluster_range_view view;

    if (cluster_range_count(w->members[member].core) == 0) {
        return false;
    }
    cluster_range_at(w->members[member].core, 0, &view);
    return view.is_agreed;
}

/* Agreed, and everything given. */
static struct world *ready(struct cluster_id *id)
{
    struct world *w = world_three_and_three();

    *id = import(w, 1);
    world_run(w, 500);
    cr_assert(is_agreed(w, 1));
    cr_assert_eq(world_server_of(w, FIRST), 0);
    return w;
}

static size_t count_hidden(const struct world *w, int member)
{
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};

    cluster_hidden_slots(w->members[member].core, slots);
    return bitset_count(slots, BITSET_WORDS(SLOT_COUNT));
}

Test(cluster_ranges, slots_go_over_when_they_are_given_and_both_records_forget_the_move)
{
    struct cluster_id id;
    struct world *w = ready(&id);

    cr_expect_eq(count_hidden(w, 1), LAST - FIRST + 1);
    cr_expect_eq(count_hidden(w, 4), LAST - FIRST + 1, "its replica hides them, too");
    cr_expect_eq(count_hidden(w, 0), 0);
    cr_assert(give(w, 0, 1, &id));
    world_run(w, 1000);
    for (uint16_t slot = FIRST; slot <= LAST; slot++) {
        cr_assert_eq(world_server_of(w, slot), 1);
    }
    cr_expect_eq(world_server_of(w, FIRST - 1), 0);
    cr_expect_eq(cluster_range_count(w->members[0].core), 0);
    cr_expect_eq(cluster_range_count(w->members[1].core), 0);
    cr_expect_eq(count_hidden(w, 4) + count_hidden(w, 0) + count_hidden(w, 3), 0);
    world_free(w);
}

Test(cluster_ranges, who_asks_for_slots_that_change_hands_waits_a_moment)
{
    struct cluster_id id;
    struct world *w = ready(&id);
    struct route_request request = {.slot = FIRST};
    struct route_target target;

    cr_assert(give(w, 0, 1, &id));
    cr_expect_eq(cluster_route(w->members[0].core, w->now, &request, &target), ROUTE_AWAIT);
    world_run(w, 500);
    cr_expect_eq(cluster_route(w->members[0].core, w->now, &request, &target), ROUTE_MOVED);
    cr_expect_eq(target.port, 7001);
    world_free(w);
}

Test(cluster_ranges, a_receiver_that_starts_anew_or_is_replaced_knows_what_is_staged)
{
    struct cluster_id id;
    struct world *w = ready(&id);

    world_kill(w, 1);
    world_run(w, HEAL_MS);
    cr_expect(is_agreed(w, 4), "who took over goes on");
    cr_expect_eq(count_hidden(w, 4), LAST - FIRST + 1);
    world_kill(w, 4);
    world_start(w, 4);
    world_run(w, HEAL_MS);
    cr_expect_eq(count_hidden(w, 4), LAST - FIRST + 1);
    cr_assert(give(w, 0, 4, &id));
    world_run(w, 1000);
    cr_expect_eq(world_server_of(w, LAST), 4);
    world_free(w);
}

Test(cluster_ranges, slots_have_one_owner_whenever_the_source_dies_while_it_gives_them)
{
    for (int ms = 0; ms < 24; ms += 4 * WORLD_EACH) {
        struct cluster_id id;
        struct world *w = ready(&id);
        int server;

        cr_assert(give(w, 0, 1, &id));
        world_run(w, ms);
        world_kill(w, 0);
        world_run(w, HEAL_MS);
        server = world_server_of(w, FIRST);
        cr_assert(server == 1 || server == 3, "after %d ms: %d", ms, server);
        cr_expect_eq(cluster_range_count(w->members[1].core), server == 1 ? 0 : 1);
        world_start(w, 0);
        world_run(w, HEAL_MS);
        cr_expect_eq(world_server_of(w, FIRST), server, "it stays there");
        world_free(w);
    }
}

Test(cluster_ranges, a_source_that_starts_at_once_goes_on_with_what_was_agreed)
{
    for (int ms = 0; ms < 24; ms += 4 * WORLD_EACH) {
        struct cluster_id id;
        struct world *w = ready(&id);
        int server;

        cr_assert(give(w, 0, 1, &id));
        world_run(w, ms);
        world_kill(w, 0);
        world_start(w, 0);
        world_run(w, HEAL_MS);
        server = world_server_of(w, FIRST);
        cr_assert_neq(server, NOBODY, "after %d ms", ms);
        for (uint16_t slot = FIRST; slot <= LAST; slot++) {
            cr_assert_eq(world_server_of(w, slot), server, "after %d ms", ms);
        }
        cr_expect_eq(cluster_range_count(w->members[1].core), server == 1 ? 0 : 1);
        world_free(w);
    }
}

Test(cluster_ranges, the_receivers_heir_takes_what_was_given_to_its_shard)
{
    for (int ms = 0; ms < 24; ms += 6) {
        struct cluster_id id;
        struct world *w = ready(&id);

        cr_assert(give(w, 0, 1, &id));
        world_run(w, ms);
        world_kill(w, 1);
        world_run(w, HEAL_MS);
        cr_expect_eq(world_server_of(w, FIRST), 4, "after %d ms", ms);
        world_free(w);
    }
}

/* The first shard's primary asks the second's to fetch the slots, and both have heard that this is agreed. */
static struct cluster_id export(struct world *w)
{
    struct cluster_call call = world_call(w, 0, NULL);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_id id;

    set_slots(slots);
    cr_assert(cluster_export_slots(w->members[0].core, &call, slots,
                                   bytes_from_text(w->members[1].id.text), &id));
    cluster_begin_exports(w->members[0].core, &call);
    world_carry_out(w, 0);
    world_run(w, 1000);
    return id;
}

/* A second change of the record is proposed at once: there is no time in which the first could be taken back. */
Test(cluster_ranges, what_a_source_was_to_ask_for_and_drops_is_heard_of_by_nobody)
{
    struct world *w = world_three_and_three();
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_call call;
    struct cluster_id id;

    set_slots(slots);
    call = world_call(w, 0, NULL);
    cr_assert(cluster_export_slots(w->members[0].core, &call, slots,
                                   bytes_from_text(w->members[1].id.text), &id));
    cluster_drop_export(w->members[0].core, &id);
    world_carry_out(w, 0);
    for (int ms = 0; ms < 1000; ms++) {
        world_run(w, 1);
        cr_assert_eq(cluster_range_count(w->members[0].core), 0);
        cr_assert_eq(cluster_range_count(w->members[1].core), 0);
    }
    world_free(w);
}

Test(cluster_ranges, a_source_can_ask_and_withdraw)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_call call;
    struct cluster_range_view view;
    struct cluster_id id;

    id = export(w);
    cr_assert(is_agreed(w, 1));
    cluster_range_at(w->members[1].core, 0, &view);
    cr_expect_eq(view.range->kind, SHARD_RANGE_ASKED);
    cr_expect_eq(view.word, CLUSTER_RANGE_ASKED_FOR);
    call = world_call(w, 0, &error);
    cr_assert(cluster_end_range(w->members[0].core, &call, &id));
    world_carry_out(w, 0);
    world_run(w, 1000);
    cluster_range_at(w->members[1].core, 0, &view);
    cr_expect_eq(view.word, CLUSTER_RANGE_ABSENT);
    world_free(w);
}

/* The receiver may have everything by then, and ask for the slots before it hears of that. */
Test(cluster_ranges, what_a_source_has_withdrawn_it_gives_to_nobody)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_id id = export(w);
    struct cluster_call call = world_call(w, 0, &error);

    cr_assert(cluster_end_range(w->members[0].core, &call, &id));
    world_carry_out(w, 0);
    cr_expect_not(give(w, 0, 1, &id));
    world_run(w, 1000);
    cr_expect_not(give(w, 0, 1, &id));
    cr_expect_eq(world_server_of(w, FIRST), 0);
    world_free(w);
}

/* Its nodes file was not the newest: a majority has agreed that the slots are given. */
Test(cluster_ranges, nothing_new_begins_before_a_source_that_was_started_knows_what_it_has_given)
{
    struct world *w = world_three_and_three();
    struct cluster_id id = import(w, 1);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct errmsg error = {0};
    struct cluster_call call;
    struct cluster_id other;

    world_run(w, 1000);
    w->members[0].is_disk_stuck = true;
    cr_assert(give(w, 0, 1, &id));
    world_run(w, 100);
    world_kill(w, 0);
    w->members[0].is_disk_stuck = false;
    world_start(w, 0);
    bitset_add(slots, LAST + 1);
    call = world_call(w, 0, &error);
    cr_expect_not(cluster_export_slots(w->members[0].core, &call, slots,
                                       bytes_from_text(w->members[2].id.text), &other));
    world_carry_out(w, 0);
    world_run(w, HEAL_MS);
    cr_expect_eq(world_server_of(w, FIRST), 1);
    world_free(w);
}

/* It may have nothing to propose, and so nothing to read. */
Test(cluster_ranges, whoever_was_started_anew_moves_slots_as_soon_as_it_serves_again)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_call call;
    struct cluster_id id;

    world_run(w, 1000);
    world_kill(w, 0);
    world_start(w, 0);
    for (int i = 0; i < 3000 && !cluster_has_lease(w->members[0].core, w->now); i++) {
        world_run(w, 1);
    }
    world_run(w, 100);
    cr_assert(cluster_has_lease(w->members[0].core, w->now));
    bitset_add(slots, LAST + 1);
    call = world_call(w, 0, &error);
    cr_expect(cluster_export_slots(w->members[0].core, &call, slots,
                                   bytes_from_text(w->members[2].id.text), &id),
              "%s", error.text);
    world_carry_out(w, 0);
    world_run(w, HEAL_MS);
    world_free(w);
}

static bool is_said_to_be_unwanted(const struct world *w, int member, const struct cluster_id *id)
{
    for (size_t i = 0; i < cluster_range_count(w->members[member].core); i++) {
        struct cluster_range_view view;

        cluster_range_at(w->members[member].core, i, &view);
        if (cluster_id_equal(&view.range->id, id) && view.word == CLUSTER_RANGE_ABSENT) {
            return true;
        }
    }
    return false;
}

/* It reads its own record as it was agreed last, and has that of the source from its nodes file. */
Test(cluster_ranges,
     a_receiver_that_was_started_anew_does_not_take_what_it_knows_of_the_source_for_the_newest)
{
    struct world *w = world_three_and_three();
    struct shard_record read;
    struct cluster *receiver;
    struct cluster_id id;

    world_run(w, 1000);
    w->members[1].is_disk_stuck = true;
    id = export(w);
    read = *council_find(w->members[2].core->council, &w->members[1].core->me->shard);
    cr_assert_not_null(shard_ranges_find(&read.ranges, &id));
    world_kill(w, 1);
    w->members[1].is_disk_stuck = false;
    world_start(w, 1);
    receiver = w->members[1].core;
    ranges_note_read(receiver, &read);
    cr_expect_eq(cluster_range_count(receiver), 1);
    cr_expect_not(is_said_to_be_unwanted(w, 1, &id));
    for (int ms = 0; ms < 5 * WORLD_TIMEOUT_MS; ms++) {
        world_run(w, 1);
        cr_assert_not(is_said_to_be_unwanted(w, 1, &id), "after %d ms", ms);
    }
    cr_expect_eq(cluster_range_count(receiver), 1);
    world_free(w);
}

Test(cluster_ranges, a_move_has_ended_when_no_heir_of_the_source_can_find_it)
{
    int ended = 0;

    for (int ms = 0; ms < 40; ms += 4 * WORLD_EACH) {
        struct world *w = world_three_and_three();
        struct cluster_id id = export(w);
        struct errmsg error = {0};
        struct cluster_call call = world_call(w, 0, &error);
        bool has_ended;

        cr_expect_not(cluster_has_ended(w->members[0].core, &id));
        cr_assert(cluster_end_range(w->members[0].core, &call, &id), "%s", error.text);
        world_carry_out(w, 0);
        cr_expect_not(cluster_has_ended(w->members[0].core, &id), "its record has it still");
        world_run(w, ms);
        has_ended = cluster_has_ended(w->members[0].core, &id);
        world_kill(w, 0);
        world_run(w, HEAL_MS);
        cr_assert_eq(world_server_of(w, FIRST), 3);
        cr_expect(!has_ended || cluster_range_count(w->members[3].core) == 0, "after %d ms", ms);
        ended += has_ended;
        world_free(w);
    }
    cr_expect(ended > 0 && ended < 10, "%d", ended);
}

Test(cluster_ranges, who_was_started_anew_or_took_over_can_tell_that_a_move_has_ended)
{
    struct world *w = world_three_and_three();
    struct cluster_id id = w->members[5].id; /* of no move */

    cr_expect(cluster_has_ended(w->members[0].core, &id));
    world_kill(w, 0);
    world_start(w, 0);
    world_run(w, HEAL_MS);
    cr_expect(cluster_has_ended(w->members[world_server_of(w, FIRST)].core, &id));
    world_kill(w, world_server_of(w, FIRST));
    world_run(w, HEAL_MS);
    cr_expect(cluster_has_ended(w->members[world_server_of(w, FIRST)].core, &id));
    world_free(w);
}

/* Its record has it, and is read again before the first one of this life is agreed. */
Test(cluster_ranges, what_a_source_withdraws_right_after_its_start_does_not_come_back)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    struct cluster_call call;
    struct cluster_id id;

    id = export(w);
    world_kill(w, 0);
    world_start(w, 0);
    for (int ms = 0; ms < WORLD_TIMEOUT_MS && cluster_range_count(w->members[0].core) == 0; ms++) {
        world_run(w, 1);
    }
    call = world_call(w, 0, &error);
    cr_assert(cluster_end_range(w->members[0].core, &call, &id), "%s", error.text);
    world_carry_out(w, 0);
    world_run(w, HEAL_MS);
    cr_expect_eq(cluster_range_count(w->members[0].core), 0);
    world_free(w);
}

Test(cluster_ranges, a_slot_that_its_owner_gives_by_hand_waits_until_the_move_that_has_it_is_over)
{
    struct cluster_id id;
    struct world *w = ready(&id);
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 0, &error);

    cr_assert(cluster_set_slot(w->members[0].core, &call, FIRST, CLUSTER_SETSLOT_NODE,
                               bytes_from_text(w->members[1].id.text)));
    world_carry_out(w, 0);
    world_run(w, 1000);
    cr_expect_eq(cluster_range_count(w->members[1].core), 1);
    cr_expect_eq(world_server_of(w, FIRST), NOBODY, "what is staged there must not be seen");
    cr_expect_not(give(w, 0, 1, &id), "one of them is its own no more");
    call = world_call(w, 1, &error);
    cr_assert(cluster_end_range(w->members[1].core, &call, &id));
    world_carry_out(w, 1);
    world_run(w, 1000);
    cr_expect_eq(cluster_range_count(w->members[1].core), 0);
    cr_expect_eq(world_server_of(w, FIRST), 1);
    cr_expect_eq(world_server_of(w, LAST), 0);
    world_free(w);
}

Test(cluster_ranges, what_cannot_be_is_refused)
{
    struct cluster_id id;
    struct world *w = ready(&id);
    struct errmsg error = {0};
    struct cluster_call call = world_call(w, 2, &error);
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    uint16_t slot = FIRST;

    cr_expect_not(cluster_import_slots(w->members[2].core, &call, slots, &id), "no slots");
    bitset_add(slots, world_first_slot(0));
    bitset_add(slots, world_first_slot(1));
    cr_expect_not(cluster_import_slots(w->members[2].core, &call, slots, &id), "two owners");
    call = world_call(w, 1, &error);
    set_slots(slots);
    cr_expect_not(cluster_import_slots(w->members[1].core, &call, slots, &id), "on the move");
    cr_expect_not(cluster_set_slot(w->members[1].core, &call, slot, CLUSTER_SETSLOT_STABLE,
                                   (struct bytes){0}));
    call = world_call(w, 4, &error);
    cr_expect_not(cluster_import_slots(w->members[4].core, &call, slots, &id), "a replica");
    cr_expect_not(give(w, 1, 0, &id), "not its own");
    world_free(w);
}

/* Every other slot from here on: a range for each. */
static void set_apart(uint64_t *slots, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bitset_add(slots, first + 2 * i);
    }
}

Test(cluster_ranges, of_a_shard_are_eight_moves_at_a_time_of_64_ranges_each)
{
    struct world *w = world_three_and_three();
    struct errmsg error = {0};
    uint64_t slots[BITSET_WORDS(SLOT_COUNT)] = {0};
    struct cluster_call call = world_call(w, 1, &error);
    struct cluster_id id;

    set_apart(slots, 0, 65);
    cr_expect_not(cluster_import_slots(w->members[1].core, &call, slots, &id));
    cr_expect_str_eq(error.text, "Too many ranges of slots in one move, 64 at most");
    for (size_t move = 0; move < 9; move++) {
        bool is_begun;

        memset(slots, 0, sizeof(slots));
        set_apart(slots, 200 * move, 64);
        call = world_call(w, 1, &error);
        is_begun = cluster_import_slots(w->members[1].core, &call, slots, &id);
        world_carry_out(w, 1);
        cr_expect_eq(is_begun, move < 8, "%zu: %s", move, error.text);
    }
    cr_expect_str_eq(error.text, "Too many moves at a time, 8 at most of a shard");
    world_run(w, 1000);
    cr_expect_eq(cluster_range_count(w->members[1].core), 8);
    world_free(w);
}

static bool let_go(struct world *w, int member, struct errmsg *error)
{
    struct cluster_call call = world_call(w, member, error);
    uint16_t slots[LAST - FIRST + 1];
    bool is_done;

    for (uint16_t slot = FIRST; slot <= LAST; slot++) {
        slots[slot - FIRST] = slot;
    }
    is_done = cluster_del_slots(w->members[member].core, &call, slots, LAST - FIRST + 1);
    world_carry_out(w, member);
    return is_done;
}

/* The source's record says that they are given until its keys are gone and the slots are in another record. */
Test(cluster_ranges, slots_that_have_just_arrived_are_let_go_when_their_source_is_done_with_them)
{
    int refused = 0;

    for (int ms = 0; ms < 60; ms += 3 * WORLD_EACH) {
        struct cluster_id id;
        struct world *w = ready(&id);
        struct errmsg error = {0};
        bool is_done = false;

        cr_assert(give(w, 0, 1, &id));
        world_run(w, ms);
        for (int later = 0; later < 2000 && !is_done; later++) {
            if (cluster_owns_slot(w->members[1].core, FIRST)) {
                is_done = let_go(w, 1, &error);
                refused += !is_done;
            }
            world_run(w, 1);
        }
        cr_assert(is_done, "%s", error.text);
        world_run(w, 2 * WORLD_TIMEOUT_MS);
        cr_expect_eq(world_server_of(w, FIRST), NOBODY, "after %d ms", ms);
        cr_expect_eq(cluster_range_count(w->members[0].core), 0, "after %d ms", ms);
        world_free(w);
    }
    cr_expect_gt(refused, 0);
}
