/* SPDX-License-Identifier: MIT */
/* Who frees a piece, and what of it is counted as kept by images alone. */
#include "store/piece.h"

#include <criterion/criterion.h>

Test(piece, is_freed_by_its_only_holder)
{
    struct piece p = {0};
    const struct piece_holder value = {0};

    cr_assert_not(piece_is_shared(&p));
    cr_assert(piece_let_go(&p, &value, 100));
}

Test(piece, that_an_image_lets_go_of_first_was_never_kept)
{
    size_t kept_bytes = 0;
    struct piece p = {0};
    const struct piece_holder value = {.kept_bytes = &kept_bytes};
    const struct piece_holder image = {.kept_bytes = &kept_bytes, .is_image = true};

    piece_hold(&p);
    cr_assert(piece_is_shared(&p));
    cr_assert_not(piece_let_go(&p, &image, 100));
    cr_assert_eq(kept_bytes, 0);
    cr_assert(piece_let_go(&p, &value, 100));
    cr_assert_eq(kept_bytes, 0);
}

Test(piece, that_its_value_lets_go_of_is_kept_until_the_last_image_does)
{
    size_t kept_bytes = 0;
    struct piece p = {0};
    const struct piece_holder value = {.kept_bytes = &kept_bytes};
    const struct piece_holder image = {.kept_bytes = &kept_bytes, .is_image = true};

    piece_hold(&p);
    piece_hold(&p);
    cr_assert_not(piece_let_go(&p, &value, 100));
    cr_assert_eq(kept_bytes, 100);
    cr_assert_not(piece_let_go(&p, &image, 100));
    cr_assert_eq(kept_bytes, 100);
    cr_assert(piece_let_go(&p, &image, 100));
    cr_assert_eq(kept_bytes, 0);
}
