/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define NO_OFFSET    "-ERR bit offset is not an integer or out of range|"
#define NO_BIT       "-ERR bit is not an integer or out of range|"
#define NO_INTEGER   "-ERR value is not an integer or out of range|"
#define SYNTAX       "-ERR syntax error|"
#define WRONG_TYPE   "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define LEAST_I64    "-9223372036854775808"
#define GREATEST_I64 "9223372036854775807"

Test(bits, setbit_tells_the_old_bit_and_pads_with_zeros)
{
    static const struct fixture_case cases[] = {
        {"SETBIT k 7 1",           ":0|",     "SETBIT k 7 1" },
        {"SETBIT k 7 1",           ":1|",     ""             },
        {"SETBIT k 7 0",           ":1|",     "SETBIT k 7 0" },
        {"STRLEN k",               ":1|",     ""             },
        {"SETBIT k 23 0",          ":0|",     "SETBIT k 23 0"},
        {"STRLEN k",               ":3|",     ""             },
        {"GETBIT k 23",            ":0|",     ""             },
        {"SET n 12",               "+OK|",    NULL           },
        {"EXPIRE n 100",           ":1|",     NULL           },
        {"SETBIT n 7 1",           ":1|",     ""             },
        {"OBJECT ENCODING n",      "$3|int|", ""             },
        {"SETBIT n 6 1",           ":0|",     "SETBIT n 6 1" },
        {"GET n",                  "$2|32|",  ""             },
        {"TTL n",                  ":100|",   ""             },
        {"GETBIT n 2",             ":1|",     ""             },
        {"GETBIT n 100",           ":0|",     ""             },
        {"GETBIT none 4294967295", ":0|",     ""             },
        {"EXISTS none",            ":0|",     ""             },
    };

    RUN_CASES(cases);
}

