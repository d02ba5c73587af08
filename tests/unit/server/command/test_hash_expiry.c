/* SPDX-License-Identifier: MIT */
/* The time is 1000000 s after the epoch: "HEXPIRE h 10" is for 1000010000 ms. */
#include "base/attr.h"
#include "store/value_hash.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NOT_AN_INTEGER "-ERR value is not an integer or out of range|"
#define NEGATIVE       "-ERR invalid expire time, must be >= 0|"
#define WRONG_TYPE     "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define NO_COUNT       "-ERR Parameter `numFields` should be greater than 0|"
#define NO_COUNT_PLAIN "-ERR Number of fields must be a positive integer|"
#define NO_COUNT_VALUE "-ERR invalid number of fields|"
#define NO_MATCH       "-ERR The `numfields` parameter must match the number of arguments|"
#define MISPLACED      "-ERR Mandatory argument FIELDS is missing or not at the right position|"
#define MISSING        "-ERR missing FIELDS argument|"
#define TWICE          "-ERR FIELDS keyword specified multiple times|"
#define TOO_LATE(name) "-ERR invalid expire time in '" name "' command|"
#define UNKNOWN(word)  "-ERR unknown argument: " word "|"
#define ONE_OF_GET     "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified|"
#define ONE_OF_SET     "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified|"

Test(hash_expiry, all_spellings_travel_as_hpexpireat)
{
    static const struct fixture_case cases[] = {
        {"HEXPIRE h 10 FIELDS 1 f",                "*1|:-2|",             ""                                    },
        {"HSET h f 1 g 2 i 3",                     ":3|",                 NULL                                  },
        {"HEXPIRE h 10 FIELDS 2 f none",           "*2|:1|:-2|",          "HPEXPIREAT h 1000010000 FIELDS 1 f"  },
        {"HPEXPIRE h 1499 FIELDS 2 g i",           "*2|:1|:1|",           "HPEXPIREAT h 1000001499 FIELDS 2 g i"},
        {"HTTL h FIELDS 4 f g i none",             "*4|:10|:2|:2|:-2|",   ""                                    },
        {"HPTTL h FIELDS 2 f g",                   "*2|:10000|:1499|",    ""                                    },
        {"HEXPIREAT h 2000000 FIELDS 1 f",         "*1|:1|",              "HPEXPIREAT h 2000000000 FIELDS 1 f"  },
        {"HEXPIRETIME h FIELDS 1 f",               "*1|:2000000|",        ""                                    },
        {"HPEXPIREAT h 2000000001 FIELDS 1 f",     "*1|:1|",              "HPEXPIREAT h 2000000001 FIELDS 1 f"  },
        {"HEXPIRETIME h FIELDS 1 f",               "*1|:2000001|",        ""                                    },
        {"HPEXPIRETIME h FIELDS 1 f",              "*1|:2000000001|",     ""                                    },
        {"HPERSIST h FIELDS 3 f none g",           "*3|:1|:-2|:1|",       "HPERSIST h FIELDS 2 f g"             },
        {"HPERSIST h FIELDS 1 f",                  "*1|:-1|",             ""                                    },
        {"HTTL h FIELDS 2 f i",                    "*2|:-1|:2|",          ""                                    },
        {"HTTL none FIELDS 2 f i",                 "*2|:-2|:-2|",         ""                                    },
        {"HPERSIST none FIELDS 1 f",               "*1|:-2|",             ""                                    },
        {"HPEXPIREAT h 70368744177663 FIELDS 1 f", "*1|:1|",
         "HPEXPIREAT h 70368744177663 FIELDS 1 f"                                                               },
        {"HPEXPIRETIME h FIELDS 1 f",              "*1|:70368744177663|", ""                                    },
        {"HEXPIRE h 10 FIELDS 2 f f",              "*2|:1|:1|",           "HPEXPIREAT h 1000010000 FIELDS 2 f f"},
        {"EXISTS none",                            ":0|",                 NULL                                  },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, a_time_that_has_passed_deletes_and_travels_as_hdel)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g 2 i 3 j 4",             ":4|",        NULL      },
        {"HEXPIRE h 0 FIELDS 2 f none",        "*2|:2|:-2|", "HDEL h f"},
        {"HPEXPIREAT h 1000000000 FIELDS 1 g", "*1|:2|",     "HDEL h g"},
        {"HEXPIREAT h 0 FIELDS 2 i i",         "*2|:2|:-2|", "HDEL h i"},
        {"HKEYS h",                            "*1|$1|j|",   NULL      },
        {"HPEXPIRE h 0 XX FIELDS 1 j",         "*1|:0|",     ""        },
        {"HPEXPIRE h 0 NX FIELDS 1 j",         "*1|:2|",     "HDEL h j"},
        {"EXISTS h",                           ":0|",        NULL      },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, conditions_compare_with_the_old_expiry_and_never_is_later_than_any)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g 2",               ":2|",          NULL                                  },
        {"HEXPIRE h 10 XX FIELDS 1 f",   "*1|:0|",       ""                                    },
        {"HEXPIRE h 10 GT FIELDS 1 f",   "*1|:0|",       ""                                    },
        {"HEXPIRE h 10 NX FIELDS 1 f",   "*1|:1|",       "HPEXPIREAT h 1000010000 FIELDS 1 f"  },
        {"HEXPIRE h 20 NX FIELDS 2 f g", "*2|:0|:1|",    "HPEXPIREAT h 1000020000 FIELDS 1 g"  },
        {"HEXPIRE h 10 GT FIELDS 1 f",   "*1|:0|",       ""                                    },
        {"HEXPIRE h 10 LT FIELDS 1 f",   "*1|:0|",       ""                                    },
        {"HEXPIRE h 15 gt FIELDS 2 f g", "*2|:1|:0|",    "HPEXPIREAT h 1000015000 FIELDS 1 f"  },
        {"HEXPIRE h 12 FIELDS 2 f g lt", "*2|:1|:1|",    "HPEXPIREAT h 1000012000 FIELDS 2 f g"},
        {"HEXPIRE h 13 XX FIELDS 1 f",   "*1|:1|",       NULL                                  },
        {"HPERSIST h FIELDS 1 f",        "*1|:1|",       NULL                                  },
        {"HEXPIRE h 100 LT FIELDS 1 f",  "*1|:1|",       NULL                                  },
        {"HTTL h FIELDS 2 f g",          "*2|:100|:12|", NULL                                  },
    };

    RUN_CASES(cases);
}

