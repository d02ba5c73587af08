/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(zset, members_are_added_with_their_scores_or_get_others)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a",                      ":1|",                                             "ZADD k 1 a"                     },
        {"ZADD k 2 a 3 b",                  ":1|",                                             "ZADD k 2 a 3 b"                 },
        {"ZADD k 2 a",                      ":0|",                                             ""                               },
        {"ZADD k CH 5 a 6 c",               ":2|",                                             "ZADD k CH 5 a 6 c"              },
        {"ZADD k 1 a 2 a 3 a",              ":0|",                                             "ZADD k 1 a 2 a 3 a"             },
        {"ZADD k inf d -inf e 0x10 f .5 g", ":4|",                                             "ZADD k inf d -inf e 0x10 f .5 g"},
        {"ZRANGE k 0 -1 WITHSCORES",
         "*14|$1|e|$4|-inf|$1|g|$3|0.5|$1|a|$1|3|$1|b|$1|3|$1|c|$1|6|$1|f|$2|16|$1|d|$3|inf|", ""                               },
        {"ZADD k 1 \"\"",                   ":1|",                                             "ZADD k 1 "                      },
        {"ZSCORE k \"\"",                   "$1|1|",                                           ""                               },
        {"ZCARD k",                         ":8|",                                             ""                               },
        {"ZCARD none",                      ":0|",                                             ""                               },
    };

    RUN_CASES(cases);
}

Test(zset, options_say_which_members_are_added_or_changed)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 5 a",                    ":1|",                                 "ZADD k 5 a"                   },
        {"ZADD k NX 6 a 1 b",             ":1|",                                 "ZADD k NX 6 a 1 b"            },
        {"ZADD k NX 6 a",                 ":0|",                                 ""                             },
        {"ZADD k XX 7 a 1 c",             ":0|",                                 "ZADD k XX 7 a 1 c"            },
        {"ZADD k XX 1 c",                 ":0|",                                 ""                             },
        {"ZADD k GT 6 a",                 ":0|",                                 ""                             },
        {"ZADD k GT CH 8 a",              ":1|",                                 "ZADD k GT CH 8 a"             },
        {"ZADD k LT 9 a",                 ":0|",                                 ""                             },
        {"ZADD k LT CH 4 a",              ":1|",                                 "ZADD k LT CH 4 a"             },
        {"ZADD k GT 1 new",               ":1|",                                 "ZADD k GT 1 new"              },
        {"ZADD k XX GT CH 9 new 9 newer", ":1|",                                 "ZADD k XX GT CH 9 new 9 newer"},
        {"ZADD none XX 1 a",              ":0|",                                 ""                             },
        {"EXISTS none",                   ":0|",                                 ""                             },
        {"ZRANGE k 0 -1 WITHSCORES",      "*6|$1|b|$1|1|$1|a|$1|4|$3|new|$1|9|", ""                             },
    };

    RUN_CASES(cases);
}

Test(zset, increments_travel_as_their_sum)
{
    static const struct fixture_case cases[] = {
        {"ZADD k INCR 5 a",     "$1|5|",                                       "ZADD k 5 a"                  },
        {"ZINCRBY k 2.5 a",     "$3|7.5|",                                     "ZADD k 7.5 a"                },
        {"ZADD k XX INCR 1 b",  "$-1|",                                        ""                            },
        {"ZADD k NX INCR 1 a",  "$-1|",                                        ""                            },
        {"ZADD k GT INCR -1 a", "$-1|",                                        ""                            },
        {"ZADD k LT INCR -1 a", "$3|6.5|",                                     "ZADD k 6.5 a"                },
        {"ZINCRBY k 0 a",       "$3|6.5|",                                     ""                            },
        {"ZINCRBY k inf a",     "$3|inf|",                                     "ZADD k inf a"                },
        {"ZINCRBY k -inf a",    "-ERR resulting score is not a number (NaN)|", ""                            },
        {"ZSCORE k a",          "$3|inf|",                                     ""                            },
        {"ZINCRBY k 0.1 b",     "$3|0.1|",                                     "ZADD k 0.10000000000000001 b"},
    };

    RUN_CASES(cases);
}

