/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(zset_combine, sorted_sets_are_united_intersected_and_subtracted)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 1 x 2 y 3 z",       ":3|",                                            NULL},
        {"ZADD b 10 y 20 z 30 w",    ":3|",                                            NULL},
        {"ZUNION 2 a b WITHSCORES",  "*8|$1|x|$1|1|$1|y|$2|12|$1|z|$2|23|$1|w|$2|30|", ""  },
        {"ZUNION 2 a none",          "*3|$1|x|$1|y|$1|z|",                             ""  },
        {"ZINTER 2 a b WITHSCORES",  "*4|$1|y|$2|12|$1|z|$2|23|",                      ""  },
        {"ZINTER 2 a none",          "*0|",                                            ""  },
        {"ZDIFF 2 a b WITHSCORES",   "*2|$1|x|$1|1|",                                  ""  },
        {"ZDIFF 2 a a",              "*0|",                                            ""  },
        {"ZDIFF 2 a none",           "*3|$1|x|$1|y|$1|z|",                             ""  },
        {"ZDIFF 1 none",             "*0|",                                            ""  },
        {"ZINTERCARD 2 a b",         ":2|",                                            ""  },
        {"ZINTERCARD 2 a b LIMIT 1", ":1|",                                            ""  },
        {"ZINTERCARD 2 a b LIMIT 0", ":2|",                                            ""  },
        {"ZINTERCARD 1 none",        ":0|",                                            ""  },
    };

    RUN_CASES(cases);
}

Test(zset_combine, weights_and_aggregates_make_the_scores)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 1 x 2 y",                                      ":2|",                                  NULL},
        {"ZADD b 10 y inf z",                                   ":2|",                                  NULL},
        {"ZUNION 2 a b WEIGHTS 2 3 WITHSCORES",                 "*6|$1|x|$1|2|$1|y|$2|34|$1|z|$3|inf|", ""  },
        {"ZUNION 2 a b AGGREGATE MIN WITHSCORES",               "*6|$1|x|$1|1|$1|y|$1|2|$1|z|$3|inf|",  ""  },
        {"ZUNION 2 a b AGGREGATE max WITHSCORES",               "*6|$1|x|$1|1|$1|y|$2|10|$1|z|$3|inf|", ""  },
        {"ZINTER 2 a b WEIGHTS 1 -1 WITHSCORES",                "*2|$1|y|$2|-8|",                       ""  },
        {"ZUNION 1 b WEIGHTS 0 WITHSCORES",                     "*4|$1|y|$1|0|$1|z|$1|0|",              ""  },
        {"ZUNION 2 b b WEIGHTS 1 -inf WITHSCORES",              "*4|$1|y|$4|-inf|$1|z|$1|0|",           ""  },
        {"ZUNION 2 a b AGGREGATE COUNT WITHSCORES",             "*6|$1|x|$1|1|$1|z|$1|1|$1|y|$1|2|",    ""  },
        {"ZINTER 2 a b WEIGHTS 2 5 AGGREGATE COUNT WITHSCORES", "*2|$1|y|$1|7|",                        ""  },
    };

    RUN_CASES(cases);
}

Test(zset_combine, zeros_have_a_sign_in_a_reply_and_none_in_a_small_sorted_set)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 0 x",                                       ":1|",            NULL         },
        {"ZUNION 1 a WEIGHTS -1 WITHSCORES",                 "*2|$1|x|$2|-0|", ""           },
        {"ZUNION 2 a a WEIGHTS -1 1 WITHSCORES",             "*2|$1|x|$1|0|",  ""           },
        {"ZINTER 2 a a WEIGHTS -1 -1 WITHSCORES",            "*2|$1|x|$2|-0|", ""           },
        {"ZUNION 1 a WEIGHTS -0 AGGREGATE COUNT WITHSCORES", "*2|$1|x|$1|0|",  ""           },
        {"ZUNIONSTORE d 1 a WEIGHTS -1",                     ":1|",            NULL         },
        {"ZSCORE d x",                                       "$1|0|",          ""           },
        {"ZINCRBY d -0 x",                                   "$1|0|",          ""           },
        {"ZINCRBY d -0 y",                                   "$2|-0|",         "ZADD d -0 y"},
        {"ZSCORE d y",                                       "$1|0|",          ""           },
    };

    RUN_CASES(cases);
}

