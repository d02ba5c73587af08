/* SPDX-License-Identifier: MIT */
/* base/vec. */
#include "base/vec.h"

#include <criterion/criterion.h>

Test(vec, grows_and_keeps_what_it_holds)
{
    VEC(int) numbers = {0};

    for (int i = 0; i < 1000; i++) {
        VEC_PUSH(&numbers, i);
    }
    cr_assert_eq(numbers.count, 1000);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(numbers.items[i], i);
    }
    cr_assert_eq(VEC_POP(&numbers), 999);
    VEC_REMOVE_AT(&numbers, 0);
    cr_assert_eq(numbers.items[0], 998);
    cr_assert_eq(numbers.count, 998);
    VEC_DEINIT(&numbers);
    cr_assert_null(numbers.items);
}

Test(vec, reserved_room_is_not_moved)
{
    VEC(char) text = {0};
    char *start;

    VEC_RESERVE(&text, 500);
    start = text.items;
    for (int i = 0; i < 500; i++) {
        VEC_PUSH(&text, 'x');
    }
    cr_assert_eq(text.items, start);
    VEC_DEINIT(&text);
}
