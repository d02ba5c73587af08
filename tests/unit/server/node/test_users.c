/* SPDX-License-Identifier: MIT */
/* Users and the sessions that act as them. */
#include "node/inside.h"
#include "tests/unit/answers.h"

Test(users, only_what_requirepass_does_not_say_goes_to_the_config_file)
{
    struct alone *a = answers_start(&(struct alone_option){"requirepass", "x"}, 1);
    struct config config;

    config_init(&config);
    users_to_config(a->node, &config);
    cr_expect_eq(config.users.count, 0);
    answers_expect(a, "AUTH x", "+OK|");
    answers_expect(a, "ACL SETUSER u on ~k", "+OK|");
    users_to_config(a->node, &config);
    cr_assert_eq(config.users.count, 1);
    cr_expect_str_eq(config.users.items[0], "u on ~k resetchannels -@all");
    answers_expect(a, "ACL SETUSER default -debug", "+OK|");
    users_to_config(a->node, &config);
    cr_assert_eq(config.users.count, 2);
    config_deinit(&config);
    alone_free(a);
}

Test(users, who_is_limited_is_marked_and_asked_and_nobody_else)
{
    struct alone *a = answers_start(NULL, 0);
    const struct session *s = a->clients[0].session;

    cr_expect_eq(s->flags & SESSION_LIMITED, 0);
    answers_expect(a, "ACL SETUSER default -get", "+OK|");
    cr_expect_eq(s->flags & SESSION_LIMITED, SESSION_LIMITED);
    answers_expect(a, "GET k", "-NOPERM User default has no permissions to run the 'get' command|");
    answers_expect(a, "ACL SETUSER default +get", "+OK|");
    cr_expect_eq(s->flags & SESSION_LIMITED, 0);
    answers_expect(a, "GET k", "$-1|");
    alone_free(a);
}

Test(users, who_waits_for_a_key_that_was_taken_from_it_is_told_so)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "ACL SETUSER u on nopass ~l +@all", "+OK|");
    answers_send(a, 1, "AUTH u x\r\nBLPOP l 0\r\n");
    answers_match(a, 1, "+OK|");
    answers_expect(a, "ACL SETUSER u resetkeys", "+OK|");
    answers_expect(a, "RPUSH l a", ":1|");
    answers_match(a, 1, "-NOPERM No permissions to access a key|");
    answers_expect(a, "LLEN l", ":1|");
    alone_free(a);
}

Test(users, what_goes_before_a_password_that_is_answered_later_is_answered_at_once)
{
    struct alone *a = answers_start(NULL, 0);

    for (int i = 0; i < 10; i++) {
        answers_expect(a, "AUTH u x", "-WRONGPASS *");
    }
    answers_send(a, 0, "PING\r\nAUTH u x\r\nPING\r\n");
    answers_match(a, 0, "+PONG|");
    alone_disconnect(a, 0);
    answers_idle(a, 3, 1000);
    alone_free(a);
}
