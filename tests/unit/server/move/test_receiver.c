/* SPDX-License-Identifier: MIT */
/* The receiver of slots: what it does and asks, and each of its phases met with each event. */
#include "move/receiver.h"

#include "base/buf.h"

#include <criterion/criterion.h>

static const char *action_name(enum receiver_action action)
{
    static const char *const names[] = {
        "connect", "close",  "begin", "next",       "hold",
        "commit",  "cancel", "clear", "await acks", "end",
    };

    return names[action];
}

struct told {
    struct receiver receiver;
    struct mono_time now;
    struct buf lines;
};

static void step(struct told *t, struct receiver_event event)
{
    enum receiver_phase before = t->receiver.phase;
    struct receiver_actions actions;

    receiver_step(&t->receiver, t->now, &event, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        buf_printf(&t->lines, "%s; ", action_name(actions.items[i]));
    }
    if (t->receiver.phase != before) {
        buf_printf(&t->lines, "[%s] ", receiver_phase_name(t->receiver.phase));
    }
}

static void simple(struct told *t, enum receiver_event_type type)
{
    step(t, (struct receiver_event){.type = type, .reason = "so it is"});
}

static void data(struct told *t, enum receiver_stage stage, size_t bytes, uint64_t behind)
{
    step(t, (struct receiver_event){.type = RECEIVER_EVENT_DATA,
                                    .stage = stage,
                                    .byte_count = bytes,
                                    .behind_bytes = behind});
}

static void tick(struct told *t, int64_t ms)
{
    t->now = mono_add_ms(t->now, ms);
    simple(t, RECEIVER_EVENT_TICK);
}

static struct told start(bool is_asked_for, bool is_new)
{
    struct told t = {.now = {.us = 5000000}};

    receiver_init(&t.receiver, t.now, is_asked_for, is_new);
    return t;
}

/* As far as this phase, by the shortest way. */
static struct told reach(enum receiver_phase phase, bool is_asked_for)
{
    static const enum receiver_event_type way[] = {
        RECEIVER_EVENT_AGREED, RECEIVER_EVENT_TICK,    RECEIVER_EVENT_READY,
        RECEIVER_EVENT_YES,    RECEIVER_EVENT_CLEARED,
    };
    struct told t = start(is_asked_for, true);

    for (size_t i = 0; i < sizeof(way) / sizeof(way[0]) && t.receiver.phase != phase; i++) {
        simple(&t, way[i]);
    }
    if (phase >= RECEIVER_FOLLOWING && phase <= RECEIVER_TAKING) {
        data(&t, RECEIVER_STAGE_LOG, 10, phase == RECEIVER_FOLLOWING ? 1000000 : 0);
    }
    if (phase >= RECEIVER_CONFIRMING && phase <= RECEIVER_TAKING) {
        data(&t, RECEIVER_STAGE_END, 10, 0);
    }
    if (phase == RECEIVER_COMMITTING || phase == RECEIVER_TAKING) {
        simple(&t, RECEIVER_EVENT_ACKED);
    }
    if (phase == RECEIVER_TAKING) {
        simple(&t, RECEIVER_EVENT_GIVEN);
    }
    if (phase == RECEIVER_CANCELLING) {
        simple(&t, RECEIVER_EVENT_NEVER);
    }
    if (phase == RECEIVER_UNDOING || phase == RECEIVER_DONE) {
        simple(&t, RECEIVER_EVENT_NEVER);
        simple(&t, RECEIVER_EVENT_YES);
    }
    if (phase == RECEIVER_DONE) {
        simple(&t, RECEIVER_EVENT_CLEARED);
    }
    cr_assert_eq(t.receiver.phase, phase, "%s was reached", receiver_phase_name(t.receiver.phase));
    buf_clear(&t.lines);
    return t;
}

static void expect(struct told *t, const char *lines)
{
    cr_expect_str_eq(buf_text(&t->lines), lines);
    buf_clear(&t->lines);
}

