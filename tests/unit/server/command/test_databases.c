/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define OUT_OF_RANGE   "-ERR DB index is out of range|"
#define NO_INT         "-ERR value is out of range, value must between -2147483648 and 2147483647|"
#define NOT_AN_INTEGER "-ERR value is not an integer or out of range|"
#define SAME_OBJECTS   "-ERR source and destination objects are the same|"

static void run_cases(bool is_cluster, const struct fixture_case *cases, size_t count)
{
    struct fixture *f = fixture_new(is_cluster);

    fixture_expect_cases(f, cases, count);
    fixture_free(f);
}

Test(databases, flushing_travels_as_it_came_even_without_keys)
{
    static const struct fixture_case cases[] = {
        {"FLUSHALL",           "+OK|",               "FLUSHALL"     },
        {"SET a 1",            "+OK|",               NULL           },
        {"FLUSHDB ASYNC",      "+OK|",               "FLUSHDB ASYNC"},
        {"DBSIZE",             ":0|",                ""             },
        {"FLUSHALL sync",      "+OK|",               "FLUSHALL sync"},
        {"FLUSHALL now",       "-ERR syntax error|", ""             },
        {"FLUSHDB ASYNC SYNC", "-ERR syntax error|", ""             },
    };

    run_cases(false, cases, ARRAY_COUNT(cases));
}

Test(databases, flushdb_leaves_other_databases_alone)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "SET a 1", "+OK|");
    f->x.db = 1;
    fixture_expect(f, "SET b 1", "+OK|");
    fixture_expect(f, "FLUSHDB", "+OK|");
    f->x.db = 0;
    fixture_expect(f, "DBSIZE", ":1|");
    fixture_expect(f, "FLUSHALL", "+OK|");
    fixture_expect(f, "DBSIZE", ":0|");
    fixture_free(f);
}

Test(databases, swapping_checks_both_numbers)
{
    static const struct fixture_case cases[] = {
        {"SET a 1",              "+OK|",                          NULL        },
        {"SWAPDB 0 1",           "+OK|",                          "SWAPDB 0 1"},
        {"DBSIZE",               ":0|",                           ""          },
        {"SWAPDB 1 0",           "+OK|",                          "SWAPDB 1 0"},
        {"DBSIZE",               ":1|",                           ""          },
        {"SWAPDB x 0",           "-ERR invalid first DB index|",  ""          },
        {"SWAPDB 0 x",           "-ERR invalid second DB index|", ""          },
        {"SWAPDB 2147483648 0",  "-ERR invalid first DB index|",  ""          },
        {"SWAPDB 0 -2147483649", "-ERR invalid second DB index|", ""          },
        {"SWAPDB 0 16",          OUT_OF_RANGE,                    ""          },
        {"SWAPDB -1 0",          OUT_OF_RANGE,                    ""          },
    };

    run_cases(false, cases, ARRAY_COUNT(cases));
}

Test(databases, a_key_moves_when_it_is_there_and_its_place_is_free)
{
    static const struct fixture_case cases[] = {
        {"MOVE k 1",           ":0|",          ""        },
        {"SET k v EX 9",       "+OK|",         NULL      },
        {"MOVE k 1",           ":1|",          "MOVE k 1"},
        {"EXISTS k",           ":0|",          ""        },
        {"SET k w",            "+OK|",         NULL      },
        {"MOVE k 1",           ":0|",          ""        },
        {"MOVE k 0",           SAME_OBJECTS,   ""        },
        {"MOVE k 16",          OUT_OF_RANGE,   ""        },
        {"MOVE k 2147483648",  NO_INT,         ""        },
        {"MOVE k -2147483649", NO_INT,         ""        },
        {"MOVE k x",           NOT_AN_INTEGER, ""        },
        {"SWAPDB 0 1",         "+OK|",         NULL      },
        {"TTL k",              ":9|",          ""        },
    };

    run_cases(false, cases, ARRAY_COUNT(cases));
}

Test(databases, copies_keep_value_and_expiry)
{
    static const struct fixture_case cases[] = {
        {"COPY a b",                         ":0|",                ""                },
        {"SET a 12 EX 9",                    "+OK|",               NULL              },
        {"COPY a b",                         ":1|",                "COPY a b"        },
        {"GET b",                            "$2|12|",             ""                },
        {"TTL b",                            ":9|",                ""                },
        {"SET a text",                       "+OK|",               NULL              },
        {"COPY a b",                         ":0|",                ""                },
        {"COPY a b REPLACE",                 ":1|",                "COPY a b REPLACE"},
        {"GET b",                            "$4|text|",           ""                },
        {"TTL b",                            ":-1|",               ""                },
        {"COPY a a",                         SAME_OBJECTS,         ""                },
        {"COPY a a DB 2",                    ":1|",                "COPY a a DB 2"   },
        {"COPY a b DB 16",                   OUT_OF_RANGE,         ""                },
        {"COPY a b DB 2147483647",           OUT_OF_RANGE,         ""                },
        {"COPY a b DB 2147483648",           NO_INT,               ""                },
        {"COPY a b DB -9223372036854775808", NO_INT,               ""                },
        {"COPY a b DB x",                    NOT_AN_INTEGER,       ""                },
        {"COPY a b DB",                      "-ERR syntax error|", ""                },
        {"COPY a b OVER",                    "-ERR syntax error|", ""                },
    };

    run_cases(false, cases, ARRAY_COUNT(cases));
}

Test(databases, an_expired_key_of_another_database_is_replaced_on_replicas_too)
{
    struct fixture *f = fixture_new(false);

    f->x.db = 1;
    fixture_expect(f, "SET k old PX 5", "+OK|");
    f->x.now.unix_ms += 5;
    f->x.db = 0;
    fixture_expect(f, "SET k new", "+OK|");
    fixture_expect(f, "COPY k k DB 1", ":1|");
    cr_assert_str_eq(fixture_effects(f), "COPY k k DB 1 REPLACE");
    f->x.db = 2;
    fixture_expect(f, "SET k old PX 5", "+OK|");
    f->x.now.unix_ms += 5;
    f->x.db = 0;
    fixture_expect(f, "MOVE k 2", ":1|");
    cr_assert_str_eq(fixture_effects(f), "COPY k k DB 2 REPLACE; DEL k");
    cr_assert_eq(f->stats.expired_keys, 2);
    fixture_free(f);
}

Test(databases, a_cluster_has_one_database)
{
    static const struct fixture_case cases[] = {
        {"SET {t}a v",          "+OK|",                                                             NULL},
        {"MOVE {t}a 1",         "-ERR MOVE is not allowed in cluster mode|",                        ""  },
        {"SWAPDB 0 1",          "-ERR SWAPDB is not allowed in cluster mode|",                      ""  },
        {"COPY {t}a {t}b DB 1", "-ERR Copying to another database is not allowed in cluster mode|",
         ""                                                                                             },
        {"COPY {t}a {t}b DB 0", ":1|",                                                              NULL},
        {"RENAME {t}a {t}c",    "+OK|",                                                             NULL},
        {"DBSIZE",              ":2|",                                                              ""  },
        {"FLUSHDB",             "+OK|",                                                             NULL},
        {"DBSIZE",              ":0|",                                                              ""  },
    };

    run_cases(true, cases, ARRAY_COUNT(cases));
}
