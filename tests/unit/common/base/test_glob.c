/* SPDX-License-Identifier: MIT */
/* base/glob. */
#include "base/glob.h"

#include "base/attr.h"

#include <criterion/criterion.h>

static const struct {
    const char *pattern;
    const char *text;
    bool matches;
} cases[] = {
    {"",             "",          true },
    {"",             "a",         false},
    {"*",            "",          true },
    {"*",            "anything",  true },
    {"**",           "x",         true },
    {"a*",           "abc",       true },
    {"a*",           "bac",       false},
    {"*c",           "abc",       true },
    {"a*c*e",        "abcde",     true },
    {"a*c*e",        "abcd",      false},
    {"h?llo",        "hello",     true },
    {"h?llo",        "hllo",      false},
    {"?",            "",          false},
    {"h[ae]llo",     "hallo",     true },
    {"h[ae]llo",     "hillo",     false},
    {"h[^e]llo",     "hallo",     true },
    {"h[^e]llo",     "hello",     false},
    {"h[a-c]llo",    "hbllo",     true },
    {"h[c-a]llo",    "hbllo",     true },
    {"h[a-c]llo",    "hdllo",     false},
    {"[\\]]",        "]",         true },
    {"[\\-x]",       "-",         true },
    {"\\*",          "*",         true },
    {"\\*",          "a",         false},
    {"h\\?llo",      "h?llo",     true },
    {"a\\",          "a\\",       true },
    {"news.*.[0-9]", "news.uk.7", true },
    {"news.*.[0-9]", "news.uk.x", false},
    {"*[ab]*b",      "xxaxxb",    true },
    {"Case",         "case",      false},
};

Test(glob, every_case_of_the_table_holds)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool matches =
            glob_match(bytes_from_text(cases[i].pattern), bytes_from_text(cases[i].text));

        cr_assert_eq(matches, cases[i].matches, "%s on %s", cases[i].pattern, cases[i].text);
    }
}

Test(glob, folding_is_asked_for)
{
    cr_assert(glob_match_nocase(BYTES_LITERAL("CA?e[X-Z]"), BYTES_LITERAL("caSEy")));
    cr_assert(!glob_match_nocase(BYTES_LITERAL("a"), BYTES_LITERAL("b")));
}

Test(glob, many_stars_take_no_exponential_time)
{
    char pattern[2 * 60];
    char text[5000];

    for (size_t i = 0; i < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof(pattern) - 1] = 'b';
    memset(text, 'a', sizeof(text));
    cr_assert(!glob_match(bytes_make(pattern, sizeof(pattern)), bytes_make(text, sizeof(text))));
}

Test(glob, nul_is_a_byte_like_any_other)
{
    cr_assert(glob_match(BYTES_LITERAL("a?b"), BYTES_LITERAL("a\0b")));
    cr_assert(!glob_match(BYTES_LITERAL("a"), BYTES_LITERAL("a\0")));
}
