/* SPDX-License-Identifier: MIT */
/* cli/rdb_check: what is a whole snapshot, whatever pieces it comes in. */
#include "cli/rdb_check.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/crc.h"

#include <criterion/criterion.h>
#include <string.h>

static bool check_in_pieces(struct bytes all, size_t piece_len, struct errmsg *error)
{
    struct rdb_check check = {0};

    for (size_t at = 0; at < all.len; at += piece_len) {
        size_t left = all.len - at;

        rdb_check_add(&check, bytes_make(all.data + at, left < piece_len ? left : piece_len));
        rdb_check_add(&check, (struct bytes){0});
    }
    return rdb_check_finish(&check, error);
}

/* With its checksum. */
static struct buf make(const char *head)
{
    struct buf out = {0};

    buf_append_text(&out, head);
    buf_append_text(&out, "\xfe"
                          "a body of some length\xff");
    encode_u64_le(&out, crc64(0, buf_bytes(&out)));
    return out;
}

Test(rdb_check, takes_a_whole_snapshot_in_pieces_of_any_length)
{
    static const char *const heads[] = {"REDIS0005", "REDIS0009", "VALKEY080"};

    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        struct buf all = make(heads[i]);

        for (size_t piece_len = 1; piece_len <= all.len; piece_len++) {
            struct errmsg error = {0};

            cr_expect(check_in_pieces(buf_bytes(&all), piece_len, &error), "%zu: %s", piece_len,
                      error.text);
        }
        buf_deinit(&all);
    }
}

Test(rdb_check, takes_one_whose_server_makes_no_checksum)
{
    struct buf all = make("REDIS0009");

    memset(all.data + all.len - RDB_TAIL, 0, RDB_TAIL);
    cr_expect(check_in_pieces(buf_bytes(&all), 7, NULL));
    buf_deinit(&all);
}

Test(rdb_check, takes_an_old_one_without_checksum)
{
    cr_expect(check_in_pieces(BYTES_LITERAL("REDIS0004\xfe\xff"), 3, NULL));
}

Test(rdb_check, refuses_one_that_was_cut_or_changed_anywhere)
{
    struct buf all = make("REDIS0009");

    for (size_t i = 0; i < all.len; i++) {
        struct errmsg error = {0};

        cr_expect_not(check_in_pieces(bytes_prefix(buf_bytes(&all), i), 5, &error), "%zu", i);
        cr_expect_str_not_empty(error.text);
        all.data[i] ^= 1;
        cr_expect_not(check_in_pieces(buf_bytes(&all), 5, NULL), "%zu", i);
        all.data[i] ^= 1;
    }
    buf_deinit(&all);
}

Test(rdb_check, says_what_is_wrong)
{
    static const char *const cases[][2] = {
        {"",                  "it is no snapshot"    },
        {"REDIS000",          "it is no snapshot"    },
        {"REDIS0000\xff"
         "12345678", "it is no snapshot"    },
        {"REDIS00x9\xff"
         "12345678", "it is no snapshot"    },
        {"<html>...",         "it is no snapshot"    },
        {"REDIS0009",         "it has no end"        },
        {"REDIS0009\xff"
         "1234567",  "it has no end"        },
        {"REDIS0009\xff"
         "12345678", "its checksum is wrong"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct errmsg error = {0};

        cr_expect_not(check_in_pieces(bytes_from_text(cases[i][0]), 4, &error));
        cr_expect_str_eq(error.text, cases[i][1], "%s", cases[i][0]);
    }
}
