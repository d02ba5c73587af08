/* SPDX-License-Identifier: MIT */
/* Files that include others, and files that are written back, over a few files in memory. */
#include <criterion/criterion.h>

#include "config/config_reader.h"

struct shelf {
    struct {
        const char *path;
        const char *text;
    } files[8];
};

static bool read_shelf(void *context, const char *path, struct buf *out, struct errmsg *error)
{
    const struct shelf *shelf = context;

    for (size_t i = 0; i < ARRAY_COUNT(shelf->files); i++) {
        if (shelf->files[i].path != NULL && strcmp(shelf->files[i].path, path) == 0) {
            buf_append_text(out, shelf->files[i].text);
            return true;
        }
    }
    errmsg_set(error, "no file %s", path);
    return false;
}

static bool list_shelf(void *context, const char *folder, config_name_fn *on_name,
                       void *name_context, struct errmsg *error)
{
    const struct shelf *shelf = context;

    (void)error;
    for (size_t i = 0; i < ARRAY_COUNT(shelf->files); i++) {
        const char *path = shelf->files[i].path;

        if (path != NULL && strncmp(path, folder, strlen(folder)) == 0) {
            on_name(name_context, path + strlen(folder));
        }
    }
    return true;
}

static void expect(const struct config *config, const char *name, const char *value)
{
    struct buf text = {0};

    config_get(config, name, &text);
    cr_assert_str_eq(buf_text(&text), value, "%s is '%s', not '%s'", name, buf_text(&text), value);
    buf_deinit(&text);
}

/* The problems of reading text as /etc/x.conf. */
static const char *read_text(struct shelf *shelf, struct config *config, const char *text,
                             struct buf *problems)
{
    struct config_files files = {.context = shelf, .read = read_shelf, .list = list_shelf};
    struct config_reader reader = {.config = config, .files = &files};

    config_read_text(&reader, bytes_from_text(text), "/etc/x.conf");
    buf_clear(problems);
    buf_append_bytes(problems, buf_bytes(&reader.problems));
    config_reader_deinit(&reader);
    return buf_text(problems);
}

/* Write back, and expect that a fresh start reads the same; the text, until the next call. */
static const char *rewrite(struct shelf *shelf, const struct config *config, const char *old,
                           struct buf *out)
{
    struct config_files files = {.context = shelf, .read = read_shelf, .list = list_shelf};
    struct config again;
    struct buf problems = {0};

    buf_clear(out);
    config_rewrite(config, &files, bytes_from_text(old), out);
    config_init(&again);
    cr_assert_str_eq(read_text(shelf, &again, buf_text(out), &problems), "");
    for (size_t i = 0; config_option_at(i) != NULL; i++) {
        struct buf value = {0};

        config_get(config, config_option_at(i)->name, &value);
        expect(&again, config_option_at(i)->name, buf_text(&value));
        buf_deinit(&value);
    }
    buf_deinit(&problems);
    config_deinit(&again);
    return buf_text(out);
}

Test(config_files, included_files_are_found_beside_the_file_and_by_wildcards)
{
    struct shelf shelf = {
        {{"/etc/a.conf", "timeout 1\ninclude sub/*.conf\n"},
         {"/etc/sub/2.conf", "timeout 3\n"},
         {"/etc/sub/1.conf", "timeout 2\nhz 20\n"},
         {"/etc/sub/other", "timeout 9\n"}}
    };
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    config.file = NULL;
    cr_assert_str_eq(read_text(&shelf, &config, "include a.conf\ninclude /none/*\n", &problems),
                     "");
    expect(&config, "timeout", "3");
    expect(&config, "hz", "20");
    buf_deinit(&problems);
    config_deinit(&config);
}

Test(config_files, problems_name_the_included_file_and_endless_inclusion_ends)
{
    struct shelf shelf = {
        {{"/etc/a.conf", "\nnosuch 1\n"}, {"/etc/loop.conf", "include loop.conf\n"}}
    };
    struct config config;
    struct buf problems = {0};

    config_init(&config);
    cr_assert_str_eq(read_text(&shelf, &config, "include a.conf\ninclude none.conf\n", &problems),
                     "/etc/a.conf:2: unknown directive 'nosuch'\n"
                     "/etc/x.conf:2: include: no file /etc/none.conf\n");
    cr_assert_not_null(
        strstr(read_text(&shelf, &config, "include loop.conf\n", &problems), "16 deep"));
    buf_deinit(&problems);
    config_deinit(&config);
}

Test(config_files, known_lines_are_rewritten_in_place_and_comments_kept)
{
    struct shelf shelf = {0};
    struct config config;
    struct errmsg error;
    struct buf out = {0};
    const char *old = "# mine\nport 7001\nsave 900 1\nsave 60 2\nrename-command A B\n# end\n";

    config_init(&config);
    cr_assert_str_eq(read_text(&shelf, &config, old, &out), "");
    cr_assert(config_set(&config, "timeout", bytes_from_text("9"), CONFIG_FROM_LIVE, &error));
    cr_assert_str_eq(rewrite(&shelf, &config, old, &out),
                     "# mine\nport 7001\nsave 900 1 60 2\nrename-command A B\n# end\ntimeout 9\n");
    buf_deinit(&out);
    config_deinit(&config);
}