Test(zset_combine, sets_count_as_sorted_sets_with_the_score_1)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 5 x 6 y",              ":2|",                               NULL                         },
        {"SADD s x z",                  ":2|",                               NULL                         },
        {"ZUNION 2 a s WITHSCORES",     "*6|$1|z|$1|1|$1|x|$1|6|$1|y|$1|6|", ""                           },
        {"ZINTER 2 s a WITHSCORES",     "*2|$1|x|$1|6|",                     ""                           },
        {"ZDIFF 2 a s",                 "*1|$1|y|",                          ""                           },
        {"ZDIFF 2 s a WITHSCORES",      "*2|$1|z|$1|1|",                     ""                           },
        {"ZINTERCARD 2 s a",            ":1|",                               ""                           },
        {"ZUNIONSTORE d 1 s WEIGHTS 2", ":2|",                               "ZUNIONSTORE d 1 s WEIGHTS 2"},
        {"ZRANGE d 0 -1 WITHSCORES",    "*4|$1|x|$1|2|$1|z|$1|2|",           ""                           },
    };

    RUN_CASES(cases);
}

Test(zset_combine, what_comes_out_can_be_stored)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 1 x 2 y",                      ":2|",                      NULL                             },
        {"ZADD b 10 y",                         ":1|",                      NULL                             },
        {"ZUNIONSTORE d 2 a b",                 ":2|",                      "ZUNIONSTORE d 2 a b"            },
        {"ZINTERSTORE d 2 a b WEIGHTS 1 2",     ":1|",                      "ZINTERSTORE d 2 a b WEIGHTS 1 2"},
        {"ZRANGE d 0 -1 WITHSCORES",            "*2|$1|y|$2|22|",           ""                               },
        {"ZDIFFSTORE d 2 b a",                  ":0|",                      "DEL d"                          },
        {"ZDIFFSTORE d 2 b a",                  ":0|",                      ""                               },
        {"ZUNIONSTORE a 2 a b",                 ":2|",                      "ZUNIONSTORE a 2 a b"            },
        {"ZRANGE a 0 -1 WITHSCORES",            "*4|$1|x|$1|1|$1|y|$2|12|", ""                               },
        {"SET s v",                             "+OK|",                     NULL                             },
        {"ZUNIONSTORE s 1 b",                   ":1|",                      "ZUNIONSTORE s 1 b"              },
        {"TYPE s",                              "+zset|",                   ""                               },
        {"ZUNIONSTORE d 2 a b AGGREGATE COUNT", ":2|",                      "DEL d; ZADD d 1 x 2 y"          },
    };

    RUN_CASES(cases);
}

Test(zset_combine, bad_combinations_are_refused)
{
    static const struct fixture_case cases[] = {
        {"ZADD a 1 x",                   ":1|",                                                            NULL},
        {"SET s v",                      "+OK|",                                                           NULL},
        {"ZUNION 0 a",                   "-ERR at least 1 input key is needed for 'zunion' command|",      ""  },
        {"ZINTER -1 a",                  "-ERR at least 1 input key is needed for 'zinter' command|",      ""  },
        {"ZDIFF x a",                    "-ERR value is not an integer or out of range|",                  ""  },
        {"ZUNION 2 a",                   "-ERR syntax error|",                                             ""  },
        {"ZUNION 9223372036854775807 a", "-ERR syntax error|",                                             ""  },
        {"ZUNION 2 s a FOO",             WRONGTYPE,                                                        ""  },
        {"ZUNION 1 a FOO",               "-ERR syntax error|",                                             ""  },
        {"ZUNION 1 a WEIGHTS",           "-ERR syntax error|",                                             ""  },
        {"ZUNION 1 a WEIGHTS x",         "-ERR weight value is not a float|",                              ""  },
        {"ZUNION 1 a WEIGHTS nan",       "-ERR weight value is not a float|",                              ""  },
        {"ZUNION 1 a AGGREGATE",         "-ERR syntax error|",                                             ""  },
        {"ZUNION 1 a AGGREGATE FOO",     "-ERR syntax error|",                                             ""  },
        {"ZDIFF 1 a WEIGHTS 1",          "-ERR syntax error|",                                             ""  },
        {"ZDIFF 1 a AGGREGATE MIN",      "-ERR syntax error|",                                             ""  },
        {"ZINTERCARD 1 a WITHSCORES",    "-ERR syntax error|",                                             ""  },
        {"ZINTERCARD 0 a",               "-ERR at least 1 input key is needed for 'zintercard' command|",  ""  },
        {"ZINTERCARD 1 a LIMIT -1",      "-ERR LIMIT can't be negative|",                                  ""  },
        {"ZINTERCARD 1 a LIMIT x",       "-ERR LIMIT can't be negative|",                                  ""  },
        {"ZINTERCARD 1 a LIMIT",         "-ERR syntax error|",                                             ""  },
        {"ZUNIONSTORE d 1 a WITHSCORES", "-ERR syntax error|",                                             ""  },
        {"ZUNIONSTORE d 0 a",            "-ERR at least 1 input key is needed for 'zunionstore' command|", ""  },
        {"ZINTERSTORE d 1 s",            WRONGTYPE,                                                        ""  },
        {"EXISTS d",                     ":0|",                                                            ""  },
    };

    RUN_CASES(cases);
}
