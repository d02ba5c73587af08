/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define NOT_AN_INTEGER "-ERR value is not an integer or out of range|"
#define NOT_A_FLOAT    "-ERR value is not a valid float|"
#define OVERFLOW_ERROR "-ERR increment or decrement would overflow|"

Test(counters, integers_count_up_and_down_and_keep_their_expiry)
{
    static const struct fixture_case cases[] = {
        {"INCR n",            ":1|",     "INCR n"     },
        {"INCRBY n 41",       ":42|",    "INCRBY n 41"},
        {"DECR n",            ":41|",    "DECR n"     },
        {"DECRBY n 50",       ":-9|",    "DECRBY n 50"},
        {"INCRBY n -1",       ":-10|",   NULL         },
        {"EXPIRE n 50",       ":1|",     NULL         },
        {"INCR n",            ":-9|",    NULL         },
        {"TTL n",             ":50|",    ""           },
        {"OBJECT ENCODING n", "$3|int|", ""           },
    };

    RUN_CASES(cases);
}

Test(counters, what_is_no_integer_or_would_leave_the_range_is_refused)
{
    static const struct fixture_case cases[] = {
        {"SET t text",                    "+OK|",                           NULL},
        {"INCR t",                        NOT_AN_INTEGER,                   ""  },
        {"INCRBY n 1.5",                  NOT_AN_INTEGER,                   ""  },
        {"INCRBY n \"\"",                 NOT_AN_INTEGER,                   ""  },
        {"EXISTS n",                      ":0|",                            ""  },
        {"SET n 9223372036854775807",     "+OK|",                           NULL},
        {"INCR n",                        OVERFLOW_ERROR,                   ""  },
        {"DECRBY n -1",                   OVERFLOW_ERROR,                   ""  },
        {"DECRBY n -9223372036854775808", "-ERR decrement would overflow|", ""  },
        {"SET n -9223372036854775808",    "+OK|",                           NULL},
        {"DECR n",                        OVERFLOW_ERROR,                   ""  },
        {"INCRBY n -1",                   OVERFLOW_ERROR,                   ""  },
        {"INCRBY n 9223372036854775807",  ":-1|",                           NULL},
    };

    RUN_CASES(cases);
}

Test(counters, floats_travel_as_their_result)
{
    static const struct fixture_case cases[] = {
        {"INCRBYFLOAT f 10.50", "$4|10.5|",                                      "SET f 10.5 KEEPTTL"},
        {"INCRBYFLOAT f 0.1",   "$4|10.6|",                                      "SET f 10.6 KEEPTTL"},
        {"INCRBYFLOAT f -5.6",  "$1|5|",                                         "SET f 5 KEEPTTL"   },
        {"INCR f",              ":6|",                                           NULL                },
        {"EXPIRE f 9",          ":1|",                                           NULL                },
        {"INCRBYFLOAT f 2.0e2", "$3|206|",                                       "SET f 206 KEEPTTL" },
        {"TTL f",               ":9|",                                           ""                  },
        {"INCRBYFLOAT f abc",   NOT_A_FLOAT,                                     ""                  },
        {"INCRBYFLOAT f nan",   NOT_A_FLOAT,                                     ""                  },
        {"INCRBYFLOAT f inf",   "-ERR increment would produce NaN or Infinity|", ""                  },
        {"SET t text",          "+OK|",                                          NULL                },
        {"INCRBYFLOAT t 1",     NOT_A_FLOAT,                                     ""                  },
    };

    RUN_CASES(cases);
}
