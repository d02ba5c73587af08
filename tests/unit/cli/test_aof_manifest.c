/* SPDX-License-Identifier: MIT */
#include "cli/aof_manifest.h"

#include "base/mem.h"

#include <criterion/criterion.h>

#include <string.h>

static void expect_names(const char *text, const char *expected)
{
    struct aof_names names;
    struct errmsg error = {0};
    struct buf all = {0};

    cr_assert(aof_manifest_parse(bytes_from_text(text), &names, &error), "%s", error.text);
    for (size_t i = 0; i < names.items.count; i++) {
        buf_printf(&all, "%s;", buf_text(&names.items.items[i]));
    }
    cr_expect_str_eq(buf_text(&all), expected);
    buf_deinit(&all);
    aof_names_deinit(&names);
    cr_assert_eq(mem_used_total(), 0);
}

Test(aof_manifest, names_the_base_and_what_came_behind_it)
{
    expect_names("file a.2.base.rdb seq 2 type b\nfile a.4.incr.aof seq 4 type i\n"
                 "file a.5.incr.aof seq 5 type i\n",
                 "a.2.base.rdb;a.4.incr.aof;a.5.incr.aof;");
    expect_names("# made by hand\r\nfile a.1.incr.aof seq 1 type i\r\n\r\n", "a.1.incr.aof;");
    expect_names("file old.aof seq 1 type h\nfile \"with a blank\" seq 1 type b startoffset 7",
                 "with a blank;");
}

Test(aof_manifest, that_makes_no_sense_is_refused_with_the_line)
{
    static const char *const texts[] = {
        "",
        "# nothing\n",
        "file a seq 1 type h\n",
        "file a seq 1\n",
        "file a seq x type b\n",
        "file a seq 1 type x\n",
        "file a seq 1 type bb\n",
        "file \"\" seq 1 type b\n",
        "file ../a seq 1 type b\n",
        "file \"a\\x00b\" seq 1 type b\n",
        "file \"a seq 1 type b\n",
        "name a seq 1 type b\n",
        "file a seq 1 type b\nfile b seq 2 type b\n",
        "file a seq 1 type i\nfile b seq 2 type b\n",
        "file a seq 2 type i\nfile b seq 2 type i\n",
        "starling-log 1\nbase dump.rdb\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct aof_names names;
        struct errmsg error = {0};

        cr_expect_not(aof_manifest_parse(bytes_from_text(texts[i]), &names, &error), "%s",
                      texts[i]);
        cr_expect_not_null(strstr(error.text, "the manifest"), "%s", error.text);
        aof_names_deinit(&names);
    }
    cr_assert_eq(mem_used_total(), 0);
}
