/* SPDX-License-Identifier: MIT */
#include "store/value_set.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

Test(sets, members_are_added_and_removed)
{
    static const struct fixture_case cases[] = {
        {"SADD s a b a",          ":2|",          "SADD s a b a"  },
        {"SADD s b",              ":0|",          ""              },
        {"SADD s c \"\"",         ":2|",          NULL            },
        {"SCARD s",               ":4|",          NULL            },
        {"SISMEMBER s a",         ":1|",          ""              },
        {"SISMEMBER s \"\"",      ":1|",          NULL            },
        {"SISMEMBER s none",      ":0|",          NULL            },
        {"SISMEMBER none a",      ":0|",          NULL            },
        {"SMISMEMBER s a none b", "*3|:1|:0|:1|", NULL            },
        {"SMISMEMBER none a b",   "*2|:0|:0|",    NULL            },
        {"SREM s none",           ":0|",          ""              },
        {"SREM s a none \"\"",    ":2|",          "SREM s a none "},
        {"SREM s b c",            ":2|",          NULL            },
        {"EXISTS s",              ":0|",          NULL            },
        {"SREM s a",              ":0|",          NULL            },
        {"SCARD none",            ":0|",          NULL            },
        {"SADD \"\" a",           ":1|",          NULL            },
        {"SCARD \"\"",            ":1|",          NULL            },
    };

    RUN_CASES(cases);
}

Test(sets, integers_lie_in_order_and_take_any_width)
{
    static const struct fixture_case cases[] = {
        {"SADD s 5 -1 3",                                   ":3|",                                                                       NULL},
        {"SMEMBERS s",                                      "*3|$2|-1|$1|3|$1|5|",                                                       NULL},
        {"OBJECT ENCODING s",                               "$6|intset|",                                                                NULL},
        {"SADD s 70000 -70000",                             ":2|",                                                                       NULL},
        {"SMEMBERS s",                                      "*5|$6|-70000|$2|-1|$1|3|$1|5|$5|70000|",                                    NULL},
        {"SADD s 9223372036854775807 -9223372036854775808", ":2|",                                                                       NULL},
        {"SMEMBERS s",
         "*7|$20|-9223372036854775808|$6|-70000|$2|-1|$1|3|$1|5|$5|70000|$19|9223372036854775807|",                                      NULL},
        {"SREM s 3 70000",                                  ":2|",                                                                       NULL},
        {"SMEMBERS s",                                      "*5|$20|-9223372036854775808|$6|-70000|$2|-1|$1|5|$19|9223372036854775807|",
         NULL                                                                                                                                },
        {"SISMEMBER s 05",                                  ":0|",                                                                       NULL},
        {"SISMEMBER s 5",                                   ":1|",                                                                       NULL},
        {"SADD s 5",                                        ":0|",                                                                       NULL},
    };

    RUN_CASES(cases);
}

Test(sets, a_member_moves_from_one_set_to_another)
{
    static const struct fixture_case cases[] = {
        {"SADD a x y",         ":2|",      NULL           },
        {"SADD b z",           ":1|",      NULL           },
        {"SMOVE a b x",        ":1|",      "SMOVE a b x"  },
        {"SMEMBERS a",         "*1|$1|y|", NULL           },
        {"SISMEMBER b x",      ":1|",      NULL           },
        {"SMOVE a b none",     ":0|",      ""             },
        {"SMOVE none b x",     ":0|",      NULL           },
        {"SMOVE a new y",      ":1|",      "SMOVE a new y"},
        {"EXISTS a",           ":0|",      NULL           },
        {"SMEMBERS new",       "*1|$1|y|", NULL           },
        {"SMOVE new new y",    ":1|",      ""             },
        {"SMOVE new new none", ":0|",      NULL           },
        {"SADD a z",           ":1|",      NULL           },
        {"SMOVE a b z",        ":1|",      NULL           },
        {"EXISTS a",           ":0|",      NULL           },
    };

    RUN_CASES(cases);
}

