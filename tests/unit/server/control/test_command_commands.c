/* SPDX-License-Identifier: MIT */
/* COMMAND and its subcommands. */
#include "base/attr.h"
#include "spec/command.h"
#include "tests/unit/answers.h"

#include <stdio.h>

Test(command_commands, count_is_that_of_commands_that_are_no_subcommands)
{
    struct alone *a = answers_start(NULL, 0);
    size_t count = 0;
    char pattern[32];

    for (int id = 0; id < COMMAND_COUNT; id++) {
        count += command_spec((enum command_id)id)->kind != COMMAND_SUB;
    }
    snprintf(pattern, sizeof(pattern), ":%zu|", count);
    answers_expect(a, "COMMAND COUNT", pattern);
    snprintf(pattern, sizeof(pattern), "[*]%zu|*", count);
    answers_expect(a, "COMMAND", pattern);
    answers_expect(a, "COMMAND INFO", pattern);
    alone_free(a);
}

Test(command_commands, info_has_arity_flags_and_keys_of_those_asked_for)
{
    static const struct answers_case cases[] = {
        {"COMMAND INFO get",        "[*]1|[*]10|$3|get|:2|[*]2|+readonly|+fast|:1|:1|:1|*"},
        {"COMMAND INFO msetex",
         "[*]1|[*]10|$6|msetex|:-4|[*]3|+write|+denyoom|+movablekeys|:0|:0|:0|*"
         "|$4|type|$5|index|$4|spec|[*]2|$5|index|:1|$9|find_keys|[*]4|$4|type|$6|keynum|$4|spec|"
         "[*]6|$9|keynumidx|:0|$8|firstkey|:1|$7|keystep|:2|*"                            },
        {"COMMAND INFO config|get", "[*]1|[*]10|$10|config|get|:-3|*"                     },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    answers_expect(a, "COMMAND INFO nosuch", "[*]1|[*]-1|");
    alone_free(a);
}

Test(command_commands, info_is_of_sets_in_resp3)
{
    static const struct answers_case cases[] = {
        {"HELLO 3",                      "%7|*"                                                              },
        {"COMMAND INFO get",             "[*]1|[*]10|$3|get|:2|~2|*|~3|+@read|+@string|+@fast|~0|~1|%3|*|~0|"},
        {"COMMAND INFO object|encoding",
         "[*]1|[*]10|$15|object|encoding|*|~1|$23|nondeterministic_output|~1|%3|*|~0|"                       },
        {"COMMAND INFO xinfo",           "[*]1|[*]10|$5|xinfo|:-2|*|~0|~0|[*]4|[*]10|*"                      },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(command_commands, list_is_filtered_by_pattern_category_or_module)
{
    static const struct answers_case cases[] = {
        {"COMMAND LIST FILTERBY PATTERN getr*",  "[*]1|$8|getrange|" },
        {"COMMAND LIST FILTERBY PATTERN nosuch", "[*]0|"             },
        {"COMMAND LIST FILTERBY MODULE json",    "[*]0|"             },
        {"COMMAND LIST FILTERBY ACLCAT nosuch",  "[*]0|"             },
        {"COMMAND LIST FILTERBY ACLCAT string",  "[*]*|$3|get|*"     },
        {"COMMAND LIST FILTERBY NAME x",         "-ERR syntax error|"},
        {"COMMAND LIST FILTERBY",                "-ERR syntax error|"},
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}

Test(command_commands, getkeys_finds_the_keys_of_a_whole_request)
{
    static const struct answers_case cases[] = {
        {"COMMAND GETKEYS mset a 1 b 2",          "[*]2|$1|a|$1|b|"                             },
        {"COMMAND GETKEYS msetex 2 a 1 b 2 EX 5", "[*]2|$1|a|$1|b|"                             },
        {"COMMAND GETKEYS msetex 3 a 1 b 2",      "-ERR Invalid arguments specified *"          },
        {"COMMAND GETKEYS msetex x a 1",          "-ERR Invalid arguments specified *"          },
        {"COMMAND GETKEYS bitop and d a b",       "[*]3|$1|d|$1|a|$1|b|"                        },
        {"COMMAND GETKEYSANDFLAGS pfmerge d a",
         "[*]2|[*]2|$1|d|[*]3|+RW|+access|+insert|[*]2|$1|a|[*]2|+RO|+access|"                  },
        {"COMMAND GETKEYS memory usage k",        "[*]1|$1|k|"                                  },
        {"COMMAND GETKEYS get",                   "-ERR Invalid number of arguments specified *"},
        {"COMMAND GETKEYS ping",                  "-ERR The command has no key arguments|"      },
        {"COMMAND GETKEYS nosuch k",              "-ERR Invalid command specified|"             },
        {"COMMAND GETKEYS client nosuch",         "-ERR Invalid command specified|"             },
        {"COMMAND GETKEYS debug object k",        "-ERR The command has no key arguments|"      },
        {"COMMAND GETKEYSANDFLAGS get k",         "[*]1|[*]2|$1|k|[*]2|+RO|+access|"            },
        {"COMMAND GETKEYSANDFLAGS ping",          "-ERR The command has no key arguments|"      },
    };
    struct alone *a = answers_start(NULL, 0);

    answers_expect_all(a, cases, ARRAY_COUNT(cases));
    alone_free(a);
}
