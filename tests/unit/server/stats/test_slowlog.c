/* SPDX-License-Identifier: MIT */
/* The slow log against its header's promises. */
#include "stats/slowlog.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum {
    WORDS_MAX = 100
};

static void add(struct slowlog *log, const struct bytes *args, size_t count, size_t suspects)
{
    slowlog_add(log, &(struct slowlog_note){.unix_ms = 1700000000123,
                                            .amount = 12345,
                                            .args = args,
                                            .arg_count = count,
                                            .peer = BYTES_LITERAL("10.0.0.1:5000"),
                                            .name = BYTES_LITERAL("app"),
                                            .suspects = suspects});
}

static void add_word(struct slowlog *log, const char *word)
{
    struct bytes arg = bytes_from_text(word);

    add(log, &arg, 1, 0);
}

/* GET k1 k2 ... of so many words, and what is shown from the 30th argument on. */
static void expect_tail(size_t count, size_t suspects, const char *expected)
{
    struct slowlog log = {.limit = 1};
    struct bytes words[WORDS_MAX];
    char texts[WORDS_MAX][32];
    struct buf tail = {0};
    const struct slowlog_entry *entry;

    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "k%zu", i);
        words[i] = bytes_from_text(texts[i]);
    }
    add(&log, words, count, suspects);
    entry = slowlog_at(&log, 0);
    for (size_t i = 29; i < entry->arg_count; i++) {
        buf_append_bytes(&tail, entry->args[i]);
        buf_append_text(&tail, "|");
    }
    cr_expect_str_eq(buf_text(&tail), expected, "%zu words: %s", count, buf_text(&tail));
    cr_expect_leq(entry->arg_count, SLOWLOG_ARGS);
    buf_deinit(&tail);
    slowlog_deinit(&log);
}

Test(slowlog, remembers_what_it_was_told)
{
    struct slowlog log = {0};
    char word[] = "GET";
    const struct slowlog_entry *entry;

    slowlog_set_limit(&log, 10);
    add_word(&log, word);
    word[0] = 'X';
    entry = slowlog_at(&log, 0);
    cr_assert_eq(entry->id, 0);
    cr_assert_eq(entry->unix_ms, 1700000000123);
    cr_assert_eq(entry->amount, 12345);
    cr_assert_eq(entry->arg_count, 1);
    cr_assert(bytes_equal_text(entry->args[0], "GET"));
    cr_assert(bytes_equal_text(entry->peer, "10.0.0.1:5000"));
    cr_assert(bytes_equal_text(entry->name, "app"));
    slowlog_deinit(&log);
}

Test(slowlog, keeps_the_newest_up_to_its_limit_the_newest_first)
{
    struct slowlog log = {0};

    slowlog_set_limit(&log, 100);
    for (int i = 0; i < 250; i++) {
        char word[16];

        snprintf(word, sizeof(word), "%d", i);
        add_word(&log, word);
    }
    cr_assert_eq(log.count, 100);
    cr_assert_eq(slowlog_at(&log, 0)->id, 249);
    cr_assert(bytes_equal_text(slowlog_at(&log, 0)->args[0], "249"));
    cr_assert_eq(slowlog_at(&log, 99)->id, 150);
    cr_assert(bytes_equal_text(slowlog_at(&log, 99)->args[0], "150"));
    slowlog_deinit(&log);
}

Test(slowlog, drops_the_oldest_when_its_limit_falls)
{
    struct slowlog log = {0};

    slowlog_set_limit(&log, 20);
    for (int i = 0; i < 30; i++) {
        add_word(&log, "PING");
    }
    slowlog_set_limit(&log, 3);
    cr_assert_eq(log.count, 3);
    cr_assert_eq(slowlog_at(&log, 2)->id, 27);
    slowlog_set_limit(&log, 40);
    for (int i = 0; i < 60; i++) {
        add_word(&log, "PING");
    }
    cr_assert_eq(log.count, 40);
    cr_assert_eq(slowlog_at(&log, 39)->id, 50);
    slowlog_deinit(&log);
}

Test(slowlog, goes_on_counting_when_it_is_cleared_or_keeps_nothing)
{
    struct slowlog log = {0};

    add_word(&log, "PING");
    cr_assert_eq(log.count, 0);
    slowlog_set_limit(&log, 5);
    add_word(&log, "PING");
    slowlog_clear(&log);
    cr_assert_eq(log.count, 0);
    add_word(&log, "PING");
    cr_assert_eq(slowlog_at(&log, 0)->id, 2);
    slowlog_deinit(&log);
}

Test(slowlog, cuts_long_arguments_and_says_by_how_much)
{
    static const struct {
        size_t len;
        const char *end; /* of what is shown, from the 126th byte on */
    } cases[] = {
        {126, ""                     },
        {128, "xx"                   },
        {129, "xx... (1 more bytes)" },
        {200, "xx... (72 more bytes)"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct slowlog log = {.limit = 1};
        char text[200];
        struct bytes word = bytes_make(text, cases[i].len);
        struct bytes shown;

        memset(text, 'x', sizeof(text));
        add(&log, &word, 1, 0);
        shown = slowlog_at(&log, 0)->args[0];
        cr_expect(bytes_equal_text(bytes_from(shown, 126), cases[i].end), "%zu bytes: %.*s",
                  cases[i].len, BYTES_ARGS(shown));
        slowlog_deinit(&log);
    }
}

Test(slowlog, shows_32_arguments_and_says_how_many_more_there_are)
{
    expect_tail(30, 0, "k29|");
    expect_tail(32, 0, "k29|k30|k31|");
    expect_tail(33, 0, "k29|k30|... (2 more arguments)|");
    expect_tail(100, 0, "k29|k30|... (69 more arguments)|");
}

Test(slowlog, says_so_when_it_may_have_been_another_command)
{
    expect_tail(30, 7, "k29|... (or one of 7 other commands)|");
    expect_tail(31, 1, "k29|k30|... (or one of 1 other commands)|");
    expect_tail(32, 7, "k29|... (2 more arguments)|... (or one of 7 other commands)|");
}

Test(slowlog, gives_all_memory_back)
{
    size_t before = mem_used(MEM_NODE);
    struct slowlog log = {.limit = 64};

    for (int i = 0; i < 200; i++) {
        add_word(&log, "a word of some length");
    }
    cr_assert_gt(mem_used(MEM_NODE), before);
    slowlog_deinit(&log);
    cr_assert_eq(mem_used(MEM_NODE), before);
}
