/* SPDX-License-Identifier: MIT */
/* The source of slots: which question is answered in which phase. */
#include "move/giver.h"

#include <criterion/criterion.h>

static const struct mono_time begin = {.us = 1000000};

static struct giver reach(enum giver_phase phase)
{
    static const enum giver_event way[] = {GIVER_EVENT_WALK_BEGUN, GIVER_EVENT_IMAGE_OUT,
                                           GIVER_EVENT_HOLD, GIVER_EVENT_LOG_OUT,
                                           GIVER_EVENT_COMMIT};
    struct giver giver;

    giver_init(&giver, begin);
    for (size_t i = 0; giver.phase != phase; i++) {
        cr_assert(giver_step(&giver, begin, way[i]));
    }
    return giver;
}

Test(giver, gives_only_what_the_receiver_has_and_while_writes_are_held)
{
    for (int phase = 0; phase < GIVER_PHASES; phase++) {
        struct giver giver = reach((enum giver_phase)phase);

        cr_expect_eq(giver_step(&giver, begin, GIVER_EVENT_COMMIT), phase == GIVER_HELD, "%s",
                     giver_phase_name((enum giver_phase)phase));
    }
}

Test(giver, holds_writes_only_behind_the_image_and_not_twice)
{
    for (int phase = 0; phase < GIVER_PHASES; phase++) {
        struct giver giver = reach((enum giver_phase)phase);

        cr_expect_eq(giver_step(&giver, begin, GIVER_EVENT_HOLD), phase == GIVER_LOG, "%s",
                     giver_phase_name((enum giver_phase)phase));
    }
}

Test(giver, lets_writes_go_when_the_time_is_up_and_gives_nothing_then)
{
    for (int phase = GIVER_HOLDING; phase <= GIVER_HELD; phase++) {
        struct giver giver = reach((enum giver_phase)phase);
        struct mono_time late = mono_add_ms(begin, GIVER_HOLD_MS);

        cr_expect_not(giver_step(&giver, mono_add_ms(late, -1), GIVER_EVENT_TIME));
        cr_expect(giver_holds(&giver));
        cr_expect_not(giver_step(&giver, late, GIVER_EVENT_COMMIT));
        cr_expect_not(giver_holds(&giver));
        cr_expect_eq(giver.phase, GIVER_LOG);
    }
}

Test(giver, lets_writes_go_when_the_receiver_asks_on)
{
    struct giver giver = reach(GIVER_HELD);

    cr_expect(giver_step(&giver, begin, GIVER_EVENT_NEXT));
    cr_expect_eq(giver.phase, GIVER_LOG);
    cr_expect_not(giver_holds(&giver));
}

Test(giver, answers_nothing_any_more_once_it_has_given)
{
    for (int event = 0; event < GIVER_EVENT_TIME; event++) {
        struct giver giver = reach(GIVER_GIVEN);

        cr_expect_not(giver_step(&giver, begin, (enum giver_event)event));
    }
}
