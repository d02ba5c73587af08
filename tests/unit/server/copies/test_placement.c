/* SPDX-License-Identifier: MIT */
/* Who is to be a member, rule by rule: see copies/placement.h. */
#include "copies/placement.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct mono_time start = {.us = 1000000000};

static struct mono_time after_ms(int64_t ms)
{
    return mono_add_ms(start, ms);
}

static void answer(struct placement *p, unsigned number, unsigned busy, unsigned serves)
{
    struct placement_load load = {.busy = busy, .serves = serves};

    snprintf(load.node.text, sizeof(load.node.text), "%040x", number);
    placement_take(p, &load);
}

static struct placement asked(void)
{
    struct placement p = {0};

    placement_note_asked(&p, start);
    return p;
}

/* The numbers of the nodes, in order. */
static void expect_order(const struct placement *p, const char *expected)
{
    const struct cluster_id *ids[PLACEMENT_LOADS_MAX];
    size_t count = placement_order(p, 5, ids);
    char text[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned number = 0;

        cr_assert_eq(sscanf(ids[i]->text, "%x", &number), 1);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%u ", number);
    }
    cr_expect_str_eq(text, expected);
}

/* ---- asking ------------------------------------------------------------------------------------- */

Test(placement, nodes_are_asked_and_have_half_a_second_and_what_they_say_holds_for_three)
{
    struct placement p = {0};

    cr_expect(placement_is_to_ask(&p, start));
    cr_expect_not(placement_is_known(&p, start));
    placement_note_asked(&p, start);
    cr_expect_not(placement_is_to_ask(&p, start));
    cr_expect_not(placement_is_known(&p, after_ms(PLACEMENT_WAIT_MS - 1)));
    cr_expect(placement_is_known(&p, after_ms(PLACEMENT_WAIT_MS)));
    cr_expect(placement_is_known(&p, after_ms(PLACEMENT_LAPSE_MS - 1)));
    cr_expect_not(placement_is_known(&p, after_ms(PLACEMENT_LAPSE_MS)));
    cr_expect(placement_is_to_ask(&p, after_ms(PLACEMENT_LAPSE_MS)));
}

Test(placement, what_was_said_before_is_forgotten_when_nodes_are_asked_again)
{
    struct placement p = asked();

    answer(&p, 1, 0, 0);
    placement_note_asked(&p, after_ms(PLACEMENT_LAPSE_MS));
    expect_order(&p, "");
}

/* ---- (1), (2) who ------------------------------------------------------------------------------- */

Test(placement, a_node_that_is_busy_has_no_room_and_is_not_chosen_though_it_answers)
{
    struct placement p = asked();

    cr_expect(placement_has_room(PLACEMENT_FULL - 1));
    cr_expect_not(placement_has_room(PLACEMENT_FULL));
    answer(&p, 1, PLACEMENT_FULL, 0);
    answer(&p, 2, PLACEMENT_FULL - 1, 0);
    expect_order(&p, "2 ");
}

Test(placement, who_has_not_answered_is_not_chosen)
{
    struct placement p = asked();

    expect_order(&p, "");
}

Test(placement, a_node_that_answers_twice_counts_once_as_it_said_last)
{
    struct placement p = asked();

    answer(&p, 1, 0, 0);
    answer(&p, 2, 30, 0);
    answer(&p, 1, 60, 0);
    expect_order(&p, "2 1 ");
}

Test(placement, more_answers_than_there_is_room_for_are_left)
{
    struct placement p = asked();

    for (unsigned i = 0; i < PLACEMENT_LOADS_MAX + 10; i++) {
        answer(&p, i, 0, 0);
    }
    cr_expect_eq(p.count, PLACEMENT_LOADS_MAX);
}

/* ---- (3) the order ------------------------------------------------------------------------------ */

Test(placement, the_least_busy_go_first)
{
    struct placement p = asked();

    answer(&p, 1, 50, 0);
    answer(&p, 2, 10, 9);
    answer(&p, 3, 70, 0);
    answer(&p, 4, 0, 9);
    expect_order(&p, "4 2 1 3 ");
}

Test(placement, of_those_that_are_about_as_busy_the_one_that_serves_fewest_hot_slots_goes_first)
{
    struct placement p = asked();

    answer(&p, 1, 11, 3);
    answer(&p, 2, 19, 0);
    answer(&p, 3, 15, 1);
    expect_order(&p, "2 3 1 ");
}

Test(placement, of_equals_different_ones_go_first_for_different_slots)
{
    struct placement p = asked();
    size_t first[8] = {0};

    for (unsigned i = 0; i < 8; i++) {
        answer(&p, i, 0, 0);
    }
    for (uint16_t slot = 0; slot < 800; slot++) {
        const struct cluster_id *ids[PLACEMENT_LOADS_MAX];
        unsigned number = 0;

        cr_assert_eq(placement_order(&p, slot, ids), 8);
        cr_assert_eq(sscanf(ids[0]->text, "%x", &number), 1);
        first[number]++;
    }
    for (size_t i = 0; i < 8; i++) {
        cr_expect_gt(first[i], 50, "node %zu is the first for %zu of 800 slots", i, first[i]);
    }
}

/* ---- by byte ------------------------------------------------------------------------------------ */

Test(placement, an_answer_comes_out_as_it_went_in_and_garbage_is_refused)
{
    const struct placement_load load = {.busy = 37, .serves = 1000};
    struct placement_load out;
    struct buf bytes = {0};

    placement_load_encode(&load, &bytes);
    cr_assert(placement_load_decode(buf_bytes(&bytes), &out));
    cr_expect_eq(out.busy, 37);
    cr_expect_eq(out.serves, UINT8_MAX, "no more are told apart");
    cr_expect_not(placement_load_decode(bytes_prefix(buf_bytes(&bytes), 1), &out));
    buf_append_byte(&bytes, 0);
    cr_expect_not(placement_load_decode(buf_bytes(&bytes), &out), "too long");
    cr_expect_not(placement_load_decode(bytes_make("\x65\x00", 2), &out), "101 percent");
    buf_deinit(&bytes);
}