static const struct fixture_case bad_expiry[] = {
    {"HSET h f 1",                                   ":1|",                                      NULL},
    {"SET s v",                                      "+OK|",                                     NULL},
    {"HEXPIRE h x FIELDS 1 f",                       NOT_AN_INTEGER,                             ""  },
    {"HEXPIRE h \"\" FIELDS 1 f",                    NOT_AN_INTEGER,                             ""  },
    {"HEXPIRE h 1.5 FIELDS 1 f",                     NOT_AN_INTEGER,                             ""  },
    {"HEXPIRE h 9223372036854775808 FIELDS 1 f",     NOT_AN_INTEGER,                             ""  },
    {"HEXPIRE h -1 FIELDS 1 f",                      NEGATIVE,                                   ""  },
    {"HPEXPIREAT h -9223372036854775808 FIELDS 1 f", NEGATIVE,                                   ""  },
    {"HEXPIRE h 9223372036854775807 FIELDS 1 f",     TOO_LATE("hexpire"),                        ""  },
    {"HPEXPIRE h 70368744177663 FIELDS 1 f",         TOO_LATE("hpexpire"),                       ""  },
    {"HEXPIREAT h 70368744178 FIELDS 1 f",           TOO_LATE("hexpireat"),                      ""  },
    {"HPEXPIREAT h 70368744177664 FIELDS 1 f",       TOO_LATE("hpexpireat"),                     ""  },
    {"HEXPIRE h 1 NX XX FIELDS 1 f",                 "-ERR Multiple condition flags specified|", ""  },
    {"HEXPIRE h 1 NX NX FIELDS 1 f",                 "-ERR Multiple condition flags specified|", ""  },
    {"HEXPIRE h 1 GT FIELDS 1 f LT",                 "-ERR Multiple condition flags specified|", ""  },
    {"HEXPIRE h 1 ZZ FIELDS 1 f",                    UNKNOWN("ZZ"),                              ""  },
    {"HEXPIRE h 1 NX FIELD 1 f",                     UNKNOWN("FIELD"),                           ""  },
    {"HEXPIRE h 1 NX NX",                            NULL,                                       ""  },
    {"HEXPIRE h 1 FIELDS 0 f",                       NO_COUNT,                                   ""  },
    {"HEXPIRE h 1 FIELDS -1 f",                      NO_COUNT,                                   ""  },
    {"HEXPIRE h 1 FIELDS x f",                       NO_COUNT,                                   ""  },
    {"HEXPIRE h 1 FIELDS 9223372036854775808 f",     NO_COUNT,                                   ""  },
    {"HEXPIRE h 1 FIELDS 9223372036854775807 f",     NO_MATCH,                                   ""  },
    {"HEXPIRE h 1 FIELDS 2 f",                       NO_MATCH,                                   ""  },
    {"HEXPIRE h 1 FIELDS 1 f g",                     NO_MATCH,                                   ""  },
    {"HEXPIRE h 1 FIELDS 1 f FIELDS 1 g",            TWICE,                                      ""  },
    {"HEXPIRE h 1 NX FIELDS 1 f FIELDS",             TWICE,                                      ""  },
    {"HEXPIRE s 1 FIELDS 1 f",                       WRONG_TYPE,                                 ""  },
    {"HPERSIST h FIELD 1 f",                         MISPLACED,                                  ""  },
    {"HPERSIST h FIELDS 0 f",                        NO_COUNT_PLAIN,                             ""  },
    {"HPERSIST h FIELDS x f",                        NO_COUNT_PLAIN,                             ""  },
    {"HPERSIST h FIELDS 2 f",                        NO_MATCH,                                   ""  },
    {"HPERSIST h FIELDS 1 f g",                      NO_MATCH,                                   ""  },
    {"HPERSIST s FIELDS 1 f",                        WRONG_TYPE,                                 ""  },
    {"HTTL h 1 f FIELDS",                            MISPLACED,                                  ""  },
    {"HTTL h FIELDS -1 f",                           NO_COUNT_PLAIN,                             ""  },
    {"HPTTL h FIELDS 2 f",                           NO_MATCH,                                   ""  },
    {"HEXPIRETIME s FIELDS 1 f",                     WRONG_TYPE,                                 ""  },
    {"HPEXPIRETIME h FIELDS 3 f g",                  NO_MATCH,                                   ""  },
    {"HGETDEL h FIELDZ 1 f",                         MISPLACED,                                  ""  },
    {"HGETDEL h FIELDS 0 f",                         NO_COUNT_PLAIN,                             ""  },
    {"HGETDEL h FIELDS 2 f",                         NO_MATCH,                                   ""  },
    {"HGETDEL s FIELDS 1 f",                         WRONG_TYPE,                                 ""  },
    {"HTTL h FIELDS 1 f",                            "*1|:-1|",                                  ""  },
    {"HGETALL h",                                    "*2|$1|f|$1|1|",                            ""  },
};

