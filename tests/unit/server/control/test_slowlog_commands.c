/* SPDX-License-Identifier: MIT */
/* SLOWLOG and COMMANDLOG. */
#include "base/attr.h"
#include "tests/unit/answers.h"

static struct alone *start(void)
{
    return answers_start(&(struct alone_option){"slowlog-log-slower-than", "0"}, 1);
}

Test(slowlog_commands, get_has_the_newest_first_with_words_and_client)
{
    struct alone *a = start();

    answers_expect(a, "CLIENT SETNAME me", "+OK|");
    answers_expect(a, "GET k", "$-1|");
    answers_expect(a, "SLOWLOG GET 1",
                   "[*]1|[*]6|:*|:17000000*|:*|[*]2|$3|GET|$1|k|$14|127.0.0.1:5000|$2|me|");
    alone_free(a);
}

Test(slowlog_commands, get_has_ten_unless_it_is_told_how_many)
{
    struct alone *a = start();

    for (int i = 0; i < 15; i++) {
        answers_expect(a, "GET k", "$-1|");
    }
    answers_expect(a, "SLOWLOG GET", "[*]10|*");
    answers_expect(a, "SLOWLOG GET 0", "[*]0|");
    answers_expect(a, "SLOWLOG GET 3", "[*]3|*");
    answers_expect(a, "SLOWLOG GET -1", "[*]18|*");
    answers_expect(a, "SLOWLOG LEN", ":19|");
    alone_free(a);
}

Test(slowlog_commands, reset_leaves_nothing_of_before)
{
    struct alone *a = start();

    answers_expect(a, "GET k\r\nGET k", "$-1|$-1|");
    answers_expect(a, "CONFIG SET slowlog-log-slower-than -1", "+OK|");
    answers_expect(a, "SLOWLOG RESET", "+OK|");
    answers_expect(a, "SLOWLOG LEN", ":0|");
    alone_free(a);
}