Test(sets, random_members_are_drawn_and_popped)
{
    static const struct fixture_case cases[] = {
        {"SADD s a",            ":1|",                NULL      },
        {"SRANDMEMBER s",       "$1|a|",              ""        },
        {"SRANDMEMBER s 3",     "*1|$1|a|",           NULL      },
        {"SRANDMEMBER s -3",    "*3|$1|a|$1|a|$1|a|", NULL      },
        {"SRANDMEMBER s 0",     "*0|",                NULL      },
        {"SRANDMEMBER none",    "$-1|",               NULL      },
        {"SRANDMEMBER none 3",  "*0|",                NULL      },
        {"SRANDMEMBER none -3", "*0|",                NULL      },
        {"SPOP s 0",            "*0|",                ""        },
        {"SPOP none",           "$-1|",               NULL      },
        {"SPOP none 3",         "*0|",                NULL      },
        {"SPOP s",              "$1|a|",              "SREM s a"},
        {"EXISTS s",            ":0|",                NULL      },
        {"SADD s a",            ":1|",                NULL      },
        {"SPOP s 1",            "*1|$1|a|",           "DEL s"   },
        {"EXISTS s",            ":0|",                NULL      },
        {"SADD s 7",            ":1|",                NULL      },
        {"SPOP s 5",            "*1|$1|7|",           "DEL s"   },
        {"EXISTS s",            ":0|",                NULL      },
    };

    RUN_CASES(cases);
}

Test(sets, sets_are_combined)
{
    static const struct fixture_case cases[] = {
        {"SADD a 1 2 3",                   ":3|",                     NULL},
        {"SADD b 2 3 4",                   ":3|",                     NULL},
        {"SADD c 3",                       ":1|",                     NULL},
        {"SINTER a b",                     "*2|$1|2|$1|3|",           ""  },
        {"SINTER a b c",                   "*1|$1|3|",                NULL},
        {"SINTER a",                       "*3|$1|1|$1|2|$1|3|",      NULL},
        {"SINTER a none",                  "*0|",                     NULL},
        {"SINTER none a",                  "*0|",                     NULL},
        {"SUNION a b",                     "*4|$1|1|$1|2|$1|3|$1|4|", NULL},
        {"SUNION none a",                  "*3|$1|1|$1|2|$1|3|",      NULL},
        {"SUNION none",                    "*0|",                     NULL},
        {"SDIFF a b",                      "*1|$1|1|",                NULL},
        {"SDIFF a b c none",               "*1|$1|1|",                NULL},
        {"SDIFF none a",                   "*0|",                     NULL},
        {"SDIFF a",                        "*3|$1|1|$1|2|$1|3|",      NULL},
        {"SDIFF a a",                      "*0|",                     NULL},
        {"SINTERCARD 2 a b",               ":2|",                     NULL},
        {"SINTERCARD 2 a b LIMIT 1",       ":1|",                     NULL},
        {"SINTERCARD 2 a b LIMIT 0",       ":2|",                     NULL},
        {"SINTERCARD 2 a none",            ":0|",                     NULL},
        {"SINTERCARD 1 a LIMIT 2 LIMIT 0", ":3|",                     NULL},
    };

    RUN_CASES(cases);
}

Test(sets, members_of_unions_and_differences_are_counted)
{
    static const struct fixture_case cases[] = {
        {"SADD a 1 2 3 x",                          ":4|",                                                       NULL},
        {"SADD b 2 3 4",                            ":3|",                                                       NULL},
        {"SUNIONCARD 2 a b",                        ":5|",                                                       ""  },
        {"SUNIONCARD 3 a none a",                   ":4|",                                                       ""  },
        {"SUNIONCARD 1 none",                       ":0|",                                                       ""  },
        {"SUNIONCARD 2 a b LIMIT 4",                ":4|",                                                       ""  },
        {"SUNIONCARD 2 a b LIMIT 0",                ":5|",                                                       ""  },
        {"SUNIONCARD 2 a b APPROX",                 ":5|",                                                       ""  },
        {"SUNIONCARD 2 a b approx LIMIT 3",         ":3|",                                                       ""  },
        {"SUNIONCARD 2 a b LIMIT 3 APPROX",         ":3|",                                                       ""  },
        {"SUNIONCARD 1 none APPROX",                ":0|",                                                       ""  },
        {"SDIFFCARD 2 a b",                         ":2|",                                                       ""  },
        {"SDIFFCARD 2 a none",                      ":4|",                                                       ""  },
        {"SDIFFCARD 2 a a",                         ":0|",                                                       ""  },
        {"SDIFFCARD 2 none a",                      ":0|",                                                       ""  },
        {"SDIFFCARD 1 a LIMIT 3",                   ":3|",                                                       ""  },
        {"SDIFFCARD 1 a LIMIT 9223372036854775807", ":4|",                                                       ""  },
        {"SDIFFCARD 1 a APPROX",                    "-ERR syntax error|",                                        ""  },
        {"SUNIONCARD 1 a x",                        "-ERR syntax error|",                                        ""  },
        {"SUNIONCARD 1 a LIMIT",                    "-ERR syntax error|",                                        ""  },
        {"SUNIONCARD 1 a LIMIT -1",                 "-ERR LIMIT can't be negative|",                             ""  },
        {"SDIFFCARD 1 a LIMIT x",                   "-ERR LIMIT can't be negative|",                             ""  },
        {"SUNIONCARD 0 a",                          "-ERR numkeys should be greater than 0|",                    ""  },
        {"SDIFFCARD x a",                           "-ERR numkeys should be greater than 0|",                    ""  },
        {"SDIFFCARD 2 a",                           "-ERR Number of keys can't be greater than number of args|", ""  },
    };

    RUN_CASES(cases);
}