static const struct fixture_case bad_values[] = {
    {"HSET h f 1",                                 ":1|",                                                     NULL},
    {"SET s v",                                    "+OK|",                                                    NULL},
    {"HGETEX h EX FIELDS 1 f",                     NOT_AN_INTEGER,                                            ""  },
    {"HGETEX h FIELDS 1 f EX",                     "-ERR missing expire time|",                               ""  },
    {"HGETEX h EX x FIELDS 1 f",                   NOT_AN_INTEGER,                                            ""  },
    {"HGETEX h EX -1 FIELDS 1 f",                  NEGATIVE,                                                  ""  },
    {"HGETEX h EX 9223372036854775807 FIELDS 1 f", TOO_LATE("hgetex"),                                        ""  },
    {"HGETEX h PXAT 70368744177664 FIELDS 1 f",    TOO_LATE("hgetex"),                                        ""  },
    {"HGETEX h EX 1 PX 1 FIELDS 1 f",              ONE_OF_GET,                                                ""  },
    {"HGETEX h EX 1 EX 1 FIELDS 1 f",              ONE_OF_GET,                                                ""  },
    {"HGETEX h PERSIST EX 1 FIELDS 1 f",           ONE_OF_GET,                                                ""  },
    {"HGETEX h EX 1 FIELDS 1 f PERSIST",           ONE_OF_GET,                                                ""  },
    {"HGETEX h KEEPTTL FIELDS 1 f",                UNKNOWN("KEEPTTL"),                                        ""  },
    {"HGETEX h FIELDS 1 f g",                      UNKNOWN("g"),                                              ""  },
    {"HGETEX h FIELDS 0 f",                        NO_COUNT_VALUE,                                            ""  },
    {"HGETEX h FIELDS x f",                        NO_COUNT_VALUE,                                            ""  },
    {"HGETEX h FIELDS 2 f",                        NO_MATCH,                                                  ""  },
    {"HGETEX h EX 1 PERSIST",                      ONE_OF_GET,                                                ""  },
    {"HGETEX h FIELDS 1 f FIELDS 1 f",             TWICE,                                                     ""  },
    {"HGETEX h EXAT 10 EXA",                       UNKNOWN("EXA"),                                            ""  },
    {"HGETEX s FIELDS 1 f",                        WRONG_TYPE,                                                ""  },
    {"HSETEX h FNX FXX FIELDS 1 f v",              "-ERR Only one of FXX or FNX arguments can be specified|",
     ""                                                                                                           },
    {"HSETEX h NX XX FIELDS 1 f v",                "-ERR Only one of XX or NX arguments can be specified|",   ""  },
    {"HSETEX h EX 1 KEEPTTL FIELDS 1 f v",         ONE_OF_SET,                                                ""  },
    {"HSETEX h KEEPTTL FIELDS 1 f v PX 5",         ONE_OF_SET,                                                ""  },
    {"HSETEX h PERSIST FIELDS 1 f v",              UNKNOWN("PERSIST"),                                        ""  },
    {"HSETEX h FIELDS 1 f v EXAT",                 "-ERR missing expire time|",                               ""  },
    {"HSETEX h PX -1 FIELDS 1 f v",                NEGATIVE,                                                  ""  },
    {"HSETEX h PX 70368744177663 FIELDS 1 f v",    TOO_LATE("hsetex"),                                        ""  },
    {"HSETEX h FIELDS 0 f v",                      NO_COUNT_VALUE,                                            ""  },
    {"HSETEX h FIELDS 2 f v",                      NO_MATCH,                                                  ""  },
    {"HSETEX h FIELDS 2 f v g",                    NO_MATCH,                                                  ""  },
    {"HSETEX h FIELDS 9223372036854775807 f v",    NO_MATCH,                                                  ""  },
    {"HSETEX h FIELDS 1 f v g",                    UNKNOWN("g"),                                              ""  },
    {"HSETEX h FNX NX EX 10",                      MISSING,                                                   ""  },
    {"HSETEX s FIELDS 1 f v",                      WRONG_TYPE,                                                ""  },
    {"HGETALL h",                                  "*2|$1|f|$1|1|",                                           ""  },
};

