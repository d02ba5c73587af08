/* SPDX-License-Identifier: MIT */
/* cli/render and cli/json: one reply in every format. */
#include "cli/render.h"

#include "base/mem.h"
#include "cli/json.h"

#include <criterion/criterion.h>

static void expect(const char *wire, enum render_format format, const char *text)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct render_options options = {.format = format, .delimiter = "\n", .terminator = "\n"};
    struct resp_value value;
    struct buf out = {0};
    size_t consumed;

    cr_assert_eq(resp_value_read(bytes_from_text(wire), &limits, &value, &consumed, NULL), RESP_OK);
    render_reply(&out, &value, &options);
    cr_assert_str_eq(buf_text(&out), text);
    resp_value_deinit(&value);
    buf_deinit(&out);
    cr_assert_eq(mem_used_total(), 0);
}

Test(render, scalars_for_people_say_their_type)
{
    expect("+OK\r\n", RENDER_TTY, "OK\n");
    expect(":-3\r\n", RENDER_TTY, "(integer) -3\n");
    expect("$-1\r\n", RENDER_TTY, "(nil)\n");
    expect("_\r\n", RENDER_TTY, "(nil)\n");
    expect("#t\r\n", RENDER_TTY, "(true)\n");
    expect("#f\r\n", RENDER_TTY, "(false)\n");
    expect(",3.14\r\n", RENDER_TTY, "(double) 3.14\n");
    expect("-ERR no\r\n", RENDER_TTY, "(error) ERR no\n");
    expect("=7\r\ntxt:a\"b\r\n", RENDER_TTY, "a\"b\n");
}

Test(render, strings_for_people_are_quoted_and_escaped)
{
    expect("$9\r\na\"\\\n\r\t\a\b\xff\r\n", RENDER_TTY, "\"a\\\"\\\\\\n\\r\\t\\a\\b\\xff\"\n");
}

Test(render, empty_aggregates_have_words_of_their_own)
{
    expect("*0\r\n", RENDER_TTY, "(empty array)\n");
    expect("%0\r\n", RENDER_TTY, "(empty hash)\n");
    expect("~0\r\n", RENDER_TTY, "(empty set)\n");
    expect(">0\r\n", RENDER_TTY, "(empty push)\n");
}

Test(render, nested_arrays_are_indented_below_their_number)
{
    expect("*2\r\n*2\r\n:1\r\n*1\r\n$1\r\na\r\n:2\r\n", RENDER_TTY,
           "1) 1) (integer) 1\n"
           "   2) 1) \"a\"\n"
           "2) (integer) 2\n");
}

Test(render, numbers_of_ten_and_more_elements_are_aligned)
{
    expect("*10\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n*2\r\n:1\r\n:2\r\n",
           RENDER_TTY,
           " 1) (integer) 0\n 2) (integer) 1\n 3) (integer) 2\n 4) (integer) 3\n"
           " 5) (integer) 4\n 6) (integer) 5\n 7) (integer) 6\n 8) (integer) 7\n"
           " 9) (integer) 8\n10) 1) (integer) 1\n    2) (integer) 2\n");
}

Test(render, maps_and_sets_have_marks_of_their_own)
{
    expect("%1\r\n$1\r\nk\r\n*2\r\n:1\r\n:2\r\n", RENDER_TTY,
           "1# \"k\" => \n   1) (integer) 1\n   2) (integer) 2\n");
    expect("~2\r\n:1\r\n:2\r\n", RENDER_TTY, "1~ (integer) 1\n2~ (integer) 2\n");
}

Test(render, what_a_map_holds_stands_below_its_key_when_it_is_more_than_one)
{
    expect("%2\r\n+a\r\n*1\r\n:1\r\n+b\r\n%2\r\n+c\r\n~2\r\n:2\r\n:3\r\n+d\r\n*0\r\n", RENDER_TTY,
           "1# a => 1) (integer) 1\n"
           "2# b => \n"
           "   1# c => \n"
           "      1~ (integer) 2\n"
           "      2~ (integer) 3\n"
           "   2# d => (empty array)\n");
    expect("%1\r\n%1\r\n+a\r\n+b\r\n%1\r\n+c\r\n+d\r\n", RENDER_TTY, "1# 1# a => b => 1# c => d\n");
}

Test(render, keys_that_are_no_longer_valid_are_listed_on_a_line)
{
    const char *keys = ">2\r\n$10\r\ninvalidate\r\n*2\r\n$3\r\nfoo\r\n$1\r\nb\r\n";

    expect(keys, RENDER_TTY, "-> invalidate: 'foo', 'b'\n");
    expect(keys, RENDER_RAW, "invalidate\nfoo\nb\n");
    expect(">2\r\n$10\r\ninvalidate\r\n_\r\n", RENDER_TTY, "1) \"invalidate\"\n2) (nil)\n");
    expect(">2\r\n$7\r\nmessage\r\n*1\r\n$1\r\na\r\n", RENDER_TTY, "1) \"message\"\n2) 1) \"a\"\n");
}

