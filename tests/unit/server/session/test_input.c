/* SPDX-License-Identifier: MIT */
/* What a client has sent and was not executed: its order, whatever happens to it. */
#include "session/input.h"

#include <criterion/criterion.h>
#include <signal.h>

static void expect(struct input *input, const char *text)
{
    cr_expect_str_eq(buf_text(&input->buf), text);
    input_check(input);
}

Test(input, keeps_what_arrives_in_order)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("PI"));
    input_append(&input, BYTES_LITERAL("NG\r\n"));
    expect(&input, "PING\r\n");
    cr_assert_eq(input_pending(&input), 6);
    input_deinit(&input);
}

Test(input, loses_what_was_consumed_and_nothing_else)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("PING\r\nGET"));
    input.consumed = 6;
    input_compact(&input);
    expect(&input, "GET");
    cr_assert_eq(input.consumed, 0);
    input_deinit(&input);
}

Test(input, reads_requests_again_in_order_before_what_came_later)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("SET a 1\r\nSET b 2\r\nGE"));
    input.consumed = 18;
    input_put_back(&input, bytes_make(input.buf.data, 9));
    input_put_back(&input, bytes_make(input.buf.data + 9, 9));
    cr_assert_eq(input_pending(&input), 20 + 18);
    input_compact(&input);
    input_append(&input, BYTES_LITERAL("T a\r\n"));
    input_rewind(&input);
    expect(&input, "SET a 1\r\nSET b 2\r\nGET a\r\n");
    cr_assert_eq(input_pending(&input), 18 + 7);
    input_rewind(&input);
    expect(&input, "SET a 1\r\nSET b 2\r\nGET a\r\n");
    input_deinit(&input);
}

Test(input, begins_a_request_anew_when_others_come_before_it)
{
    static const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct input input = {0};
    struct resp_words words = {0};
    struct resp_request request;
    struct errmsg error;

    input_append(&input, BYTES_LITERAL("*2\r\n$3\r\nGET\r\n"));
    cr_assert_eq(
        resp_read_request(&input.reader, buf_bytes(&input.buf), &limits, &words, &request, &error),
        RESP_MORE);
    input_put_back(&input, BYTES_LITERAL("*1\r\n$4\r\nPING\r\n"));
    input_rewind(&input);
    cr_assert_eq(
        resp_read_request(&input.reader, buf_bytes(&input.buf), &limits, &words, &request, &error),
        RESP_OK);
    cr_assert_eq(request.word_count, 1);
    cr_assert(bytes_equal_nocase(words.items[request.first_word], "ping"));
    VEC_DEINIT(&words);
    input_deinit(&input);
}

Test(input, has_no_memory_once_all_was_consumed)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("PING\r\n"));
    cr_assert_gt(input_memory(&input), 0);
    input.consumed = 6;
    input_compact(&input);
    cr_assert_eq(input_memory(&input), 0);
    input_deinit(&input);
}

Test(input, takes_nothing_while_a_batch_borrows_it, .signal = SIGABRT)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("PING\r\n"));
    input.consumed = 6;
    input_append(&input, BYTES_LITERAL("PING\r\n"));
}

Test(input, is_not_rewound_while_a_batch_borrows_it, .signal = SIGABRT)
{
    struct input input = {0};

    input_append(&input, BYTES_LITERAL("PING\r\n"));
    input.consumed = 6;
    input_rewind(&input);
}

Test(input, cannot_consume_more_than_there_is, .signal = SIGABRT)
{
    struct input input = {.consumed = 1};

    input_compact(&input);
}
