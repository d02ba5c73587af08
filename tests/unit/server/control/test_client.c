/* SPDX-License-Identifier: MIT */
/* What clients may say of themselves. */
#include "control/client.h"

#include <criterion/criterion.h>

Test(client, a_name_is_printable_ascii_without_blanks)
{
    char name[2] = {'x', 0};

    for (int c = 0; c < 256; c++) {
        name[1] = (char)c;
        cr_expect_eq(client_name_is_valid(bytes_make(name, 2)), c > ' ' && c < 127, "%d", c);
    }
}

Test(client, no_name_at_all_is_a_valid_one)
{
    cr_assert(client_name_is_valid((struct bytes){0}));
}

Test(client, a_text_takes_the_place_of_the_one_before)
{
    struct buf field = {0};

    client_set_text(&field, BYTES_LITERAL("a long one"));
    client_set_text(&field, BYTES_LITERAL("short"));
    cr_assert_str_eq(buf_text(&field), "short");
    client_set_text(&field, (struct bytes){0});
    cr_assert_eq(field.len, 0);
    buf_deinit(&field);
}