static void expect_plain(const char *wire, enum render_format format, const char *text)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct render_options options = {.format = format, .delimiter = "\n", .terminator = "\n"};
    struct resp_value value;
    struct buf out = {0};
    size_t consumed;

    cr_assert_eq(resp_value_read(bytes_from_text(wire), &limits, &value, &consumed, NULL), RESP_OK);
    render_plain_text(&out, &value, &options);
    cr_assert_str_eq(buf_text(&out), text);
    resp_value_deinit(&value);
    buf_deinit(&out);
}

Test(render, text_for_people_gets_no_line_end_besides_its_own)
{
    expect_plain("$4\r\na\nb\n\r\n", RENDER_TTY, "a\nb\n");
    expect_plain("$4\r\na\nb\n\r\n", RENDER_RAW, "a\nb\n");
    expect_plain("$3\r\na\nb\r\n", RENDER_TTY, "a\nb\n");
    expect_plain("$3\r\na\nb\r\n", RENDER_RAW, "a\nb");
    expect_plain("=8\r\ntxt:a\nb\n\r\n", RENDER_CSV, "\"a\\nb\\n\"\n");
    expect_plain("-ERR no\r\n", RENDER_TTY, "(error) ERR no\n");
}

Test(render, raw_output_is_the_bytes_and_a_line_end)
{
    expect("$3\r\na\"b\r\n", RENDER_RAW, "a\"b\n");
    expect("*3\r\n$1\r\na\r\n$-1\r\n:2\r\n", RENDER_RAW, "a\n\n2\n");
    expect("%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n", RENDER_RAW, "a 1\nb 2\n");
    expect("-ERR no\r\n", RENDER_RAW, "ERR no\n\n");
    expect("$-1\r\n", RENDER_RAW, "\n");
}

Test(render, raw_output_takes_another_delimiter)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct render_options options = {.format = RENDER_RAW, .delimiter = "|", .terminator = ""};
    struct resp_value value;
    struct buf out = {0};
    size_t consumed;

    cr_assert_eq(
        resp_value_read(BYTES_LITERAL("*2\r\n:1\r\n:2\r\n"), &limits, &value, &consumed, NULL),
        RESP_OK);
    render_reply(&out, &value, &options);
    cr_assert_str_eq(buf_text(&out), "1|2");
    resp_value_deinit(&value);
    buf_deinit(&out);
}

Test(render, csv_is_one_line_with_quoted_strings)
{
    expect("*4\r\n$1\r\na\r\n$-1\r\n:2\r\n#t\r\n", RENDER_CSV, "\"a\",NULL,2,true\n");
    expect("-ERR no\r\n", RENDER_CSV, "ERROR,\"ERR no\"\n");
}

Test(render, json_has_its_own_types)
{
    expect("%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*3\r\n_\r\n#t\r\n,2.5\r\n", RENDER_JSON,
           "{\"a\":1,\"b\":[null,true,2.5]}\n");
    expect("-ERR \"x\"\r\n", RENDER_JSON, "{\"error\":\"ERR \\\"x\\\"\"}\n");
    expect(",inf\r\n", RENDER_JSON, "\"inf\"\n");
    expect("%1\r\n:1\r\n+x\r\n", RENDER_JSON, "{\"1\":\"x\"}\n");
}

Test(render, json_has_doubles_as_they_were_sent_when_they_are_json)
{
    expect("*6\r\n,3.140\r\n,1e10\r\n,-0.5E-3\r\n,.5\r\n,5.\r\n,07\r\n", RENDER_JSON,
           "[3.140,1e10,-0.5E-3,0.5,5,7]\n");
}

Test(json, control_characters_are_escaped)
{
    struct buf out = {0};

    json_write_text(&out, BYTES_LITERAL("\"\\\n\r\t\b\f\x01\x7f/"), false);
    cr_assert_str_eq(buf_text(&out), "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u007f/\"");
    buf_deinit(&out);
}

Test(json, utf8_passes_and_other_bytes_are_replaced)
{
    struct buf out = {0};

    json_write_text(&out, BYTES_LITERAL("\xc3\xa9\xff\xe2\x82"), false);
    cr_assert_str_eq(buf_text(&out), "\"\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    buf_deinit(&out);
}

Test(json, quoted_text_is_ascii_that_says_which_bytes_there_were)
{
    struct buf out = {0};

    json_write_text(&out, BYTES_LITERAL("a\xc3\xa9\xff\n\x01\\\""), true);
    cr_assert_str_eq(buf_text(&out), "\"a\\\\xc3\\\\xa9\\\\xff\\\\n\\\\x01\\\\\\\\\\\\\\\"\"");
    buf_deinit(&out);
}