Test(receiver, a_move_goes_from_agreement_to_slots_of_our_own)
{
    struct told t = start(false, true);

    simple(&t, RECEIVER_EVENT_AGREED);
    tick(&t, 0);
    expect(&t, "[waiting] connect; [connecting] ");
    simple(&t, RECEIVER_EVENT_READY);
    simple(&t, RECEIVER_EVENT_YES);
    expect(&t, "begin; [asking] clear; [clearing] ");
    simple(&t, RECEIVER_EVENT_CLEARED);
    data(&t, RECEIVER_STAGE_TURN, 0, 0);
    expect(&t, "next; [copying] ");
    tick(&t, 100);
    data(&t, RECEIVER_STAGE_IMAGE, 50000, 0);
    data(&t, RECEIVER_STAGE_LOG, 50000, 900000);
    expect(&t, "next; next; next; [following] ");
    data(&t, RECEIVER_STAGE_LOG, 50000, 3000);
    data(&t, RECEIVER_STAGE_LOG, 3000, 0);
    expect(&t, "hold; [holding] next; ");
    data(&t, RECEIVER_STAGE_END, 0, 0);
    simple(&t, RECEIVER_EVENT_ACKED);
    expect(&t, "await acks; [confirming] commit; [committing] ");
    simple(&t, RECEIVER_EVENT_GIVEN);
    simple(&t, RECEIVER_EVENT_TAKEN);
    expect(&t, "close; [taking] [done] ");
    cr_expect_eq(t.receiver.outcome, RECEIVER_SUCCEEDED);
    buf_deinit(&t.lines);
}

Test(receiver, who_has_confirmed_asks_the_source_before_anything_staged_is_removed)
{
    struct told t = reach(RECEIVER_COMMITTING, false);

    simple(&t, RECEIVER_EVENT_LINK_DOWN);
    simple(&t, RECEIVER_EVENT_CANCEL);
    expect(&t, "[waiting] ");
    tick(&t, 0);
    simple(&t, RECEIVER_EVENT_READY);
    expect(&t, "connect; [connecting] cancel; [cancelling] ");
    simple(&t, RECEIVER_EVENT_GIVEN);
    expect(&t, "close; [taking] ");
    buf_deinit(&t.lines);
}

Test(receiver, who_starts_anew_does_not_know_what_was_confirmed)
{
    struct told t = start(false, false);

    simple(&t, RECEIVER_EVENT_AGREED);
    simple(&t, RECEIVER_EVENT_CANCEL);
    expect(&t, "[waiting] ");
    tick(&t, 0);
    simple(&t, RECEIVER_EVENT_READY);
    simple(&t, RECEIVER_EVENT_YES);
    simple(&t, RECEIVER_EVENT_CLEARED);
    expect(&t, "connect; [connecting] cancel; [cancelling] close; clear; [undoing] end; [done] ");
    cr_expect_eq(t.receiver.outcome, RECEIVER_CANCELLED);
    buf_deinit(&t.lines);
}

Test(receiver, who_has_confirmed_nothing_undoes_at_once_unless_the_source_is_to_know)
{
    struct told own = reach(RECEIVER_COPYING, false);
    struct told asked = reach(RECEIVER_COPYING, true);

    simple(&own, RECEIVER_EVENT_CANCEL);
    expect(&own, "close; clear; [undoing] ");
    simple(&asked, RECEIVER_EVENT_CANCEL);
    expect(&asked, "close; [waiting] ");
    simple(&asked, RECEIVER_EVENT_WITHDRAWN);
    expect(&asked, "clear; [undoing] ");
    buf_deinit(&own.lines);
    buf_deinit(&asked.lines);
}

Test(receiver, writes_are_not_held_for_long_by_replicas_that_do_not_confirm)
{
    struct told t = reach(RECEIVER_CONFIRMING, false);

    tick(&t, RECEIVER_HOLD_MS);
    expect(&t, "next; [following] ");
    data(&t, RECEIVER_STAGE_LOG, 0, 0);
    expect(&t, "");
    tick(&t, 600);
    data(&t, RECEIVER_STAGE_LOG, 0, 0);
    expect(&t, "next; hold; [holding] ");
    buf_deinit(&t.lines);
}

