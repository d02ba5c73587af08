/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define SYNTAX     "-ERR syntax error|"
#define NO_NUMKEYS "-ERR invalid numkeys value|"
#define NO_PAIRS   "-ERR wrong number of key-value pairs|"
#define NO_EXPIRE  "-ERR invalid expire time in 'msetex' command|"

Test(msetex, all_keys_are_set_with_one_expiry)
{
    static const struct fixture_case cases[] = {
        {"MSETEX 2 a 1 b 2",             ":1|",           "MSET a 1 b 2"                                    },
        {"MGET a b",                     "*2|$1|1|$1|2|", ""                                                },
        {"MSETEX 2 a 3 b 4 EX 10",       ":1|",           "SET a 3 PXAT 1000010000; SET b 4 PXAT 1000010000"},
        {"PTTL b",                       ":10000|",       ""                                                },
        {"MSETEX 2 a 5 c 6 KEEPTTL",     ":1|",           "SET a 5 KEEPTTL; SET c 6 KEEPTTL"                },
        {"MGET a c",                     "*2|$1|5|$1|6|", ""                                                },
        {"TTL a",                        ":10|",          ""                                                },
        {"TTL c",                        ":-1|",          ""                                                },
        {"MSETEX 1 a 7 pxat 1000000500", ":1|",           "SET a 7 PXAT 1000000500"                         },
        {"MSETEX 1 a 8",                 ":1|",           "MSET a 8"                                        },
        {"TTL a",                        ":-1|",          ""                                                },
        {"MSETEX 2 k 1 k 2",             ":1|",           "MSET k 1 k 2"                                    },
        {"GET k",                        "$1|2|",         ""                                                },
        {"MSETEX 1 list v",              ":1|",           "MSET list v"                                     },
        {"GET list",                     "$1|v|",         ""                                                },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(msetex, conditions_are_for_all_keys)
{
    static const struct fixture_case cases[] = {
        {"SET a 1",                  "+OK|",               NULL                                              },
        {"MSETEX 2 a 2 b 2 NX",      ":0|",                ""                                                },
        {"MSETEX 2 a 2 b 2 XX",      ":0|",                ""                                                },
        {"EXISTS b",                 ":0|",                ""                                                },
        {"MSETEX 2 b 2 c 2 EX 5 nx", ":1|",                "SET b 2 PXAT 1000005000; SET c 2 PXAT 1000005000"},
        {"MSETEX 3 a 3 b 3 c 3 XX",  ":1|",                "MSET a 3 b 3 c 3"                                },
        {"MGET a b c",               "*3|$1|3|$1|3|$1|3|", ""                                                },
    };

    RUN_CASES(cases);
}

Test(msetex, requests_that_cannot_be_are_refused_as_a_whole)
{
    static const struct fixture_case cases[] = {
        {"MSETEX 0 a 1",                        NO_NUMKEYS,                                      ""},
        {"MSETEX -1 a 1",                       NO_NUMKEYS,                                      ""},
        {"MSETEX x a 1",                        NO_NUMKEYS,                                      ""},
        {"MSETEX 2147483648 a 1",               NO_NUMKEYS,                                      ""},
        {"MSETEX 9223372036854775808 a 1",      NO_NUMKEYS,                                      ""},
        {"MSETEX 2 a 1",                        NO_PAIRS,                                        ""},
        {"MSETEX 2 a 1 b",                      NO_PAIRS,                                        ""},
        {"MSETEX 1 a 1 b 2",                    SYNTAX,                                          ""},
        {"MSETEX 1 a 1 NX XX",                  SYNTAX,                                          ""},
        {"MSETEX 1 a 1 GET",                    SYNTAX,                                          ""},
        {"MSETEX 1 a 1 IFEQ 1",                 SYNTAX,                                          ""},
        {"MSETEX 1 a 1 EX",                     SYNTAX,                                          ""},
        {"MSETEX 1 a 1 EX 1 PX 1",              SYNTAX,                                          ""},
        {"MSETEX 1 a 1 EX 1 KEEPTTL",           SYNTAX,                                          ""},
        {"MSETEX 1 a 1 PERSIST",                SYNTAX,                                          ""},
        {"MSETEX 1 a 1 EX 0",                   NO_EXPIRE,                                       ""},
        {"MSETEX 1 a 1 EX -1",                  NO_EXPIRE,                                       ""},
        {"MSETEX 1 a 1 EX 9223372036854775807", NO_EXPIRE,                                       ""},
        {"MSETEX 1 a 1 EX x",                   "-ERR value is not an integer or out of range|", ""},
        {"EXISTS a",                            ":0|",                                           ""},
    };

    RUN_CASES(cases);
}

Test(msetex, keys_that_have_expired_do_not_exist)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SET a 1 PX 5");
    f->x.now.unix_ms += 10;
    fixture_expect(f, "MSETEX 1 a 2 NX", ":1|");
    cr_assert_str_eq(fixture_effects(f), "DEL a; MSET a 2");
    fixture_free(f);
}
