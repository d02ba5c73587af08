/* SPDX-License-Identifier: MIT */
/* SORT and SORT_RO: orders, what other keys have, and what travels. */
#include "base/attr.h"
#include "store/value_list.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define WRONGTYPE   "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define SYNTAX      "-ERR syntax error|"
#define NO_INTEGER  "-ERR value is not an integer or out of range|"
#define NO_NUMBER   "-ERR One or more scores can't be converted into double|"
#define OTHER_SLOTS "keys formed by the pattern may be in different slots.|"

Test(sort, elements_come_in_the_order_of_numbers_or_texts)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 3 1 2 10",                    ":4|",                                                  NULL},
        {"SORT l",                              "*4|$1|1|$1|2|$1|3|$2|10|",                             ""  },
        {"SORT_RO l",                           "*4|$1|1|$1|2|$1|3|$2|10|",                             ""  },
        {"SORT l DESC",                         "*4|$2|10|$1|3|$1|2|$1|1|",                             ""  },
        {"SORT l alpha",                        "*4|$1|1|$2|10|$1|2|$1|3|",                             ""  },
        {"SORT l ALPHA DESC",                   "*4|$1|3|$1|2|$2|10|$1|1|",                             ""  },
        {"SORT l DESC ASC",                     "*4|$1|1|$1|2|$1|3|$2|10|",                             ""  },
        {"SADD s 3 1 2 x",                      ":4|",                                                  NULL},
        {"SORT s ALPHA",                        "*4|$1|1|$1|2|$1|3|$1|x|",                              ""  },
        {"SORT s",                              NO_NUMBER,                                              ""  },
        {"ZADD z 3 1 2 2 1 3",                  ":3|",                                                  NULL},
        {"SORT z",                              "*3|$1|1|$1|2|$1|3|",                                   ""  },
        {"SORT z DESC",                         "*3|$1|3|$1|2|$1|1|",                                   ""  },
        {"SORT none",                           "*0|",                                                  ""  },
        {"RPUSH f inf -inf 1e3 -0.5 1.5 7 007", ":7|",                                                  NULL},
        {"SORT f",                              "*7|$4|-inf|$4|-0.5|$3|1.5|$3|007|$1|7|$3|1e3|$3|inf|", ""  },
        {"RPUSH empty \"\" 1 -1",               ":3|",                                                  NULL},
        {"SORT empty",                          "*3|$2|-1|$0||$1|1|",                                   ""  },
    };

    RUN_CASES(cases);
}

Test(sort, without_sorting_elements_come_in_the_order_that_they_have)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 3 1 2 10",                ":4|",                      NULL},
        {"SORT l BY nosort",                "*4|$1|3|$1|1|$1|2|$2|10|", ""  },
        {"SORT l BY nosort DESC",           "*4|$2|10|$1|2|$1|1|$1|3|", ""  },
        {"SORT l BY \"\" LIMIT 1 2",        "*2|$1|1|$1|2|",            ""  },
        {"SORT l BY no DESC LIMIT 1 2",     "*2|$1|2|$1|1|",            ""  },
        {"SORT l BY w_* BY nosort",         "*4|$1|3|$1|1|$1|2|$2|10|", ""  },
        {"SORT l BY nosort BY w_*",         "*4|$1|3|$1|1|$1|2|$2|10|", ""  },
        {"ZADD z 3 1 2 2 1 3",              ":3|",                      NULL},
        {"SORT z BY nosort",                "*3|$1|3|$1|2|$1|1|",       ""  },
        {"SORT z BY nosort DESC",           "*3|$1|1|$1|2|$1|3|",       ""  },
        {"SORT z BY nosort DESC LIMIT 2 9", "*1|$1|3|",                 ""  },
        {"SORT z BY nosort LIMIT 3 1",      "*0|",                      ""  },
        {"RPUSH t x y",                     ":2|",                      NULL},
        {"SORT t BY nosort",                "*2|$1|x|$1|y|",            ""  },
    };

    RUN_CASES(cases);
}