Test(receiver, writes_are_not_held_while_replicas_are_far_behind)
{
    struct told t = reach(RECEIVER_FOLLOWING, false);

    step(&t, (struct receiver_event){.type = RECEIVER_EVENT_DATA,
                                     .stage = RECEIVER_STAGE_LOG,
                                     .has_slow_replicas = true,
                                     .reason = "our replicas are behind"});
    expect(&t, "");
    cr_expect_str_eq(t.receiver.problem.text, "our replicas are behind");
    tick(&t, 20);
    expect(&t, "next; ");
    buf_deinit(&t.lines);
}

Test(receiver, a_limit_of_bytes_a_second_delays_the_next_question)
{
    struct told t = reach(RECEIVER_COPYING, false);

    step(&t, (struct receiver_event){.type = RECEIVER_EVENT_DATA,
                                     .stage = RECEIVER_STAGE_IMAGE,
                                     .byte_count = 50000,
                                     .limit_bytes_s = 1000000});
    expect(&t, "");
    cr_expect_eq(mono_ms_between(t.now, t.receiver.wake_at), 50);
    tick(&t, 50);
    expect(&t, "next; ");
    buf_deinit(&t.lines);
}

Test(receiver, a_source_that_says_given_and_whose_record_does_not_is_asked_again)
{
    struct told t = reach(RECEIVER_TAKING, false);

    tick(&t, RECEIVER_TAKE_MS);
    tick(&t, 2000);
    simple(&t, RECEIVER_EVENT_READY);
    simple(&t, RECEIVER_EVENT_YES);
    expect(&t, "[waiting] connect; [connecting] begin; [asking] clear; [clearing] ");
    buf_deinit(&t.lines);
}

Test(receiver, a_source_that_another_node_has_replaced_is_left_at_once)
{
    for (int phase = RECEIVER_CONNECTING; phase <= RECEIVER_CANCELLING; phase++) {
        struct told t = reach((enum receiver_phase)phase, false);

        simple(&t, RECEIVER_EVENT_REPLACED);
        expect(&t, phase == RECEIVER_TAKING ? "[waiting] " : "close; [waiting] ");
        simple(&t, RECEIVER_EVENT_REPLACED);
        tick(&t, 0);
        expect(&t, "connect; [connecting] ");
        buf_deinit(&t.lines);
    }
}

Test(receiver, an_answer_that_was_not_executed_ends_the_attempt)
{
    for (int phase = RECEIVER_COPYING; phase <= RECEIVER_CANCELLING; phase++) {
        struct told t = reach((enum receiver_phase)phase, false);
        bool may_be_given = t.receiver.may_be_given;

        simple(&t, RECEIVER_EVENT_LOST);
        expect(&t, phase == RECEIVER_TAKING ? "" : "close; [waiting] ");
        cr_expect_eq(t.receiver.may_be_given, may_be_given, "that was no word of the source");
        buf_deinit(&t.lines);
    }
}

Test(receiver, keeps_its_rules_whatever_happens_in_whichever_phase)
{
    for (int asked = 0; asked <= 1; asked++) {
        for (int phase = 0; phase < RECEIVER_PHASES; phase++) {
            for (int event = 0; event < RECEIVER_EVENTS; event++) {
                struct told t = reach((enum receiver_phase)phase, asked != 0);
                bool may_be_given = t.receiver.may_be_given;
                bool is_word = event == RECEIVER_EVENT_YES || event == RECEIVER_EVENT_LATER;

                t.now = mono_add_ms(t.now, 20000);
                step(&t, (struct receiver_event){.type = (enum receiver_event_type)event,
                                                 .stage = RECEIVER_STAGE_LOG,
                                                 .reason = "of a test"});
                cr_expect(is_word || !may_be_given || t.receiver.may_be_given,
                          "phase %d, event %d: forgot that it may be given", phase, event);
                cr_expect(phase != RECEIVER_DONE || t.receiver.phase == RECEIVER_DONE);
                buf_deinit(&t.lines);
            }
        }
    }
}
