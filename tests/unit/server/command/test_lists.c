/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include "base/attr.h"
#include "store/value_list.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NOT_INTEGER "-ERR value is not an integer or out of range|"
#define NOT_COUNT   "-ERR value is out of range, must be positive|"
#define TOO_SMALL                                                                                  \
    "-ERR value is out of range, value must between -9223372036854775807 and "                     \
    "9223372036854775807|"
#define SYNTAX    "-ERR syntax error|"
#define NO_FLOAT  "-ERR timeout is not a float or out of range|"
#define NEGATIVE  "-ERR timeout is negative|"
#define TOO_LONG  "-ERR timeout is out of range|"
#define NO_KEYS   "-ERR numkeys should be greater than 0|"
#define NO_COUNT  "-ERR count should be greater than 0|"
#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define NIL       "$-1|"
#define NIL_ARRAY "*-1|"

Test(lists, grow_and_shrink_at_both_ends)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b",                ":2|",                                                "RPUSH l a b"               },
        {"LPUSH l c d",                ":4|",                                                "LPUSH l c d"               },
        {"LRANGE l 0 -1",              "*4|$1|d|$1|c|$1|a|$1|b|",                            ""                          },
        {"LPUSHX none x",              ":0|",                                                ""                          },
        {"RPUSHX none x",              ":0|",                                                ""                          },
        {"LPUSHX l 1",                 ":5|",                                                "LPUSHX l 1"                },
        {"RPUSHX l \"\"",              ":6|",                                                "RPUSHX l "                 },
        {"LPOP l",                     "$1|1|",                                              "LPOP l"                    },
        {"RPOP l",                     "$0||",                                               "RPOP l"                    },
        {"LPOP l 0",                   "*0|",                                                ""                          },
        {"RPOP l 2",                   "*2|$1|b|$1|a|",                                      "RPOP l 2"                  },
        {"LPOP l 9223372036854775807", "*2|$1|d|$1|c|",                                      "LPOP l 9223372036854775807"},
        {"EXISTS l",                   ":0|",                                                ""                          },
        {"LPOP l",                     NIL,                                                  ""                          },
        {"LPOP l 3",                   NIL_ARRAY,                                            ""                          },
        {"LPOP l 0",                   NIL_ARRAY,                                            ""                          },
        {"LPOP l -1",                  NOT_COUNT,                                            ""                          },
        {"LPOP l x",                   NOT_COUNT,                                            ""                          },
        {"LPOP l 1 2",                 "-ERR wrong number of arguments for 'lpop' command|", ""                          },
        {"LLEN l",                     ":0|",                                                ""                          },
    };

    RUN_CASES(cases);
}

Test(lists, are_read_and_trimmed_by_ranges_that_may_lie_outside)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b c d",                 ":4|",           NULL         },
        {"LRANGE l -2 -1",                  "*2|$1|c|$1|d|", NULL         },
        {"LRANGE l 1 1",                    "*1|$1|b|",      NULL         },
        {"LRANGE l 2 1",                    "*0|",           NULL         },
        {"LRANGE l 4 9",                    "*0|",           NULL         },
        {"LRANGE l -9223372036854775808 0", "*1|$1|a|",      NULL         },
        {"LRANGE l 3 9223372036854775807",  "*1|$1|d|",      NULL         },
        {"LRANGE l 0 -9223372036854775808", "*0|",           NULL         },
        {"LRANGE l 0 9223372036854775808",  NOT_INTEGER,     NULL         },
        {"LRANGE none 0 -1",                "*0|",           NULL         },
        {"LRANGE none 0 x",                 NOT_INTEGER,     NULL         },
        {"LINDEX l -1",                     "$1|d|",         NULL         },
        {"LINDEX l -5",                     NIL,             NULL         },
        {"LINDEX l 4",                      NIL,             NULL         },
        {"LINDEX l x",                      NOT_INTEGER,     NULL         },
        {"LINDEX none x",                   NIL,             NULL         },
        {"LTRIM l 0 -1",                    "+OK|",          ""           },
        {"LTRIM l 1 2",                     "+OK|",          "LTRIM l 1 2"},
        {"LRANGE l 0 -1",                   "*2|$1|b|$1|c|", NULL         },
        {"LTRIM l x 2",                     NOT_INTEGER,     ""           },
        {"LTRIM none 0 1",                  "+OK|",          ""           },
        {"LTRIM l 5 9",                     "+OK|",          "LTRIM l 5 9"},
        {"EXISTS l",                        ":0|",           NULL         },
    };

    RUN_CASES(cases);
}

