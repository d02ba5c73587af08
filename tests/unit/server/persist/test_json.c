/* SPDX-License-Identifier: MIT */
/* support/json, which the samples are read with. */
#include "tests/support/json.h"

#include "base/mem.h"

#include <criterion/criterion.h>

static bool is_json(const char *text, struct errmsg *error)
{
    struct json json;
    bool is_good = json_parse(bytes_from_text(text), &json, error);

    if (is_good) {
        json_deinit(&json);
    }
    cr_assert_eq(mem_used_total(), 0);
    return is_good;
}

Test(json, values_of_every_kind_are_read)
{
    static const char *const good[] = {
        "null",      " true ",     "false",           "0",  "-0",  "-1.5e+10", "1E-3",
        "0.5e0",     "\"\"",       "\"\\u0000\"",     "[]", "[ ]", "{}",       "[1]",
        "[1 , [2]]", "{\"\": {}}", "\n{\r\"a\"\t:1}",
    };

    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct errmsg error = {0};

        cr_assert(is_json(good[i], &error), "%s: %s", good[i], error.text);
    }
}

Test(json, strings_are_decoded)
{
    struct json json;
    struct bytes expected =
        BYTES_LITERAL("a\"\\/\b\f\n\r\t\0\xc3\xbf\xe2\x82\xac\xf0\x9f\x90\xa6\xc3\xa9");

    cr_assert(json_parse(
        BYTES_LITERAL("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00fF\\u20ac\\ud83d\\udc26\xc3\xa9\""),
        &json, NULL));
    cr_assert(json.kind == JSON_STRING && bytes_equal(buf_bytes(&json.text), expected));
    json_deinit(&json);
}

Test(json, members_are_found_by_their_names)
{
    struct json json;

    cr_assert(json_parse(BYTES_LITERAL("{\"a\": [true, -1.50, \"x\"], \"b\": null}"), &json, NULL));
    cr_assert_eq(json.count, 2);
    cr_assert_eq(json_member(&json, "a")->count, 3);
    cr_assert(json_member(&json, "a")->members[0].value.boolean);
    cr_assert(
        bytes_equal_text(buf_bytes(&json_member(&json, "a")->members[1].value.text), "-1.50"));
    cr_assert_eq(json_member(&json, "b")->kind, JSON_NULL);
    cr_assert_null(json_member(&json, "c"));
    cr_assert_null(json_member(json_member(&json, "a"), "a"));
    json_deinit(&json);
    cr_assert_eq(mem_used_total(), 0);
}

Test(json, what_is_no_json_is_refused_with_the_place)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"",                     "at 0: a value is missing"                                },
        {"nul",                  "at 0: a value is missing"                                },
        {"1 2",                  "at 2: something follows the value"                       },
        {"01",                   "at 1: something follows the value"                       },
        {"+1",                   "at 0: a value is missing"                                },
        {"-",                    "at 1: a digit is missing"                                },
        {"1.",                   "at 2: a digit is missing"                                },
        {".5",                   "at 0: a value is missing"                                },
        {"1e",                   "at 2: a digit is missing"                                },
        {"NaN",                  "at 0: a value is missing"                                },
        {"\"a",                  "at 2: a string is not closed, or has a control character"},
        {"\"\n\"",               "at 1: a string is not closed, or has a control character"},
        {"\"\\x\"",              "at 2: an unknown escape"                                 },
        {"\"\\u12g4\"",          "at 5: four hex digits are missing"                       },
        {"\"\\udc26\"",          "at 7: half a surrogate pair"                             },
        {"\"\\ud83dx\"",         "at 7: half a surrogate pair"                             },
        {"\"\xff\"",             "at 1: this is not UTF-8"                                 },
        {"\"\xc0\x80\"",         "at 1: this is not UTF-8"                                 },
        {"\"\xed\xa0\x80\"",     "at 1: this is not UTF-8"                                 },
        {"\"\xf4\x90\x80\x80\"", "at 1: this is not UTF-8"                                 },
        {"\"\xe2\x82",           "at 1: this is not UTF-8"                                 },
        {"'a'",                  "at 0: a value is missing"                                },
        {"[1,]",                 "at 3: a value is missing"                                },
        {"[1",                   "at 2: a comma or an end is missing"                      },
        {"[1}",                  "at 2: a comma or an end is missing"                      },
        {"{1:2}",                "at 1: a string is missing"                               },
        {"{\"a\"}",              "at 4: a colon is missing"                                },
        {"{\"a\":1,}",           "at 7: a string is missing"                               },
        {"{\"a\":1,\"a\":2}",    "at 10: a name is there twice"                            },
        {"/* */ 1",              "at 0: a value is missing"                                },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct errmsg error = {0};

        cr_assert_not(is_json(cases[i].text, &error), "%s", cases[i].text);
        cr_assert_str_eq(error.text, cases[i].error);
    }
}

Test(json, depth_is_bounded)
{
    char text[2 * JSON_DEPTH_MAX + 3] = {0};
    struct errmsg error = {0};

    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    cr_assert(is_json(text, &error));
    memset(text, '[', JSON_DEPTH_MAX + 1);
    memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    cr_assert_not(is_json(text, &error));
    cr_assert_str_eq(error.text, "at 33: nested too deeply");
}
