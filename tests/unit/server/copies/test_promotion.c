/* SPDX-License-Identifier: MIT */
/* When slots become hot, and when they are no more. */
#include "copies/promotion.h"

#include <criterion/criterion.h>

static const struct mono_time start = {.us = 1000000000};
static const struct promotion_rules rules = {.min_reads = 1000, .min_busy = 70, .primaries = 4};

static struct promotion_load load_of(uint64_t reads, uint64_t writes)
{
    return (struct promotion_load){
        .slot = 5, .reads = reads, .writes = writes, .is_lendable = true};
}

static enum promotion_answer judge(const struct promotion *p, const struct promotion_load *load,
                                   unsigned busy)
{
    size_t members;

    return promotion_judge(p, start, &rules, load, busy, &members);
}

static bool is_over_at(struct promotion *p, int64_t ms, uint64_t reads, uint64_t writes)
{
    const struct promotion_load load = load_of(reads, writes);

    return promotion_is_over(p, mono_add_ms(start, ms), &rules, &load);
}

/* ---- what is promoted --------------------------------------------------------------------------- */

Test(promotion, each_reason_to_leave_a_key_alone_is_told)
{
    static const struct {
        uint64_t reads, writes;
        bool is_lendable;
        unsigned busy;
        enum promotion_answer answer;
    } cases[] = {
        {1000, 0,    true,  70,  PROMOTION_YES      },
        {1000, 0,    true,  100, PROMOTION_YES      },
        {999,  0,    true,  100, PROMOTION_FEW_READS},
        {0,    5000, true,  100, PROMOTION_FEW_READS},
        {1000, 0,    true,  69,  PROMOTION_NOT_BUSY },
        {1000, 0,    false, 100, PROMOTION_LARGE    },
        {1000, 333,  true,  100, PROMOTION_YES      }, /* one member: 3 reads for a write */
        {1000, 334,  true,  100, PROMOTION_WRITTEN  },
        {4000, 333,  true,  100, PROMOTION_YES      }, /* four: 12 */
        {4000, 334,  true,  100, PROMOTION_WRITTEN  },
    };
    const struct promotion none = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct promotion_load load = load_of(cases[i].reads, cases[i].writes);

        load.is_lendable = cases[i].is_lendable;
        cr_expect_eq(judge(&none, &load, cases[i].busy), cases[i].answer, "case %zu", i);
    }
}

Test(promotion, there_are_as_many_members_as_the_reads_ask_for_and_primaries_there_are)
{
    static const struct {
        uint64_t reads;
        size_t members;
    } cases[] = {
        {1000,    1},
        {1999,    1},
        {2000,    2},
        {3999,    3},
        {4000,    4},
        {1000000, 4},
    };
    const struct promotion none = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct promotion_load load = load_of(cases[i].reads, 0);
        size_t members;

        cr_expect_eq(promotion_judge(&none, start, &rules, &load, 100, &members), PROMOTION_YES);
        cr_expect_eq(members, cases[i].members, "%llu reads", (unsigned long long)cases[i].reads);
    }
}

Test(promotion, without_a_rate_that_it_takes_all_primaries_are_members_of_what_is_read_at_all)
{
    const struct promotion none = {0};
    const struct promotion_rules any = {.primaries = 3};
    struct promotion_load load = load_of(1, 0);
    size_t members;

    cr_expect_eq(promotion_judge(&none, start, &any, &load, 0, &members), PROMOTION_YES);
    cr_expect_eq(members, 3);
    load.reads = 0;
    cr_expect_eq(promotion_judge(&none, start, &any, &load, 0, &members), PROMOTION_FEW_READS);
}

Test(promotion, nothing_is_promoted_where_there_is_no_other_primary)
{
    const struct promotion none = {0};
    const struct promotion_rules alone = {.min_reads = 10};
    const struct promotion_load load = load_of(1000, 0);
    size_t members;

    cr_expect_eq(promotion_judge(&none, start, &alone, &load, 100, &members), PROMOTION_ALONE);
}

