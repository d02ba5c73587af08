/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(zset_pop, members_are_taken_from_either_end)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d 5 e", ":5|",                                           NULL         },
        {"ZPOPMIN k",                  "*2|$1|a|$1|1|",                                 "ZPOPMIN k"  },
        {"ZPOPMAX k",                  "*2|$1|e|$1|5|",                                 "ZPOPMAX k"  },
        {"ZPOPMIN k 0",                "*0|",                                           ""           },
        {"ZPOPMAX k 2",                "*4|$1|d|$1|4|$1|c|$1|3|",                       "ZPOPMAX k 2"},
        {"ZPOPMIN k 9",                "*2|$1|b|$1|2|",                                 "ZPOPMIN k"  },
        {"EXISTS k",                   ":0|",                                           ""           },
        {"ZPOPMIN k",                  "*0|",                                           ""           },
        {"ZPOPMAX k 3",                "*0|",                                           ""           },
        {"SET s v",                    "+OK|",                                          NULL         },
        {"ZPOPMIN s",                  WRONGTYPE,                                       ""           },
        {"ZPOPMIN s 0",                WRONGTYPE,                                       ""           },
        {"ZPOPMAX k -1",               "-ERR value is out of range, must be positive|", ""           },
        {"ZPOPMAX k x",                "-ERR value is out of range, must be positive|", ""           },
        {"ZPOPMAX k 1 2",              "-ERR syntax error|",                            ""           },
    };

    RUN_CASES(cases);
}

Test(zset_pop, members_are_taken_from_the_first_key_that_has_some)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c",              ":3|",                                    NULL         },
        {"ZMPOP 2 none k MIN",              "*2|$1|k|*1|*2|$1|a|$1|1|",               "ZPOPMIN k"  },
        {"ZMPOP 1 k MAX COUNT 5",           "*2|$1|k|*2|*2|$1|c|$1|3|*2|$1|b|$1|2|",  "ZPOPMAX k 2"},
        {"ZMPOP 2 none k MAX",              "*-1|",                                   ""           },
        {"SET s v",                         "+OK|",                                   NULL         },
        {"ZADD k 1 a",                      ":1|",                                    NULL         },
        {"ZMPOP 2 s k MIN",                 WRONGTYPE,                                ""           },
        {"ZMPOP 2 k s MIN",                 "*2|$1|k|*1|*2|$1|a|$1|1|",               "ZPOPMIN k"  },
        {"ZMPOP 0 k MIN",                   "-ERR numkeys should be greater than 0|", ""           },
        {"ZMPOP x k MIN",                   "-ERR numkeys should be greater than 0|", ""           },
        {"ZMPOP -1 k MIN",                  "-ERR numkeys should be greater than 0|", ""           },
        {"ZMPOP 2 k MIN",                   "-ERR syntax error|",                     ""           },
        {"ZMPOP 1 k FOO",                   "-ERR syntax error|",                     ""           },
        {"ZMPOP 1 k MIN COUNT",             "-ERR syntax error|",                     ""           },
        {"ZMPOP 1 k MIN COUNT 0",           "-ERR count should be greater than 0|",   ""           },
        {"ZMPOP 1 k MIN COUNT x",           "-ERR count should be greater than 0|",   ""           },
        {"ZMPOP 1 k MIN COUNT 1 COUNT 1",   "-ERR syntax error|",                     ""           },
        {"ZMPOP 9223372036854775807 k MIN", "-ERR syntax error|",                     ""           },
    };

    RUN_CASES(cases);
}

Test(zset_pop, an_expired_key_is_removed_before_it_is_looked_into)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "ZADD k 1 a");
    fixture_run(f, "PEXPIRE k 100");
    f->x.now.unix_ms += 1000;
    fixture_expect(f, "ZMPOP 1 k MIN", "*-1|");
    cr_assert_str_eq(fixture_effects(f), "DEL k");
    fixture_free(f);
}
