/* SPDX-License-Identifier: MIT */
/* Commands about the connection itself. */
#include "base/attr.h"
#include "node/inside.h"
#include "tests/unit/answers.h"

Test(connection_commands, ping_and_echo_give_back_what_they_are_given)
{
    static const struct answers_case cases[] = {
        {"PING",       "+PONG|"                                            },
        {"PING hello", "$5|hello|"                                         },
        {"PING a b",   "-ERR wrong number of arguments for 'ping' command|"},
        {"ECHO hello", "$5|hello|"                                         },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(connection_commands, nothing_is_done_before_the_password_was_told)
{
    static const struct answers_case cases[] = {
        {"GET k",                                  "-NOAUTH Authentication required.|"},
        {"AUTH wrong",                             "-WRONGPASS *"                     },
        {"AUTH somebody secret",                   "-WRONGPASS *"                     },
        {"AUTH default secret more",               "-ERR syntax error|"               },
        {"HELLO 3",                                "-NOAUTH HELLO must be called *"   },
        {"HELLO 2 AUTH default wrong",             "-WRONGPASS *"                     },
        {"GET k",                                  "-NOAUTH Authentication required.|"},
        {"HELLO 3 AUTH default secret SETNAME me", "%7|$6|server|*|$5|proto|:3|*"     },
        {"CLIENT GETNAME",                         "$2|me|"                           },
        {"RESET",                                  "+RESET|"                          },
        {"GET k",                                  "-NOAUTH Authentication required.|"},
        {"AUTH secret",                            "+OK|"                             },
        {"GET k",                                  "$-1|"                             },
    };
    struct alone *a = answers_start(&(struct alone_option){"requirepass", "secret"}, 1);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(connection_commands, a_password_that_nobody_asks_for_is_an_error_without_a_user)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "AUTH secret", "-ERR AUTH <password> called without any password *");
    answers_expect(a, "AUTH default secret", "+OK|");
    alone_free(a);
}

Test(connection_commands, hello_changes_the_protocol_only_when_all_of_it_is_right)
{
    static const struct answers_case cases[] = {
        {"HELLO 4",                 "-NOPROTO unsupported protocol version|"           },
        {"HELLO x",                 "-ERR Protocol version is not an integer*"         },
        {"HELLO 3 SETNAME \"a b\"", "-ERR Client names cannot contain *"               },
        {"HELLO 3 NOSUCH",          "-ERR Syntax error in HELLO option 'NOSUCH'|"      },
        {"HELLO 3 SETNAME",         "-ERR Syntax error in HELLO option 'SETNAME'|"     },
        {"GET k",                   "$-1|"                                             },
        {"HELLO",                   "[*]14|*|:2|*|$4|mode|$10|standalone|*|$6|master|*"},
        {"HELLO 3",                 "%7|*|:3|*"                                        },
        {"GET k",                   "_|"                                               },
        {"RESET",                   "+RESET|"                                          },
        {"GET k",                   "$-1|"                                             },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(connection_commands, select_takes_a_database_that_there_is)
{
    static const struct answers_case cases[] = {
        {"SELECT 3\r\nSET k v", "+OK|+OK|"                                           },
        {"SELECT 16",           "-ERR DB index is out of range|"                     },
        {"SELECT -1",           "-ERR DB index is out of range|"                     },
        {"SELECT 2147483648",
         "-ERR value is out of range, value must between -2147483648 and 2147483647|"},
        {"SELECT -2147483649",
         "-ERR value is out of range, value must between -2147483648 and 2147483647|"},
        {"SELECT x",            "-ERR value is not an integer or out of range|"      },
        {"GET k",               "$1|v|"                                              },
        {"SELECT 0\r\nGET k",   "+OK|$-1|"                                           },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(connection_commands, in_a_cluster_there_is_one_database_and_reads_may_be_allowed)
{
    struct alone *a = answers_start(&(struct alone_option){"cluster-enabled", "yes"}, 1);
    const struct session *s = a->clients[0].session;

    answers_expect(a, "SELECT 1", "-ERR SELECT is not allowed in cluster mode|");
    answers_expect(a, "READONLY", "+OK|");
    cr_expect(s->flags & SESSION_CLUSTER_READONLY);
    answers_expect(a, "READWRITE", "+OK|");
    cr_expect_not(s->flags & SESSION_CLUSTER_READONLY);
    answers_expect(a, "HELLO", "*|$4|mode|$7|cluster|*");
    alone_free(a);
}

Test(connection_commands, quit_is_answered_and_closes)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "QUIT\r\nPING", "+OK|");
    cr_assert_null(a->clients[0].session);
    alone_free(a);
}

Test(connection_commands, reset_takes_back_all_that_a_client_has_set)
{
    struct alone *a = answers_start(NULL, 0);
    const struct session *s = a->clients[0].session;

    answers_expect(a, "SELECT 5\r\nCLIENT SETNAME me\r\nCLIENT NO-TOUCH on\r\nHELLO 3", "+OK|*");
    answers_expect(a, "RESET", "+RESET|");
    cr_expect_eq(s->db, 0);
    cr_expect_eq(s->name.len, 0);
    cr_expect_eq(s->protocol, 2);
    cr_expect_not(s->flags & SESSION_NO_TOUCH);
    alone_free(a);
}
