/* SPDX-License-Identifier: MIT */
/* HTTP requests, which browsers send to any port. */
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)

static bool is_closed_by(struct alone *a, int64_t later_us, const char *input)
{
    alone_connect(a, 0);
    alone_pass(a, later_us, 0, bytes_from_text(input));
    return a->clients[0].session == NULL;
}

static int line_count(const struct alone *a)
{
    int count = 0;

    for (size_t i = 0; i < a->warnings.len; i++) {
        count += a->warnings.data[i] == '\n';
    }
    return count;
}

Test(http, is_logged_once_a_minute)
{
    struct alone *a = alone_new(NULL, 0);

    cr_assert(is_closed_by(a, SECOND_US, "POST / HTTP/1.1\r\n"));
    cr_assert(is_closed_by(a, SECOND_US * 30, "host: x\r\nSET k v\r\n"));
    cr_assert_eq(line_count(a), 1);
    cr_assert(is_closed_by(a, SECOND_US * 31, "post\r\n"));
    cr_assert_eq(line_count(a), 2);
    cr_assert_not(is_closed_by(a, SECOND_US, "DBSIZE\r\n"));
    cr_assert(strncmp(buf_text(&a->clients[0].out), ":0", 2) == 0, "nothing was written");
    alone_free(a);
}
