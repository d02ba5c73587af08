/* SPDX-License-Identifier: MIT */
/* cli/edit, cli/keys and cli/utf8: bytes of a keyboard in, a line and a drawing out. */
#include "cli/edit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "cli/hints.h"
#include "cli/utf8.h"
#include "tests/unit/seed.h"

#define ESC "\x1b"

struct fixture {
    struct history history;
    struct edit edit;
};

static void start(struct fixture *f)
{
    *f = (struct fixture){0};
    history_add(&f->history, BYTES_LITERAL("set a 1"));
    history_add(&f->history, BYTES_LITERAL("get a"));
    history_add(&f->history, BYTES_LITERAL("get b"));
    edit_init(&f->edit, &f->history, hints_complete);
}

static void stop(struct fixture *f)
{
    edit_deinit(&f->edit);
    history_deinit(&f->history);
    cr_assert_eq(mem_used_total(), 0);
}

/* Type bytes; the outcome of the last key. */
static enum edit_outcome type(struct fixture *f, const char *bytes)
{
    struct bytes in = bytes_from_text(bytes);
    enum edit_outcome outcome = EDIT_GOES_ON;

    while (in.len > 0) {
        struct key key;
        size_t len = key_decode(in, true, &key);

        cr_assert(len > 0 && len <= in.len);
        outcome = edit_key(&f->edit, &key);
        cr_assert_leq(f->edit.cursor, f->edit.text.len);
        in = bytes_from(in, len);
    }
    return outcome;
}

static void expect(const char *typed, const char *text, size_t cursor)
{
    struct fixture f;

    start(&f);
    cr_assert_eq(type(&f, typed), EDIT_GOES_ON);
    cr_assert_str_eq(buf_text(&f.edit.text), text);
    cr_assert_eq(f.edit.cursor, cursor, "cursor at %zu", f.edit.cursor);
    stop(&f);
}

Test(edit, typed_text_goes_in_at_the_cursor)
{
    expect("get k", "get k", 5);
    expect("gt k" ESC "[D" ESC "[D" ESC "[Dex\x02\x7f", "gxt k", 1);
}

Test(edit, home_end_and_word_keys_move_the_cursor)
{
    expect("get k\x01", "get k", 0);
    expect("get k" ESC "[H" ESC "[F", "get k", 5);
    expect("get k" ESC "[1~" ESC "[4~", "get k", 5);
    expect("get key" ESC "[1;5D", "get key", 4);
    expect("get key\x01" ESC "[1;5C", "get key", 3);
    expect("get key" ESC "b" ESC "b" ESC "f", "get key", 3);
}

Test(edit, kill_keys_remove_parts_of_the_line)
{
    expect("get key\x01\x06\x06\x06\x0b", "get", 3);
    expect("get key\x15", "", 0);
    expect("get key  \x17", "get ", 4);
    expect("get key\x01\x04", "et key", 0);
    expect("get key\x01" ESC "[3~", "et key", 0);
}

Test(edit, ctrl_t_swaps_two_characters)
{
    expect("gte\x14", "get", 3);
    expect("teg\x01\x06\x14", "etg", 2);
    expect("x\x14", "x", 1);
}

Test(edit, characters_of_several_bytes_are_moved_over_and_removed_whole)
{
    expect("a\xc3\xa9\xe4\xb8\x96" ESC "[D\x7f", "a\xe4\xb8\x96", 1);
    expect("e\xcc\x81x\x02\x7f", "x", 0);
    expect("\xc3\xa9\xe4\xb8\x96\x14", "\xe4\xb8\x96\xc3\xa9", 5);
}

Test(edit, up_and_down_browse_the_history_and_come_back_to_the_own_line)
{
    expect("mine" ESC "[A", "get b", 5);
    expect("mine" ESC "[A" ESC "[A" ESC "[A" ESC "[A", "set a 1", 7);
    expect("mine" ESC "[A" ESC "[A" ESC "[B", "get b", 5);
    expect("mine" ESC "[A" ESC "[B" ESC "[B", "mine", 4);
}

Test(edit, ctrl_r_searches_backwards_through_the_history)
{
    expect("\x12get", "get b", 5);
    expect("\x12get\x12", "get a", 5);
    expect("\x12set\x05!", "set a 1!", 8);
    expect("mine\x12get\x07", "mine", 4);
    expect("mine\x12nowhere", "mine", 4);
}

Test(edit, tab_goes_through_the_completions_and_back_to_what_was_typed)
{
    expect("dbs\t", "dbsize", 6);
    expect("DBS\t", "DBSIZE", 6);
    expect("dbs\t\t", "dbs", 3);
    expect("dbs" ESC "[Z", "dbsize", 6);
    expect("cluster myi\t", "cluster myid", 12);
    expect("zzz\t", "zzz", 3);
}

Test(edit, the_marks_of_a_bracketed_paste_are_passed_over)
{
    expect(ESC "[200~get k" ESC "[201~", "get k", 5);
}

