/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define SYNTAX       "-ERR syntax error|"
#define WRONG_TYPE   "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define LEAST_I64    "-9223372036854775808"
#define GREATEST_I64 "9223372036854775807"

Test(increx, a_value_is_incremented_and_keeps_its_expiry)
{
    static const struct fixture_case cases[] = {
        {"INCREX n",          "*2|:1|:1|",   "SET n 1 KEEPTTL"         },
        {"INCREX n BYINT 41", "*2|:42|:41|", "SET n 42 KEEPTTL"        },
        {"EXPIRE n 100",      ":1|",         NULL                      },
        {"INCREX n byint -2", "*2|:40|:-2|", "SET n 40 KEEPTTL"        },
        {"TTL n",             ":100|",       ""                        },
        {"INCREX n EX 5",     "*2|:41|:1|",  "SET n 41 PXAT 1000005000"},
        {"TTL n",             ":5|",         ""                        },
        {"INCREX n PERSIST",  "*2|:42|:1|",  "SET n 42"                },
        {"TTL n",             ":-1|",        ""                        },
        {"GET n",             "$2|42|",      ""                        },
        {"OBJECT ENCODING n", "$3|int|",     ""                        },
    };

    RUN_CASES(cases);
}

Test(increx, a_window_of_time_lets_so_many_through)
{
    static const struct fixture_case cases[] = {
        {"INCREX n UBOUND 2 EX 5 ENX",   "*2|:1|:1|", "SET n 1 PXAT 1000005000"},
        {"INCREX n ENX EX 90 UBOUND 2",  "*2|:2|:1|", "SET n 2 KEEPTTL"        },
        {"INCREX n UBOUND 2 EX 90 ENX",  "*2|:2|:0|", ""                       },
        {"TTL n",                        ":5|",       ""                       },
        {"INCREX new UBOUND 0 EX 5",     "*2|:0|:0|", ""                       },
        {"EXISTS new",                   ":0|",       ""                       },
        {"SET n 2",                      "+OK|",      NULL                     },
        {"INCREX n UBOUND 3 PX 500 ENX", "*2|:3|:1|", "SET n 3 PXAT 1000000500"},
    };

    RUN_CASES(cases);
}

Test(increx, out_of_bounds_nothing_changes_unless_it_saturates)
{
    static const struct fixture_case cases[] = {
        {"SET n 10",                              "+OK|",                                   NULL              },
        {"INCREX n BYINT 5 UBOUND 12",            "*2|:10|:0|",                             ""                },
        {"INCREX n BYINT 5 UBOUND 12 SATURATE",   "*2|:12|:2|",                             "SET n 12 KEEPTTL"},
        {"INCREX n BYINT -50 LBOUND -3 SATURATE", "*2|:-3|:-15|",                           "SET n -3 KEEPTTL"},
        {"INCREX n BYINT -1 LBOUND -3 SATURATE",  "*2|:-3|:0|",                             "SET n -3 KEEPTTL"},
        {"SET n 100",                             "+OK|",                                   NULL              },
        {"INCREX n UBOUND 10",                    "*2|:100|:0|",                            ""                },
        {"INCREX n BYINT -1 UBOUND 10",           "*2|:100|:0|",                            ""                },
        {"INCREX n UBOUND 10 SATURATE",           "*2|:10|:-90|",                           "SET n 10 KEEPTTL"},
        {"SET n " GREATEST_I64,                   "+OK|",                                   NULL              },
        {"INCREX n",                              "*2|:" GREATEST_I64 "|:0|",               ""                },
        {"INCREX n SATURATE EX 5",                "*2|:" GREATEST_I64 "|:0|",
         "SET n " GREATEST_I64 " PXAT 1000005000"                                                             },
        {"INCREX n UBOUND -5 BYINT 0 SATURATE",   "-ERR applied increment would overflow|", ""                },
        {"INCREX n BYINT " LEAST_I64,             "*2|:-1|:" LEAST_I64 "|",                 NULL              },
        {"INCREX n BYINT " LEAST_I64,             "*2|:-1|:0|",                             ""                },
    };

    RUN_CASES(cases);
}

