/* SPDX-License-Identifier: MIT */
/* base/num. */
#include "base/num.h"

#include "base/rng.h"

#include "tests/unit/seed.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const struct {
    const char *text;
    bool is_number;
    int64_t value;
} integers[] = {
    {"0",                    true,  0        },
    {"7",                    true,  7        },
    {"-1",                   true,  -1       },
    {"9223372036854775807",  true,  INT64_MAX},
    {"-9223372036854775808", true,  INT64_MIN},
    {"9223372036854775808",  false, 0        },
    {"-9223372036854775809", false, 0        },
    {"18446744073709551616", false, 0        },
    {"99999999999999999999", false, 0        },
    {"",                     false, 0        },
    {"-",                    false, 0        },
    {"-0",                   false, 0        },
    {"+1",                   false, 0        },
    {"01",                   false, 0        },
    {"-01",                  false, 0        },
    {" 1",                   false, 0        },
    {"1 ",                   false, 0        },
    {"1x",                   false, 0        },
    {"0x10",                 false, 0        },
    {"1.0",                  false, 0        },
};

Test(num, integers_are_read_strictly)
{
    for (size_t i = 0; i < ARRAY_COUNT(integers); i++) {
        int64_t value = 4711;
        bool is_number = num_parse_i64(bytes_from_text(integers[i].text), &value);

        cr_assert_eq(is_number, integers[i].is_number, "'%s'", integers[i].text);
        cr_assert_eq(value, is_number ? integers[i].value : 4711, "'%s'", integers[i].text);
    }
}

Test(num, unsigned_numbers_reach_their_end)
{
    uint64_t value;

    cr_assert(num_parse_u64(BYTES_LITERAL("18446744073709551615"), &value));
    cr_assert_eq(value, UINT64_MAX);
    cr_assert(!num_parse_u64(BYTES_LITERAL("18446744073709551616"), &value));
    cr_assert(!num_parse_u64(BYTES_LITERAL("-1"), &value));
}

Test(num, what_was_formatted_is_parsed)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int i = 0; i < 10000; i++) {
        int64_t value = (int64_t)(rng_u64(&rng) >> rng_below(&rng, 64));
        int64_t negative = (int64_t)(0 - (uint64_t)value);
        char text[NUM_I64_TEXT];
        int64_t back;

        SEED_ASSERT(num_parse_i64(bytes_make(text, num_format_i64(text, value)), &back), seed);
        SEED_ASSERT(back == value, seed);
        SEED_ASSERT(num_parse_i64(bytes_make(text, num_format_i64(text, negative)), &back), seed);
        SEED_ASSERT(back == negative, seed);
    }
}

Test(num, floats_are_read_whole_or_not_at_all)
{
    long double value;
    double narrow;

    cr_assert(num_parse_f80(BYTES_LITERAL("3.25"), &value) && value == 3.25L);
    cr_assert(num_parse_f80(BYTES_LITERAL("-1e3"), &value) && value == -1000.0L);
    cr_assert(num_parse_f64(BYTES_LITERAL("inf"), &narrow) && isinf(narrow));
    cr_assert(!num_parse_f80(BYTES_LITERAL(""), &value));
    cr_assert(!num_parse_f80(BYTES_LITERAL(" 1"), &value));
    cr_assert(!num_parse_f80(BYTES_LITERAL("1 "), &value));
    cr_assert(!num_parse_f80(BYTES_LITERAL("nan"), &value));
    cr_assert(!num_parse_f80(BYTES_LITERAL("1\0002"), &value));
    cr_assert(!num_parse_f80(BYTES_LITERAL("1e99999"), &value));
}

Test(num, floats_beyond_what_there_is_are_refused)
{
    static const struct {
        const char *text;
        bool is_f64;
        double f64;
        bool is_f80;
    } cases[] = {
        {"1e308",   true,  1e308,  true },
        {"1e309",   false, 0,      true },
        {"-1e400",  false, 0,      true },
        {"1e5000",  false, 0,      false},
        {"5e-324",  true,  5e-324, true },
        {"1e-320",  true,  1e-320, true },
        {"2e-324",  false, 0,      true },
        {"1e-400",  false, 0,      true },
        {"1e-4940", false, 0,      true },
        {"1e-5000", false, 0,      false},
        {"0e-5000", true,  0,      true },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes text = bytes_from_text(cases[i].text);
        double f64 = 4711;
        long double f80;

        cr_assert_eq(num_parse_f64(text, &f64), cases[i].is_f64, "%s", cases[i].text);
        cr_assert_eq(f64, cases[i].is_f64 ? cases[i].f64 : 4711, "%s", cases[i].text);
        cr_assert_eq(num_parse_f80(text, &f80), cases[i].is_f80, "%s", cases[i].text);
    }
}

/* By way of a long double these two come out one bit off. */
Test(num, doubles_are_rounded_once)
{
    double value;

    cr_assert(num_parse_f64(BYTES_LITERAL("-1.714020955232556e-11"), &value));
    cr_assert_eq(value, -1.714020955232556e-11);
    cr_assert(num_parse_f64(BYTES_LITERAL("4.362885447610536e+283"), &value));
    cr_assert_eq(value, 4.362885447610536e+283);
}

Test(num, floats_are_written_without_exponent_and_trailing_zeros)
{
    static const struct {
        long double value;
        const char *text;
    } cases[] = {
        {3.0L,   "3"                    },
        {10.5L,  "10.5"                 },
        {-0.25L, "-0.25"                },
        {1e20L,  "100000000000000000000"},
        {-0.0L,  "0"                    },
        {1e-17L, "0.00000000000000001"  },
    };
    static char out[NUM_F80_TEXT];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes text = bytes_make(out, num_format_f80(out, cases[i].value));

        cr_assert(bytes_equal_text(text, cases[i].text), "%.*s", BYTES_ARGS(text));
    }
    cr_assert_gt(num_format_f80(out, LDBL_MAX), 4900);
}

Test(num, sizes_know_two_kinds_of_units)
{
    uint64_t size;

    cr_assert(num_parse_size(BYTES_LITERAL("100"), &size) && size == 100);
    cr_assert(num_parse_size(BYTES_LITERAL("1k"), &size) && size == 1000);
    cr_assert(num_parse_size(BYTES_LITERAL("1KB"), &size) && size == 1024);
    cr_assert(num_parse_size(BYTES_LITERAL("64mb"), &size) && size == 64 * 1048576);
    cr_assert(num_parse_size(BYTES_LITERAL("2Gb"), &size) && size == UINT64_C(2) << 30);
    cr_assert(!num_parse_size(BYTES_LITERAL("mb"), &size));
    cr_assert(!num_parse_size(BYTES_LITERAL("1tb"), &size));
    cr_assert(!num_parse_size(BYTES_LITERAL("99999999999gb"), &size));
}

Test(num, sizes_are_shown_with_two_decimals)
{
    char out[32];

    num_format_size(out, sizeof(out), 100);
    cr_assert_str_eq(out, "100B");
    num_format_size(out, sizeof(out), 1536 * 1024);
    cr_assert_str_eq(out, "1.50M");
}

Test(num, the_longest_text_of_a_long_double_is_read_back)
{
    static char text[NUM_F80_TEXT];
    long double value;

    cr_assert(num_parse_f80(BYTES_LITERAL("1.5e4900"), &value));
    cr_assert(num_parse_f80(bytes_make(text, num_format_f80(text, value)), &value));
    cr_assert_gt(value, 1e4900L);
}
