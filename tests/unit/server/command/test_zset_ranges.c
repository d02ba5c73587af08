/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(zset_ranges, ranks_count_from_either_end)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d",                            ":4|",                     NULL},
        {"ZRANGE k 0 -1",                                     "*4|$1|a|$1|b|$1|c|$1|d|", ""  },
        {"ZRANGE k 1 2",                                      "*2|$1|b|$1|c|",           ""  },
        {"ZRANGE k -2 -1 WITHSCORES",                         "*4|$1|c|$1|3|$1|d|$1|4|", ""  },
        {"ZRANGE k -100 100",                                 "*4|$1|a|$1|b|$1|c|$1|d|", ""  },
        {"ZRANGE k 3 2",                                      "*0|",                     ""  },
        {"ZRANGE k 4 9",                                      "*0|",                     ""  },
        {"ZRANGE k 0 0 REV",                                  "*1|$1|d|",                ""  },
        {"ZREVRANGE k 0 1 WITHSCORES",                        "*4|$1|d|$1|4|$1|c|$1|3|", ""  },
        {"ZREVRANGE k -1 -1",                                 "*1|$1|a|",                ""  },
        {"ZRANGE k -9223372036854775808 9223372036854775807", "*4|$1|a|$1|b|$1|c|$1|d|", ""  },
        {"ZRANGE k 9223372036854775807 -9223372036854775808", "*0|",                     ""  },
        {"ZRANGE none 0 -1",                                  "*0|",                     ""  },
        {"ZRANGE k 0 -1 LIMIT 0 -1",                          "*4|$1|a|$1|b|$1|c|$1|d|", ""  },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, scores_and_names_may_be_left_out_of_the_range)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d",                     ":4|",                                         NULL},
        {"ZRANGEBYSCORE k 2 3",                        "*2|$1|b|$1|c|",                               ""  },
        {"ZRANGEBYSCORE k (2 3",                       "*1|$1|c|",                                    ""  },
        {"ZRANGEBYSCORE k 2 (3",                       "*1|$1|b|",                                    ""  },
        {"ZRANGEBYSCORE k (2 (3",                      "*0|",                                         ""  },
        {"ZRANGEBYSCORE k -inf +inf WITHSCORES",       "*8|$1|a|$1|1|$1|b|$1|2|$1|c|$1|3|$1|d|$1|4|", ""  },
        {"ZRANGEBYSCORE k -inf (2",                    "*1|$1|a|",                                    ""  },
        {"ZREVRANGEBYSCORE k 3 2",                     "*2|$1|c|$1|b|",                               ""  },
        {"ZREVRANGEBYSCORE k 2 3",                     "*0|",                                         ""  },
        {"ZRANGE k 3 (1 BYSCORE REV",                  "*2|$1|c|$1|b|",                               ""  },
        {"ZRANGE k (1 3 BYSCORE LIMIT 1 1 WITHSCORES", "*2|$1|c|$1|3|",                               ""  },
        {"ZCOUNT k 2 3",                               ":2|",                                         ""  },
        {"ZCOUNT k (2 (3",                             ":0|",                                         ""  },
        {"ZCOUNT k 3 2",                               ":0|",                                         ""  },
        {"ZCOUNT none 0 1",                            ":0|",                                         ""  },
        {"ZRANGEBYSCORE k 1e400 inf",                  "*0|",                                         ""  },
        {"ZRANGEBYSCORE k \"\" 2",                     "*2|$1|a|$1|b|",                               ""  },
        {"ZADD l 0 a 0 b 0 c 0 \"\"",                  ":4|",                                         NULL},
        {"ZRANGEBYLEX l - +",                          "*4|$0||$1|a|$1|b|$1|c|",                      ""  },
        {"ZRANGEBYLEX l [a [b",                        "*2|$1|a|$1|b|",                               ""  },
        {"ZRANGEBYLEX l (a (c",                        "*1|$1|b|",                                    ""  },
        {"ZRANGEBYLEX l + -",                          "*0|",                                         ""  },
        {"ZRANGEBYLEX l + +",                          "*0|",                                         ""  },
        {"ZRANGEBYLEX l [ (a",                         "*1|$0||",                                     ""  },
        {"ZREVRANGEBYLEX l + [b",                      "*2|$1|c|$1|b|",                               ""  },
        {"ZRANGE l [c [b BYLEX REV",                   "*2|$1|c|$1|b|",                               ""  },
        {"ZLEXCOUNT l - +",                            ":4|",                                         ""  },
        {"ZLEXCOUNT l (a [c",                          ":2|",                                         ""  },
        {"ZLEXCOUNT l [x [a",                          ":0|",                                         ""  },
        {"ZLEXCOUNT none - +",                         ":0|",                                         ""  },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, limits_skip_and_cut_from_the_side_where_the_range_begins)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d",                          ":4|",                NULL},
        {"ZRANGEBYSCORE k 1 4 LIMIT 1 2",                   "*2|$1|b|$1|c|",      ""  },
        {"ZREVRANGEBYSCORE k 4 1 LIMIT 1 2",                "*2|$1|c|$1|b|",      ""  },
        {"ZRANGEBYSCORE k 1 4 LIMIT 2 -1",                  "*2|$1|c|$1|d|",      ""  },
        {"ZRANGEBYSCORE k 1 4 LIMIT -1 2",                  "*0|",                ""  },
        {"ZRANGEBYSCORE k 1 4 LIMIT 0 0",                   "*0|",                ""  },
        {"ZRANGEBYSCORE k 1 4 LIMIT 9223372036854775807 1", "*0|",                ""  },
        {"ZRANGEBYSCORE k 1 4 LIMIT 1 9223372036854775807", "*3|$1|b|$1|c|$1|d|", ""  },
        {"ZREVRANGEBYSCORE k 4 1 LIMIT 3 9 WITHSCORES",     "*2|$1|a|$1|1|",      ""  },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, bad_ranges_are_refused)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a",                     ":1|",                                                   NULL},
        {"SET s v",                        "+OK|",                                                  NULL},
        {"ZRANGE k a 1",                   "-ERR value is not an integer or out of range|",         ""  },
        {"ZRANGE k 0 1.5",                 "-ERR value is not an integer or out of range|",         ""  },
        {"ZRANGE k 0 9223372036854775808", "-ERR value is not an integer or out of range|",         ""  },
        {"ZRANGE k 0 1 FOO",               "-ERR syntax error|",                                    ""  },
        {"ZRANGE k 0 1 LIMIT 0 1",
         "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX|", ""  },
        {"ZRANGE k 0 1 BYSCORE LIMIT 0",   "-ERR syntax error|",                                    ""  },
        {"ZRANGE k 0 1 BYSCORE LIMIT a 1", "-ERR value is not an integer or out of range|",         ""  },
        {"ZRANGE k 0 1 BYSCORE BYLEX",     "-ERR syntax error|",                                    ""  },
        {"ZRANGE k - + BYLEX WITHSCORES",
         "-ERR syntax error, WITHSCORES not supported in combination with BYLEX|",                  ""  },
        {"ZRANGE k x 1 BYSCORE",           "-ERR min or max is not a float|",                       ""  },
        {"ZRANGE k nan 1 BYSCORE",         "-ERR min or max is not a float|",                       ""  },
        {"ZRANGE k a b BYLEX",             "-ERR min or max not valid string range item|",          ""  },
        {"ZRANGE k \"\" + BYLEX",          "-ERR min or max not valid string range item|",          ""  },
        {"ZRANGE k -a + BYLEX",            "-ERR min or max not valid string range item|",          ""  },
        {"ZREVRANGE k 0 1 REV",            "-ERR syntax error|",                                    ""  },
        {"ZRANGEBYSCORE k 1 ((2",          "-ERR min or max is not a float|",                       ""  },
        {"ZRANGEBYSCORE k 1 2 BYSCORE",    "-ERR syntax error|",                                    ""  },
        {"ZREVRANGEBYLEX k a b",           "-ERR min or max not valid string range item|",          ""  },
        {"ZCOUNT k a 1",                   "-ERR min or max is not a float|",                       ""  },
        {"ZLEXCOUNT k a b",                "-ERR min or max not valid string range item|",          ""  },
        {"ZRANGE s 0 1",                   WRONGTYPE,                                               ""  },
        {"ZCOUNT s 0 1",                   WRONGTYPE,                                               ""  },
        {"ZLEXCOUNT s - +",                WRONGTYPE,                                               ""  },
        {"ZCOUNT s a 1",                   "-ERR min or max is not a float|",                       ""  },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, a_range_can_be_stored_elsewhere)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c",                          ":3|",                                           NULL                  },
        {"ZRANGESTORE d k 1 -1",                        ":2|",                                           "ZRANGESTORE d k 1 -1"},
        {"ZRANGE d 0 -1 WITHSCORES",                    "*4|$1|b|$1|2|$1|c|$1|3|",                       ""                    },
        {"ZRANGESTORE d k (3 (1 BYSCORE REV LIMIT 0 1", ":1|",
         "ZRANGESTORE d k (3 (1 BYSCORE REV LIMIT 0 1"                                                                         },
        {"ZRANGE d 0 -1",                               "*1|$1|b|",                                      ""                    },
        {"EXPIRE d 100",                                ":1|",                                           NULL                  },
        {"ZRANGESTORE d k 0 0",                         ":1|",                                           "ZRANGESTORE d k 0 0" },
        {"TTL d",                                       ":-1|",                                          ""                    },
        {"ZRANGESTORE k k 0 1",                         ":2|",                                           "ZRANGESTORE k k 0 1" },
        {"ZCARD k",                                     ":2|",                                           ""                    },
        {"ZRANGESTORE d none 0 -1",                     ":0|",                                           "DEL d"               },
        {"ZRANGESTORE d none 0 -1",                     ":0|",                                           ""                    },
        {"EXISTS d",                                    ":0|",                                           ""                    },
        {"SET s v",                                     "+OK|",                                          NULL                  },
        {"ZRANGESTORE d s 0 1",                         WRONGTYPE,                                       ""                    },
        {"ZRANGESTORE s k 0 0",                         ":1|",                                           "ZRANGESTORE s k 0 0" },
        {"TYPE s",                                      "+zset|",                                        ""                    },
        {"ZRANGESTORE d k 0 1 WITHSCORES",              "-ERR syntax error|",                            ""                    },
        {"ZRANGESTORE d k a 1",                         "-ERR value is not an integer or out of range|", ""                    },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, ranges_are_removed)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d 5 e", ":5|",                                           NULL                     },
        {"ZREMRANGEBYRANK k 9 10",     ":0|",                                           ""                       },
        {"ZREMRANGEBYRANK k -1 -1",    ":1|",                                           "ZREMRANGEBYRANK k -1 -1"},
        {"ZREMRANGEBYSCORE k (1 2",    ":1|",                                           "ZREMRANGEBYSCORE k (1 2"},
        {"ZREMRANGEBYSCORE k 7 8",     ":0|",                                           ""                       },
        {"ZRANGE k 0 -1",              "*3|$1|a|$1|c|$1|d|",                            ""                       },
        {"ZREMRANGEBYRANK k 0 -1",     ":3|",                                           "ZREMRANGEBYRANK k 0 -1" },
        {"EXISTS k",                   ":0|",                                           ""                       },
        {"ZADD l 0 a 0 b 0 c",         ":3|",                                           NULL                     },
        {"ZREMRANGEBYLEX l [b +",      ":2|",                                           "ZREMRANGEBYLEX l [b +"  },
        {"ZREMRANGEBYLEX l (a +",      ":0|",                                           ""                       },
        {"ZRANGE l 0 -1",              "*1|$1|a|",                                      ""                       },
        {"ZREMRANGEBYRANK none 0 -1",  ":0|",                                           ""                       },
        {"SET s v",                    "+OK|",                                          NULL                     },
        {"ZREMRANGEBYRANK s 0 1",      WRONGTYPE,                                       ""                       },
        {"ZREMRANGEBYSCORE s 0 1",     WRONGTYPE,                                       ""                       },
        {"ZREMRANGEBYLEX s - +",       WRONGTYPE,                                       ""                       },
        {"ZREMRANGEBYRANK l a 1",      "-ERR value is not an integer or out of range|", ""                       },
        {"ZREMRANGEBYSCORE l a 1",     "-ERR min or max is not a float|",               ""                       },
        {"ZREMRANGEBYLEX l a b",       "-ERR min or max not valid string range item|",  ""                       },
    };

    RUN_CASES(cases);
}

