/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SYNTAX       "-ERR syntax error|"
#define WRONG_TYPE   "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define NO_DIGEST    "-ERR must be exactly 16 hexadecimal characters|"
#define NO_STRING    "-ERR Key should be of string type if conditions are specified|"
#define NO_CONDITION "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE|"
#define NO_ARITY     "-ERR wrong number of arguments for 'delex' command|"

/* Of no value here. */
#define OTHER "0123456789abcdef"

Test(compare, a_digest_is_that_of_the_value_in_lower_case)
{
    static const struct fixture_case cases[] = {
        {"SET k myvalue",        "+OK|",                  NULL},
        {"DIGEST k",             "$16|5a32b091fa5dafe7|", ""  },
        {"DIGEST none",          "$-1|",                  ""  },
        {"DIGEST list",          WRONG_TYPE,              ""  },
        {"SET n 12",             "+OK|",                  NULL},
        {"SET s 1",              "+OK|",                  NULL},
        {"APPEND s 2",           ":2|",                   NULL},
        {"SET n x IFDEQ " OTHER, "$-1|",                  ""  },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(compare, an_integer_and_the_same_text_have_one_digest)
{
    struct fixture *f = fixture_new(false);
    char digest[64];

    fixture_run(f, "SET n 12");
    fixture_run(f, "SET s 1");
    fixture_run(f, "APPEND s 2");
    fixture_run(f, "DIGEST n");
    cr_assert_lt(snprintf(digest, sizeof(digest), "%s", fixture_reply(f)), (int)sizeof(digest));
    fixture_expect(f, "DIGEST s", digest);
    fixture_free(f);
}

Test(compare, set_compares_with_the_value_and_travels_without_the_condition)
{
    static const struct fixture_case cases[] = {
        {"SET k v IFEQ x",               "$-1|",      ""                       },
        {"EXISTS k",                     ":0|",       ""                       },
        {"SET k Hello IFNE x",           "+OK|",      "SET k Hello"            },
        {"SET k v IFEQ hello",           "$-1|",      ""                       },
        {"SET k v IFEQ hello GET",       "$5|Hello|", ""                       },
        {"SET k v IFNE Hello",           "$-1|",      ""                       },
        {"SET k v EX 10 ifeq Hello GET", "$5|Hello|", "SET k v PXAT 1000010000"},
        {"SET k 12 IFEQ v KEEPTTL",      "+OK|",      "SET k 12 KEEPTTL"       },
        {"SET k \"\" IFEQ 12",           "+OK|",      "SET k "                 },
        {"SET k v IFEQ \"\"",            "+OK|",      "SET k v"                },
        {"SET k v IFEQ v",               "+OK|",      "SET k v"                },
        {"SET none v IFEQ x GET",        "$-1|",      ""                       },
        {"SET none v IFNE x GET",        "$-1|",      "SET none v"             },
        {"GET none",                     "$1|v|",     ""                       },
    };

    RUN_CASES(cases);
}

Test(compare, set_compares_with_the_digest_in_any_case)
{
    static const struct fixture_case cases[] = {
        {"SET k v IFDEQ " OTHER,                "$-1|",    ""             },
        {"SET k v IFDEQ word",                  "$-1|",    ""             },
        {"SET k myvalue IFDNE word",            "+OK|",    "SET k myvalue"},
        {"SET k v IFDEQ " OTHER,                "$-1|",    ""             },
        {"SET k v IFDNE 5A32B091FA5DAFE7",      "$-1|",    ""             },
        {"SET k v IFDEQ 5A32b091fa5dafe7",      "+OK|",    "SET k v"      },
        {"SET k w IFDNE " OTHER,                "+OK|",    "SET k w"      },
        {"SET k v IFDEQ 0123456789abcde",       NO_DIGEST, ""             },
        {"SET k v IFDEQ 0123456789abcdeg",      NO_DIGEST, ""             },
        {"SET k v GET IFDNE 0123456789abcdef0", NO_DIGEST, ""             },
        {"SET k v IFDEQ \"\"",                  NO_DIGEST, ""             },
        {"GET k",                               "$1|w|",   ""             },
    };

    RUN_CASES(cases);
}

Test(compare, conditions_of_set_exclude_each_other)
{
    static const struct fixture_case cases[] = {
        {"SET k v NX IFEQ v",              SYNTAX,                                       ""},
        {"SET k v IFEQ v XX",              SYNTAX,                                       ""},
        {"SET k v IFEQ v IFNE w",          SYNTAX,                                       ""},
        {"SET k v IFEQ v IFEQ v",          SYNTAX,                                       ""},
        {"SET k v IFDEQ " OTHER " IFEQ v", SYNTAX,                                       ""},
        {"SET k v IFEQ",                   SYNTAX,                                       ""},
        {"SET list v IFEQ v",              WRONG_TYPE,                                   ""},
        {"SET list v IFDNE word",          WRONG_TYPE,                                   ""},
        {"SET k v EX 0 IFEQ v",            "-ERR invalid expire time in 'set' command|", ""},
        {"EXISTS k",                       ":0|",                                        ""},
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(compare, delex_removes_when_its_condition_holds)
{
    static const struct fixture_case cases[] = {
        {"SET k myvalue",                  "+OK|",       NULL      },
        {"DELEX k IFEQ other",             ":0|",        ""        },
        {"DELEX k IFNE myvalue",           ":0|",        ""        },
        {"DELEX k ifdeq " OTHER,           ":0|",        ""        },
        {"DELEX k IFDNE 5A32b091fa5dafe7", ":0|",        ""        },
        {"DELEX k IFDEQ word",             NO_DIGEST,    ""        },
        {"DELEX k IFEQ myvalue",           ":1|",        "DEL k"   },
        {"DELEX k IFEQ myvalue",           ":0|",        ""        },
        {"DELEX none WORD word",           ":0|",        ""        },
        {"SET k myvalue",                  "+OK|",       NULL      },
        {"DELEX k IFDEQ 5A32b091fa5dafe7", ":1|",        "DEL k"   },
        {"SET k v",                        "+OK|",       NULL      },
        {"DELEX k WORD v",                 NO_CONDITION, ""        },
        {"DELEX k IFEQ",                   NO_ARITY,     ""        },
        {"DELEX k IFEQ v IFEQ",            NO_ARITY,     ""        },
        {"DELEX list IFNE v",              NO_STRING,    ""        },
        {"DELEX list",                     ":1|",        "DEL list"},
        {"DELEX k",                        ":1|",        "DEL k"   },
        {"DELEX k",                        ":0|",        ""        },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(compare, delifeq_removes_an_equal_value)
{
    static const struct fixture_case cases[] = {
        {"SET k 12",         "+OK|",     NULL   },
        {"DELIFEQ k 012",    ":0|",      ""     },
        {"DELIFEQ k 12",     ":1|",      "DEL k"},
        {"DELIFEQ k 12",     ":0|",      ""     },
        {"DELIFEQ k \"\"",   ":0|",      ""     },
        {"DELIFEQ list abc", WRONG_TYPE, ""     },
    };

    RUN_CASES_WITH_LIST(cases);
}