Test(bits, offsets_and_bits_that_cannot_be_are_refused_before_the_key_is_looked_at)
{
    static const struct fixture_case cases[] = {
        {"SETBIT list -1 1",               NO_OFFSET,  ""},
        {"SETBIT list 0 2",                NO_BIT,     ""},
        {"SETBIT list 0 1",                WRONG_TYPE, ""},
        {"GETBIT list x",                  NO_OFFSET,  ""},
        {"GETBIT list 0",                  WRONG_TYPE, ""},
        {"BITCOUNT list",                  WRONG_TYPE, ""},
        {"BITPOS list 1",                  WRONG_TYPE, ""},
        {"SETBIT k 4294967296 1",          NO_OFFSET,  ""},
        {"SETBIT k " LEAST_I64 " 1",       NO_OFFSET,  ""},
        {"SETBIT k 9223372036854775808 1", NO_OFFSET,  ""},
        {"SETBIT k \"\" 1",                NO_OFFSET,  ""},
        {"SETBIT k 1.0 1",                 NO_OFFSET,  ""},
        {"SETBIT k 0 -1",                  NO_BIT,     ""},
        {"SETBIT k 0 x",                   NO_BIT,     ""},
        {"SETBIT k 0 01",                  NO_BIT,     ""},
        {"EXISTS k",                       ":0|",      ""},
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(bits, bitcount_counts_bytes_or_bits_of_a_range)
{
    static const struct fixture_case cases[] = {
        {"SET k foobar",                           "+OK|",     NULL},
        {"BITCOUNT k",                             ":26|",     ""  },
        {"BITCOUNT k 0 0",                         ":4|",      ""  },
        {"BITCOUNT k 1 1 byte",                    ":6|",      ""  },
        {"BITCOUNT k 5 30 BIT",                    ":17|",     ""  },
        {"BITCOUNT k -2 -1",                       ":7|",      ""  },
        {"BITCOUNT k -1 -1 BIT",                   ":0|",      ""  },
        {"BITCOUNT k 3 2",                         ":0|",      ""  },
        {"BITCOUNT k -100 -90",                    ":4|",      ""  },
        {"BITCOUNT k -90 -100",                    ":0|",      ""  },
        {"BITCOUNT k " LEAST_I64 " " GREATEST_I64, ":26|",     ""  },
        {"BITCOUNT k 6 10",                        ":0|",      ""  },
        {"BITCOUNT none",                          ":0|",      ""  },
        {"BITCOUNT none x 1",                      NO_INTEGER, ""  },
        {"BITCOUNT k 0",                           SYNTAX,     ""  },
        {"BITCOUNT k 0 1 BITS",                    SYNTAX,     ""  },
        {"BITCOUNT k 0 1 BIT BIT",                 SYNTAX,     ""  },
        {"BITCOUNT k 0 x BITS",                    NO_INTEGER, ""  },
        {"SET e \"\"",                             "+OK|",     NULL},
        {"BITCOUNT e",                             ":0|",      ""  },
        {"SET n 255",                              "+OK|",     NULL},
        {"BITCOUNT n",                             ":11|",     ""  },
    };

    RUN_CASES(cases);
}

Test(bits, bitpos_takes_zeros_to_follow_where_no_end_is_given)
{
    static const struct fixture_case cases[] = {
        {"BITFIELD k SET u24 0 16773120", "*1|:0|",                                 NULL},
        {"BITPOS k 0",                    ":12|",                                   ""  },
        {"BITPOS k 1 1",                  ":8|",                                    ""  },
        {"BITPOS k 1 2",                  ":-1|",                                   ""  },
        {"BITPOS k 0 0 0",                ":-1|",                                   ""  },
        {"BITPOS k 0 9 12 BIT",           ":12|",                                   ""  },
        {"BITPOS k 0 -12 -1 bit",         ":12|",                                   ""  },
        {"BITPOS k 1 -100 -90",           ":0|",                                    ""  },
        {"BITPOS k 1 -90 -100",           ":0|",                                    ""  },
        {"SETRANGE k 1 \xff\xff",         ":3|",                                    NULL},
        {"BITPOS k 0",                    ":24|",                                   ""  },
        {"BITPOS k 0 1",                  ":24|",                                   ""  },
        {"BITPOS k 0 0 -1",               ":-1|",                                   ""  },
        {"BITPOS k 0 3",                  ":-1|",                                   ""  },
        {"BITPOS none 0",                 ":0|",                                    ""  },
        {"BITPOS none 1",                 ":-1|",                                   ""  },
        {"BITPOS none 0 5 9",             ":0|",                                    ""  },
        {"BITPOS none 0 x",               NO_INTEGER,                               ""  },
        {"BITPOS k 2",                    "-ERR The bit argument must be 1 or 0.|", ""  },
        {"BITPOS k x",                    NO_INTEGER,                               ""  },
        {"BITPOS k 1 0 1 BITS",           SYNTAX,                                   ""  },
        {"BITPOS k 1 0 x BITS",           SYNTAX,                                   ""  },
        {"BITPOS k 1 0 x",                NO_INTEGER,                               ""  },
        {"BITPOS k 1 0 1 BIT BIT",        SYNTAX,                                   ""  },
        {"SET e \"\"",                    "+OK|",                                   NULL},
        {"BITPOS e 0",                    ":-1|",                                   ""  },
    };

    RUN_CASES(cases);
}

Test(bits, bitop_combines_strings_of_different_lengths_and_drops_the_expiry)
{
    static const struct fixture_case cases[] = {
        {"SET a abc",         "+OK|",    NULL               },
        {"SET b AB",          "+OK|",    NULL               },
        {"SETEX d 100 old",   "+OK|",    NULL               },
        {"BITOP or d a b",    ":3|",     "BITOP or d a b"   },
        {"GET d",             "$3|abc|", ""                 },
        {"TTL d",             ":-1|",    ""                 },
        {"BITOP AND a a b",   ":3|",     "BITOP AND a a b"  },
        {"BITCOUNT a 2 2",    ":0|",     ""                 },
        {"GETRANGE a 0 1",    "$2|AB|",  ""                 },
        {"BITOP XOR x a a",   ":3|",     "BITOP XOR x a a"  },
        {"BITCOUNT x",        ":0|",     ""                 },
        {"SET n 77",          "+OK|",    NULL               },
        {"BITOP OR n n none", ":2|",     "BITOP OR n n none"},
        {"GET n",             "$2|77|",  ""                 },
        {"BITOP NOT x none",  ":0|",     "DEL x"            },
        {"BITOP NOT x none",  ":0|",     ""                 },
        {"BITOP NOT x b",     ":2|",     "BITOP NOT x b"    },
        {"BITCOUNT x",        ":12|",    ""                 },
    };

    RUN_CASES(cases);
}

Test(bits, operations_that_older_replicas_do_not_know_travel_as_their_result)
{
    static const struct fixture_case cases[] = {
        {"SET a abg",           "+OK|", NULL       },
        {"SET b aba",           "+OK|", NULL       },
        {"SET c g",             "+OK|", NULL       },
        {"BITOP ANDOR d a b c", ":3|",  "SET d aba"},
        {"BITOP ONE d b",       ":3|",  "SET d aba"},
        {"BITOP one d a b b c", ":3|",  NULL       },
        {"BITCOUNT d",          ":4|",  ""         },
        {"BITOP DIFF d a b",    ":3|",  NULL       },
        {"BITCOUNT d",          ":2|",  ""         },
        {"BITPOS d 1",          ":21|", ""         },
        {"BITOP DIFF1 d b a c", ":3|",  NULL       },
        {"BITPOS d 1",          ":5|",  ""         },
        {"BITCOUNT d",          ":4|",  ""         },
    };

    RUN_CASES(cases);
}

Test(bits, bitop_refuses_before_it_changes_anything)
{
    static const struct fixture_case cases[] = {
        {"SET a abc",          "+OK|",                                                            NULL                },
        {"BITOP NOR d a",      SYNTAX,                                                            ""                  },
        {"BITOP NOT d a a",    "-ERR BITOP NOT must be called with a single source key.|",        ""                  },
        {"BITOP DIFF d a",     "-ERR BITOP DIFF must be called with at least two source keys.|",  ""                  },
        {"BITOP diff1 d a",    "-ERR BITOP DIFF1 must be called with at least two source keys.|", ""                  },
        {"BITOP ANDOR d list", "-ERR BITOP ANDOR must be called with at least two source keys.|",
         ""                                                                                                           },
        {"BITOP AND d a list", WRONG_TYPE,                                                        ""                  },
        {"EXISTS d",           ":0|",                                                             ""                  },
        {"BITOP AND list a a", ":3|",                                                             "BITOP AND list a a"},
        {"GET list",           "$3|abc|",                                                         ""                  },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(bits, a_source_that_has_expired_is_removed_first_and_counts_as_empty)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SET a abc");
    fixture_run(f, "SET b abc PX 5");
    f->x.now.unix_ms += 10;
    fixture_expect(f, "BITOP AND d a b", ":3|");
    cr_assert_str_eq(fixture_effects(f), "DEL b; BITOP AND d a b");
    fixture_expect(f, "BITCOUNT d", ":0|");
    fixture_free(f);
}
