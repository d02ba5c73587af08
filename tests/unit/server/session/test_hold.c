/* SPDX-License-Identifier: MIT */
/* Holding sessions: moves, lists and deadlines. */
#include "session/hold.h"

#include "session/session.h"

#include <criterion/criterion.h>
#include <signal.h>

struct world {
    struct session_table table;
    struct holds holds;
    struct session *a;
    struct session *b;
};

static struct world *start(void)
{
    static struct world w;
    struct session_peer peer = {.address = "127.0.0.1:5000"};
    struct mono_time now = {.us = 1};

    session_table_init(&w.table);
    holds_init(&w.holds);
    w.a = session_new(&w.table, &peer, now);
    w.b = session_new(&w.table, &peer, now);
    return &w;
}

static void end(struct world *w)
{
    struct session *both[] = {w->a, w->b};

    holds_check(&w->holds);
    session_table_check(&w->table);
    for (size_t i = 0; i < 2; i++) {
        hold_forget(&w->holds, both[i]);
        session_free(&w->table, both[i]);
    }
    holds_deinit(&w->holds);
    session_table_deinit(&w->table);
}

static struct mono_time at(int64_t us)
{
    return (struct mono_time){.us = us};
}

Test(hold, begins_with_a_kind_and_ends_among_the_resumed)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_SAVE, MONO_NEVER);
    cr_assert(w->a->flags & SESSION_HELD);
    cr_assert_eq(w->a->hold.kind, HOLD_SAVE);
    cr_assert_null(holds_take_resumed(&w->holds));
    holds_check(&w->holds);
    hold_end(&w->holds, w->a);
    cr_assert_not(w->a->flags & SESSION_HELD);
    cr_assert_eq(w->a->hold.kind, HOLD_NONE);
    cr_assert(w->a->flags & SESSION_RESUMED);
    cr_assert_eq(holds_take_resumed(&w->holds), w->a);
    cr_assert_not(w->a->flags & SESSION_RESUMED);
    cr_assert_null(holds_take_resumed(&w->holds));
    end(w);
}

Test(hold, resumes_sessions_in_the_order_in_which_their_holds_ended)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_WAIT, MONO_NEVER);
    hold_begin(&w->holds, w->b, HOLD_WAIT, MONO_NEVER);
    hold_end(&w->holds, w->b);
    hold_end(&w->holds, w->a);
    cr_assert_eq(holds_take_resumed(&w->holds), w->b);
    cr_assert_eq(holds_take_resumed(&w->holds), w->a);
    end(w);
}

Test(hold, that_begins_and_ends_again_before_it_was_taken_is_resumed_once)
{
    struct world *w = start();

    for (int i = 0; i < 2; i++) {
        hold_begin(&w->holds, w->a, HOLD_PAUSE, MONO_NEVER);
        holds_check(&w->holds);
        hold_end(&w->holds, w->a);
    }
    cr_assert_eq(holds_take_resumed(&w->holds), w->a);
    cr_assert_null(holds_take_resumed(&w->holds));
    end(w);
}

Test(hold, has_no_answer_left_from_the_one_before)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_NODES, MONO_NEVER);
    strcpy(w->a->hold.answer, "BUMPED 3");
    hold_end(&w->holds, w->a);
    hold_begin(&w->holds, w->a, HOLD_SAVE, MONO_NEVER);
    cr_assert_str_empty(w->a->hold.answer);
    end(w);
}

Test(hold, is_due_at_its_deadline_and_stays_until_it_is_ended)
{
    struct world *w = start();

    cr_assert_eq(holds_next_deadline(&w->holds).us, MONO_NEVER.us);
    hold_begin(&w->holds, w->a, HOLD_WAIT, at(200));
    hold_begin(&w->holds, w->b, HOLD_WAIT, at(100));
    cr_assert_eq(holds_next_deadline(&w->holds).us, 100);
    cr_assert_null(holds_due(&w->holds, at(99)));
    cr_assert_eq(holds_due(&w->holds, at(100)), w->b);
    cr_assert_eq(holds_due(&w->holds, at(1000)), w->b, "it is still held");
    hold_end(&w->holds, w->b);
    cr_assert_null(holds_due(&w->holds, at(199)));
    cr_assert_eq(holds_due(&w->holds, at(200)), w->a);
    end(w);
}

Test(hold, without_a_deadline_is_never_due)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_SAVE, MONO_NEVER);
    cr_assert_null(holds_due(&w->holds, at(INT64_MAX - 1)));
    cr_assert_eq(holds_next_deadline(&w->holds).us, MONO_NEVER.us);
    end(w);
}

Test(hold, is_forgotten_with_its_deadline_and_its_place_among_the_resumed)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_WAIT, at(100));
    hold_forget(&w->holds, w->a);
    hold_begin(&w->holds, w->b, HOLD_WAIT, at(100));
    hold_end(&w->holds, w->b);
    hold_forget(&w->holds, w->b);
    cr_assert_null(holds_due(&w->holds, at(100)));
    cr_assert_null(holds_take_resumed(&w->holds));
    end(w);
}

Test(hold, cannot_begin_twice, .signal = SIGABRT)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_WAIT, MONO_NEVER);
    hold_begin(&w->holds, w->a, HOLD_SAVE, MONO_NEVER);
}

Test(hold, cannot_end_before_it_began, .signal = SIGABRT)
{
    struct world *w = start();

    hold_end(&w->holds, w->a);
}

Test(hold, is_checked_against_the_flag_of_the_session, .signal = SIGABRT)
{
    struct world *w = start();

    hold_begin(&w->holds, w->a, HOLD_WAIT, MONO_NEVER);
    w->a->flags &= ~(uint32_t)SESSION_HELD;
    holds_check(&w->holds);
}
