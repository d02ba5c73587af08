/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define INVALID_EXPIRE(name) "-ERR invalid expire time in '" name "' command|"
#define NOT_AN_INTEGER       "-ERR value is not an integer or out of range|"

Test(set, options_decide_whether_and_what_is_replied)
{
    static const struct fixture_case cases[] = {
        {"SET k v",            "+OK|",      "SET k v"    },
        {"SET k w NX",         "$-1|",      ""           },
        {"SET k w XX",         "+OK|",      "SET k w"    },
        {"SET new v XX",       "$-1|",      ""           },
        {"SET new v nx",       "+OK|",      "SET new v"  },
        {"SET k x GET",        "$1|w|",     "SET k x"    },
        {"SET k y NX GET",     "$1|x|",     ""           },
        {"SET none y XX GET",  "$-1|",      ""           },
        {"SET other y NX GET", "$-1|",      "SET other y"},
        {"GET k",              "$1|x|",     ""           },
        {"SET k \"\"",         "+OK|",      "SET k "     },
        {"GET k",              "$0||",      ""           },
        {"SET k 00012",        "+OK|",      "SET k 00012"},
        {"GET k",              "$5|00012|", ""           },
    };

    RUN_CASES(cases);
}

Test(set, an_expiry_travels_as_a_point_in_time)
{
    static const struct fixture_case cases[] = {
        {"SET k v EX 10",                  "+OK|",      "SET k v PXAT 1000010000"},
        {"TTL k",                          ":10|",      ""                       },
        {"SET k v px 1500",                "+OK|",      "SET k v PXAT 1000001500"},
        {"PTTL k",                         ":1500|",    ""                       },
        {"SET k v EXAT 2000000",           "+OK|",      "SET k v PXAT 2000000000"},
        {"EXPIRETIME k",                   ":2000000|", ""                       },
        {"SET k w KEEPTTL",                "+OK|",      "SET k w KEEPTTL"        },
        {"EXPIRETIME k",                   ":2000000|", ""                       },
        {"SET k v GET PXAT 2000000001 XX", "$1|w|",     "SET k v PXAT 2000000001"},
        {"SET k v",                        "+OK|",      "SET k v"                },
        {"TTL k",                          ":-1|",      ""                       },
        {"SET n v KEEPTTL",                "+OK|",      "SET n v KEEPTTL"        },
        {"TTL n",                          ":-1|",      ""                       },
        {"SETEX k 7 v",                    "+OK|",      "SET k v PXAT 1000007000"},
        {"PSETEX k 7 v",                   "+OK|",      "SET k v PXAT 1000000007"},
        {"GETSET k w",                     "$1|v|",     "SET k w"                },
        {"TTL k",                          ":-1|",      ""                       },
    };

    RUN_CASES(cases);
}

Test(set, contradictions_and_bad_numbers_are_refused)
{
    static const struct fixture_case cases[] = {
        {"SET k v NX XX",                  "-ERR syntax error|",     ""},
        {"SET k v EX",                     "-ERR syntax error|",     ""},
        {"SET k v EX 1 PX 1",              "-ERR syntax error|",     ""},
        {"SET k v KEEPTTL EX 1",           "-ERR syntax error|",     ""},
        {"SET k v EX 1 KEEPTTL",           "-ERR syntax error|",     ""},
        {"SET k v PERSIST",                "-ERR syntax error|",     ""},
        {"SET k v EX 0",                   INVALID_EXPIRE("set"),    ""},
        {"SET k v PX -1",                  INVALID_EXPIRE("set"),    ""},
        {"SET k v EX 9223372036854775",    INVALID_EXPIRE("set"),    ""},
        {"SET k v EX 92233720368547758",   INVALID_EXPIRE("set"),    ""},
        {"SET k v PX 9223372036854775807", INVALID_EXPIRE("set"),    ""},
        {"SET k v EX ten",                 NOT_AN_INTEGER,           ""},
        {"SETEX k 0 v",                    INVALID_EXPIRE("setex"),  ""},
        {"PSETEX k -5 v",                  INVALID_EXPIRE("psetex"), ""},
        {"SETEX k 1.5 v",                  NOT_AN_INTEGER,           ""},
        {"EXISTS k",                       ":0|",                    ""},
    };

    RUN_CASES(cases);
}

Test(set, getex_replies_and_changes_the_expiry)
{
    static const struct fixture_case cases[] = {
        {"GETEX k EX 10",        "$-1|",                  ""                      },
        {"GETEX k EX nonsense",  "$-1|",                  ""                      },
        {"SET k v",              "+OK|",                  NULL                    },
        {"GETEX k",              "$1|v|",                 ""                      },
        {"GETEX k EX 10",        "$1|v|",                 "PEXPIREAT k 1000010000"},
        {"TTL k",                ":10|",                  ""                      },
        {"GETEX k PERSIST",      "$1|v|",                 "PERSIST k"             },
        {"GETEX k PERSIST",      "$1|v|",                 ""                      },
        {"GETEX k EX 0",         INVALID_EXPIRE("getex"), ""                      },
        {"GETEX k EX 1 PERSIST", "-ERR syntax error|",    ""                      },
        {"GETEX k KEEPTTL",      "-ERR syntax error|",    ""                      },
        {"GETEX k PXAT 5",       "$1|v|",                 "DEL k"                 },
        {"EXISTS k",             ":0|",                   ""                      },
    };

    RUN_CASES(cases);
}

Test(set, getdel_and_setnx_say_what_they_did)
{
    static const struct fixture_case cases[] = {
        {"GETDEL k",   "$-1|",  ""         },
        {"SETNX k 5",  ":1|",   "SETNX k 5"},
        {"SETNX k 6",  ":0|",   ""         },
        {"GETDEL k",   "$1|5|", "DEL k"    },
        {"GET k",      "$-1|",  ""         },
        {"GETSET k 1", "$-1|",  "SET k 1"  },
    };

    RUN_CASES(cases);
}

Test(set, many_keys_are_set_at_once_or_not_at_all)
{
    static const struct fixture_case cases[] = {
        {"MSET a 1 b 2 a 3", "+OK|",                                                 "MSET a 1 b 2 a 3"},
        {"MGET a b c",       "*3|$1|3|$1|2|$-1|",                                    ""                },
        {"MSETNX c 1 b 5",   ":0|",                                                  ""                },
        {"EXISTS c",         ":0|",                                                  ""                },
        {"MSETNX c 1 d 5",   ":1|",                                                  "MSETNX c 1 d 5"  },
        {"MSET a 1 b",       "-ERR wrong number of arguments for 'mset' command|",   ""                },
        {"MSETNX a 1 b",     "-ERR wrong number of arguments for 'msetnx' command|", ""                },
    };

    RUN_CASES(cases);
}
