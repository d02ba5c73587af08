/* SPDX-License-Identifier: MIT */
/* All users, and files of them. */
#include "session/acl.h"

#include "base/attr.h"

#include <criterion/criterion.h>

static void expect_users(struct acl *acl, const char *text)
{
    struct buf out = {0};

    acl_check(acl);
    for (size_t i = 0; i < acl->users.count; i++) {
        acl_format_user(acl->users.items[i], &out);
        buf_append_byte(&out, '\n');
    }
    cr_expect_str_eq(buf_text(&out), text, "%s", buf_text(&out));
    buf_deinit(&out);
}

static bool set(struct acl *acl, const char *name, const char *word)
{
    struct bytes words[] = {bytes_from_text(word)};
    struct errmsg error;

    return acl_set(acl, bytes_from_text(name), words, 1, &error);
}

Test(acl, a_user_keeps_its_place_and_changes_by_all_words_or_none)
{
    const struct bytes words[] = {BYTES_LITERAL("+get"), BYTES_LITERAL("nosuch")};
    struct errmsg error;
    struct acl_user *user;
    struct acl acl;

    acl_init(&acl, false, (struct bytes){0});
    cr_assert(set(&acl, "z", "on") && set(&acl, "a", "+get") && set(&acl, "", "~x"));
    user = acl_find(&acl, BYTES_LITERAL("z"));
    cr_assert_not(acl_set(&acl, BYTES_LITERAL("z"), words, 2, &error));
    cr_assert_not(acl_set(&acl, BYTES_LITERAL("y"), words, 2, &error));
    cr_assert(set(&acl, "z", "~k"));
    cr_assert_eq(acl_find(&acl, BYTES_LITERAL("z")), user);
    expect_users(&acl, "user  off ~x resetchannels -@all\n"
                       "user a off resetchannels -@all +get\n"
                       "user default on nopass ~* &* +@all\n"
                       "user z on ~k resetchannels -@all\n");
    acl_remove(&acl, acl_find(&acl, BYTES_LITERAL("a")));
    cr_expect_null(acl_find(&acl, BYTES_LITERAL("a")));
    acl_deinit(&acl);
}

Test(acl, the_password_of_the_default_user_is_the_only_one)
{
    struct acl acl;

    acl_init(&acl, false, BYTES_LITERAL("a"));
    cr_expect_not(acl_is_open(&acl));
    acl_set_default_password(&acl, BYTES_LITERAL("b"));
    cr_expect_not(acl_user_admits(acl.default_user, BYTES_LITERAL("a")));
    cr_expect(acl_user_admits(acl.default_user, BYTES_LITERAL("b")));
    acl_set_default_password(&acl, (struct bytes){0});
    cr_expect(acl_is_open(&acl));
    cr_expect(set(&acl, "default", "off"));
    cr_expect_not(acl_is_open(&acl));
    acl_deinit(&acl);
}

Test(acl, a_file_says_who_there_is)
{
    struct buf problems = {0};
    struct acl acl;

    acl_init(&acl, false, BYTES_LITERAL("secret"));
    acl_add_text(&acl,
                 BYTES_LITERAL("\n  user b   on nopass  ~b* (+set ~c) \r\n"
                               "user default on nopass +ping\nuser a"),
                 "f", &problems);
    cr_expect_eq(problems.len, 0, "%s", buf_text(&problems));
    expect_users(&acl, "user a off resetchannels -@all\n"
                       "user b on nopass ~b* resetchannels -@all (~c resetchannels -@all +set)\n"
                       "user default on nopass resetchannels -@all +ping\n");
    acl_deinit(&acl);
    buf_deinit(&problems);
}

Test(acl, each_line_that_is_wrong_is_told_with_its_number)
{
    static const char *const cases[][2] = {
        {"# c\n",                                 "f:1 should start with user keyword followed by the username. "              },
        {"\nuser\n",                              "f:2 should start with user keyword followed by the username. "              },
        {"user a on\nuser a off\n",               "WARNING: Duplicate user 'a' found on line 2. "                              },
        {"user default on\n\nuser default off\n",
         "WARNING: Duplicate user 'default' found on line 3. "                                                                 },
        {"user a foo\nuser a on\n",
         "f:1: Syntax error. WARNING: Duplicate user 'a' found on line 2. "                                                    },
        {"user a foo\nuser b (\n",                "f:1: Syntax error. f:2: "
                                   "Unmatched parenthesis in acl selector starting at '('.. "},
        {"user a foo +x #ab (+y) bar\n",          "f:1: Syntax error. f:1: Error in applying operation "
                                         "'+x': Unknown command or category name "
                                         "in ACL. f:1: Error in applying operation '(+y)': Unknown "
                                         "command or category name in ACL. "           },
        {"user a #ab\n",                          "f:1: The password hash must be exactly 64 characters and contain only "
                         "lowercase hexadecimal characters. "                                          },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf problems = {0};
        struct acl acl;

        acl_init(&acl, false, (struct bytes){0});
        acl_add_text(&acl, bytes_from_text(cases[i][0]), "f", &problems);
        cr_expect_str_eq(buf_text(&problems), cases[i][1], "%s", buf_text(&problems));
        acl_deinit(&acl);
        buf_deinit(&problems);
    }
}
