/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

#define INVALID_EXPIRE(name) "-ERR invalid expire time in '" name "' command|"
#define NOT_AN_INTEGER       "-ERR value is not an integer or out of range|"

Test(expire, all_spellings_travel_as_pexpireat)
{
    static const struct fixture_case cases[] = {
        {"EXPIRE k 10",                     ":0|",                   ""                      },
        {"SET k v",                         "+OK|",                  NULL                    },
        {"EXPIRE k 10",                     ":1|",                   "PEXPIREAT k 1000010000"},
        {"TTL k",                           ":10|",                  ""                      },
        {"PEXPIRE k 1499",                  ":1|",                   "PEXPIREAT k 1000001499"},
        {"TTL k",                           ":1|",                   ""                      },
        {"PTTL k",                          ":1499|",                ""                      },
        {"EXPIREAT k 2000000",              ":1|",                   "PEXPIREAT k 2000000000"},
        {"EXPIRETIME k",                    ":2000000|",             ""                      },
        {"PEXPIREAT k 2000000777",          ":1|",                   "PEXPIREAT k 2000000777"},
        {"PEXPIRETIME k",                   ":2000000777|",          ""                      },
        {"EXPIRETIME k",                    ":2000001|",             ""                      },
        {"PERSIST k",                       ":1|",                   "PERSIST k"             },
        {"PERSIST k",                       ":0|",                   ""                      },
        {"TTL k",                           ":-1|",                  ""                      },
        {"TTL none",                        ":-2|",                  ""                      },
        {"PEXPIRETIME none",                ":-2|",                  ""                      },
        {"EXPIRETIME k",                    ":-1|",                  ""                      },
        {"PEXPIREAT k 9223372036854775807", ":1|",                   NULL                    },
        {"PEXPIRETIME k",                   ":9223372036854775807|", ""                      },
    };

    RUN_CASES(cases);
}

Test(expire, a_time_in_the_past_removes_the_key)
{
    static const struct fixture_case cases[] = {
        {"MSET a 1 b 2 c 3 d 4", "+OK|", NULL   },
        {"EXPIRE a 0",           ":1|",  "DEL a"},
        {"PEXPIRE b -5",         ":1|",  "DEL b"},
        {"EXPIREAT c 1",         ":1|",  "DEL c"},
        {"PEXPIREAT d -1",       ":1|",  "DEL d"},
        {"DBSIZE",               ":0|",  ""     },
    };

    RUN_CASES(cases);
}

Test(expire, conditions_compare_with_the_old_expiry)
{
    static const struct fixture_case cases[] = {
        {"SET k v",           "+OK|",                                                        NULL},
        {"EXPIRE k 100 XX",   ":0|",                                                         ""  },
        {"EXPIRE k 100 GT",   ":0|",                                                         ""  },
        {"EXPIRE k 100 LT",   ":1|",                                                         NULL},
        {"EXPIRE k 200 NX",   ":0|",                                                         ""  },
        {"EXPIRE k 100 gt",   ":0|",                                                         ""  },
        {"EXPIRE k 200 GT",   ":1|",                                                         NULL},
        {"EXPIRE k 200 LT",   ":0|",                                                         ""  },
        {"EXPIRE k 50 XX LT", ":1|",                                                         NULL},
        {"TTL k",             ":50|",                                                        ""  },
        {"PERSIST k",         ":1|",                                                         NULL},
        {"EXPIRE k 9 NX NX",  ":1|",                                                         NULL},
        {"EXPIRE k 9 NX XX",
         "-ERR NX and XX, GT or LT options at the same time are not compatible|",            ""  },
        {"EXPIRE k 9 LT GT",  "-ERR GT and LT options at the same time are not compatible|", ""  },
        {"EXPIRE k 9 AB",     "-ERR Unsupported option AB|",                                 ""  },
    };

    RUN_CASES(cases);
}

Test(expire, times_out_of_range_are_refused)
{
    static const struct fixture_case cases[] = {
        {"SET k v",                         "+OK|",                     NULL},
        {"EXPIRE k x",                      NOT_AN_INTEGER,             ""  },
        {"EXPIRE k 9223372036854775807",    INVALID_EXPIRE("expire"),   ""  },
        {"PEXPIRE k 9223372036854775807",   INVALID_EXPIRE("pexpire"),  ""  },
        {"EXPIREAT k -9223372036854775808", INVALID_EXPIRE("expireat"), ""  },
        {"TTL k",                           ":-1|",                     ""  },
    };

    RUN_CASES(cases);
}

/* A key that has expired by now. */
static struct fixture *with_expired_key(void)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SET k v PX 10");
    f->x.now.unix_ms += 10;
    return f;
}

Test(expire, a_primary_removes_an_expired_key_it_meets_and_says_so_first)
{
    static const char *const requests[] = {"GET k", "TTL k", "EXISTS k", "DEL k", "STRLEN k"};

    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct fixture *f = with_expired_key();

        fixture_run(f, requests[i]);
        cr_assert_str_eq(fixture_effects(f), "DEL k");
        cr_assert_eq(f->stats.expired_keys, 1);
        cr_assert_eq(keyspace_count(f->x.keyspace, 0), 0);
        fixture_free(f);
    }
}

Test(expire, the_removal_comes_before_the_commands_own_effect)
{
    struct fixture *f = with_expired_key();

    fixture_expect(f, "INCR k", ":1|");
    cr_assert_str_eq(fixture_effects(f), "DEL k; INCR k");
    fixture_free(f);
    f = with_expired_key();
    fixture_expect(f, "SET k w NX EX 1", "+OK|");
    cr_assert_str_eq(fixture_effects(f), "DEL k; SET k w PXAT 1000001010");
    fixture_free(f);
    f = with_expired_key();
    fixture_expect(f, "SET a b", "+OK|");
    fixture_expect(f, "RENAMENX a k", ":1|");
    cr_assert_str_eq(fixture_effects(f), "DEL k; RENAMENX a k");
    fixture_free(f);
}

