/* SPDX-License-Identifier: MIT */
#include "cli/log_show.h"

#include <criterion/criterion.h>

#define STREAM                                                                                     \
    "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\0b\r\n"                \
    "*1\r\n$8\r\nFLUSHALL\r\n\r\n*1\r\n$4\r\nPING\r\n"

static struct bytes stream(void)
{
    return bytes_make(STREAM, sizeof(STREAM) - 1);
}

/* The stream in pieces of one size, each a second later. */
static void expect_lines(size_t size, const struct log_range *range, const char *expected)
{
    struct log_lines lines = {.range = *range, .offset = 1000};
    struct errmsg error = {0};
    struct buf out = {0};
    struct bytes rest = stream();
    int64_t unix_ms = 1764250000000;

    while (rest.len > 0) {
        struct bytes piece = bytes_prefix(rest, rest.len < size ? rest.len : size);

        cr_assert(log_lines_add(&lines, piece, unix_ms, &out, &error), "%s", error.text);
        rest = bytes_from(rest, piece.len);
        unix_ms += 1000;
    }
    cr_expect_str_eq(buf_text(&out), expected, "%zu: %s", size, buf_text(&out));
    buf_deinit(&out);
    log_lines_deinit(&lines);
}

#define AT(second) "2025-11-27T13:26:" second ".000Z  "

Test(log_show, has_a_line_with_offset_and_time_for_each_request)
{
    struct log_range all = {0};

    expect_lines(
        1000, &all,
        "        1000  " AT("40") "\"SELECT\" \"0\"\n"
                                  "        1023  " AT("40") "\"SET\" \"k\" \"a\\x00b\"\n"
                                                            "        1052  " AT(
                                                                "40") "\"FLUSHALL\"\n"
                                                                      "        1072  " AT(
                                                                          "40") "\"PING\"\n");
    expect_lines(
        30, &all,
        "        1000  " AT("40") "\"SELECT\" \"0\"\n"
                                  "        1023  " AT("41") "\"SET\" \"k\" \"a\\x00b\"\n"
                                                            "        1052  " AT(
                                                                "42") "\"FLUSHALL\"\n"
                                                                      "        1072  " AT(
                                                                          "42") "\"PING\"\n");
}

Test(log_show, takes_only_what_is_wanted)
{
    static const struct log_range ranges[] = {
        {.has_from = true, .from = {.offset = 1024}, .has_to = true, .to = {.offset = 1072}},
        {.has_from = true, .from = {.offset = 1052}, .has_to = true, .to = {.offset = 1053}},
        {.has_from = true,
         .from = {true, 0, 1764250001001},
         .has_to = true,
         .to = {.offset = 1070}                                                            },
        {.has_from = true,
         .from = {.offset = 1030},
         .has_to = true,
         .to = {true, 0, 1764250002000}                                                    },
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        /* Pieces of 27 bytes: FLUSHALL ends in the third, PING in the fourth. */
        expect_lines(27, &ranges[i], "        1052  " AT("42") "\"FLUSHALL\"\n");
    }
}

Test(log_show, cuts_long_words_and_requests_short)
{
    struct log_lines lines = {0};
    struct errmsg error = {0};
    struct buf out = {0};
    struct buf in = {0};

    buf_append_text(&in, "*12\r\n$50\r\n");
    for (int i = 0; i < 50; i++) {
        buf_append_byte(&in, 'x');
    }
    buf_append_text(&in, "\r\n");
    for (int i = 0; i < 11; i++) {
        buf_append_text(&in, "$1\r\ny\r\n");
    }
    cr_assert(log_lines_add(&lines, buf_bytes(&in), -1, &out, &error), "%s", error.text);
    cr_expect_str_eq(
        buf_text(&out),
        "           0  -  \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"...(50 bytes) \"y\" "
        "\"y\" \"y\" \"y\" \"y\" \"y\" \"y\" ... (12 words)\n");
    buf_deinit(&in);
    buf_deinit(&out);
    log_lines_deinit(&lines);
}

Test(log_show, says_where_there_is_no_request)
{
    struct log_lines lines = {.offset = 7};
    struct errmsg error = {0};
    struct buf out = {0};

    cr_expect_not(
        log_lines_add(&lines, BYTES_LITERAL("*1\r\n$4\r\nPING\r\n*x\r\n"), 0, &out, &error));
    cr_expect_not_null(strstr(error.text, "what is at offset 21 is no request"), "%s", error.text);
    buf_deinit(&out);
    log_lines_deinit(&lines);
}
