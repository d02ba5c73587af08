/* SPDX-License-Identifier: MIT */
/* base/split: lines into words, with quotes. */
#include "base/split.h"

#include "base/mem.h"
#include "cli/quoted.h"
#include "tests/unit/seed.h"

#include "base/rng.h"

static void expect(const char *line, size_t count, const char *const *words)
{
    struct split split = {0};

    cr_assert(split_line(&split, bytes_from_text(line)), "refused: %s", line);
    cr_assert_eq(split.words.count, count, "%zu words in: %s", split.words.count, line);
    for (size_t i = 0; i < count; i++) {
        cr_assert(bytes_equal_text(split.words.items[i], words[i]), "word %zu of: %s", i, line);
    }
    split_deinit(&split);
    cr_assert_eq(mem_used_total(), 0);
}

#define EXPECT(line, ...)                                                                          \
    expect(line, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                           \
           (const char *[]){__VA_ARGS__})

static void expect_refused(const char *line)
{
    struct split split = {0};

    cr_assert_not(split_line(&split, bytes_from_text(line)), "taken: %s", line);
    split_deinit(&split);
}

Test(split, words_are_separated_by_any_run_of_blanks)
{
    EXPECT("get k", "get", "k");
    EXPECT("  set\t k   v \r\n", "set", "k", "v");
    expect("   ", 0, NULL);
    expect("", 0, NULL);
}

Test(split, double_quotes_take_escapes)
{
    EXPECT("set k \"a b\"", "set", "k", "a b");
    EXPECT("\"\\n\\r\\t\\a\\b\\\\\\\"\"", "\n\r\t\a\b\\\"");
    EXPECT("\"\\x41\\x6a\\xzz\"", "Ajxzz");
    EXPECT("\"\" x", "", "x");
}

Test(split, single_quotes_take_nothing_but_an_escaped_quote)
{
    EXPECT("'a b' '\\n' 'it\\'s'", "a b", "\\n", "it's");
}

Test(split, a_quote_that_is_not_closed_is_refused)
{
    expect_refused("set k \"abc");
    expect_refused("set k 'abc");
    expect_refused("\"abc\\");
}

Test(split, something_behind_a_closing_quote_is_refused)
{
    expect_refused("\"a\"b");
    expect_refused("'a'b");
}

Test(split, zero_bytes_can_be_written_as_hex)
{
    struct split split = {0};

    cr_assert(split_line(&split, BYTES_LITERAL("\"a\\x00b\"")));
    cr_assert(bytes_equal(split.words.items[0], BYTES_LITERAL("a\0b")));
    split_deinit(&split);
}

Test(split, what_render_quotes_is_read_back_the_same)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 500; round++) {
        struct buf text = {0};
        struct buf quoted = {0};
        struct split split = {0};

        for (uint64_t left = rng_below(&rng, 40); left > 0; left--) {
            buf_append_byte(&text, (char)rng_below(&rng, 256));
        }
        quoted_encode(&quoted, buf_bytes(&text));
        SEED_ASSERT(split_line(&split, buf_bytes(&quoted)) && split.words.count == 1, seed);
        SEED_ASSERT(bytes_equal(split.words.items[0], buf_bytes(&text)), seed);
        split_deinit(&split);
        buf_deinit(&text);
        buf_deinit(&quoted);
    }
}

Test(quoted, a_word_means_itself_unless_it_begins_with_a_quote)
{
    static const struct {
        const char *word;
        const char *meant; /* NULL: refused */
        size_t len;
    } cases[] = {
        {"plain",       "plain", 5},
        {"a\"b",        "a\"b",  3},
        {"\"a\\x00b\"", "a\0b",  3},
        {"'it\\'s'",    "it's",  4},
        {"\"\"",        "",      0},
        {"\"open",      NULL,    0},
        {"\"a\" b",     NULL,    0},
        {"\"a\"b",      NULL,    0},
        {"",            "",      0},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf out = {0};
        bool is_ok = quoted_decode(cases[i].word, &out);

        cr_assert_eq(is_ok, cases[i].meant != NULL, "%s", cases[i].word);
        cr_assert(!is_ok || bytes_equal(buf_bytes(&out), bytes_make(cases[i].meant, cases[i].len)));
        buf_deinit(&out);
    }
}