/* Which members those are depends on how the set is built. */
Test(zset_ranges, by_name_where_scores_differ_replicas_are_told_what_came_of_it)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 1 b 1 c 2 d",     ":4|", NULL                        },
        {"ZRANGESTORE d k [b + BYLEX", ":3|", "DEL d; ZADD d 1 b 1 c 2 d" },
        {"ZREMRANGEBYLEX k [b [c",     ":2|", "ZREMRANGEBYRANK k 1 2"     },
        {"ZREMRANGEBYLEX k [x [y",     ":0|", ""                          },
        {"ZREMRANGEBYLEX k - +",       ":2|", "ZREMRANGEBYRANK k 0 1"     },
        {"ZADD k 1 a 1 b",             ":2|", NULL                        },
        {"ZRANGESTORE d k [b + BYLEX", ":1|", "ZRANGESTORE d k [b + BYLEX"},
        {"ZREMRANGEBYLEX k - +",       ":2|", "ZREMRANGEBYLEX k - +"      },
    };

    RUN_CASES(cases);
}

Test(zset_ranges, members_and_scores_are_pairs_in_the_newer_protocol)
{
    struct fixture *f = fixture_new(false);

    f->writer.version = 3;
    fixture_run(f, "ZADD k 1 a 2.5 b");
    fixture_expect(f, "ZRANGE k 0 -1 WITHSCORES", "*2|*2|$1|a|,1|*2|$1|b|,2.5|");
    fixture_expect(f, "ZRANGE k 0 -1", "*2|$1|a|$1|b|");
    fixture_expect(f, "ZUNION 1 k WITHSCORES", "*2|*2|$1|a|,1|*2|$1|b|,2.5|");
    fixture_expect(f, "ZRANDMEMBER k 2 WITHSCORES", "*2|*2|$1|a|,1|*2|$1|b|,2.5|");
    fixture_expect(f, "ZSCORE k b", ",2.5|");
    fixture_expect(f, "ZSCORE k x", "_|");
    fixture_expect(f, "ZINCRBY k 1 b", ",3.5|");
    fixture_expect(f, "ZRANK k b WITHSCORE", "*2|:1|,3.5|");
    fixture_expect(f, "ZSCAN k 0", "*2|$1|0|*4|$1|a|$1|1|$1|b|$3|3.5|");
    fixture_expect(f, "ZMPOP 1 none MIN", "_|");
    fixture_expect(f, "ZPOPMIN k", "*2|$1|a|,1|");
    fixture_expect(f, "ZPOPMIN k 1", "*1|*2|$1|b|,3.5|");
    fixture_free(f);
}
