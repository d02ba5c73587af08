/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "store/usage.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

Test(keys, removing_travels_as_del_and_only_when_something_went)
{
    static const struct fixture_case cases[] = {
        {"MSET a 1 b 2 c 3 d 4", "+OK|", NULL       },
        {"DEL x y",              ":0|",  ""         },
        {"DEL a x b",            ":2|",  "DEL a x b"},
        {"UNLINK x",             ":0|",  ""         },
        {"UNLINK c x",           ":1|",  "DEL c x"  },
        {"DEL d d",              ":1|",  "DEL d d"  },
        {"DBSIZE",               ":0|",  ""         },
    };

    RUN_CASES(cases);
}

Test(keys, existing_keys_are_counted_as_often_as_named)
{
    static const struct fixture_case cases[] = {
        {"SET a 1",      "+OK|",     NULL},
        {"EXISTS a a x", ":2|",      ""  },
        {"TOUCH a a x",  ":2|",      ""  },
        {"TYPE a",       "+string|", ""  },
        {"TYPE x",       "+none|",   ""  },
    };

    RUN_CASES(cases);
}

Test(keys, renaming_moves_value_and_expiry)
{
    static const struct fixture_case cases[] = {
        {"RENAME a b",    "-ERR no such key|", ""            },
        {"RENAMENX a b",  "-ERR no such key|", ""            },
        {"SET a v EX 50", "+OK|",              NULL          },
        {"SET b w",       "+OK|",              NULL          },
        {"RENAMENX a b",  ":0|",               ""            },
        {"RENAME a b",    "+OK|",              "RENAME a b"  },
        {"GET b",         "$1|v|",             ""            },
        {"TTL b",         ":50|",              ""            },
        {"EXISTS a",      ":0|",               ""            },
        {"RENAMENX b c",  ":1|",               "RENAMENX b c"},
        {"RENAME c c",    "+OK|",              ""            },
        {"RENAMENX c c",  ":0|",               ""            },
        {"GET c",         "$1|v|",             ""            },
    };

    RUN_CASES(cases);
}

Test(keys, object_tells_about_the_form_of_a_value)
{
    static const struct fixture_case cases[] = {
        {"SET i 12",                                            "+OK|",       NULL},
        {"SET e short",                                         "+OK|",       NULL},
        {"SET r aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "+OK|",       NULL},
        {"OBJECT ENCODING i",                                   "$3|int|",    ""  },
        {"OBJECT encoding e",                                   "$6|embstr|", ""  },
        {"OBJECT ENCODING r",                                   "$3|raw|",    ""  },
        {"OBJECT ENCODING none",                                "$-1|",       ""  },
        {"OBJECT REFCOUNT i",                                   ":1|",        ""  },
        {"OBJECT FREQ none",                                    "$-1|",       ""  },
        {"OBJECT FREQ i",
         "-ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
         "that when switching between policies at runtime LRU and LFU data will take some time to "
         "adjust.|",                                                          ""  },
    };

    RUN_CASES(cases);
}

Test(keys, idle_time_counts_from_the_last_use_that_counts)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "SET k v", "+OK|");
    f->x.now.unix_ms += 30000;
    fixture_expect(f, "OBJECT IDLETIME k", ":30|");
    fixture_expect(f, "TTL k", ":-1|");
    fixture_expect(f, "OBJECT IDLETIME k", ":30|");
    f->x.no_touch = true;
    fixture_expect(f, "GET k", "$1|v|");
    fixture_expect(f, "OBJECT IDLETIME k", ":30|");
    f->x.no_touch = false;
    fixture_expect(f, "GET k", "$1|v|");
    fixture_expect(f, "OBJECT IDLETIME k", ":0|");
    fixture_free(f);
}

Test(keys, by_frequency_uses_are_counted_and_idle_time_is_not_known)
{
    static const struct fixture_case cases[] = {
        {"SET k v",              "+OK|",                                                           NULL},
        {"OBJECT FREQ k",        ":5|",                                                            ""  },
        {"GET k",                "$1|v|",                                                          ""  },
        {"OBJECT FREQ k",        ":6|",                                                            ""  },
        {"OBJECT ENCODING k",    "$6|embstr|",                                                     ""  },
        {"TTL k",                ":-1|",                                                           ""  },
        {"EXISTS k",             ":1|",                                                            ""  },
        {"OBJECT FREQ k",        ":6|",                                                            ""  },
        {"OBJECT FREQ none",     "$-1|",                                                           ""  },
        {"OBJECT IDLETIME none", "$-1|",                                                           ""  },
        {"OBJECT IDLETIME k",
         "-ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
         "switching between policies at runtime LRU and LFU data will take some time to adjust.|", ""  },
    };
    struct fixture *f = fixture_new(false);

    keyspace_set_usage(f->x.keyspace, &(struct usage_rule){true, 10, 1});
    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    f->x.now.unix_ms += 60000 * 4;
    fixture_expect(f, "OBJECT FREQ k", ":2|");
    f->x.no_touch = true;
    fixture_expect(f, "GET k", "$1|v|");
    fixture_expect(f, "OBJECT FREQ k", ":2|");
    fixture_free(f);
}

Test(keys, a_random_key_is_one_that_exists)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "RANDOMKEY", "$-1|");
    fixture_expect(f, "SET k v", "+OK|");
    fixture_expect(f, "RANDOMKEY", "$1|k|");
    fixture_free(f);
}

Test(keys, hits_and_misses_are_counted_for_reads)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SET k v");
    fixture_run(f, "MGET k none k");
    fixture_run(f, "EXISTS k none");
    cr_assert_eq(f->stats.keyspace_hits, 3);
    cr_assert_eq(f->stats.keyspace_misses, 2);
    fixture_run(f, "DEL none");
    cr_assert_eq(f->stats.keyspace_misses, 2);
    fixture_free(f);
}