Test(sort, limit_counts_from_the_begin_of_the_order)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 3 1 2 10",                    ":4|",                      NULL},
        {"SORT l LIMIT 1 2",                    "*2|$1|2|$1|3|",            ""  },
        {"SORT l DESC LIMIT 1 2",               "*2|$1|3|$1|2|",            ""  },
        {"SORT l LIMIT -1 2",                   "*2|$1|1|$1|2|",            ""  },
        {"SORT l LIMIT 1 -1",                   "*3|$1|2|$1|3|$2|10|",      ""  },
        {"SORT l LIMIT -5 -9",                  "*4|$1|1|$1|2|$1|3|$2|10|", ""  },
        {"SORT l LIMIT 0 0",                    "*0|",                      ""  },
        {"SORT l LIMIT 4 1",                    "*0|",                      ""  },
        {"SORT l LIMIT 0 1 LIMIT 1 2",          "*2|$1|2|$1|3|",            ""  },
        {"SORT l LIMIT 3 9223372036854775807",  "*1|$2|10|",                ""  },
        {"SORT l LIMIT 9223372036854775807 1",  "*0|",                      ""  },
        {"SORT l LIMIT -9223372036854775808 1", "*1|$1|1|",                 ""  },
        {"SORT l LIMIT 9223372036854775808 1",  NO_INTEGER,                 ""  },
        {"SORT l LIMIT 0 x",                    NO_INTEGER,                 ""  },
    };

    RUN_CASES(cases);
}

Test(sort, what_elements_weigh_other_keys_may_have)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 3 1 2 10",       ":4|",                      NULL},
        {"MSET w_1 9 w_2 8 w_3 7", "+OK|",                     NULL},
        {"SORT l BY w_*",          "*4|$2|10|$1|3|$1|2|$1|1|", ""  },
        {"SORT l BY w_* DESC",     "*4|$1|1|$1|2|$1|3|$2|10|", ""  },
        {"SORT l BY w_* ALPHA",    "*4|$2|10|$1|3|$1|2|$1|1|", ""  },
        {"SORT l BY none_*",       "*4|$1|1|$2|10|$1|2|$1|3|", ""  },
        {"SET w_10 x",             "+OK|",                     NULL},
        {"SORT l BY w_*",          NO_NUMBER,                  ""  },
        {"SORT l BY w_* ALPHA",    "*4|$1|3|$1|2|$1|1|$2|10|", ""  },
        {"HSET h_1 f 2 g x",       ":2|",                      NULL},
        {"HSET h_2 f -1",          ":1|",                      NULL},
        {"HSET h_3 f 1e2",         ":1|",                      NULL},
        {"SORT l BY h_*->f",       "*4|$1|2|$2|10|$1|1|$1|3|", ""  },
        {"SORT l BY h_*->g",       NO_NUMBER,                  ""  },
        {"SORT l BY h_*",          "*4|$1|1|$2|10|$1|2|$1|3|", ""  },
        {"SORT l BY w_*->f",       "*4|$1|1|$2|10|$1|2|$1|3|", ""  },
        {"SORT l BY w_*->",        "*4|$1|1|$2|10|$1|2|$1|3|", ""  },
    };

    RUN_CASES(cases);
}

Test(sort, what_is_got_for_elements_other_keys_have)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 2 1",                   ":2|",                              NULL},
        {"MSET w_1 9 w_1x 7 *1 star",     "+OK|",                             NULL},
        {"HSET h_1 f 2 x->f y",           ":2|",                              NULL},
        {"SORT l GET #",                  "*2|$1|1|$1|2|",                    ""  },
        {"SORT l GET # GET w_* GET #",    "*6|$1|1|$1|9|$1|1|$1|2|$-1|$1|2|", ""  },
        {"SORT l GET w_*x LIMIT 0 1",     "*1|$1|7|",                         ""  },
        {"SORT l GET h_*->f",             "*2|$1|2|$-1|",                     ""  },
        {"SORT l GET h_*->x->f",          "*2|$1|y|$-1|",                     ""  },
        {"SORT l GET h_*->none",          "*2|$-1|$-1|",                      ""  },
        {"SORT l GET h_*->",              "*2|$-1|$-1|",                      ""  },
        {"SORT l GET h_*",                "*2|$-1|$-1|",                      ""  },
        {"SORT l GET w_1",                "*2|$-1|$-1|",                      ""  },
        {"SORT l GET ->*",                "*2|$-1|$-1|",                      ""  },
        {"SORT l BY nosort GET w_* DESC", "*2|$1|9|$-1|",                     ""  },
    };

    RUN_CASES(cases);
}

