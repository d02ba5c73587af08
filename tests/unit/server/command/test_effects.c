/* SPDX-License-Identifier: MIT */
#include "command/effects.h"

#include <criterion/criterion.h>

static const struct bytes get_k[] = {
    {"GET", 3},
    {"k",   1}
};
static const struct bytes del_x[] = {
    {"DEL", 3},
    {"x",   1}
};

#define RAW_GET BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")

Test(effects, there_are_none_at_first)
{
    struct effects fx = {0};

    effects_begin(&fx, RAW_GET, get_k, 2);
    cr_assert_eq(fx.count, 0);
    cr_assert_eq(effects_bytes(&fx).len, 0);
    effects_deinit(&fx);
}

Test(effects, a_request_that_travels_as_it_came_is_not_copied)
{
    struct effects fx = {0};
    struct bytes raw = RAW_GET;

    effects_begin(&fx, raw, get_k, 2);
    effects_add_verbatim(&fx);
    cr_assert(fx.is_verbatim && fx.count == 1 && fx.bytes.len == 0);
    cr_assert_eq(effects_bytes(&fx).data, raw.data);
    effects_deinit(&fx);
}

Test(effects, an_inline_request_travels_in_resp)
{
    struct effects fx = {0};

    effects_begin(&fx, (struct bytes){0}, get_k, 2);
    effects_add_verbatim(&fx);
    cr_assert(bytes_equal(effects_bytes(&fx), RAW_GET));
    cr_assert_eq(fx.count, 1);
    effects_deinit(&fx);
}

Test(effects, several_are_kept_in_order)
{
    struct effects fx = {0};

    effects_begin(&fx, RAW_GET, get_k, 2);
    effects_add(&fx, del_x, 2);
    effects_add_verbatim(&fx);
    effects_add(&fx, del_x, 2);
    cr_assert_eq(fx.count, 3);
    cr_assert(bytes_equal(effects_bytes(&fx), BYTES_LITERAL("*2\r\n$3\r\nDEL\r\n$1\r\nx\r\n"
                                                            "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                                                            "*2\r\n$3\r\nDEL\r\n$1\r\nx\r\n")));
    effects_deinit(&fx);
}

Test(effects, what_was_verbatim_is_spelled_out_when_more_comes)
{
    struct effects fx = {0};

    effects_begin(&fx, RAW_GET, get_k, 2);
    effects_add_verbatim(&fx);
    effects_add_renamed(&fx, BYTES_LITERAL("DEL"));
    cr_assert_not(fx.is_verbatim);
    cr_assert(bytes_equal(effects_bytes(&fx), BYTES_LITERAL("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                                                            "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n")));
    effects_begin(&fx, RAW_GET, get_k, 2);
    cr_assert(fx.count == 0 && effects_bytes(&fx).len == 0);
    effects_deinit(&fx);
}