Test(sets, a_union_is_counted_approximately_to_within_three_percent)
{
    struct fixture *f = fixture_new(false);
    int64_t count;

    for (int set = 0; set < 2; set++) {
        struct key_ref ref = keyspace_ref(f->x.keyspace, 0, bytes_from_text(set == 0 ? "a" : "b"));
        struct value_edit edit;

        keyspace_open(f->x.keyspace, &ref, NULL, VALUE_SET, &edit);
        for (int i = 0; i < 20000; i++) {
            char text[24];
            int len = snprintf(text, sizeof(text), "m%d", i + set * 10000);

            (void)set_add(&edit.draft, bytes_make(text, (size_t)len));
        }
        keyspace_close(f->x.keyspace, &edit);
    }
    fixture_expect(f, "SUNIONCARD 2 a b", ":30000|");
    fixture_run(f, "SUNIONCARD 2 a b APPROX");
    count = strtoll(fixture_reply(f) + 1, NULL, 10);
    cr_assert(count > 29100 && count < 30900, "%lld", (long long)count);
    fixture_free(f);
}

Test(sets, what_comes_out_is_stored)
{
    static const struct fixture_case cases[] = {
        {"SADD a 1 2 3",         ":3|",                     NULL               },
        {"SADD b 2 3 4",         ":3|",                     NULL               },
        {"SINTERSTORE d a b",    ":2|",                     "SINTERSTORE d a b"},
        {"SMEMBERS d",           "*2|$1|2|$1|3|",           NULL               },
        {"SUNIONSTORE d a b",    ":4|",                     NULL               },
        {"SMEMBERS d",           "*4|$1|1|$1|2|$1|3|$1|4|", NULL               },
        {"SDIFFSTORE d a b",     ":1|",                     NULL               },
        {"SMEMBERS d",           "*1|$1|1|",                NULL               },
        {"SET d text",           "+OK|",                    NULL               },
        {"SINTERSTORE d a b",    ":2|",                     "SINTERSTORE d a b"},
        {"TYPE d",               "+set|",                   NULL               },
        {"SINTERSTORE d a none", ":0|",                     "DEL d"            },
        {"EXISTS d",             ":0|",                     NULL               },
        {"SINTERSTORE d none a", ":0|",                     ""                 },
        {"SUNIONSTORE d none",   ":0|",                     ""                 },
        {"SDIFFSTORE a a b",     ":1|",                     NULL               },
        {"SMEMBERS a",           "*1|$1|1|",                NULL               },
        {"EXPIRE a 100",         ":1|",                     NULL               },
        {"SUNIONSTORE a a b",    ":4|",                     NULL               },
        {"TTL a",                ":-1|",                    NULL               },
    };

    RUN_CASES(cases);
}

