/* SPDX-License-Identifier: MIT */
/* base/bytes. */
#include "base/bytes.h"

#include <criterion/criterion.h>
#include <stdint.h>

#define B(text) BYTES_LITERAL(text)

Test(bytes, equality_sees_every_byte_and_the_length)
{
    cr_assert(bytes_equal(B("a\0b"), B("a\0b")));
    cr_assert(!bytes_equal(B("a\0b"), B("a\0c")));
    cr_assert(!bytes_equal(B("ab"), B("abc")));
    cr_assert(bytes_equal((struct bytes){0}, B("")));
    cr_assert(bytes_equal_text(B("abc"), "abc"));
    cr_assert(!bytes_equal_text(B("a\0b"), "a"));
}

Test(bytes, folding_concerns_ascii_letters_only)
{
    cr_assert(bytes_equal_nocase(B("GeT"), "get"));
    cr_assert(!bytes_equal_nocase(B("get"), "gets"));
    cr_assert(!bytes_equal_nocase(B("gets"), "get"));
    cr_assert(!bytes_equal_nocase(B("["), "{"));
    cr_assert(!bytes_equal_nocase(B("\xc4"), "\xe4"));
}

Test(bytes, order_is_unsigned_with_prefixes_first)
{
    cr_assert_lt(bytes_compare(B("a"), B("ab")), 0);
    cr_assert_gt(bytes_compare(B("\xff"), B("a")), 0);
    cr_assert_eq(bytes_compare(B("same"), B("same")), 0);
    cr_assert_lt(bytes_compare(B(""), B("a")), 0);
}

Test(bytes, words_are_cut_at_runs_of_the_separator)
{
    struct bytes rest = B("  one  two ");

    cr_assert(bytes_equal_text(bytes_next_word(&rest, ' '), "one"));
    cr_assert(bytes_equal_text(bytes_next_word(&rest, ' '), "two"));
    cr_assert_eq(bytes_next_word(&rest, ' ').len, 0);
    cr_assert_eq(bytes_next_word(&rest, ' ').len, 0);
}

Test(bytes, search_prefix_and_trim)
{
    cr_assert_eq(bytes_find_byte(B("abcb"), 'b'), 1);
    cr_assert_eq(bytes_find_byte(B("abc"), 'x'), SIZE_MAX);
    cr_assert_eq(bytes_find_byte((struct bytes){0}, 'x'), SIZE_MAX);
    cr_assert(bytes_has_prefix(B("prefix"), "pre"));
    cr_assert(!bytes_has_prefix(B("pr"), "pre"));
    cr_assert(bytes_begins_with(B("pre"), B("pre")));
    cr_assert(bytes_begins_with((struct bytes){0}, (struct bytes){0}));
    cr_assert(!bytes_begins_with(B("pro"), B("pre")));
    cr_assert(bytes_equal_text(bytes_trim(B(" \t a b\r\n")), "a b"));
    cr_assert_eq(bytes_trim(B("  ")).len, 0);
}

Test(bytes, constant_time_comparison_agrees_with_the_plain_one)
{
    cr_assert(bytes_equal_constant_time(B("secret"), B("secret")));
    cr_assert(!bytes_equal_constant_time(B("secret"), B("secreT")));
    cr_assert(!bytes_equal_constant_time(B("secret"), B("secre")));
    cr_assert(bytes_equal_constant_time(B(""), B("")));
}

Test(bytes, copies_as_text_are_cut_and_terminated)
{
    char out[4];

    bytes_to_text(B("abcdef"), out, sizeof(out));
    cr_assert_str_eq(out, "abc");
    bytes_to_text((struct bytes){0}, out, sizeof(out));
    cr_assert_str_eq(out, "");
}

Test(bytes, fields_stand_between_separators_and_may_be_empty)
{
    struct bytes rest = BYTES_LITERAL("a,,bc");

    cr_assert(bytes_equal_text(bytes_next_field(&rest, ','), "a"));
    cr_assert_eq(bytes_next_field(&rest, ',').len, 0);
    cr_assert(bytes_equal_text(rest, "bc"));
    cr_assert(bytes_equal_text(bytes_next_field(&rest, ','), "bc"));
    cr_assert_eq(rest.len, 0);
    cr_assert_eq(bytes_next_field(&rest, ',').len, 0, "nothing is left");
}
