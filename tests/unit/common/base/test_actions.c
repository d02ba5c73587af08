/* SPDX-License-Identifier: MIT */
/* base/actions: a list for a machine whose actions have a number and bytes. */
#include "base/actions.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>

struct counted_action {
    int number;
    struct action_bytes bytes;
};

static void describe(const struct actions *list, const void *item, struct buf *out)
{
    const struct counted_action *action = item;

    buf_printf(out, "%d %.*s\n", action->number, BYTES_ARGS(actions_bytes(list, &action->bytes)));
}

static const struct actions_kind counted_kind = {
    .name = "counted",
    .item_size = sizeof(struct counted_action),
    .max_in_step = 1000,
    .describe = describe,
};

static const struct actions_kind other_kind = {
    .name = "other",
    .item_size = sizeof(struct counted_action),
    .max_in_step = 1,
    .describe = describe,
};

static const struct counted_action *at(const struct actions *list, size_t index)
{
    return actions_at(list, &counted_kind, index);
}

static void add(struct actions *list, int number, const char *text)
{
    struct counted_action *action = actions_add(list, &counted_kind);

    action->number = number;
    if (text != NULL) {
        action->bytes = actions_keep(list, bytes_from_text(text));
    }
}

/* A step that adds count actions, numbered from first on. */
static void step(struct actions *list, int first, int count, struct mono_time wake_at)
{
    char text[32];

    actions_begin_step(list, &counted_kind);
    for (int i = first; i < first + count; i++) {
        snprintf(text, sizeof(text), "text %d", i);
        add(list, i, text);
    }
    actions_end_step(list, wake_at);
}

Test(actions, keep_their_order_and_bytes_over_many_steps)
{
    struct actions list = {0};
    char text[32];

    for (int i = 0; i < 10; i++) {
        step(&list, i * 100, 100, MONO_NEVER);
        actions_check(&list);
    }
    cr_assert_eq(list.count, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct counted_action *action = at(&list, (size_t)i);

        snprintf(text, sizeof(text), "text %d", i);
        cr_assert_eq(action->number, i);
        cr_assert(bytes_equal_text(actions_bytes(&list, &action->bytes), text));
    }
    actions_deinit(&list);
    cr_expect_eq(list.count, 0);
    cr_expect_null(list.items);
}

Test(actions, tell_when_the_last_step_wants_to_be_woken_even_if_it_added_none)
{
    struct actions list = {0};

    step(&list, 0, 2, (struct mono_time){.us = 100});
    step(&list, 0, 0, (struct mono_time){.us = 50});
    cr_expect_eq(list.wake_at.us, 50);
    actions_clear(&list);
    cr_expect_eq(list.wake_at.us, 50);
    cr_expect_eq(list.count, 0);
    actions_deinit(&list);
}

Test(actions, end_copied_bytes_with_a_nul_that_does_not_count)
{
    struct actions list = {0};
    struct bytes kept;

    actions_begin_step(&list, &counted_kind);
    add(&list, 1, "host");
    add(&list, 2, "behind it");
    actions_end_step(&list, MONO_NEVER);
    kept = actions_bytes(&list, &at(&list, 0)->bytes);
    cr_expect_eq(kept.len, 4);
    cr_expect_str_eq(kept.data, "host");
    actions_deinit(&list);
}

Test(actions, lend_borrowed_bytes_as_they_are)
{
    static const char stream[] = "a stream";
    struct actions list = {0};
    struct counted_action *action;

    actions_begin_step(&list, &counted_kind);
    add(&list, 1, "of its own");
    action = actions_add(&list, &counted_kind);
    action->bytes.borrowed = BYTES_LITERAL(stream);
    add(&list, 3, NULL);
    actions_end_step(&list, MONO_NEVER);
    cr_expect_eq(actions_bytes(&list, &at(&list, 1)->bytes).data, &stream[0]);
    cr_expect_eq(actions_bytes(&list, &at(&list, 2)->bytes).len, 0);
    actions_deinit(&list);
}

Test(actions, that_are_taken_stay_as_they_are_while_steps_add_more)
{
    struct actions pending = {0};
    struct actions taken = {0};
    const struct counted_action *first;
    struct bytes text;

    step(&pending, 1, 3, (struct mono_time){.us = 9});
    actions_take(&pending, &taken);
    cr_expect_eq(pending.count, 0);
    cr_expect_eq(pending.wake_at.us, 9);
    first = at(&taken, 0);
    text = actions_bytes(&taken, &first->bytes);
    step(&pending, 100, 900, (struct mono_time){.us = 10});
    cr_expect_eq(taken.count, 3);
    cr_expect_eq(at(&taken, 0), first);
    cr_expect(bytes_equal_text(text, "text 1"));
    cr_expect_eq(at(&pending, 0)->number, 100);
    actions_deinit(&pending);
    actions_deinit(&taken);
}

Test(actions, are_told_in_one_line_each_by_their_kind)
{
    struct actions list = {0};
    struct buf text = {0};

    step(&list, 7, 2, MONO_NEVER);
    actions_describe(&list, 0, &text);
    actions_describe(&list, 1, &text);
    cr_expect_str_eq(buf_text(&text), "7 text 7\n8 text 8\n");
    buf_deinit(&text);
    actions_deinit(&list);
}

Test(actions, of_another_machine_are_refused, .signal = SIGABRT)
{
    struct actions list = {0};

    step(&list, 1, 1, MONO_NEVER);
    actions_begin_step(&list, &other_kind);
}

Test(actions, beyond_the_bound_of_a_step_are_refused, .signal = SIGABRT)
{
    struct actions list = {0};

    step(&list, 0, 1001, MONO_NEVER);
}

Test(actions, are_bounded_by_step_and_not_by_list)
{
    struct actions list = {0};

    step(&list, 0, 1000, MONO_NEVER);
    step(&list, 1000, 1000, MONO_NEVER);
    cr_expect_eq(list.count, 2000);
    cr_expect_eq(at(&list, 1999)->number, 1999);
    actions_deinit(&list);
}

Test(actions, that_were_very_long_leave_no_memory_behind)
{
    struct actions list = {0};
    struct buf text = {0};

    for (int i = 0; i < 100000; i++) {
        buf_append_text(&text, "0123456789");
    }
    actions_begin_step(&list, &counted_kind);
    add(&list, 1, buf_text(&text));
    actions_end_step(&list, MONO_NEVER);
    cr_expect_geq(list.bytes.cap, text.len);
    actions_clear(&list);
    cr_expect_leq(list.bytes.cap, ACTIONS_KEPT_BYTES);
    buf_deinit(&text);
    actions_deinit(&list);
}