Test(sort, what_is_stored_travels_as_the_list_that_it_is)
{
    static const struct fixture_case cases[] = {
        {"RPUSH l 3 1 2",                 ":3|",                NULL                      },
        {"SORT l STORE d",                ":3|",                "RPUSH d 1 2 3"           },
        {"LRANGE d 0 -1",                 "*3|$1|1|$1|2|$1|3|", ""                        },
        {"PEXPIRE d 100000",              ":1|",                NULL                      },
        {"SORT l DESC LIMIT 0 2 STORE d", ":2|",                "DEL d; RPUSH d 3 2"      },
        {"PTTL d",                        ":-1|",               ""                        },
        {"SET w_2 x",                     "+OK|",               NULL                      },
        {"SORT l GET # GET w_* STORE d",  ":6|",                "DEL d; RPUSH d 1  2 x 3 "},
        {"SET d text",                    "+OK|",               NULL                      },
        {"SORT l STORE d",                ":3|",                "DEL d; RPUSH d 1 2 3"    },
        {"SORT l STORE l",                ":3|",                "DEL l; RPUSH l 1 2 3"    },
        {"SORT l STORE a STORE b",        ":3|",                "RPUSH b 1 2 3"           },
        {"EXISTS a",                      ":0|",                ""                        },
        {"SORT l LIMIT 3 1 STORE d",      ":0|",                "DEL d"                   },
        {"EXISTS d",                      ":0|",                ""                        },
        {"SORT none STORE d",             ":0|",                ""                        },
        {"SADD s 10 9 b",                 ":3|",                NULL                      },
        {"SORT s BY nosort STORE d",      ":3|",                "RPUSH d 10 9 b"          },
        {"SORT s BY nosort DESC STORE d", ":3|",                "DEL d; RPUSH d b 9 10"   },
        {"SORT s STORE d",                NO_NUMBER,            ""                        },
        {"LLEN d",                        ":3|",                ""                        },
    };

    RUN_CASES(cases);
}

Test(sort, what_is_wrong_with_a_request_is_said)
{
    static const struct fixture_case cases[] = {
        {"SET str v",          "+OK|",      NULL},
        {"HSET hash f v",      ":1|",       NULL},
        {"RPUSH l 1",          ":1|",       NULL},
        {"SORT str",           WRONGTYPE,   ""  },
        {"SORT hash STORE l",  WRONGTYPE,   ""  },
        {"SORT_RO str",        WRONGTYPE,   ""  },
        {"SORT str FOO",       SYNTAX,      ""  },
        {"SORT str LIMIT x 1", NO_INTEGER,  ""  },
        {"SORT l BY",          SYNTAX,      ""  },
        {"SORT l GET",         SYNTAX,      ""  },
        {"SORT l STORE",       SYNTAX,      ""  },
        {"SORT l LIMIT 0",     SYNTAX,      ""  },
        {"SORT l LIMIT",       SYNTAX,      ""  },
        {"SORT l ASC x",       SYNTAX,      ""  },
        {"SORT_RO l STORE d",  SYNTAX,      ""  },
        {"RPUSH n nan",        ":1|",       NULL},
        {"SORT n",             NO_NUMBER,   ""  },
        {"RPUSH m 1e400",      ":1|",       NULL},
        {"SORT m",             NO_NUMBER,   ""  },
        {"RPUSH o 1x",         ":1|",       NULL},
        {"SORT o",             NO_NUMBER,   ""  },
        {"SORT o BY nosort",   "*1|$2|1x|", ""  },
    };

    RUN_CASES(cases);
}

Test(sort, blanks_may_stand_before_a_number_and_not_behind_it)
{
    const struct {
        struct bytes text;
        bool is_number;
    } cases[] = {
        {BYTES_LITERAL(" 1"),       true },
        {BYTES_LITERAL("\t\n-1.5"), true },
        {BYTES_LITERAL("1 "),       false},
        {BYTES_LITERAL(" "),        false},
        {BYTES_LITERAL("1\0x"),     true },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(false);
        const struct bytes words[] = {BYTES_LITERAL("RPUSH"), BYTES_LITERAL("l"), cases[i].text};

        fixture_run_words(f, words, ARRAY_COUNT(words));
        fixture_run(f, "SORT l");
        cr_expect_eq(fixture_reply(f)[0], cases[i].is_number ? '*' : '-', "case %zu", i);
        fixture_free(f);
    }
}

