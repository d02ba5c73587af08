/* SPDX-License-Identifier: MIT */
/* Notes of a pass: which end with it, and which stay until somebody takes them up. */
#include "node/pass.h"

#include <criterion/criterion.h>

Test(pass, has_a_number_of_its_own)
{
    struct pass pass = {0};
    uint64_t first;

    pass_begin(&pass);
    first = pass.number;
    pass_begin(&pass);
    cr_assert_eq(pass.number, first + 1);
}

Test(pass, forgets_input_writes_and_work_with_the_next_one)
{
    struct pass pass = {0};

    pass_note_input(&pass);
    pass_note_write(&pass);
    pass_note_work(&pass);
    cr_assert(pass.has_input && pass.has_writes && pass.has_work);
    pass_begin(&pass);
    cr_assert_not(pass.has_input || pass.has_writes || pass.has_work);
}

Test(pass, has_work_once_anybody_has_more)
{
    struct pass pass = {0};

    pass_note_work_if(&pass, false);
    cr_assert_not(pass.has_work);
    pass_note_work_if(&pass, true);
    pass_note_work_if(&pass, false);
    cr_assert(pass.has_work);
}

Test(pass, keeps_the_wish_for_acks_until_it_is_taken_up_and_tells_it_once)
{
    struct pass pass = {0};

    cr_assert_not(pass_take_acks(&pass));
    pass_want_acks(&pass);
    pass_begin(&pass);
    cr_assert(pass_take_acks(&pass));
    cr_assert(pass.has_asked_acks);
    cr_assert_not(pass_take_acks(&pass));
    cr_assert_not(pass.has_asked_acks);
}

Test(pass, keeps_news_of_the_link_until_they_are_taken_up_and_tells_them_once)
{
    struct pass pass = {0};

    cr_assert_not(pass_take_link(&pass));
    pass_note_link(&pass);
    pass_begin(&pass);
    cr_assert(pass_take_link(&pass));
    cr_assert_not(pass_take_link(&pass));
}
