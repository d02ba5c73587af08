/* SPDX-License-Identifier: MIT */
/* node/machine, with a machine that carrying out steps again. */
#include "node/machine.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

/* Told as its name; carrying it out makes a step for each letter of adds. */
struct letter_action {
    char name;
    const char *adds;
    struct action_bytes bytes;
};

static void describe(const struct actions *list, const void *item, struct buf *out)
{
    (void)list;
    buf_printf(out, "%c\n", ((const struct letter_action *)item)->name);
}

static const struct actions_kind letter_kind = {
    .name = "letters",
    .item_size = sizeof(struct letter_action),
    .max_in_step = 100,
    .describe = describe,
};

struct driven {
    struct machine machine;
    struct buf told;
    int64_t steps;
    int depth;
    bool is_endless;
};

static void carry_out(void *context, const struct actions *list, size_t index);

/* A step that asks for the letters of text one by one, and then to be woken at its own number. */
static void step(struct driven *d, const char *text, const char *each_adds)
{
    struct actions *pending = &d->machine.pending;

    actions_begin_step(pending, &letter_kind);
    for (const char *at = text; *at != '\0'; at++) {
        struct letter_action *action = actions_add(pending, &letter_kind);

        action->name = *at;
        action->adds = each_adds;
        action->bytes = actions_keep(pending, bytes_make(at, 1));
    }
    actions_end_step(pending, (struct mono_time){.us = ++d->steps});
    machine_act(&d->machine, carry_out, d);
}

static void carry_out(void *context, const struct actions *list, size_t index)
{
    struct driven *d = context;
    const struct letter_action *action = actions_at(list, &letter_kind, index);
    struct bytes bytes = actions_bytes(list, &action->bytes);
    char name = action->name;

    cr_assert_eq(d->depth, 0, "carrying out was re-entered");
    d->depth++;
    if (d->is_endless) {
        step(d, "x", "");
    } else if (action->adds != NULL) {
        char one[2] = {0};

        for (const char *at = action->adds; *at != '\0'; at++) {
            one[0] = *at;
            step(d, one, NULL);
        }
    }
    /* Whatever was added meanwhile, what is being carried out stays where it is. */
    cr_assert_eq(actions_at(list, &letter_kind, index), action);
    cr_assert_eq(action->name, name);
    cr_assert_eq(bytes.data[0], name);
    buf_append_byte(&d->told, action->name);
    d->depth--;
}

static void end(struct driven *d)
{
    machine_deinit(&d->machine);
    buf_deinit(&d->told);
}

Test(machine, carries_actions_out_in_the_order_of_the_step)
{
    struct driven d = {0};

    step(&d, "abc", NULL);
    cr_expect_str_eq(buf_text(&d.told), "abc");
    cr_expect_eq(d.machine.pending.count, 0);
    end(&d);
}

Test(machine, carries_out_what_steps_made_meanwhile_behind_what_was_there_before)
{
    struct driven d = {0};

    step(&d, "abc", "xy");
    cr_expect_str_eq(buf_text(&d.told), "abcxyxyxy");
    end(&d);
}

Test(machine, loses_nothing_however_much_is_added_meanwhile)
{
    struct driven d = {0};
    char many[64];

    memset(many, 'n', sizeof(many) - 1);
    many[sizeof(many) - 1] = '\0';
    step(&d, many, many);
    cr_expect_eq(d.told.len, 63 + 63 * 63);
    cr_expect_eq(d.machine.carrying.count, 0);
    end(&d);
}

Test(machine, is_woken_when_the_last_step_said)
{
    struct driven d = {0};

    step(&d, "ab", "xyz");
    cr_expect_eq(machine_wake_at(&d.machine).us,
                 7); /* one step, and three for each of two actions */
    step(&d, "", NULL);
    cr_expect_eq(machine_wake_at(&d.machine).us, 8);
    end(&d);
}

Test(machine, is_first_woken_when_it_is_told_before_any_step)
{
    struct driven d = {0};

    machine_wake_first_at(&d.machine, (struct mono_time){.us = 42});
    machine_act(&d.machine, carry_out, &d);
    cr_expect_eq(machine_wake_at(&d.machine).us, 42);
    end(&d);
}

Test(machine, that_steps_itself_for_ever_is_a_bug, .signal = SIGABRT)
{
    struct driven d = {.is_endless = true};

    step(&d, "a", NULL);
}