Test(sort, missing_values_are_nulls_of_the_protocol)
{
    struct fixture *f = fixture_new(false);

    f->writer.version = 3;
    fixture_run(f, "RPUSH l 1");
    fixture_expect(f, "SORT l GET w_*", "*1|_|");
    fixture_free(f);
}

Test(sort, keys_that_have_expired_are_not_there_and_are_removed)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "RPUSH l 1");
    fixture_run(f, "SET w_1 v PX 100");
    fixture_run(f, "RPUSH d 1");
    fixture_run(f, "PEXPIRE d 100");
    f->x.now.unix_ms += 1000;
    fixture_expect(f, "SORT l GET w_* STORE d", ":1|");
    cr_assert_str_eq(fixture_effects(f), "DEL w_1; DEL d; RPUSH d ");
    fixture_free(f);
}

Test(sort, in_a_cluster_patterns_lead_to_the_slot_of_the_key)
{
    static const struct fixture_case cases[] = {
        {"RPUSH {a}l 2 1",             ":2|",                                                              NULL},
        {"SET {a}w_1 5",               "+OK|",                                                             NULL},
        {"SORT {a}l GET {a}w_* GET #", "*4|$1|5|$1|1|$-1|$1|2|",                                           ""  },
        {"SORT {a}l BY {a}w_*",        "*2|$1|2|$1|1|",                                                    ""  },
        {"SORT {a}l BY x{a}h_*->f",    "*2|$1|1|$1|2|",                                                    ""  },
        {"SORT {a}l BY nosort GET #",  "*2|$1|2|$1|1|",                                                    ""  },
        {"SORT {a}l BY w_*",           "-ERR BY option of SORT denied in Cluster mode when " OTHER_SLOTS,  ""  },
        {"SORT {a}l BY {b}w_*",        "-ERR BY option of SORT denied in Cluster mode when " OTHER_SLOTS,
         ""                                                                                                    },
        {"SORT {a}l BY *{a}",          "-ERR BY option of SORT denied in Cluster mode when " OTHER_SLOTS,
         ""                                                                                                    },
        {"SORT {a}l BY {}{a}*",        "-ERR BY option of SORT denied in Cluster mode when " OTHER_SLOTS,
         ""                                                                                                    },
        {"SORT {a}l GET {*a}",         "-ERR GET option of SORT denied in Cluster mode when " OTHER_SLOTS,
         ""                                                                                                    },
        {"SORT {a}l BY b* FOO",        "-ERR BY option of SORT denied in Cluster mode when " OTHER_SLOTS,
         ""                                                                                                    },
    };
    struct fixture *f = fixture_new(true);

    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    fixture_free(f);
}

Test(sort, a_large_list_is_sorted_and_stored_in_pieces_of_a_size)
{
    enum {
        COUNT = 20000,
    };
    struct fixture *f = fixture_new(false);
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("l"));
    struct value_edit edit;
    struct value list;
    struct list_reader r;
    struct packed_item item;

    keyspace_open(f->x.keyspace, &ref, keyspace_find_any(f->x.keyspace, &ref), VALUE_LIST, &edit);
    for (uint64_t i = 0; i < COUNT; i++) {
        char text[24];
        int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)(i * 7919 % COUNT));

        list_push(&edit.draft, LIST_RIGHT, bytes_make(text, (size_t)len));
    }
    keyspace_close(f->x.keyspace, &edit);
    fixture_expect(f, "SORT l DESC STORE d", ":20000|");
    cr_assert_eq(f->effects.count, (COUNT + 997) / 998);
    ref = keyspace_ref(f->x.keyspace, 0, BYTES_LITERAL("d"));
    list = entry_value(keyspace_find_any(f->x.keyspace, &ref));
    list_read(&list, 0, false, &r);
    for (int64_t i = COUNT - 1; i >= 0; i--) {
        cr_assert(list_next(&r, &item));
        cr_assert(item.is_integer && item.integer == i);
    }
    fixture_free(f);
}