Test(lists, are_changed_in_the_middle)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b a 7",               ":4|",                               NULL                  },
        {"LSET l 1 x",                    "+OK|",                              "LSET l 1 x"          },
        {"LSET l -1 y",                   "+OK|",                              "LSET l -1 y"         },
        {"LSET l 4 y",                    "-ERR index out of range|",          ""                    },
        {"LSET l -5 y",                   "-ERR index out of range|",          ""                    },
        {"LSET l z y",                    NOT_INTEGER,                         ""                    },
        {"LSET none z y",                 "-ERR no such key|",                 ""                    },
        {"LINSERT l before x n",          ":5|",                               "LINSERT l before x n"},
        {"LINSERT l AFTER y m",           ":6|",                               "LINSERT l AFTER y m" },
        {"LINSERT l AFTER no m",          ":-1|",                              ""                    },
        {"LINSERT none AFTER no m",       ":0|",                               ""                    },
        {"LINSERT l BESIDE y m",          SYNTAX,                              ""                    },
        {"LRANGE l 0 -1",                 "*6|$1|a|$1|n|$1|x|$1|a|$1|y|$1|m|", NULL                  },
        {"LREM l -1 a",                   ":1|",                               "LREM l -1 a"         },
        {"LREM l 5 no",                   ":0|",                               ""                    },
        {"LREM l 0 x",                    ":1|",                               "LREM l 0 x"          },
        {"LRANGE l 0 -1",                 "*4|$1|a|$1|n|$1|y|$1|m|",           NULL                  },
        {"LREM l x a",                    NOT_INTEGER,                         ""                    },
        {"LREM l -9223372036854775808 a", TOO_SMALL,                           ""                    },
        {"LREM none 0 a",                 ":0|",                               ""                    },
    };

    RUN_CASES(cases);
}

Test(lists, tell_where_an_element_is)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b c 1 2 3 c c",               ":8|",                            NULL},
        {"LPOS l c",                              ":2|",                            ""  },
        {"LPOS l c RANK 2",                       ":6|",                            NULL},
        {"LPOS l c RANK -1",                      ":7|",                            NULL},
        {"LPOS l c RANK 4",                       NIL,                              NULL},
        {"LPOS l c COUNT 0",                      "*3|:2|:6|:7|",                   NULL},
        {"LPOS l c COUNT 2 RANK -1",              "*2|:7|:6|",                      NULL},
        {"LPOS l c COUNT 0 MAXLEN 7",             "*2|:2|:6|",                      NULL},
        {"LPOS l c RANK -2 MAXLEN 1",             NIL,                              NULL},
        {"LPOS l x COUNT 1",                      "*0|",                            NULL},
        {"LPOS l 2 COUNT 1 COUNT 2",              "*1|:4|",                         NULL},
        {"LPOS none x",                           NIL,                              NULL},
        {"LPOS none x COUNT 0",                   "*0|",                            NULL},
        {"LPOS none x RANK",                      SYNTAX,                           NULL},
        {"LPOS none x RANG 1",                    SYNTAX,                           NULL},
        {"LPOS none x RANK x",                    NOT_INTEGER,                      NULL},
        {"LPOS none x RANK -9223372036854775808", TOO_SMALL,                        NULL},
        {"LPOS none x COUNT -1",                  "-ERR COUNT can't be negative|",  NULL},
        {"LPOS none x MAXLEN y",                  "-ERR MAXLEN can't be negative|", NULL},
        {"LPOS none x RANK 0",
         "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
         "use "
         "negative to start from the end of the list|",                             NULL},
    };

    RUN_CASES(cases);
}

Test(lists, hand_elements_from_one_to_the_other)
{
    static const struct fixture_case cases[] = {
        {"RPUSH a 1 2 3",                       ":3|",                   NULL                  },
        {"LMOVE a b LEFT right",                "$1|1|",                 "LMOVE a b LEFT right"},
        {"RPOPLPUSH a b",                       "$1|3|",                 "RPOPLPUSH a b"       },
        {"LRANGE b 0 -1",                       "*2|$1|3|$1|1|",         NULL                  },
        {"LMOVE b b RIGHT LEFT",                "$1|1|",                 "LMOVE b b RIGHT LEFT"},
        {"LMOVE a a LEFT LEFT",                 "$1|2|",                 NULL                  },
        {"LRANGE b 0 -1",                       "*2|$1|1|$1|3|",         NULL                  },
        {"LMOVE none b LEFT LEFT",              NIL,                     ""                    },
        {"LMOVE none b UP LEFT",                SYNTAX,                  ""                    },
        {"RPOPLPUSH none b",                    NIL,                     ""                    },
        {"SET s v",                             "+OK|",                  NULL                  },
        {"LMOVE a s LEFT LEFT",                 WRONGTYPE,               ""                    },
        {"LMOVE none s LEFT LEFT",              NIL,                     ""                    },
        {"RPOPLPUSH s a",                       WRONGTYPE,               ""                    },
        {"RPOPLPUSH a b",                       "$1|2|",                 NULL                  },
        {"EXISTS a",                            ":0|",                   NULL                  },
        {"LMPOP 2 none b RIGHT COUNT 2",        "*2|$1|b|*2|$1|3|$1|1|", "RPOP b 2"            },
        {"LMPOP 2 none b LEFT",                 "*2|$1|b|*1|$1|2|",      "LPOP b 1"            },
        {"LMPOP 1 none LEFT",                   NIL_ARRAY,               ""                    },
        {"LMPOP 0 none LEFT",                   NO_KEYS,                 ""                    },
        {"LMPOP 9223372036854775807 none LEFT", SYNTAX,                  ""                    },
        {"LMPOP 1 none LEFT COUNT 0",           NO_COUNT,                ""                    },
        {"LMPOP 1 none LEFT COUNT",             SYNTAX,                  ""                    },
        {"LMPOP 1 none LEFT COUNT 1 COUNT 1",   SYNTAX,                  ""                    },
        {"LMPOP 1 none UP",                     SYNTAX,                  ""                    },
        {"LMPOP 2 s none LEFT",                 WRONGTYPE,               ""                    },
    };

    RUN_CASES(cases);
}