Test(expire, a_replica_hides_an_expired_key_and_leaves_it)
{
    struct fixture *f = with_expired_key();

    f->x.is_primary = false;
    fixture_expect(f, "GET k", "$-1|");
    fixture_expect(f, "TTL k", ":-2|");
    fixture_expect(f, "KEYS *", "*0|");
    fixture_expect(f, "SCAN 0", "*2|$1|0|*0|");
    fixture_expect(f, "RANDOMKEY", "$-1|");
    cr_assert_eq(f->effects.count, 0);
    fixture_expect(f, "DBSIZE", ":1|");
    fixture_free(f);
}

Test(expire, the_stream_from_the_primary_sees_expired_keys)
{
    struct fixture *f = with_expired_key();

    f->x.is_primary = false;
    f->x.from_primary = true;
    fixture_expect(f, "APPEND k w", ":2|");
    fixture_expect(f, "PEXPIREAT k 5", ":1|");
    fixture_expect(f, "EXISTS k", ":1|");
    fixture_expect(f, "DEL k", ":1|");
    fixture_free(f);
}

Test(expire, the_primary_removes_due_keys_on_its_own)
{
    struct fixture *f = fixture_new(false);
    bool has_more;

    f->x.db = 4;
    fixture_run(f, "SET a 1 PX 5");
    fixture_run(f, "SET b 1 PX 500");
    f->x.now.unix_ms += 100;
    f->x.db = 0;
    effects_begin(&f->effects, (struct bytes){0}, NULL, 0);
    cr_assert_eq(exec_expire(&f->x, 1000, 100, &has_more), 1);
    cr_assert_eq(f->x.db, 4);
    cr_assert_str_eq(fixture_effects(f), "DEL a");
    cr_assert_eq(f->stats.expired_keys, 1);
    effects_begin(&f->effects, (struct bytes){0}, NULL, 0);
    cr_assert_eq(exec_expire(&f->x, 1000, 100, &has_more), 0);
    cr_assert_eq(f->effects.count, 0);
    fixture_free(f);
}

/* ---- a replica that clients may write to ---------------------------------------------------------- */

static const char *const expired_values[] = {
    "SET k value", "RPUSH k a b c", "SADD k a b c", "HSET k f v g w", "ZADD k 1 a 2 b",
};

/* Each writes k. */
static const char *const writes[] = {
    "SET k new GET",
    "SETNX k new",
    "GETSET k new",
    "APPEND k new",
    "SETRANGE k 2 new",
    "INCR k",
    "INCRBYFLOAT k 1.5",
    "SETBIT k 7 1",
    "BITFIELD k SET u8 0 255",
    "PFADD k a b",
    "GETDEL k",
    "GETEX k PERSIST",
    "MSETNX k a l b",
    "LPUSH k new",
    "RPUSH k new",
    "LPUSHX k new",
    "LPOP k",
    "LSET k 0 new",
    "LINSERT k BEFORE a new",
    "LREM k 0 a",
    "LTRIM k 0 0",
    "RPOPLPUSH other k",
    "LMOVE k other LEFT LEFT",
    "LMPOP 1 k LEFT",
    "SADD k new",
    "SREM k a",
    "SPOP k",
    "SMOVE others k x",
    "SMOVE k others a",
    "SUNIONSTORE k others",
    "HSET k f new",
    "HSETNX k f new",
    "HINCRBY k f 1",
    "HINCRBYFLOAT k f 1.5",
    "HDEL k f",
    "ZADD k 5 new",
    "ZADD k XX 5 a",
    "ZINCRBY k 5 a",
    "ZREM k a",
    "ZPOPMIN k",
    "ZREMRANGEBYRANK k 0 -1",
    "ZRANGESTORE k scores 0 -1",
    "GEOADD k 13 38 place",
    "EXPIRE k 100",
    "PERSIST k",
    "RENAME other k",
    "RENAME k other",
    "COPY other k",
    "DEL k",
};

static struct fixture *replica_with_others(void)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "RPUSH other a b");
    fixture_run(f, "SADD others x y");
    fixture_run(f, "ZADD scores 1 x 2 y");
    return f;
}

static void expect_same_as_without(const char *value, const char *write)
{
    struct fixture *without = replica_with_others();
    struct fixture *with = replica_with_others();

    fixture_run(with, value);
    fixture_run(with, "PEXPIREAT k 1000000100");
    with->x.now.unix_ms += 1000;
    with->x.is_primary = false;
    without->x.is_primary = false;
    without->x.now = with->x.now;
    fixture_run(with, write);
    fixture_run(without, write);
    cr_expect_str_eq(fixture_reply(with), fixture_reply(without), "%s after %s", write, value);
    fixture_run(with, "TYPE k");
    fixture_run(without, "TYPE k");
    cr_expect_str_eq(fixture_reply(with), fixture_reply(without), "%s after %s", write, value);
    keyspace_check(with->x.keyspace);
    fixture_free(with);
    fixture_free(without);
}

Test(expire, what_has_expired_on_a_replica_is_not_there_for_who_writes_to_it)
{
    for (size_t v = 0; v < ARRAY_COUNT(expired_values); v++) {
        for (size_t w = 0; w < ARRAY_COUNT(writes); w++) {
            expect_same_as_without(expired_values[v], writes[w]);
        }
    }
}
