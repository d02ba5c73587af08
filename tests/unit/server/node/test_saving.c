/* SPDX-License-Identifier: MIT */
/* Saves, and what is said while they are under way. */
#include "base/attr.h"
#include "tests/alone/alone.h"

#include <criterion/criterion.h>
#include <string.h>

static bool has_file(const struct alone *a, const char *name)
{
    return disk_find(&a->disk, name) != NULL;
}

Test(saving, goes_to_the_file_that_was_its_name_when_it_began)
{
    const struct alone_option options[] = {
        {"enable-debug-command",     "yes"},
        {"enable-protected-configs", "yes"},
    };
    struct alone *a = alone_new(options, ARRAY_COUNT(options));
    struct buf out;

    alone_connect(a, 0);
    alone_pass(a, 1000, 0,
               bytes_from_text("DEBUG POPULATE 20000\r\nBGSAVE\r\n"
                               "CONFIG SET dbfilename other.rdb\r\n"));
    alone_settle(a, 200);
    out = alone_take(a, 0);
    cr_expect_str_eq(buf_text(&out), "+OK\r\n+Background saving started\r\n+OK\r\n");
    cr_assert(has_file(a, "dump.rdb") && !has_file(a, "other.rdb"));
    buf_deinit(&out);
    alone_pass(a, 1000, 0, bytes_from_text("SAVE\r\n"));
    alone_settle(a, 200);
    cr_assert(has_file(a, "other.rdb"));
    alone_free(a);
}
