/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define NO_FLOAT  "-ERR timeout is not a float or out of range|"
#define NEGATIVE  "-ERR timeout is negative|"
#define TOO_LONG  "-ERR timeout is out of range|"
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

Test(zset_pop, what_waits_acts_at_once_when_it_can_and_travels_as_what_does_not_wait)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2 b 3 c 4 d 5 e",         ":5|",                                    NULL         },
        {"BZPOPMIN none k 0",                  "*3|$1|k|$1|a|$1|1|",                     "ZPOPMIN k"  },
        {"BZPOPMAX k none 1.5",                "*3|$1|k|$1|e|$1|5|",                     "ZPOPMAX k"  },
        {"BZMPOP 0 2 none k MIN",              "*2|$1|k|*1|*2|$1|b|$1|2|",               "ZPOPMIN k"  },
        {"BZMPOP 1 1 k MAX COUNT 7",           "*2|$1|k|*2|*2|$1|d|$1|4|*2|$1|c|$1|3|",  "ZPOPMAX k 2"},
        {"EXISTS k",                           ":0|",                                    ""           },
        {"SET s v",                            "+OK|",                                   NULL         },
        {"BZPOPMIN none s 0",                  WRONGTYPE,                                ""           },
        {"BZPOPMAX s k 0",                     WRONGTYPE,                                ""           },
        {"BZMPOP 0 1 s MIN",                   WRONGTYPE,                                ""           },
        {"BZPOPMIN k x",                       NO_FLOAT,                                 ""           },
        {"BZPOPMAX k nan",                     NO_FLOAT,                                 ""           },
        {"BZPOPMAX k \"\"",                    NO_FLOAT,                                 ""           },
        {"BZPOPMIN k -1",                      NEGATIVE,                                 ""           },
        {"BZPOPMIN k 1e300",                   TOO_LONG,                                 ""           },
        {"BZPOPMIN k inf",                     TOO_LONG,                                 ""           },
        {"BZMPOP x 1 k MIN",                   NO_FLOAT,                                 ""           },
        {"BZMPOP -1 1 k MIN",                  NEGATIVE,                                 ""           },
        {"BZMPOP x 0 k MIN",                   "-ERR numkeys should be greater than 0|", ""           },
        {"BZMPOP x x k UP",                    "-ERR numkeys should be greater than 0|", ""           },
        {"BZMPOP x 1 k UP",                    "-ERR syntax error|",                     ""           },
        {"BZMPOP x 2 k MIN",                   "-ERR syntax error|",                     ""           },
        {"BZMPOP 0 9223372036854775807 k MIN", "-ERR syntax error|",                     ""           },
        {"BZMPOP x 1 k MIN COUNT 0",           "-ERR count should be greater than 0|",   ""           },
        {"BZMPOP x 1 k MIN COUNT",             "-ERR syntax error|",                     ""           },
        {"BZMPOP x 1 k MIN COUNT 1 COUNT 1",   "-ERR syntax error|",                     ""           },
    };

    RUN_CASES(cases);
}

Test(zset_pop, what_waits_replies_scores_as_doubles_in_resp3)
{
    struct fixture *f = fixture_new(false);

    f->writer.version = 3;
    fixture_run(f, "ZADD k 1.5 a 2 b 3 c");
    fixture_expect(f, "BZPOPMIN k 0", "*3|$1|k|$1|a|,1.5|");
    fixture_expect(f, "BZMPOP 0 1 k MAX", "*2|$1|k|*1|*2|$1|c|,3|");
    f->x.must_not_wait = true;
    fixture_expect(f, "BZPOPMIN none 0", "_|");
    fixture_expect(f, "BZMPOP 0 1 none MIN", "_|");
    fixture_free(f);
}

Test(zset_pop, what_can_take_nothing_says_for_which_keys_and_how_long_it_waits)
{
    static const struct {
        const char *request;
        size_t first_key;
        size_t key_count;
        int64_t timeout_ms; /* INT64_MAX: for ever */
    } cases[] = {
        {"BZPOPMIN a b c 1.5",        1, 3, 1500     },
        {"BZPOPMAX a 0.0001",         1, 1, 1        },
        {"BZPOPMAX a 0",              1, 1, INT64_MAX},
        {"BZMPOP 2 2 a b MIN",        3, 2, 2000     },
        {"BZMPOP 0 1 a MAX COUNT 10", 3, 1, INT64_MAX},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(false);
        const struct exec_block *block = &f->x.block;

        fixture_run(f, cases[i].request);
        cr_assert_eq(f->result, EXEC_BLOCK, "%s", cases[i].request);
        cr_assert_str_eq(fixture_reply(f), "");
        cr_assert_str_eq(fixture_effects(f), "");
        cr_assert_eq(block->type, VALUE_ZSET);
        cr_assert_eq(block->first_key, cases[i].first_key);
        cr_assert_eq(block->key_count, cases[i].key_count);
        cr_assert_eq(block->deadline_unix_ms, cases[i].timeout_ms == INT64_MAX
                                                  ? INT64_MAX
                                                  : f->x.now.unix_ms + cases[i].timeout_ms);
        fixture_free(f);
    }
}