Test(slowlog_commands, refuses_counts_and_words_that_it_does_not_understand)
{
    static const struct answers_case cases[] = {
        {"SLOWLOG GET x",   "-ERR count should be greater than or equal to -1|"              },
        {"SLOWLOG GET -2",  "-ERR count should be greater than or equal to -1|"              },
        {"SLOWLOG GET 1 2", "-ERR unknown subcommand or wrong number of arguments for 'GET'*"},
        {"SLOWLOG NOSUCH",  "-ERR unknown subcommand 'NOSUCH'. Try SLOWLOG HELP.|"           },
    };
    struct alone *a = start();

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

/* ---- COMMANDLOG ------------------------------------------------------------------------------- */

static const struct alone_option small_sizes[] = {
    {"commandlog-request-larger-than", "38"},
    {"commandlog-reply-larger-than",   "30"},
};

Test(commandlog_commands, keeps_requests_and_replies_from_their_sizes_on)
{
    struct alone *a = answers_start(small_sizes, ARRAY_COUNT(small_sizes));

    answers_expect(a, "SET k 0123456789012345678901234567890", "+OK|");
    answers_expect(a, "GET k", "$31|*");
    answers_expect(a, "SET k short", "+OK|");
    answers_expect(a, "GET k", "$5|short|");
    answers_expect(a, "COMMANDLOG LEN large-request", ":1|");
    answers_expect(a, "COMMANDLOG GET -1 large-reply",
                   "[*]1|[*]6|:0|:17000000*|:38|[*]2|$3|GET|$1|k|$14|127.0.0.1:5000|$0||");
    answers_expect(a, "COMMANDLOG GET 1 LARGE-REQUEST",
                   "[*]1|[*]6|:*|:17000000*|:39|[*]3|$3|SET|*");
    answers_expect(a, "COMMANDLOG LEN slow", ":0|");
    alone_free(a);
}

Test(commandlog_commands, knows_the_size_of_values_that_are_sent_from_where_they_are)
{
    struct alone *a = answers_start(NULL, 0);

    answers_expect(a, "SETRANGE k 999999 x\r\nGET k\r\nGET none", "*");
    answers_expect(a, "COMMANDLOG LEN large-reply", ":0|");
    answers_expect(a, "SETRANGE k 1048575 x\r\nGET k\r\nGET none", "*");
    answers_expect(a, "COMMANDLOG GET -1 large-reply",
                   "[*]1|[*]6|:0|*|:1048588|[*]2|$3|GET|$1|k|*");
    answers_expect(a, "MULTI\r\nGET k\r\nEXEC", "*");
    answers_expect(a, "COMMANDLOG LEN large-reply", ":2|");
    answers_expect(a, "COMMANDLOG RESET large-reply", "+OK|");
    answers_expect(a, "COMMANDLOG LEN large-reply", ":0|");
    alone_free(a);
}

Test(commandlog_commands, has_the_slow_log_as_one_of_its_types)
{
    struct alone *a = start();

    answers_expect(a, "GET k\r\nGET l", "$-1|$-1|");
    answers_expect(a, "COMMANDLOG GET 1 slow", "[*]1|[*]6|*|[*]2|$3|GET|$1|l|*");
    answers_expect(a, "CONFIG SET commandlog-execution-slower-than -1", "+OK|");
    answers_expect(a, "CONFIG GET slowlog-log-slower-than", "[*]2|*|$2|-1|");
    answers_expect(a, "CONFIG SET commandlog-slow-execution-max-len 1", "+OK|");
    answers_expect(a, "SLOWLOG LEN", ":1|");
    answers_expect(a, "COMMANDLOG RESET slow", "+OK|");
    answers_expect(a, "SLOWLOG LEN", ":0|");
    alone_free(a);
}

Test(commandlog_commands, keeps_as_many_as_it_is_told_and_none_below_zero)
{
    struct alone *a = answers_start(small_sizes, ARRAY_COUNT(small_sizes));

    answers_expect(a, "CONFIG SET commandlog-large-request-max-len 2", "+OK|");
    for (int i = 0; i < 4; i++) {
        answers_expect(a, "SET k 0123456789012345678901234567890", "+OK|");
    }
    answers_expect(a, "COMMANDLOG LEN large-request", ":2|");
    answers_expect(a, "CONFIG SET commandlog-request-larger-than -1", "+OK|");
    answers_expect(a, "COMMANDLOG RESET large-request", "+OK|");
    answers_expect(a, "SET k 0123456789012345678901234567890", "+OK|");
    answers_expect(a, "COMMANDLOG LEN large-request", ":0|");
    alone_free(a);
}

Test(commandlog_commands, refuses_counts_and_types_that_it_does_not_understand)
{
#define TYPES "-ERR type should be one of the following: slow, large-request, large-reply|"
#define COUNT "-ERR count should be greater than or equal to -1|"
    static const struct answers_case cases[] = {
        {"COMMANDLOG",                              "-ERR wrong number of arguments for 'commandlog' command|"      },
        {"COMMANDLOG NOSUCH",                       "-ERR unknown subcommand 'NOSUCH'. Try COMMANDLOG HELP.|"       },
        {"COMMANDLOG GET",                          "-ERR wrong number of arguments for 'commandlog|get' command|"  },
        {"COMMANDLOG GET 1",                        "-ERR wrong number of arguments for 'commandlog|get' command|"  },
        {"COMMANDLOG GET 1 slow x",                 "-ERR wrong number of arguments for 'commandlog|get' command|"  },
        {"COMMANDLOG LEN",                          "-ERR wrong number of arguments for 'commandlog|len' command|"  },
        {"COMMANDLOG RESET",                        "-ERR wrong number of arguments for 'commandlog|reset' command|"},
        {"COMMANDLOG GET x slow",                   COUNT                                                           },
        {"COMMANDLOG GET -2 slow",                  COUNT                                                           },
        {"COMMANDLOG GET 1.0 slow",                 COUNT                                                           },
        {"COMMANDLOG GET 9223372036854775808 slow", COUNT                                                           },
        {"COMMANDLOG GET \"\" slow",                COUNT                                                           },
        {"COMMANDLOG GET 9223372036854775807 slow", "[*]0|"                                                         },
        {"COMMANDLOG GET 1 fast",                   TYPES                                                           },
        {"COMMANDLOG GET 1 \"\"",                   TYPES                                                           },
        {"COMMANDLOG LEN slowlog",                  TYPES                                                           },
        {"COMMANDLOG RESET all",                    TYPES                                                           },
    };
#undef TYPES
#undef COUNT
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}