Test(config_files, any_bytes_of_a_password_come_back)
{
    struct shelf shelf = {0};
    struct config config;
    struct errmsg error;
    struct buf out = {0};
    char all[256];

    for (int i = 1; i < 256; i++) {
        all[i - 1] = (char)i;
    }
    config_init(&config);
    cr_assert(config_set(&config, "requirepass", bytes_make(all, 255), CONFIG_FROM_LIVE, &error));
    cr_assert(config_set(&config, "masterauth", bytes_from_text(" "), CONFIG_FROM_LIVE, &error));
    cr_assert(config_set(&config, "masteruser", bytes_from_text("#x"), CONFIG_FROM_LIVE, &error));
    rewrite(&shelf, &config, "requirepass x\n", &out);
    buf_deinit(&out);
    config_deinit(&config);
}

Test(config_files, what_an_included_file_says_does_not_win_over_what_was_set_since)
{
    struct shelf shelf = {{{"/etc/a.conf", "timeout 5\nsave 900 1\nactiverehashing no\n"}}};
    struct config config;
    struct errmsg error;
    struct buf out = {0};
    const char *old = "timeout 1\nsave 60 1\ninclude a.conf\nhz 20\n";

    config_init(&config);
    config.file = NULL;
    cr_assert_str_eq(read_text(&shelf, &config, old, &out), "");
    expect(&config, "save", "60 1 900 1");
    cr_assert(config_set(&config, "timeout", bytes_from_text("0"), CONFIG_FROM_LIVE, &error));
    cr_assert(config_set(&config, "save", bytes_from_text("7 7"), CONFIG_FROM_LIVE, &error));
    cr_assert(
        config_set(&config, "activerehashing", bytes_from_text("yes"), CONFIG_FROM_LIVE, &error));
    buf_clear(&out);
    config.file = (char *)(uintptr_t) "/etc/x.conf";
    rewrite(&shelf, &config, old, &out);
    config.file = NULL;
    buf_deinit(&out);
    config_deinit(&config);
}

/* The users of the configuration, one after the other. */
static void expect_users(const struct config *config, const char *expected)
{
    struct buf text = {0};

    for (size_t i = 0; i < config->users.count; i++) {
        buf_printf(&text, "%s|", config->users.items[i]);
    }
    cr_expect_str_eq(buf_text(&text), expected);
    buf_deinit(&text);
}

Test(config_files, a_user_is_as_the_outermost_file_says_and_twice_in_one_is_twice)
{
    struct shelf shelf = {
        {{"/etc/a.conf", "user b in\nuser c in\ninclude b.conf\n"},
         {"/etc/b.conf", "user d deep\nuser b deep\n"}}
    };
    static const struct {
        const char *text;
        const char *users;
    } cases[] = {
        {"include a.conf\n",                         "b in|c in|d deep|" },
        {"include a.conf\nuser b out\n",             "b out|c in|d deep|"},
        {"user b out\nuser d out\ninclude a.conf\n", "b out|d out|c in|" },
        {"user b 1\nuser b 2\n",                     "b 1|b 2|"          },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct config config;
        struct buf problems = {0};

        config_init(&config);
        cr_expect_str_eq(read_text(&shelf, &config, cases[i].text, &problems), "");
        expect_users(&config, cases[i].users);
        buf_deinit(&problems);
        config_deinit(&config);
    }
}

Test(config_files, users_of_included_files_are_rewritten_so_that_the_file_can_be_read)
{
    struct shelf shelf = {
        {{"/etc/a.conf", "user b on >x +get\nuser gone on >x\nuser default on >x -@all\n"}}};
    static const char *const passwords[] = {"", "secret"};
    static const char *const defaults[] = {"default on nopass ~* &* +@all|",
                                           "default on >secret ~* &* +@all|"};

    for (size_t i = 0; i < ARRAY_COUNT(passwords); i++) {
        struct config config;
        struct config again;
        struct errmsg error;
        struct buf out = {0};
        struct buf problems = {0};
        struct buf expected = {0};
        const struct config_files files = {&shelf, read_shelf, list_shelf};

        config_init(&config);
        cr_assert(config_set(&config, "requirepass", bytes_from_text(passwords[i]),
                             CONFIG_FROM_LIVE, &error));
        config_add_user(&config, BYTES_LITERAL("b off +set"));
        config.file = (char *)(uintptr_t) "/etc/x.conf";
        config_rewrite(&config, &files, BYTES_LITERAL("include a.conf\n"), &out);
        config.file = NULL;
        config_init(&again);
        cr_expect_str_eq(read_text(&shelf, &again, buf_text(&out), &problems), "");
        buf_printf(&expected, "b off +set|gone off|%s", defaults[i]);
        expect_users(&again, buf_text(&expected));
        buf_deinit(&expected);
        buf_deinit(&problems);
        buf_deinit(&out);
        config_deinit(&again);
        config_deinit(&config);
    }
}
