/* SPDX-License-Identifier: MIT */
/* cli/history: lines kept, found and forgotten. */
#include "cli/history.h"

#include "base/mem.h"
#include "base/split.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

Test(history, the_newest_line_comes_first)
{
    struct history h = {0};

    history_add(&h, BYTES_LITERAL("one"));
    history_add(&h, BYTES_LITERAL("two"));
    cr_assert_str_eq(history_at(&h, 0), "two");
    cr_assert_str_eq(history_at(&h, 1), "one");
    cr_assert_null(history_at(&h, 2));
    history_deinit(&h);
    cr_assert_eq(mem_used_total(), 0);
}

Test(history, empty_lines_and_repetitions_are_not_kept)
{
    struct history h = {0};

    history_add(&h, BYTES_LITERAL("one"));
    history_add(&h, BYTES_LITERAL("one"));
    history_add(&h, BYTES_LITERAL(""));
    cr_assert_eq(h.lines.count, 1);
    history_deinit(&h);
}

Test(history, beyond_its_limit_the_oldest_line_goes)
{
    struct history h = {0};

    for (int i = 0; i < HISTORY_MAX + 10; i++) {
        char line[16];

        snprintf(line, sizeof(line), "%d", i);
        history_add(&h, bytes_from_text(line));
    }
    cr_assert_eq(h.lines.count, HISTORY_MAX);
    cr_assert_str_eq(history_at(&h, HISTORY_MAX - 1), "10");
    history_deinit(&h);
    cr_assert_eq(mem_used_total(), 0);
}

Test(history, a_line_is_found_by_any_part_of_it)
{
    struct history h = {0};

    history_add(&h, BYTES_LITERAL("set key 1"));
    history_add(&h, BYTES_LITERAL("get key"));
    cr_assert_eq(history_find(&h, BYTES_LITERAL("key"), 0), 0);
    cr_assert_eq(history_find(&h, BYTES_LITERAL("key"), 1), 1);
    cr_assert_eq(history_find(&h, BYTES_LITERAL("set"), 0), 1);
    cr_assert_eq(history_find(&h, BYTES_LITERAL("del"), 0), SIZE_MAX);
    history_deinit(&h);
}

Test(history, a_saved_file_is_private_and_loads_the_same)
{
    char dir[] = "/tmp/starling_history_XXXXXX";
    char path[64];
    struct history h = {0};
    struct history again = {0};
    struct stat status;

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/history", dir);
    cr_assert(history_load(&h, path, NULL), "a missing file is an empty one");
    history_add(&h, BYTES_LITERAL("set a \"b c\""));
    history_add(&h, BYTES_LITERAL("get a"));
    cr_assert(history_save(&h, path, NULL));
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    cr_assert(history_load(&again, path, NULL));
    cr_assert_eq(again.lines.count, 2);
    cr_assert_str_eq(history_at(&again, 1), "set a \"b c\"");
    unlink(path);
    rmdir(dir);
    history_deinit(&h);
    history_deinit(&again);
}

Test(history, a_file_that_cannot_be_written_is_an_error)
{
    struct history h = {0};
    struct errmsg error = {0};

    cr_assert_not(history_save(&h, "/nonexistent/history", &error));
    cr_assert_not_null(strstr(error.text, "/nonexistent/history"));
    history_deinit(&h);
    cr_assert_eq(mem_used_total(), 0);
}

static bool is_secret(const char *line)
{
    struct split split = {0};
    bool answer;

    cr_assert(split_line(&split, bytes_from_text(line)));
    answer = history_is_secret(split.words.items, split.words.count);
    split_deinit(&split);
    return answer;
}

Test(history, lines_with_passwords_are_secret)
{
    static const char *const secret[] = {
        "auth pw",
        "AUTH user pw",
        "hello 3 auth default pw",
        "acl setuser x",
        "config set maxmemory 1 requirepass pw",
        "CONFIG SET masterauth pw",
        "config set cluster-secret x",
        "migrate h 1 k 0 5 auth pw",
    };
    static const char *const open[] = {"get auth", "hello 3", "acl list", "config get requirepass",
                                       "config set maxmemory 1"};

    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++) {
        cr_assert(is_secret(secret[i]), "%s", secret[i]);
    }
    for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
        cr_assert_not(is_secret(open[i]), "%s", open[i]);
    }
}