Test(increx, floats_are_incremented_as_incrbyfloat_does)
{
    static const struct fixture_case cases[] = {
        {"INCREX f BYFLOAT 0.1",                   "*2|$3|0.1|$3|0.1|",                             "SET f 0.1 KEEPTTL"},
        {"INCREX f BYFLOAT 0.2",                   "*2|$3|0.3|$3|0.2|",                             "SET f 0.3 KEEPTTL"},
        {"INCREX f BYFLOAT 5 UBOUND 4.5",          "*2|$3|0.3|$1|0|",                               ""                 },
        {"INCREX f BYFLOAT 5 UBOUND 4.5 SATURATE", "*2|$3|4.5|$3|4.2|",                             "SET f 4.5 KEEPTTL"},
        {"INCREX f BYFLOAT -1e1 UBOUND inf",       "*2|$4|-5.5|$3|-10|",                            NULL               },
        {"SET n 3",                                "+OK|",                                          NULL               },
        {"INCREX n BYFLOAT 1",                     "*2|$1|4|$1|1|",                                 "SET n 4 KEEPTTL"  },
        {"INCREX n",                               "*2|:5|:1|",                                     NULL               },
        {"INCREX f",                               "-ERR value is not an integer or out of range|", ""                 },
    };

    RUN_CASES(cases);
}

Test(increx, a_time_that_has_passed_removes_the_key)
{
    static const struct fixture_case cases[] = {
        {"INCREX n PXAT 5", "*2|:1|:1|", ""     },
        {"EXISTS n",        ":0|",       ""     },
        {"SET n 5",         "+OK|",      NULL   },
        {"INCREX n EXAT 1", "*2|:6|:1|", "DEL n"},
        {"EXISTS n",        ":0|",       ""     },
    };

    RUN_CASES(cases);
}

Test(increx, what_contradicts_itself_or_is_no_number_is_refused)
{
    static const struct fixture_case cases[] = {
        {"INCREX n BYINT 1 BYINT 1",               SYNTAX,                                              ""  },
        {"INCREX n BYINT 1 BYFLOAT 1",             SYNTAX,                                              ""  },
        {"INCREX n SATURATE SATURATE",             SYNTAX,                                              ""  },
        {"INCREX n UBOUND 1 UBOUND 1",             SYNTAX,                                              ""  },
        {"INCREX n LBOUND 1 LBOUND 1",             SYNTAX,                                              ""  },
        {"INCREX n EX 1 ENX ENX",                  SYNTAX,                                              ""  },
        {"INCREX n EX 1 EX 1",                     SYNTAX,                                              ""  },
        {"INCREX n EX 1 PX 1",                     SYNTAX,                                              ""  },
        {"INCREX n PERSIST EX 1",                  SYNTAX,                                              ""  },
        {"INCREX n PERSIST PERSIST",               SYNTAX,                                              ""  },
        {"INCREX n BYINT",                         SYNTAX,                                              ""  },
        {"INCREX n UBOUND",                        SYNTAX,                                              ""  },
        {"INCREX n 5",                             SYNTAX,                                              ""  },
        {"INCREX n KEEPTTL",                       SYNTAX,                                              ""  },
        {"INCREX n ENX",                           "-ERR ENX flag requires an expiration|",             ""  },
        {"INCREX n ENX PERSIST",                   "-ERR ENX flag requires an expiration|",             ""  },
        {"INCREX n LBOUND 2 UBOUND 1",             "-ERR LBOUND can't be greater than UBOUND|",         ""  },
        {"INCREX n BYFLOAT 1 LBOUND 2 UBOUND 1.5", "-ERR LBOUND can't be greater than UBOUND|",         ""  },
        {"INCREX n BYINT 1.5",                     "-ERR Increment is not an integer or out of range|", ""  },
        {"INCREX n BYINT 9223372036854775808",     "-ERR Increment is not an integer or out of range|",
         ""                                                                                                 },
        {"INCREX n UBOUND 1.5",                    "-ERR UBOUND is not an integer or out of range|",    ""  },
        {"INCREX n BYFLOAT word",                  "-ERR Increment is not a valid float|",              ""  },
        {"INCREX n BYFLOAT nan",                   "-ERR Increment is not a valid float|",              ""  },
        {"INCREX n BYFLOAT -inf",                  "-ERR BYFLOAT increment cannot be Infinity|",        ""  },
        {"INCREX n BYFLOAT 1 LBOUND nan",          "-ERR LBOUND is not a valid float|",                 ""  },
        {"INCREX n EX 0",                          "-ERR invalid expire time in 'increx' command|",     ""  },
        {"INCREX n EX x",                          "-ERR value is not an integer or out of range|",     ""  },
        {"EXISTS n",                               ":0|",                                               ""  },
        {"INCREX list",                            WRONG_TYPE,                                          ""  },
        {"SET s word",                             "+OK|",                                              NULL},
        {"INCREX s",                               "-ERR value is not an integer or out of range|",     ""  },
        {"INCREX s BYFLOAT 1",                     "-ERR value is not a valid float|",                  ""  },
        {"SET s inf",                              "+OK|",                                              NULL},
        {"INCREX s BYFLOAT 1",                     "*2|$3|inf|$1|0|",                                   ""  },
    };

    RUN_CASES_WITH_LIST(cases);
}
