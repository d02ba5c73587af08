/* SPDX-License-Identifier: MIT */
/* What several families of commands answer alike. */
#include "control/answer.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

#include <signal.h>
#include <stdio.h>

/* Reads word as a time to wait, outside any node; what was replied, for the caller to deinit. */
static struct buf read_timeout(const char *word, bool *is_read, int64_t *ms)
{
    struct bytes args[] = {BYTES_LITERAL("X"), bytes_from_text(word)};
    struct buf out = {0};
    struct resp_writer writer = {.out = &out, .version = 2};
    struct request request = {.args = args, .arg_count = 2, .reply = &writer};

    *is_read = answer_read_timeout(&request, 1, ms);
    return out;
}

Test(answer, a_time_is_read_or_the_reason_is_replied)
{
    static const struct {
        const char *word;
        int64_t ms; /* -1: refused */
        const char *reply;
    } cases[] = {
        {"0",                   0,                ""                                                  },
        {"1500",                1500,             ""                                                  },
        {"2305843009213693",    2305843009213693, ""                                                  },
        {"2305843009213694",    -1,               "-ERR timeout is out of range\r\n"                  },
        {"9223372036854775807", -1,               "-ERR timeout is out of range\r\n"                  },
        {"-1",                  -1,               "-ERR timeout is negative\r\n"                      },
        {"1.5",                 -1,               "-ERR timeout is not an integer or out of range\r\n"},
        {"",                    -1,               "-ERR timeout is not an integer or out of range\r\n"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t ms = -1;
        bool is_read;
        struct buf out = read_timeout(cases[i].word, &is_read, &ms);

        cr_expect_eq(is_read, cases[i].ms >= 0, "%s", cases[i].word);
        cr_expect(!is_read || ms == cases[i].ms, "%s", cases[i].word);
        cr_expect_str_eq(buf_text(&out), cases[i].reply);
        buf_deinit(&out);
    }
}

Test(answer, the_longest_time_can_be_added_to_any_time)
{
    int64_t ms;
    bool is_read;
    struct buf out = read_timeout("2305843009213693", &is_read, &ms);
    struct mono_time late = {.us = INT64_C(86400) * 365 * 1000 * 1000000};

    cr_assert(is_read);
    cr_assert(mono_is_before(late, mono_add_ms(late, ms)));
    buf_deinit(&out);
}

Test(answer, of_a_word_that_is_not_there_is_a_bug, .signal = SIGABRT)
{
    struct request request = {.arg_count = 1};
    int64_t ms;

    (void)!answer_read_timeout(&request, 1, &ms);
}

Test(answer, help_has_the_lines_that_are_given)
{
    static const char *const lines[] = {"one", "two"};
    struct buf out = {0};
    struct resp_writer writer = {.out = &out, .version = 2};
    struct request request = {.reply = &writer};

    answer_help(&request, lines, ARRAY_COUNT(lines));
    cr_assert_str_eq(buf_text(&out), "*2\r\n+one\r\n+two\r\n");
    buf_deinit(&out);
}

Test(answer, every_family_has_help_with_pairs_of_lines)
{
    static const char *const families[] = {"CLIENT", "CONFIG", "COMMAND", "DEBUG",
                                           "MEMORY", "OBJECT", "SLOWLOG", "CLUSTER"};
    const struct alone_option options[] = {
        {"enable-debug-command", "yes"},
        {"cluster-enabled",      "yes"}
    };
    struct alone *a = answers_start(options, ARRAY_COUNT(options));

    for (size_t i = 0; i < ARRAY_COUNT(families); i++) {
        char line[32];
        char pattern[64];

        snprintf(line, sizeof(line), "%s HELP", families[i]);
        snprintf(pattern, sizeof(pattern), "[*]*|+%s*ubcommands are:|+*|+    *", families[i]);
        answers_expect(a, line, pattern);
    }
    alone_free(a);
}

Test(answer, without_cluster_mode_what_needs_it_says_so)
{
    static const char *const lines[] = {"READONLY",      "READWRITE",       "ASKING",
                                        "CLUSTER INFO",  "CLUSTER NODES",   "CLUSTER MYID",
                                        "CLUSTER SLOTS", "CLUSTER FAILOVER"};
    struct alone *a = answers_start(NULL, 0);

    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        answers_expect(a, lines[i], "-ERR This instance has cluster support disabled|");
    }
    alone_free(a);
}
