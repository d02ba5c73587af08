/* SPDX-License-Identifier: MIT */
/* base/errmsg. */
#include "base/errmsg.h"

#include <criterion/criterion.h>
#include <string.h>

Test(errmsg, context_goes_in_front)
{
    struct errmsg error = {0};

    errmsg_set(&error, "line %d", 7);
    errmsg_wrap(&error, "reading %s", "x.conf");
    cr_assert_str_eq(error.text, "reading x.conf: line 7");
}

Test(errmsg, long_texts_are_cut_not_overrun)
{
    struct errmsg error = {0};
    char text[2000];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    errmsg_set(&error, "%s", text);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
    errmsg_wrap(&error, "%s", text);
    cr_assert_eq(strlen(error.text), sizeof(error.text) - 1);
}

Test(errmsg, nobody_has_to_listen)
{
    errmsg_set(NULL, "unheard");
    errmsg_wrap(NULL, "unheard");
}