Test(promotion, slots_are_hot_up_to_a_number_and_those_that_are_may_go_on)
{
    struct promotion p = {0};
    struct promotion_load load = load_of(5000, 0);

    for (unsigned slot = 0; slot < PROMOTION_SLOTS_MAX; slot++) {
        load.slot = (uint16_t)slot;
        cr_assert_eq(judge(&p, &load, 100), PROMOTION_YES);
        promotion_begin(&p, load.slot, 1);
    }
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_YES);
    load.slot = 100;
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_TOO_MANY);
    promotion_end(&p, 3);
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_YES);
}

/* Its members take the load away. */
Test(promotion, a_slot_that_is_hot_needs_no_busy_node_to_have_more_members)
{
    struct promotion p = {0};
    const struct promotion_load load = load_of(4000, 0);

    promotion_begin(&p, 5, 1);
    cr_expect_eq(judge(&p, &load, 0), PROMOTION_YES);
    promotion_begin(&p, 5, 4);
    cr_expect_eq(p.count, 1);
    cr_expect_eq(promotion_find(&p, 5)->members, 4);
}

Test(promotion, every_answer_has_words_of_its_own)
{
    for (int a = PROMOTION_YES; a <= PROMOTION_TOO_MANY; a++) {
        const char *text = promotion_answer_text((enum promotion_answer)a);

        cr_assert_not_null(text);
        for (int b = PROMOTION_YES; b < a; b++) {
            cr_expect_str_neq(text, promotion_answer_text((enum promotion_answer)b));
        }
    }
}

/* ---- what is over ------------------------------------------------------------------------------- */

Test(promotion, a_slot_is_over_when_it_is_read_less_than_a_third_for_the_whole_time)
{
    struct promotion p = {0};

    promotion_begin(&p, 5, 1);
    cr_expect_not(is_over_at(&p, 0, 333, 0));
    cr_expect_not(is_over_at(&p, 1000, 332, 0));
    cr_expect_not(is_over_at(&p, 1000 + PROMOTION_LOW_MS - 1, 0, 0));
    cr_expect(is_over_at(&p, 1000 + PROMOTION_LOW_MS, 0, 0));
}

Test(promotion, a_second_of_enough_reads_begins_the_time_anew)
{
    struct promotion p = {0};

    promotion_begin(&p, 5, 1);
    cr_expect_not(is_over_at(&p, 0, 10, 0));
    cr_expect_not(is_over_at(&p, PROMOTION_LOW_MS - 1, 333, 0));
    cr_expect_not(is_over_at(&p, PROMOTION_LOW_MS, 10, 0));
    cr_expect_not(is_over_at(&p, 2 * PROMOTION_LOW_MS - 1, 10, 0));
    cr_expect(is_over_at(&p, 2 * PROMOTION_LOW_MS, 10, 0));
}

Test(promotion, a_slot_is_over_when_it_is_written_too_often_for_its_members)
{
    struct promotion p = {0};

    promotion_begin(&p, 5, 4);
    cr_expect_not(is_over_at(&p, 0, 12000, 1000));
    cr_expect_not(is_over_at(&p, PROMOTION_LOW_MS, 12000, 1000));
    cr_expect_not(is_over_at(&p, PROMOTION_LOW_MS + 1, 12000, 1001));
    cr_expect(is_over_at(&p, 2 * PROMOTION_LOW_MS + 1, 12000, 1001));
}

Test(promotion, a_slot_is_over_at_once_when_nobody_is_left)
{
    struct promotion p = {0};
    const struct promotion_rules alone = {.min_reads = 1000};
    const struct promotion_load load = load_of(5000, 0);

    promotion_begin(&p, 5, 2);
    cr_expect(promotion_is_over(&p, start, &alone, &load));
}

