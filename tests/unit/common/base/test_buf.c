/* SPDX-License-Identifier: MIT */
/* base/buf. */
#include "base/buf.h"

#include "base/mem.h"

#include <criterion/criterion.h>

Test(buf, appends_follow_one_another)
{
    struct buf buf = {0};

    buf_append_text(&buf, "ab");
    buf_append_byte(&buf, 'c');
    buf_append_bytes(&buf, BYTES_LITERAL("de"));
    buf_append_i64(&buf, -12);
    buf_printf(&buf, "[%d %s]", 7, "x");
    cr_assert(bytes_equal_text(buf_bytes(&buf), "abcde-12[7 x]"));
    cr_assert_str_eq(buf_text(&buf), "abcde-12[7 x]");
    cr_assert_eq(buf.len, 13, "the terminator does not count");
    buf_deinit(&buf);
}

Test(buf, reserved_room_does_not_move)
{
    struct buf buf = {0};
    char *start = buf_reserve(&buf, 1000);

    for (int i = 0; i < 1000; i++) {
        buf_append_byte(&buf, (char)i);
    }
    cr_assert_eq(buf.data, start);
    buf_deinit(&buf);
}

Test(buf, consume_moves_the_rest_to_the_front)
{
    struct buf buf = {0};

    buf_append_text(&buf, "headtail");
    buf_consume(&buf, 4);
    cr_assert(bytes_equal_text(buf_bytes(&buf), "tail"));
    buf_consume(&buf, 4);
    cr_assert_eq(buf.len, 0);
    buf_deinit(&buf);
}

Test(buf, steal_leaves_an_empty_one)
{
    struct buf buf = {0};
    struct buf stolen;

    buf_append_text(&buf, "mine");
    stolen = buf_steal(&buf);
    cr_assert_eq(buf.len, 0);
    cr_assert_null(buf.data);
    cr_assert(bytes_equal_text(buf_bytes(&stolen), "mine"));
    buf_deinit(&stolen);
}

Test(buf, shrinks_only_when_empty_and_large)
{
    struct buf buf = {0};

    buf_reserve(&buf, 5000);
    buf_append_byte(&buf, 'x');
    buf_shrink_when_empty(&buf, 100);
    cr_assert_geq(buf.cap, 5000);
    buf_clear(&buf);
    buf_shrink_when_empty(&buf, 10000);
    cr_assert_geq(buf.cap, 5000);
    buf_shrink_when_empty(&buf, 100);
    cr_assert_eq(buf.cap, 0);
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}

Test(buf, long_values_hold_little_more_than_their_size)
{
    struct buf buf = {0};

    for (int i = 0; i < 64; i++) {
        static const char piece[64 * 1024];

        buf_append(&buf, piece, sizeof(piece));
    }
    cr_assert_eq(buf.len, (size_t)4 * 1024 * 1024);
    cr_assert_leq(buf.cap, buf.len + buf.len / 4);
    buf_deinit(&buf);
}
