/* SPDX-License-Identifier: MIT */
/* cli/rdb_position. */
#include "cli/rdb_position.h"

#include "base/buf.h"

#include <criterion/criterion.h>

#define ID "0123456789abcdef0123456789abcdef01234567"

static bool is_read(struct bytes begin, uint64_t offset)
{
    struct rdb_position found;

    return rdb_position_read(begin, &found) && found.offset == offset &&
           history_id_is(&found.history, bytes_from_text(ID));
}

Test(rdb_position, is_found_among_other_fields_however_its_numbers_are_kept)
{
    cr_expect(is_read(BYTES_LITERAL("REDIS0009\xfa\x09redis-ver\x05"
                                    "7.0.0\xfa\x0aredis-bits\xc0\x40\xfa\x07repl-id\x28" ID
                                    "\xfa\x0brepl-offset\xc0\x05\xfe\x00"),
                      5));
    cr_expect(
        is_read(BYTES_LITERAL("VALKEY080\xfa\x0brepl-offset\xc1\x00\x7f\xfa\x07repl-id\x40\x28" ID),
                0x7f00));
    cr_expect(is_read(BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x80\0\0\0\x28" ID
                                    "\xfa\x0brepl-offset\xc2\x00\x00\x00\x7f"),
                      0x7f000000));
    cr_expect(is_read(BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x28" ID "\xfa\x0brepl-offset\x14"
                                    "18446744073709551614"),
                      UINT64_MAX - 1));
}

Test(rdb_position, is_not_found_where_it_is_none)
{
    static const struct bytes cases[] = {
        {"", 0},
        BYTES_LITERAL("REDIS0009"),
        BYTES_LITERAL("JUNK00009\xfa\x07repl-id\x28" ID "\xfa\x0brepl-offset\xc0\x05"),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x28" ID),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x28" ID "\xfe\x00\xfa\x0brepl-offset\xc0\x05"),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x28" ID "\xfa\x0brepl-offset\xc0\xff"),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x04"
                      "0123\xfa\x0brepl-offset\xc0\x05"),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\xc3\x01\x01x"),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x81\0\0\0\0\0\0\0\x28" ID),
        BYTES_LITERAL("REDIS0009\xfa\x07repl-id\x80\xff\xff\xff\xff" ID),
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct rdb_position found;

        cr_expect_not(rdb_position_read(cases[i], &found), "%zu", i);
    }
}

Test(rdb_position, that_is_cut_off_is_none)
{
    static const char text[] = "REDIS0009\xfa\x07repl-id\x28" ID "\xfa\x0brepl-offset\xc1\x05\x00";
    struct rdb_position found;

    for (size_t len = 0; len + 1 < sizeof(text); len++) {
        cr_expect_not(rdb_position_read(bytes_make(text, len), &found), "%zu", len);
    }
    cr_expect(is_read(bytes_make(text, sizeof(text) - 1), 5));
}

Test(rdb_position, says_for_which_log_the_snapshot_was_made)
{
    static const char begin[] = "REDIS0009\xfa\x07repl-id\x28" ID "\xfa\x0brepl-offset\xc0\x05"
                                "\xfa\x0cstarling-log\x28" ID "\xfa\x0dstarling-save\xc0\x07";
    struct rdb_position found;

    cr_assert(rdb_position_read(bytes_make(begin, sizeof(begin) - 1), &found));
    cr_expect(history_id_is(&found.log, bytes_from_text(ID)));
    cr_expect_eq(found.save_number, 7);
}
