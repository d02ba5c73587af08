/* SPDX-License-Identifier: MIT */
/* cli/hints: what the command table tells the person at the keyboard. */
#include "cli/hints.h"

#include "base/mem.h"

#include <criterion/criterion.h>

static void expect_hint(const char *line, const char *hint)
{
    struct buf out = {0};

    hints_write(bytes_from_text(line), &out);
    cr_assert_str_eq(buf_text(&out), hint, "hint of '%s' is '%s'", line, buf_text(&out));
    buf_deinit(&out);
    cr_assert_eq(mem_used_total(), 0);
}

static bool has_completion(const char *line, const char *wanted)
{
    struct buf out = {0};
    bool is_there = false;

    for (size_t n = 0; hints_complete(bytes_from_text(line), n, &out); n++) {
        is_there |= bytes_equal_text(buf_bytes(&out), wanted);
        buf_clear(&out);
    }
    buf_deinit(&out);
    return is_there;
}

Test(hints, arguments_that_are_still_missing_are_shown)
{
    expect_hint("getrange", " key start end");
    expect_hint("GETRANGE ", "key start end");
    expect_hint("getrange k", " start end");
    expect_hint("getrange k 0 ", "end");
    expect_hint("getrange k 0 1", "");
}

Test(hints, options_stay_shown_once_they_are_reached)
{
    expect_hint("expire k 5", " [NX|XX|GT|LT]");
    expect_hint("expire k 5 NX", " [NX|XX|GT|LT]");
}

Test(hints, subcommands_have_arguments_of_their_own)
{
    expect_hint("cluster meet", " ip port [cluster-bus-port]");
    expect_hint("cluster meet h ", "port [cluster-bus-port]");
}

Test(hints, an_unknown_or_empty_line_has_no_hint)
{
    expect_hint("", "");
    expect_hint("   ", "");
    expect_hint("nosuch", "");
}

Test(hints, commands_subcommands_and_topics_are_completed)
{
    cr_assert(has_completion("ge", "get"));
    cr_assert(has_completion("GE", "GETRANGE"));
    cr_assert(has_completion("cluster ", "cluster nodes"));
    cr_assert(has_completion("help clus", "help cluster"));
    cr_assert(has_completion("help @str", "help @string"));
    cr_assert(has_completion("qu", "quit"));
    cr_assert_not(has_completion("ge", "cluster"));
    cr_assert_not(has_completion("", "get"));
    cr_assert_not(has_completion("get ", "get nodes"));
    cr_assert_not(has_completion("cluster meet ", "cluster meet nodes"));
    cr_assert_eq(mem_used_total(), 0);
}

static void expect_help(size_t count, const char *const *texts, const char *wanted)
{
    struct bytes words[4];
    struct buf out = {0};

    for (size_t i = 0; i < count; i++) {
        words[i] = bytes_from_text(texts[i]);
    }
    hints_write_help(words, count, &out);
    cr_assert_not_null(strstr(buf_text(&out), wanted), "%s", buf_text(&out));
    buf_deinit(&out);
}

Test(hints, help_tells_about_commands_groups_and_itself)
{
    expect_help(0, NULL, "help @<group>");
    expect_help(1, (const char *[]){"get"}, "GET key\n  summary: ");
    expect_help(1, (const char *[]){"cluster"}, "CLUSTER MEET ip port");
    expect_help(2, (const char *[]){"cluster", "meet"}, "CLUSTER MEET ip port");
    expect_help(1, (const char *[]){"@string"}, "GETRANGE key start end");
    expect_help(1, (const char *[]){"nosuch"}, "no help");
    expect_help(1, (const char *[]){"@nosuch"}, "@generic");
    cr_assert_eq(mem_used_total(), 0);
}