static const struct fixture_case bad_input[] = {
    {"SADD s a b",                         ":2|",                                                                 NULL},
    {"SET k text",                         "+OK|",                                                                NULL},
    {"SPOP s -1",                          "-ERR value is out of range, must be positive|",                       NULL},
    {"SPOP s x",                           "-ERR value is out of range, must be positive|",                       NULL},
    {"SPOP s 9223372036854775808",         "-ERR value is out of range, must be positive|",                       NULL},
    {"SPOP s 1 2",                         "-ERR syntax error|",                                                  NULL},
    {"SPOP s 1.5",                         "-ERR value is out of range, must be positive|",                       NULL},
    {"SRANDMEMBER s x",                    "-ERR value is not an integer or out of range|",                       NULL},
    {"SRANDMEMBER s x 2",                  "-ERR syntax error|",                                                  NULL},
    {"SRANDMEMBER s 1 2",                  "-ERR syntax error|",                                                  NULL},
    {"SRANDMEMBER s -9223372036854775808",
     "-ERR value is out of range, value must between -9223372036854775807 and "
     "9223372036854775807|",                                                                                      NULL},
    {"SRANDMEMBER s 9223372036854775808",  "-ERR value is not an integer or out of range|",                       NULL},
    {"SINTERCARD 0 s",                     "-ERR numkeys should be greater than 0|",                              NULL},
    {"SINTERCARD -1 s",                    "-ERR numkeys should be greater than 0|",                              NULL},
    {"SINTERCARD x s",                     "-ERR numkeys should be greater than 0|",                              NULL},
    {"SINTERCARD 2 s",                     "-ERR Number of keys can't be greater than number of args|",           NULL},
    {"SINTERCARD 9223372036854775807 s",
     "-ERR Number of keys can't be greater than number of args|",                                                 NULL},
    {"SINTERCARD 1 s LIMIT",               "-ERR syntax error|",                                                  NULL},
    {"SINTERCARD 1 s LIMIT x",             "-ERR LIMIT can't be negative|",                                       NULL},
    {"SINTERCARD 1 s LIMIT -1",            "-ERR LIMIT can't be negative|",                                       NULL},
    {"SINTERCARD 1 s x 1",                 "-ERR syntax error|",                                                  NULL},
    {"SSCAN s x",                          "-ERR invalid cursor|",                                                NULL},
    {"SSCAN s 0 COUNT 0",                  "-ERR syntax error|",                                                  NULL},
    {"SSCAN s 0 COUNT x",                  "-ERR value is not an integer or out of range|",                       NULL},
    {"SSCAN s 0 MATCH",                    "-ERR syntax error|",                                                  NULL},
    {"SSCAN s 0 x",                        "-ERR syntax error|",                                                  NULL},
    {"SSCAN none x",                       "-ERR invalid cursor|",                                                NULL},
    {"SSCAN none 0 x",                     "*2|$1|0|*0|",                                                         NULL},
    {"SSCAN k 0 x",                        "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SADD k a",                           "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SREM k a",                           "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SISMEMBER k a",                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SMISMEMBER k a",                     "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SCARD k",                            "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SMEMBERS k",                         "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SPOP k",                             "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SPOP k 1",                           "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SRANDMEMBER k",                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SRANDMEMBER k 1",                    "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                             },
    {"SMOVE k s a",                        "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SMOVE s k a",                        "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SMOVE none k a",                     ":0|",                                                                 NULL},
    {"SINTER s k",                         "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SINTER none k",                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SUNION none k",                      "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SDIFF none k",                       "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SINTERSTORE d none k",               "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                             },
    {"SUNIONSTORE d s k",                  "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                             },
    {"SDIFFSTORE d k s",                   "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                             },
    {"SINTERCARD 2 none k",                "-WRONGTYPE Operation against a key holding the wrong kind of value|",
     NULL                                                                                                             },
    {"SSCAN k 0",                          "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"SCARD s",                            ":2|",                                                                 NULL},
    {"GET s",                              "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"EXISTS d",                           ":0|",                                                                 NULL},
};

Test(sets, bad_input_is_refused_and_changes_nothing)
{
    RUN_CASES(bad_input);
}

Test(sets, named_several_times_or_not_there_count_as_what_they_are)
{
    static const struct fixture_case cases[] = {
        {"SADD a 1 2 3",            ":3|",                                                                 NULL},
        {"SADD b 2",                ":1|",                                                                 NULL},
        {"SDIFF a a",               "*0|",                                                                 ""  },
        {"SDIFF a none a",          "*0|",                                                                 ""  },
        {"SDIFF none a",            "*0|",                                                                 ""  },
        {"SDIFF none none a",       "*0|",                                                                 ""  },
        {"SDIFF a none b none b",   "*2|$1|1|$1|3|",                                                       ""  },
        {"SDIFF a",                 "*3|$1|1|$1|2|$1|3|",                                                  ""  },
        {"SINTER a a a",            "*3|$1|1|$1|2|$1|3|",                                                  ""  },
        {"SINTER a none a",         "*0|",                                                                 ""  },
        {"SINTER b a b",            "*1|$1|2|",                                                            ""  },
        {"SUNION none b none a a",  "*3|$1|2|$1|1|$1|3|",                                                  ""  },
        {"SUNION none none",        "*0|",                                                                 ""  },
        {"SUNIONSTORE d none none", ":0|",                                                                 ""  },
        {"SINTERCARD 3 a b a",      ":1|",                                                                 ""  },
        {"SDIFFCARD 3 a b b",       ":2|",                                                                 ""  },
        {"SUNIONCARD 3 a b a",      ":3|",                                                                 ""  },
        {"SET s x",                 "+OK|",                                                                NULL},
        {"SINTER none s",           "-WRONGTYPE Operation against a key holding the wrong kind of value|",
         ""                                                                                                    },
        {"ZADD z 1 1 2 2",          ":2|",                                                                 NULL},
        {"ZDIFF 4 z none b none",   "*1|$1|1|",                                                            ""  },
        {"ZDIFF 2 none z",          "*0|",                                                                 ""  },
    };

    RUN_CASES(cases);
}
