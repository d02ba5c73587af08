/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define NO_OFFSET  "-ERR bit offset is not an integer or out of range|"
#define NO_INTEGER "-ERR value is not an integer or out of range|"
#define SYNTAX     "-ERR syntax error|"
#define WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define NO_FIELD                                                                                   \
    "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "   \
    "i64 is.|"
#define LEAST_I64    "-9223372036854775808"
#define GREATEST_I64 "9223372036854775807"

Test(bitfield, fields_are_set_read_and_incremented_in_order)
{
    static const struct fixture_case cases[] = {
        {"BITFIELD k SET u8 0 255 GET u4 4 INCRBY i5 100 -3", "*3|:0|:15|:-3|",
         "BITFIELD k SET u8 0 255 GET u4 4 INCRBY i5 100 -3"                         },
        {"STRLEN k",                                          ":14|",            ""  },
        {"BITFIELD k GET i8 0 GET u8 #0 GET i64 #9",          "*3|:-1|:255|:0|", ""  },
        {"BITFIELD k SET u8 #1 7 SET i8 #1 -7",               "*2|:0|:7|",       NULL},
        {"BITFIELD k GET u8 8",                               "*1|:249|",        ""  },
        {"BITFIELD k SET u8 0 255",                           "*1|:255|",        ""  },
        {"BITFIELD k",                                        "*0|",             ""  },
        {"BITFIELD none GET u8 0",                            "*1|:0|",          ""  },
        {"EXISTS none",                                       ":0|",             ""  },
        {"BITFIELD_RO k GET u8 0 get i8 0",                   "*2|:255|:-1|",    ""  },
        {"SET n 12",                                          "+OK|",            NULL},
        {"BITFIELD n GET u8 0 INCRBY u8 0 1",                 "*2|:49|:50|",     NULL},
        {"GET n",                                             "$2|22|",          ""  },
    };

    RUN_CASES(cases);
}

Test(bitfield, what_does_not_fit_wraps_or_stays_at_the_limit_or_fails)
{
    static const struct fixture_case cases[] = {
        {"BITFIELD k SET u8 0 200 INCRBY u8 0 100",                                "*2|:0|:44|",               NULL},
        {"BITFIELD k OVERFLOW SAT INCRBY u8 0 250 INCRBY u8 0 -999",               "*2|:255|:0|",              NULL},
        {"BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 GET u8 0",                       "*2|$-1|:0|",               ""  },
        {"BITFIELD k SET u8 0 -1 OVERFLOW SAT SET u8 0 -1",                        "*2|:0|:255|",              NULL},
        {"BITFIELD k OVERFLOW sat SET i8 0 1000 SET i8 0 -1000 GET i8 0",          "*3|:-1|:127|:-128|",
         NULL                                                                                                      },
        {"BITFIELD k INCRBY i8 0 -1",                                              "*1|:127|",                 NULL},
        {"BITFIELD k SET i64 0 " GREATEST_I64 " INCRBY i64 0 1",
         "*2|:9151314442816847872|:" LEAST_I64 "|",                                                            NULL},
        {"BITFIELD k OVERFLOW SAT INCRBY i64 0 -1",                                "*1|:" LEAST_I64 "|",       ""  },
        {"BITFIELD k OVERFLOW FAIL INCRBY i64 0 -1 OVERFLOW WRAP INCRBY i64 0 -1",
         "*2|$-1|:" GREATEST_I64 "|",                                                                          NULL},
        {"BITFIELD k SET u63 0 -1",                                                "*1|:4611686018427387903|", NULL},
        {"BITFIELD k INCRBY u63 0 1",                                              "*1|:0|",                   NULL},
        {"BITFIELD k OVERFLOW SAT INCRBY u63 0 " LEAST_I64,                        "*1|:0|",                   ""  },
        {"BITFIELD k SET i1 0 0 INCRBY i1 0 1 OVERFLOW SAT INCRBY i1 0 5",         "*3|:0|:-1|:0|",            NULL},
    };

    RUN_CASES(cases);
}

Test(bitfield, a_value_grows_for_what_overflow_then_prevents)
{
    static const struct fixture_case cases[] = {
        {"BITFIELD k OVERFLOW FAIL INCRBY u2 100 9", "*1|$-1|",
         "BITFIELD k OVERFLOW FAIL INCRBY u2 100 9"               },
        {"STRLEN k",                                 ":13|",    ""},
        {"BITFIELD k OVERFLOW FAIL INCRBY u2 100 9", "*1|$-1|", ""},
    };

    RUN_CASES(cases);
}

Test(bitfield, a_request_with_anything_wrong_is_refused_as_a_whole)
{
    static const struct fixture_case cases[] = {
        {"BITFIELD k SET u8 0 1 GET u8",            SYNTAX,                                               ""},
        {"BITFIELD k SET u8 0",                     SYNTAX,                                               ""},
        {"BITFIELD k PUT u8 0 1",                   SYNTAX,                                               ""},
        {"BITFIELD k OVERFLOW",                     SYNTAX,                                               ""},
        {"BITFIELD k OVERFLOW WRAPS",               "-ERR Invalid OVERFLOW type specified|",              ""},
        {"BITFIELD k SET u8 0 1 GET u64 0",         NO_FIELD,                                             ""},
        {"BITFIELD k GET i65 0",                    NO_FIELD,                                             ""},
        {"BITFIELD k GET u0 0",                     NO_FIELD,                                             ""},
        {"BITFIELD k GET i-1 0",                    NO_FIELD,                                             ""},
        {"BITFIELD k GET i 0",                      NO_FIELD,                                             ""},
        {"BITFIELD k GET U8 0",                     NO_FIELD,                                             ""},
        {"BITFIELD k GET \"\" 0",                   NO_FIELD,                                             ""},
        {"BITFIELD k GET i8 -1",                    NO_OFFSET,                                            ""},
        {"BITFIELD k GET i8 #",                     NO_OFFSET,                                            ""},
        {"BITFIELD k GET i8 #-1",                   NO_OFFSET,                                            ""},
        {"BITFIELD k GET i8 4294967296",            NO_OFFSET,                                            ""},
        {"BITFIELD k GET i8 #536870912",            NO_OFFSET,                                            ""},
        {"BITFIELD k GET i64 #288230376151711744",  NO_OFFSET,                                            ""},
        {"BITFIELD k GET i64 #" GREATEST_I64,       NO_OFFSET,                                            ""},
        {"BITFIELD k GET i8 \"\"",                  NO_OFFSET,                                            ""},
        {"BITFIELD k SET i8 0 9223372036854775808", NO_INTEGER,                                           ""},
        {"BITFIELD k INCRBY i8 0 1.5",              NO_INTEGER,                                           ""},
        {"BITFIELD k SET i8 x x",                   NO_OFFSET,                                            ""},
        {"BITFIELD_RO k SET u8 0 1",                "-ERR BITFIELD_RO only supports the GET subcommand|", ""},
        {"BITFIELD_RO k SET u8 0 x",                NO_INTEGER,                                           ""},
        {"EXISTS k",                                ":0|",                                                ""},
        {"BITFIELD list",                           WRONG_TYPE,                                           ""},
        {"BITFIELD list GET u8 0",                  WRONG_TYPE,                                           ""},
        {"BITFIELD list SET u8 0 1",                WRONG_TYPE,                                           ""},
        {"BITFIELD list GET u8",                    SYNTAX,                                               ""},
    };

    RUN_CASES_WITH_LIST(cases);
}