Test(zset, bad_requests_to_add_are_refused)
{
    static const struct fixture_case cases[] = {
        {"SET s v",             "+OK|",                                                                NULL},
        {"ZADD k NX XX 1 a",    "-ERR XX and NX options at the same time are not compatible|",         ""  },
        {"ZADD k GT LT 1 a",    "-ERR GT, LT, and/or NX options at the same time are not compatible|",
         ""                                                                                                },
        {"ZADD k NX GT 1 a",    "-ERR GT, LT, and/or NX options at the same time are not compatible|",
         ""                                                                                                },
        {"ZADD k NX LT 1 a",    "-ERR GT, LT, and/or NX options at the same time are not compatible|",
         ""                                                                                                },
        {"ZADD k INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair|",          ""  },
        {"ZADD k NX CH 1",      "-ERR syntax error|",                                                  ""  },
        {"ZADD k 1 a 2",        "-ERR syntax error|",                                                  ""  },
        {"ZADD k nan a",        "-ERR value is not a valid float|",                                    ""  },
        {"ZADD k \"\" a",       "-ERR value is not a valid float|",                                    ""  },
        {"ZADD k 1x a",         "-ERR value is not a valid float|",                                    ""  },
        {"ZADD k 1e400 a",      "-ERR value is not a valid float|",                                    ""  },
        {"ZADD k 1 a x b",      "-ERR value is not a valid float|",                                    ""  },
        {"ZADD s 1 a",          WRONGTYPE,                                                             ""  },
        {"ZADD s x a",          "-ERR value is not a valid float|",                                    ""  },
        {"ZINCRBY k nan a",     "-ERR value is not a valid float|",                                    ""  },
        {"ZINCRBY k x a",       "-ERR value is not a valid float|",                                    ""  },
        {"ZINCRBY k NX a",      "-ERR syntax error|",                                                  ""  },
        {"ZINCRBY s 1 a",       WRONGTYPE,                                                             ""  },
        {"EXISTS k",            ":0|",                                                                 ""  },
    };

    RUN_CASES(cases);
}

Test(zset, members_are_removed)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c", ":3|",     NULL          },
        {"ZREM k x",           ":0|",     ""            },
        {"ZREM k a x a",       ":1|",     "ZREM k a x a"},
        {"ZREM k b c b",       ":2|",     "ZREM k b c b"},
        {"EXISTS k",           ":0|",     ""            },
        {"ZREM k a",           ":0|",     ""            },
        {"SET s v",            "+OK|",    NULL          },
        {"ZREM s a",           WRONGTYPE, ""            },
    };

    RUN_CASES(cases);
}

Test(zset, scores_and_ranks_are_told)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c",     ":3|",                                                 NULL},
        {"ZSCORE k b",             "$1|2|",                                               ""  },
        {"ZSCORE k x",             "$-1|",                                                ""  },
        {"ZSCORE none a",          "$-1|",                                                ""  },
        {"ZMSCORE k c x a",        "*3|$1|3|$-1|$1|1|",                                   ""  },
        {"ZMSCORE none a b",       "*2|$-1|$-1|",                                         ""  },
        {"ZRANK k a",              ":0|",                                                 ""  },
        {"ZRANK k c",              ":2|",                                                 ""  },
        {"ZREVRANK k c",           ":0|",                                                 ""  },
        {"ZREVRANK k a",           ":2|",                                                 ""  },
        {"ZRANK k x",              "$-1|",                                                ""  },
        {"ZRANK none a",           "$-1|",                                                ""  },
        {"ZRANK k b WITHSCORE",    "*2|:1|$1|2|",                                         ""  },
        {"ZREVRANK k c WITHSCORE", "*2|:0|$1|3|",                                         ""  },
        {"ZRANK k x WITHSCORE",    "*-1|",                                                ""  },
        {"ZRANK none x WITHSCORE", "*-1|",                                                ""  },
        {"ZRANK k a WITHSCORES",   "-ERR syntax error|",                                  ""  },
        {"ZRANK k a b c",          "-ERR wrong number of arguments for 'zrank' command|", ""  },
        {"SET s v",                "+OK|",                                                NULL},
        {"ZSCORE s a",             WRONGTYPE,                                             ""  },
        {"ZMSCORE s a",            WRONGTYPE,                                             ""  },
        {"ZRANK s a",              WRONGTYPE,                                             ""  },
        {"ZREVRANK s a",           WRONGTYPE,                                             ""  },
        {"ZCARD s",                WRONGTYPE,                                             ""  },
    };

    RUN_CASES(cases);
}

Test(zset, a_score_that_stays_as_it_was_leaves_a_set_of_any_size_whole)
{
    struct fixture *f = fixture_new(false);

    for (unsigned i = 0; i < 200; i++) {
        char request[64];

        snprintf(request, sizeof(request), "ZADD z 123456789.123 m%u", i);
        fixture_expect(f, request, ":1|");
        fixture_expect(f, "ZINCRBY z 0 m0", "$13|123456789.123|");
        fixture_expect(f, "ZADD z 123456789.123 m0", ":0|");
        keyspace_check(f->x.keyspace);
    }
    fixture_free(f);
}
