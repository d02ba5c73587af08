/* SPDX-License-Identifier: MIT */
/* SLOWLOG. */
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
