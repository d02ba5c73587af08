/* SPDX-License-Identifier: MIT */
#include "cli/backup_state.h"

#include <criterion/criterion.h>

#include <string.h>

#define H "0123456789abcdef0123456789abcdef01234567"

static struct backup_state make_state(bool is_whole)
{
    struct backup_state state = {.source = "127.0.0.1:6379"};

    if (is_whole) {
        cr_assert(history_id_parse(bytes_from_text(H), &state.end.history));
        state.end.offset = 1234;
    }
    return state;
}

Test(backup_state, is_read_as_it_was_written)
{
    for (int i = 0; i < 2; i++) {
        struct backup_state state = make_state(i == 1);
        struct backup_state again;
        struct errmsg error = {0};
        struct buf text = {0};

        backup_state_format(&state, &text);
        cr_assert(backup_state_parse(buf_bytes(&text), &again, &error), "%s", error.text);
        cr_expect_str_eq(again.source, state.source);
        cr_expect_eq(backup_state_is_whole(&again), i == 1);
        cr_expect_str_eq(again.end.history.text, state.end.history.text);
        cr_expect_eq(again.end.offset, state.end.offset);
        buf_deinit(&text);
    }
}

Test(backup_state, that_is_cut_off_longer_or_changed_anywhere_is_refused)
{
    struct backup_state state = make_state(true);
    struct backup_state out = {.end = {.offset = 7}};
    struct errmsg error = {0};
    struct buf text = {0};

    backup_state_format(&state, &text);
    for (size_t len = 0; len < text.len; len++) {
        cr_expect_not(backup_state_parse(bytes_prefix(buf_bytes(&text), len), &out, &error), "%zu",
                      len);
    }
    for (size_t bit = 0; bit < text.len * 8; bit++) {
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ 1 << bit % 8);
        cr_expect_not(backup_state_parse(buf_bytes(&text), &out, &error), "%zu", bit);
        text.data[bit / 8] = (char)(text.data[bit / 8] ^ 1 << bit % 8);
    }
    buf_append_byte(&text, '\n');
    cr_expect_not(backup_state_parse(buf_bytes(&text), &out, &error));
    cr_expect_eq(out.end.offset, 7, "untouched");
    buf_deinit(&text);
}

Test(backup_state, of_a_newer_version_is_refused_as_such)
{
    struct backup_state out;
    struct errmsg error = {0};

    cr_expect_not(backup_state_parse(BYTES_LITERAL("starling-backup 2\nwhatever"), &out, &error));
    cr_expect_str_eq(error.text, "it has version 2, and versions up to 1 are known");
}