/* Two keys of a slot may be the hottest in turn. */
Test(promotion, a_slot_is_over_when_its_hottest_key_could_not_be_lent_for_some_time)
{
    struct promotion p = {0};
    struct promotion_load load = load_of(5000, 0);

    promotion_begin(&p, 5, 2);
    load.is_lendable = false;
    cr_expect_not(promotion_is_over(&p, start, &rules, &load));
    cr_expect_not(is_over_at(&p, PROMOTION_LOW_MS - 1, 5000, 0));
    cr_expect_not(promotion_is_over(&p, mono_add_ms(start, PROMOTION_LOW_MS), &rules, &load));
    cr_expect(promotion_is_over(&p, mono_add_ms(start, 2 * PROMOTION_LOW_MS), &rules, &load));
}

Test(promotion, what_is_ended_is_found_no_more_and_others_are)
{
    struct promotion p = {0};

    promotion_begin(&p, 1, 1);
    promotion_begin(&p, 2, 2);
    promotion_begin(&p, 3, 3);
    promotion_end(&p, 1);
    promotion_end(&p, 77);
    cr_expect_null(promotion_find(&p, 1));
    cr_expect_eq(promotion_find(&p, 2)->members, 2);
    cr_expect_eq(promotion_find(&p, 3)->members, 3);
}

/* ---- bars --------------------------------------------------------------------------------------- */

Test(promotion, a_slot_with_state_is_over_at_once_and_not_promoted_for_the_time_of_the_bar)
{
    struct promotion p = {0};
    const struct promotion_load load = load_of(5000, 0);
    size_t members;

    promotion_begin(&p, 5, 1);
    promotion_bar(&p, start, 5);
    cr_expect(is_over_at(&p, 0, 5000, 0));
    promotion_end(&p, 5);
    cr_expect_eq(promotion_judge(&p, mono_add_ms(start, PROMOTION_BARRED_MS - 1), &rules, &load,
                                 100, &members),
                 PROMOTION_STATEFUL);
    cr_expect_eq(
        promotion_judge(&p, mono_add_ms(start, PROMOTION_BARRED_MS), &rules, &load, 100, &members),
        PROMOTION_YES);
}

Test(promotion, a_bar_counts_from_the_last_use)
{
    struct promotion p = {0};
    const struct promotion_load load = load_of(5000, 0);
    size_t members;

    promotion_bar(&p, start, 5);
    promotion_bar(&p, mono_add_ms(start, 1000), 5);
    cr_expect_eq(p.bar_count, 1);
    cr_expect_eq(
        promotion_judge(&p, mono_add_ms(start, PROMOTION_BARRED_MS), &rules, &load, 100, &members),
        PROMOTION_STATEFUL);
}

Test(promotion, the_last_slot_comes_to_the_place_of_one_that_ends_and_others_keep_theirs)
{
    struct promotion p = {0};

    for (uint16_t slot = 0; slot < 4; slot++) {
        promotion_begin(&p, slot, 1);
        cr_expect_eq(promotion_place(&p, slot), slot);
    }
    promotion_begin(&p, 1, 2);
    cr_expect_eq(promotion_place(&p, 1), 1, "with other members it is where it was");
    promotion_end(&p, 1);
    cr_expect_eq(promotion_place(&p, 0), 0);
    cr_expect_eq(promotion_place(&p, 3), 1);
    cr_expect_eq(promotion_place(&p, 2), 2);
    cr_expect_eq(promotion_place(&p, 1), p.count);
    promotion_end(&p, 2);
    cr_expect_eq(p.count, 2);
    cr_expect_eq(promotion_place(&p, 3), 1);
}

Test(promotion, of_too_many_bars_the_one_that_ends_first_makes_room)
{
    struct promotion p = {0};
    struct promotion_load load = load_of(5000, 0);

    for (unsigned slot = 0; slot < PROMOTION_BARRED_MAX; slot++) {
        promotion_bar(&p, mono_add_ms(start, (slot + 60) % PROMOTION_BARRED_MAX), (uint16_t)slot);
    }
    promotion_bar(&p, mono_add_ms(start, 1000), 1000);
    cr_expect_eq(p.bar_count, PROMOTION_BARRED_MAX);
    load.slot = 4; /* barred at 0 ms */
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_YES);
    load.slot = 5;
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_STATEFUL);
    load.slot = 1000;
    cr_expect_eq(judge(&p, &load, 100), PROMOTION_STATEFUL);
}