Test(edit, enter_ctrl_c_ctrl_d_and_ctrl_l_are_for_the_caller)
{
    struct fixture f;

    start(&f);
    cr_assert_eq(type(&f, "\x04"), EDIT_END);
    cr_assert_eq(type(&f, "\x0c"), EDIT_CLEAR_SCREEN);
    cr_assert_eq(type(&f, "x\x03"), EDIT_INTERRUPTED);
    cr_assert_eq(type(&f, "x\r"), EDIT_LINE);
    edit_reset(&f.edit);
    cr_assert_eq(f.edit.text.len, 0);
    stop(&f);
}

static void expect_drawn(const char *typed, const char *hint, size_t columns, const char *drawn)
{
    struct fixture f;
    struct buf out = {0};
    struct edit_view view = {
        .prompt = "> ", .hint = bytes_from_text(hint), .columns = columns, .has_colour = true};

    start(&f);
    (void)type(&f, typed);
    edit_draw(&f.edit, &view, &out);
    cr_assert_str_eq(buf_text(&out), drawn);
    buf_deinit(&out);
    stop(&f);
}

Test(edit, the_line_is_drawn_behind_its_prompt_with_the_cursor_in_place)
{
    expect_drawn("get k", "", 80, "\r> get k\x1b[0K\r\x1b[7C");
    expect_drawn("\xe4\xb8\x96x\x02", "", 80, "\r> \xe4\xb8\x96x\x1b[0K\r\x1b[4C");
}

Test(edit, the_hint_is_grey_and_only_behind_the_end)
{
    expect_drawn("get", " key", 80, "\r> get\x1b[90m key\x1b[0m\x1b[0K\r\x1b[5C");
    expect_drawn("get\x01", " key", 80, "\r> get\x1b[0K\r\x1b[2C");
}

Test(edit, a_line_that_is_too_long_is_scrolled_and_cut)
{
    expect_drawn("0123456789abcdef", "", 12, "\r> 789abcdef\x1b[0K\r\x1b[11C");
    expect_drawn("0123456789abcdef\x01", "", 12, "\r> 012345678\x1b[0K\r\x1b[2C");
}

Test(edit, a_search_shows_what_is_searched_for)
{
    expect_drawn("\x12set", "", 80, "\r(reverse-i-search)`set': set a 1\x1b[0K\r\x1b[32C");
}

Test(edit, any_bytes_at_all_leave_a_sound_line)
{
    uint64_t seed = seed_get();
    struct rng rng;
    struct fixture f;
    struct edit_view view = {.prompt = "> ", .columns = 20};

    rng_init(&rng, seed);
    start(&f);
    for (int round = 0; round < 5000; round++) {
        char bytes[8];
        struct key key;
        struct buf out = {0};

        rng_hex(&rng, bytes, sizeof(bytes));
        bytes[0] = (char)rng_below(&rng, 256);
        bytes[1] = rng_one_in(&rng, 3) ? '[' : (char)rng_below(&rng, 256);
        SEED_ASSERT(key_decode(bytes_make(bytes, sizeof(bytes)), true, &key) > 0, seed);
        if (edit_key(&f.edit, &key) == EDIT_LINE) {
            edit_reset(&f.edit);
        }
        SEED_ASSERT(f.edit.cursor <= f.edit.text.len, seed);
        edit_draw(&f.edit, &view, &out);
        buf_deinit(&out);
    }
    stop(&f);
}

Test(keys, an_incomplete_sequence_asks_for_more)
{
    struct key key;

    cr_assert_eq(key_decode(BYTES_LITERAL("\x1b"), false, &key), 0);
    cr_assert_eq(key_decode(BYTES_LITERAL("\x1b["), false, &key), 0);
    cr_assert_eq(key_decode(BYTES_LITERAL("\x1b[1;"), false, &key), 0);
    cr_assert_eq(key_decode(BYTES_LITERAL("\xe4\xb8"), false, &key), 0);
    cr_assert_eq(key_decode(BYTES_LITERAL("\x1b"), true, &key), 1);
    cr_assert_eq(key.kind, KEY_ESCAPE);
}

Test(utf8, only_shortest_forms_without_surrogates_are_valid)
{
    static const char *const bad[] = {"\xc0\x80",         "\xe0\x80\x80",     "\xed\xa0\x80",
                                      "\xf8\x88\x80\x80", "\xf4\x90\x80\x80", "\x80",
                                      "\xe4\xb8"};

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct utf8_char c = utf8_decode(bytes_from_text(bad[i]));

        cr_assert_not(c.is_valid, "case %zu", i);
        cr_assert_eq(c.len, 1);
    }
    cr_assert_eq(utf8_decode(BYTES_LITERAL("\xf0\x9f\x98\x80")).code, 0x1f600);
}

Test(utf8, widths_know_combining_and_wide_characters)
{
    cr_assert_eq(utf8_text_width(BYTES_LITERAL("abc")), 3);
    cr_assert_eq(utf8_text_width(BYTES_LITERAL("e\xcc\x81")), 1);
    cr_assert_eq(utf8_text_width(BYTES_LITERAL("\xe4\xb8\x96")), 2);
}