Test(lists, what_waits_acts_at_once_when_it_can_and_travels_as_what_does_not_wait)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l a b c d e",                  ":5|",              NULL                  },
        {"BLPOP none l 0",                     "*2|$1|l|$1|a|",    "LPOP l"              },
        {"BRPOP l 0",                          "*2|$1|l|$1|e|",    "RPOP l"              },
        {"BLMPOP 0 1 l LEFT COUNT 1",          "*2|$1|l|*1|$1|b|", "LPOP l 1"            },
        {"BLMOVE l m LEFT RIGHT 0",            "$1|c|",            "LMOVE l m LEFT RIGHT"},
        {"BRPOPLPUSH l m 0",                   "$1|d|",            "RPOPLPUSH l m"       },
        {"BLPOP m x",                          NO_FLOAT,           ""                    },
        {"BLPOP m nan",                        NO_FLOAT,           ""                    },
        {"BLPOP m -1",                         NEGATIVE,           ""                    },
        {"BLPOP m 1e300",                      TOO_LONG,           ""                    },
        {"BRPOPLPUSH m l 9223372036854775807", TOO_LONG,           ""                    },
        {"BLMOVE m l UP RIGHT x",              SYNTAX,             ""                    },
        {"BLMPOP x 0 m LEFT",                  NO_KEYS,            ""                    },
        {"BLMPOP x 1 m LEFT",                  NO_FLOAT,           ""                    },
    };

    RUN_CASES(cases);
}

Test(lists, what_can_take_nothing_says_for_which_keys_and_how_long_it_waits)
{
    static const struct {
        const char *request;
        size_t first_key;
        size_t key_count;
        int64_t timeout_ms;  /* INT64_MAX: for ever */
        const char *nothing; /* where nothing may wait */
    } cases[] = {
        {"BLPOP a b c 1.5",        1, 3, 1500,      NIL_ARRAY},
        {"BRPOP a 0.0001",         1, 1, 1,         NIL_ARRAY},
        {"BRPOP a 0",              1, 1, INT64_MAX, NIL_ARRAY},
        {"BLMOVE a b LEFT LEFT 0", 1, 1, INT64_MAX, NIL      },
        {"BRPOPLPUSH a b 1e-3",    1, 1, 1,         NIL      },
        {"BLMPOP 2 2 a b RIGHT",   3, 2, 2000,      NIL_ARRAY},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(false);
        const struct exec_block *block = &f->x.block;

        fixture_run(f, cases[i].request);
        cr_assert_eq(f->result, EXEC_BLOCK, "%s", cases[i].request);
        cr_assert_str_eq(fixture_reply(f), "");
        cr_assert_str_eq(fixture_effects(f), "");
        cr_assert_eq(block->type, VALUE_LIST);
        cr_assert_eq(block->first_key, cases[i].first_key);
        cr_assert_eq(block->key_count, cases[i].key_count);
        cr_assert_eq(block->deadline_unix_ms, cases[i].timeout_ms == INT64_MAX
                                                  ? INT64_MAX
                                                  : f->x.now.unix_ms + cases[i].timeout_ms);
        f->x.must_not_wait = true;
        fixture_expect(f, cases[i].request, cases[i].nothing);
        cr_assert_eq(f->result, EXEC_DONE);
        fixture_free(f);
    }
}

Test(lists, large_ones_answer_as_small_ones_do)
{
    struct fixture *f = fixture_new(false);
    char request[64];

    for (int i = 0; i < 5000; i++) {
        snprintf(request, sizeof(request), "RPUSH l element:%d", i);
        fixture_run(f, request);
    }
    fixture_expect(f, "OBJECT ENCODING l", "$9|quicklist|");
    fixture_expect(f, "LINDEX l 2500", "$12|element:2500|");
    fixture_expect(f, "LRANGE l 4998 -1", "*2|$12|element:4998|$12|element:4999|");
    fixture_expect(f, "LINSERT l AFTER element:3000 n", ":5001|");
    fixture_expect(f, "LPOS l n", ":3001|");
    fixture_expect(f, "LSET l 3001 element:3000", "+OK|");
    fixture_expect(f, "LREM l 0 element:3000", ":2|");
    fixture_expect(f, "LTRIM l 1000 1002", "+OK|");
    fixture_expect(f, "RPOP l 9", "*3|$12|element:1002|$12|element:1001|$12|element:1000|");
    fixture_expect(f, "EXISTS l", ":0|");
    fixture_free(f);
}