static void run_bad(const struct fixture_case *cases, size_t count)
{
    struct fixture *f = fixture_new(false);

    for (size_t i = 0; i < count; i++) {
        if (cases[i].reply != NULL) {
            fixture_expect_cases(f, &cases[i], 1);
        }
    }
    fixture_free(f);
}

Test(hash_expiry, bad_input_is_refused_and_changes_nothing)
{
    run_bad(bad_expiry, ARRAY_COUNT(bad_expiry));
    run_bad(bad_values, ARRAY_COUNT(bad_values));
}

Test(hash_expiry, hgetex_returns_values_and_changes_when_they_expire)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g 2",                      ":2|",               NULL                                  },
        {"HGETEX h FIELDS 3 f none g",          "*3|$1|1|$-1|$1|2|", ""                                    },
        {"HGETEX none FIELDS 1 f",              "*1|$-1|",           ""                                    },
        {"HGETEX none EX 1 FIELDS 1 f",         "*1|$-1|",           ""                                    },
        {"HGETEX h EX 10 FIELDS 2 f none",      "*2|$1|1|$-1|",      "HPEXPIREAT h 1000010000 FIELDS 1 f"  },
        {"HGETEX h FIELDS 2 f g PX 5",          "*2|$1|1|$1|2|",     "HPEXPIREAT h 1000000005 FIELDS 2 f g"},
        {"HGETEX h EXAT 2000000 FIELDS 1 f",    "*1|$1|1|",          "HPEXPIREAT h 2000000000 FIELDS 1 f"  },
        {"HGETEX h PXAT 2000000001 FIELDS 1 f", "*1|$1|1|",          "HPEXPIREAT h 2000000001 FIELDS 1 f"  },
        {"HGETEX h PERSIST FIELDS 2 f none",    "*2|$1|1|$-1|",      "HPERSIST h FIELDS 1 f"               },
        {"HGETEX h PERSIST FIELDS 1 f",         "*1|$1|1|",          ""                                    },
        {"HTTL h FIELDS 2 f g",                 "*2|:-1|:1|",        ""                                    },
        {"HGETEX h EX 0 FIELDS 3 g g none",     "*3|$1|2|$-1|$-1|",  "HDEL h g"                            },
        {"HGETEX h PXAT 1 FIELDS 1 f",          "*1|$1|1|",          "HDEL h f"                            },
        {"EXISTS h",                            ":0|",               NULL                                  },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, hgetdel_returns_values_and_deletes_them)
{
    static const struct fixture_case cases[] = {
        {"HSET h f 1 g 2",              ":2|",              NULL      },
        {"HGETDEL h FIELDS 3 f none f", "*3|$1|1|$-1|$-1|", "HDEL h f"},
        {"HGETDEL h FIELDS 1 none",     "*1|$-1|",          ""        },
        {"HGETDEL none FIELDS 1 f",     "*1|$-1|",          ""        },
        {"HGETDEL h FIELDS 2 g g",      "*2|$1|2|$-1|",     "HDEL h g"},
        {"EXISTS h",                    ":0|",              NULL      },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, hsetex_sets_all_fields_or_none_and_travels_without_conditions)
{
    static const struct fixture_case cases[] = {
        {"HSETEX h FIELDS 2 f 1 g 2",             ":1|",                   "HSET h f 1 g 2"                         },
        {"HSETEX h EX 10 FIELDS 1 f 2",           ":1|",                   "HSETEX h PXAT 1000010000 FIELDS 1 f 2"  },
        {"HTTL h FIELDS 2 f g",                   "*2|:10|:-1|",           NULL                                     },
        {"HSETEX h KEEPTTL FIELDS 2 f 3 g 3",     ":1|",                   "HSETEX h KEEPTTL FIELDS 2 f 3 g 3"      },
        {"HSETEX h KEEPTTL FIELDS 1 g 4",         ":1|",                   "HSET h g 4"                             },
        {"HTTL h FIELDS 2 f g",                   "*2|:10|:-1|",           NULL                                     },
        {"HSETEX h FNX FIELDS 2 new 1 f 1",       ":0|",                   ""                                       },
        {"HSETEX h FXX FIELDS 2 new 1 f 1",       ":0|",                   ""                                       },
        {"HSETEX h FNX PX 5 FIELDS 1 new 1",      ":1|",                   "HSETEX h PXAT 1000000005 FIELDS 1 new 1"},
        {"HSETEX h fxx fields 2 f 5 g 5",         ":1|",                   "HSET h f 5 g 5"                         },
        {"HTTL h FIELDS 2 f g",                   "*2|:-1|:-1|",           NULL                                     },
        {"HSETEX h NX FIELDS 1 f 6",              ":0|",                   ""                                       },
        {"HSETEX h XX FIELDS 1 f 6 EXAT 2000000", ":1|",                   "HSETEX h PXAT 2000000000 FIELDS 1 f 6"  },
        {"HSETEX none XX FIELDS 1 f 6",           ":0|",                   ""                                       },
        {"HSETEX none FXX FIELDS 1 f 6",          ":0|",                   ""                                       },
        {"HSETEX h PXAT 5 FIELDS 2 f 7 other 7",  ":1|",                   "HDEL h f"                               },
        {"HSETEX none EX 0 FIELDS 1 f 7",         ":1|",                   ""                                       },
        {"EXISTS none",                           ":0|",                   NULL                                     },
        {"HSETEX other NX FNX FIELDS 1 f 7",      ":1|",                   "HSET other f 7"                         },
        {"HMGET h f g new other",                 "*4|$-1|$1|5|$1|1|$-1|", NULL                                     },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, setting_a_value_drops_the_expiry_and_arithmetic_keeps_it)
{
    static const struct fixture_case cases[] = {
        {"HSETEX h EX 10 FIELDS 4 f 1 g 2 i 3 j 4", ":1|",                 NULL                             },
        {"HSET h f 5",                              ":0|",                 "HSET h f 5"                     },
        {"HMSET h g 5",                             "+OK|",                "HMSET h g 5"                    },
        {"HINCRBY h i 1",                           ":4|",                 "HINCRBY h i 1"                  },
        {"HINCRBYFLOAT h j 0.5",                    "$3|4.5|",             "HSETEX h KEEPTTL FIELDS 1 j 4.5"},
        {"HINCRBYFLOAT h f 0.5",                    "$3|5.5|",             "HSET h f 5.5"                   },
        {"HSETNX h i 0",                            ":0|",                 ""                               },
        {"HTTL h FIELDS 4 f g i j",                 "*4|:-1|:-1|:10|:10|", NULL                             },
        {"OBJECT ENCODING h",                       "$10|listpackex|",     NULL                             },
        {"HPERSIST h FIELDS 2 i j",                 "*2|:1|:1|",           NULL                             },
        {"OBJECT ENCODING h",                       "$8|listpack|",        NULL                             },
    };

    RUN_CASES(cases);
}

Test(hash_expiry, copies_and_renamed_hashes_keep_it)
{
    static const struct fixture_case cases[] = {
        {"HSETEX h EX 10 FIELDS 1 f 1", ":1|",         NULL},
        {"HSET h g 2",                  ":1|",         NULL},
        {"COPY h c",                    ":1|",         NULL},
        {"RENAME h r",                  "+OK|",        NULL},
        {"MOVE c 1",                    ":1|",         NULL},
        {"HTTL r FIELDS 2 f g",         "*2|:10|:-1|", NULL},
        {"COPY r c DB 2",               ":1|",         NULL},
        {"SET r v",                     "+OK|",        NULL},
        {"DEL r",                       ":1|",         NULL},
    };
    struct fixture *f = fixture_new(false);

    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    cr_assert_eq(keyspace_volatile_hash_count(f->x.keyspace, 0), 0);
    for (f->x.db = 1; f->x.db <= 2; f->x.db++) {
        cr_assert_eq(keyspace_volatile_hash_count(f->x.keyspace, f->x.db), 1);
        fixture_expect(f, "HTTL c FIELDS 2 f g", "*2|:10|:-1|");
    }
    f->x.db = 1;
    fixture_expect(f, "SWAPDB 1 3", "+OK|");
    cr_assert_eq(keyspace_volatile_hash_count(f->x.keyspace, 3), 1);
    fixture_expect(f, "FLUSHALL", "+OK|");
    cr_assert_not(keyspace_can_expire(f->x.keyspace));
    fixture_free(f);
}

/* ---- what has expired ------------------------------------------------------------------------------ */

enum {
    LARGE_FIELDS = 4 * HASH_PACKED_FIELDS,
};

/* A hash of which f has expired, and g and i have not; with so many others. */
static struct fixture *start_expired(unsigned others)
{
    struct fixture *f = fixture_new(false);
    char request[64];

    fixture_expect(f, "HSET h f 1 g 2 i 3", ":3|");
    for (unsigned n = 0; n < others; n++) {
        snprintf(request, sizeof(request), "HSET h other:%u x", n);
        fixture_expect(f, request, ":1|");
    }
    fixture_expect(f, "HPEXPIRE h 5 FIELDS 1 f", "*1|:1|");
    fixture_expect(f, "HPEXPIRE h 500 FIELDS 1 g", "*1|:1|");
    f->x.now.unix_ms += 5;
    return f;
}

static const struct fixture_case reads[] = {
    {"HGET h f",                  "$-1|",              ""},
    {"HMGET h f g i",             "*3|$-1|$1|2|$1|3|", ""},
    {"HEXISTS h f",               ":0|",               ""},
    {"HSTRLEN h f",               ":0|",               ""},
    {"HTTL h FIELDS 1 f",         "*1|:-2|",           ""},
    {"HGETEX h FIELDS 1 f",       "*1|$-1|",           ""},
    {"HGETEX h EX 5 FIELDS 1 f",  "*1|$-1|",           ""},
    {"HGETDEL h FIELDS 1 f",      "*1|$-1|",           ""},
    {"HPERSIST h FIELDS 1 f",     "*1|:-2|",           ""},
    {"HEXPIRE h 5 FIELDS 1 f",    "*1|:-2|",           ""},
    {"HSETEX h FXX FIELDS 1 f 2", ":0|",               ""},
};

static const struct fixture_case small_reads[] = {
    {"HLEN h",         ":3|",                             ""},
    {"HGETALL h",      "*4|$1|g|$1|2|$1|i|$1|3|",         ""},
    {"HKEYS h",        "*2|$1|g|$1|i|",                   ""},
    {"HVALS h",        "*2|$1|2|$1|3|",                   ""},
    {"HSCAN h 0",      "*2|$1|0|*4|$1|g|$1|2|$1|i|$1|3|", ""},
    {"HRANDFIELD h 5", "*2|$1|g|$1|i|",                   ""},
};

Test(hash_expiry, expired_fields_are_seen_by_nothing_but_hlen)
{
    for (unsigned others = 0; others <= LARGE_FIELDS; others += LARGE_FIELDS) {
        struct fixture *f = start_expired(others);

        fixture_expect_cases(f, reads, ARRAY_COUNT(reads));
        if (others == 0) {
            fixture_expect_cases(f, small_reads, ARRAY_COUNT(small_reads));
        }
        fixture_free(f);
    }
}

static unsigned count_in_reply(struct fixture *f, const char *what)
{
    unsigned count = 0;

    for (const char *at = fixture_reply(f); (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

Test(hash_expiry, replies_of_a_large_hash_leave_out_expired_fields_and_count_right)
{
    static const char *const requests[] = {"HKEYS h", "HGETALL h", "HRANDFIELD h 100000",
                                           "HRANDFIELD h -3000"};
    struct fixture *f = start_expired(LARGE_FIELDS);
    char head[16];

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        fixture_run(f, requests[i]);
        cr_assert_eq(count_in_reply(f, "|f|"), 0, "%s", requests[i]);
        snprintf(head, sizeof(head), "*%d|", i == 1 ? 2 * (LARGE_FIELDS + 2) : LARGE_FIELDS + 2);
        cr_assert(i == 3 || strncmp(fixture_reply(f), head, strlen(head)) == 0, "%s", requests[i]);
    }
    fixture_expect(f, "HLEN h", ":515|");
    fixture_free(f);
}

Test(hash_expiry, of_a_hash_without_other_fields_nothing_is_seen)
{
    static const struct fixture_case cases[] = {
        {"HGETALL h",       "*0|",         ""        },
        {"HRANDFIELD h",    "$-1|",        ""        },
        {"HRANDFIELD h 5",  "*0|",         ""        },
        {"HRANDFIELD h -5", "*0|",         ""        },
        {"HSCAN h 0",       "*2|$1|0|*0|", ""        },
        {"HLEN h",          ":1|",         ""        },
        {"EXISTS h",        ":1|",         ""        },
        {"HDEL h f",        ":0|",         "HDEL h f"},
        {"EXISTS h",        ":0|",         ""        },
    };
    struct fixture *f = fixture_new(false);

    fixture_run(f, "HSETEX h PX 5 FIELDS 1 f 1");
    f->x.now.unix_ms += 5;
    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    fixture_free(f);
}

/* Each on a new hash. */
static const struct fixture_case writes[] = {
    {"HSET h f 7",                    ":1|",   "HSET h f 7"             },
    {"HSETNX h f 7",                  ":1|",   "HDEL h f; HSETNX h f 7" },
    {"HINCRBY h f 7",                 ":7|",   "HDEL h f; HINCRBY h f 7"},
    {"HINCRBYFLOAT h f 7",            "$1|7|", "HDEL h f; HSET h f 7"   },
    {"HSETEX h FNX FIELDS 1 f 7",     ":1|",   "HSET h f 7"             },
    {"HSETEX h KEEPTTL FIELDS 1 f 7", ":1|",   "HDEL h f; HSET h f 7"   },
};

Test(hash_expiry, writes_begin_anew_where_a_field_has_expired)
{
    for (size_t i = 0; i < 2 * ARRAY_COUNT(writes); i++) {
        struct fixture *f = start_expired(i % 2 == 0 ? 0 : LARGE_FIELDS);

        fixture_expect_cases(f, &writes[i / 2], 1);
        fixture_expect(f, "HGET h f", "$1|7|");
        fixture_expect(f, "HTTL h FIELDS 1 f", "*1|:-1|");
        fixture_free(f);
    }
}

Test(hash_expiry, a_replica_hides_and_keeps_while_its_primarys_stream_sees)
{
    static const struct fixture_case cases[] = {
        {"HGET h f",                  "$-1|",   NULL},
        {"HLEN h",                    ":3|",    NULL},
        {"HPEXPIREAT h 5 FIELDS 1 g", "*1|:1|", NULL},
        {"HGET h g",                  "$-1|",   NULL},
        {"HLEN h",                    ":3|",    NULL},
    };
    static const struct fixture_case streamed[] = {
        {"HGET h f",                          "$1|1|",                    NULL},
        {"HINCRBY h f 1",                     ":2|",                      NULL},
        {"HPEXPIREAT h 7 FIELDS 1 i",         "*1|:1|",                   NULL},
        {"HSETEX h PXAT 9 FIELDS 1 new 1",    ":1|",                      NULL},
        {"HSETEX h KEEPTTL FIELDS 1 new 2",   ":1|",                      NULL},
        {"HPEXPIRETIME h FIELDS 4 f g i new", "*4|:1000000005|:5|:7|:9|", NULL},
    };
    struct fixture *f = start_expired(0);

    f->x.is_primary = false;
    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    f->x.from_primary = true;
    fixture_expect_cases(f, streamed, ARRAY_COUNT(streamed));
    fixture_free(f);
}

/* ---- removing them --------------------------------------------------------------------------------- */

static size_t expire(struct fixture *f, size_t budget, size_t max, bool *has_more)
{
    effects_begin(&f->effects, (struct bytes){0}, NULL, 0);
    return exec_expire(&f->x, budget, max, has_more);
}

Test(hash_expiry, the_primary_removes_expired_fields_and_the_key_with_the_last)
{
    struct fixture *f = start_expired(0);
    bool has_more;

    fixture_run(f, "SET k v PX 1");
    f->x.now.unix_ms += 1;
    cr_assert_eq(expire(f, 1000, 100, &has_more), 2);
    cr_assert(strcmp(fixture_effects(f), "HDEL h f; DEL k") == 0 ||
              strcmp(fixture_effects(f), "DEL k; HDEL h f") == 0);
    cr_assert(!has_more && f->stats.expired_fields == 1 && f->stats.expired_keys == 1);
    fixture_expect(f, "HLEN h", ":2|");
    cr_assert_eq(expire(f, 1000, 100, &has_more), 0);
    fixture_expect(f, "HPEXPIRE h 1 FIELDS 2 g i", "*2|:1|:1|");
    f->x.now.unix_ms += 1;
    cr_assert_eq(expire(f, 1000, 100, &has_more), 2);
    cr_assert_str_eq(fixture_effects(f), "HDEL h g i");
    fixture_expect(f, "EXISTS h", ":0|");
    cr_assert_not(keyspace_can_expire(f->x.keyspace));
    fixture_free(f);
}

Test(hash_expiry, a_key_that_expires_itself_goes_whole)
{
    struct fixture *f = start_expired(0);
    bool has_more;

    fixture_run(f, "PEXPIRE h 1");
    cr_assert_eq(keyspace_expire_count(f->x.keyspace, 0), 1);
    cr_assert_eq(keyspace_volatile_hash_count(f->x.keyspace, 0), 1);
    f->x.now.unix_ms += 1;
    cr_assert_eq(expire(f, 1000, 100, &has_more), 1);
    cr_assert_str_eq(fixture_effects(f), "DEL h");
    fixture_free(f);
}

Test(hash_expiry, many_fields_that_are_due_at_once_go_in_bounded_steps, .timeout = 60)
{
    struct fixture *f = fixture_new(false);
    unsigned steps = 0;
    size_t removed = 0;
    bool has_more = true;
    char request[64];

    for (unsigned n = 0; n < 20000; n++) {
        snprintf(request, sizeof(request), "HSETEX h PXAT %u FIELDS 1 f:%u x", 1000000005, n);
        fixture_expect(f, request, ":1|");
    }
    fixture_expect(f, "HSET h stays 1", ":1|");
    cr_assert_eq(expire(f, 4000, 200, &has_more), 0);
    f->x.now.unix_ms += 5;
    for (has_more = true; has_more; steps++) {
        size_t count = expire(f, 4000, 200, &has_more);

        cr_assert_leq(count, 200);
        removed += count;
        cr_assert_lt(steps, 20000);
    }
    cr_assert_eq(removed, 20000);
    fixture_expect(f, "HGETALL h", "*2|$5|stays|$1|1|");
    cr_assert_not(keyspace_can_expire(f->x.keyspace));
    fixture_free(f);
}

Test(hash_expiry, fields_of_many_small_hashes_go_together)
{
    struct fixture *f = fixture_new(false);
    bool has_more;
    size_t removed = 0;
    char request[64];

    for (unsigned n = 0; n < 1000; n++) {
        snprintf(request, sizeof(request), "HSETEX h:%u PX 5 FIELDS 1 f x", n);
        fixture_expect(f, request, ":1|");
    }
    f->x.now.unix_ms += 5;
    for (unsigned steps = 0; steps < 7; steps++) {
        removed += expire(f, 4000, 200, &has_more);
    }
    cr_assert_eq(removed, 1000);
    fixture_expect(f, "DBSIZE", ":0|");
    fixture_free(f);
}

Test(hash_expiry, what_no_longer_expires_is_looked_for_once)
{
    for (unsigned others = 0; others <= LARGE_FIELDS; others += LARGE_FIELDS) {
        struct fixture *f = start_expired(others);
        bool has_more;

        fixture_expect(f, "HSET h f 1", ":1|");
        cr_assert_eq(expire(f, 4000, 200, &has_more), 0);
        cr_assert_eq(f->effects.count, 0);
        fixture_expect(f, "HPERSIST h FIELDS 1 g", "*1|:1|");
        cr_assert_not(keyspace_can_expire(f->x.keyspace));
        fixture_free(f);
    }
}

/* ---- between packed and large ------------------------------------------------------------------------ */

/* Expiries of those that have one are their number and this. */
static void expect_expiries(struct fixture *f, unsigned fields)
{
    char request[64];
    char reply[64];

    for (unsigned n = 0; n < fields; n++) {
        snprintf(request, sizeof(request), "HPEXPIRETIME h FIELDS 1 f:%u", n);
        if (n % 3 == 0) {
            snprintf(reply, sizeof(reply), "*1|:%u|", 2000000000 + n);
        } else {
            snprintf(reply, sizeof(reply), "*1|:-1|");
        }
        fixture_expect(f, request, reply);
    }
}

Test(hash_expiry, a_hash_that_grows_from_packed_to_large_keeps_all_expiries)
{
    struct fixture *f = fixture_new(false);
    char request[64];

    for (unsigned n = 0; n < LARGE_FIELDS; n++) {
        snprintf(request, sizeof(request), "HSET h f:%u %u", n, n);
        fixture_expect(f, request, ":1|");
        if (n % 3 == 0) {
            snprintf(request, sizeof(request), "HPEXPIREAT h %u FIELDS 1 f:%u", 2000000000 + n, n);
            fixture_expect(f, request, "*1|:1|");
        }
        if (n == HASH_PACKED_FIELDS - 1 || n == HASH_PACKED_FIELDS + 1) {
            expect_expiries(f, n + 1);
            keyspace_check(f->x.keyspace);
        }
    }
    expect_expiries(f, LARGE_FIELDS);
    fixture_free(f);
}

Test(hash_expiry, a_full_packed_hash_without_room_for_expiries_becomes_large)
{
    struct fixture *f = fixture_new(false);
    char request[128];

    for (unsigned n = 0; n < HASH_PACKED_FIELDS; n++) {
        snprintf(request, sizeof(request), "HSET h f:%u 123456789012345678901234", n);
        fixture_expect(f, request, ":1|");
    }
    fixture_expect(f, "HPEXPIREAT h 2000000000 FIELDS 1 f:0", "*1|:1|");
    keyspace_check(f->x.keyspace);
    fixture_expect(f, "HPEXPIRETIME h FIELDS 2 f:0 f:1", "*2|:2000000000|:-1|");
    fixture_expect(f, "HLEN h", ":128|");
    fixture_free(f);
}

Test(hash_expiry, a_long_value_is_not_copied_when_its_expiry_changes)
{
    struct fixture *f = start_expired(LARGE_FIELDS);
    char value[3000];
    struct bytes set[] = {BYTES_LITERAL("HSET"), BYTES_LITERAL("h"), BYTES_LITERAL("long"),
                          bytes_make(value, sizeof(value))};

    memset(value, 'v', sizeof(value));
    fixture_run_words(f, set, ARRAY_COUNT(set));
    fixture_expect(f, "HEXPIRE h 10 FIELDS 1 long", "*1|:1|");
    fixture_expect(f, "HEXPIRE h 20 FIELDS 1 long", "*1|:1|");
    fixture_expect(f, "HSTRLEN h long", ":3000|");
    fixture_expect(f, "HTTL h FIELDS 1 long", "*1|:20|");
    keyspace_check(f->x.keyspace);
    fixture_expect(f, "HPERSIST h FIELDS 1 long", "*1|:1|");
    fixture_expect(f, "HSTRLEN h long", ":3000|");
    fixture_free(f);
}

Test(hash_expiry, dump_and_restore_keep_it)
{
    for (unsigned others = 0; others <= LARGE_FIELDS; others += LARGE_FIELDS) {
        struct fixture *f = start_expired(others);
        struct buf payload = {0};
        struct bytes restore[] = {
            BYTES_LITERAL("RESTORE"), BYTES_LITERAL("r"), BYTES_LITERAL("0"), {0}};
        size_t head;

        fixture_run(f, "DUMP h");
        head = (size_t)((char *)memchr(f->reply.data, '\n', f->reply.len) - f->reply.data) + 1;
        buf_append(&payload, f->reply.data + head, f->reply.len - head - 2);
        restore[3] = buf_bytes(&payload);
        fixture_run_words(f, restore, ARRAY_COUNT(restore));
        cr_assert_str_eq(fixture_reply(f), "+OK|");
        fixture_expect(f, "HPEXPIRETIME r FIELDS 3 f g i", "*3|:-2|:1000000500|:-1|");
        fixture_run(f, "HLEN r");
        cr_assert_str_eq(fixture_reply(f), others == 0 ? ":3|" : ":515|");
        buf_deinit(&payload);
        fixture_free(f);
    }
}
