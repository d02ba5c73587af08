/* SPDX-License-Identifier: MIT */
#include "tests/unit/server/command/fixture.h"

#include "command/hll.h"
#include "store/value_space.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define NO_HLL     "-WRONGTYPE Key is not a valid HyperLogLog string value.|"
#define DAMAGED    "-INVALIDOBJ Corrupted HLL object detected|"
#define WRONG_TYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(hyperloglog, adding_says_whether_the_estimate_may_have_changed)
{
    static const struct fixture_case cases[] = {
        {"PFADD h a b c",      ":1|",                                               "PFADD h a b c"},
        {"PFADD h a b c",      ":0|",                                               ""             },
        {"PFADD h",            ":0|",                                               ""             },
        {"PFADD new",          ":1|",                                               "PFADD new"    },
        {"PFCOUNT new",        ":0|",                                               NULL           },
        {"PFADD new \"\"",     ":1|",                                               NULL           },
        {"PFCOUNT new",        ":1|",                                               NULL           },
        {"PFCOUNT h none new", ":4|",                                               ""             },
        {"PFCOUNT none",       ":0|",                                               ""             },
        {"PFCOUNT none other", ":0|",                                               ""             },
        {"PFDEBUG DECODE h",   "$44|Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603|", ""             },
        {"PFDEBUG ENCODING h", "+sparse|",                                          ""             },
        {"EXPIRE h 100",       ":1|",                                               NULL           },
        {"PFADD h d",          ":1|",                                               NULL           },
        {"TTL h",              ":100|",                                             ""             },
        {"TYPE h",             "+string|",                                          ""             },
    };

    RUN_CASES(cases);
}

Test(hyperloglog, a_count_is_computed_once_and_travels_as_bytes)
{
    static const char effect[] =
        "*4\r\n$8\r\nSETRANGE\r\n$1\r\nh\r\n$1\r\n8\r\n$8\r\n\3\0\0\0\0\0\0\0\r\n";
    struct fixture *f = fixture_new(false);
    struct bytes wanted = bytes_make(effect, sizeof(effect) - 1);

    fixture_run(f, "PFADD h a b c");
    fixture_expect(f, "PFCOUNT h", ":3|");
    cr_assert(bytes_equal(effects_bytes(&f->effects), wanted));
    fixture_expect(f, "PFCOUNT h", ":3|");
    cr_assert_eq(f->effects.count, 0);
    fixture_free(f);
}

Test(hyperloglog, a_replica_counts_for_its_clients_without_a_change)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "PFADD h a b c");
    f->x.is_primary = false;
    fixture_expect(f, "PFCOUNT h", ":3|");
    cr_assert_eq(f->effects.count, 0);
    f->x.is_primary = true;
    fixture_expect(f, "PFCOUNT h", ":3|");
    cr_assert_eq(f->effects.count, 1);
    fixture_free(f);
}

Test(hyperloglog, a_replica_keeps_the_count_that_its_primary_computed_by_itself)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "PFADD h a b c");
    f->x.is_primary = false;
    f->x.from_primary = true;
    fixture_expect(f, "PFCOUNT h", ":3|");
    f->x.from_primary = false;
    fixture_expect(f, "GETRANGE h 8 8", "$1|\3|");
    fixture_free(f);
}

static void add_many(struct fixture *f, const char *key, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char request[64];

        snprintf(request, sizeof(request), "PFADD %s element:%d", key, i);
        fixture_run(f, request);
    }
}

Test(hyperloglog, a_value_becomes_dense_when_runs_are_longer_than_the_limit)
{
    struct fixture *f = fixture_new(false);
    struct value_limits limits = value_limits_default;

    add_many(f, "h", 0, 1000);
    fixture_expect(f, "STRLEN h", ":1897|");
    fixture_expect(f, "PFCOUNT h", ":997|");
    add_many(f, "h", 1000, 9000);
    fixture_expect(f, "PFDEBUG ENCODING h", "+dense|");
    fixture_expect(f, "STRLEN h", ":12304|");
    fixture_expect(f, "PFCOUNT h", ":10017|");
    fixture_expect(f, "PFADD h element:5", ":0|");
    fixture_expect(f, "PFDEBUG DECODE h", "-ERR HLL encoding is not sparse|");
    limits.hll_sparse_max_bytes = 0;
    keyspace_set_limits(f->x.keyspace, &limits);
    fixture_run(f, "PFADD other a");
    fixture_expect(f, "PFDEBUG ENCODING other", "+dense|");
    fixture_free(f);
}

Test(hyperloglog, a_dense_value_is_raised_where_it_is)
{
    static const struct fixture_case cases[] = {
        {"PFADD h a b",       ":1|", NULL               },
        {"PFDEBUG TODENSE h", ":1|", "PFDEBUG TODENSE h"},
        {"PFDEBUG todense h", ":0|", ""                 },
        {"PFCOUNT h",         ":2|", NULL               },
        {"PFADD h a b",       ":0|", ""                 },
        {"PFADD h a c b d",   ":1|", "PFADD h a c b d"  },
        {"PFCOUNT h",         ":4|", NULL               },
        {"PFADD s a b c d",   ":1|", NULL               },
        {"PFCOUNT h s",       ":4|", ""                 },
    };

    RUN_CASES(cases);
}

Test(hyperloglog, merging_raises_the_destination_which_keeps_its_expiry)
{
    static const struct fixture_case cases[] = {
        {"PFADD a 1 2 3",        ":1|",     NULL                },
        {"PFADD b 3 4",          ":1|",     NULL                },
        {"PFMERGE d a b none",   "+OK|",    "PFMERGE d a b none"},
        {"PFCOUNT d",            ":4|",     NULL                },
        {"PFMERGE d a",          "+OK|",    ""                  },
        {"EXPIRE a 100",         ":1|",     NULL                },
        {"PFMERGE a b",          "+OK|",    "PFMERGE a b"       },
        {"TTL a",                ":100|",   ""                  },
        {"PFCOUNT a",            ":4|",     NULL                },
        {"PFMERGE new",          "+OK|",    "PFMERGE new"       },
        {"PFCOUNT new",          ":0|",     NULL                },
        {"PFDEBUG TODENSE b",    ":1|",     NULL                },
        {"PFMERGE new b",        "+OK|",    NULL                },
        {"PFDEBUG ENCODING new", "+dense|", ""                  },
        {"PFCOUNT new",          ":2|",     NULL                },
        {"PFMERGE a new",        "+OK|",    "PFMERGE a new"     },
        {"PFDEBUG ENCODING a",   "+dense|", ""                  },
        {"PFMERGE a new",        "+OK|",    ""                  },
    };

    RUN_CASES(cases);
}

Test(hyperloglog, what_is_no_hyperloglog_is_refused_and_left_as_it_is)
{
    static const struct fixture_case cases[] = {
        {"SET s HYLL",              "+OK|",                                    NULL},
        {"SET n 12345678901234567", "+OK|",                                    NULL},
        {"PFADD h a",               ":1|",                                     NULL},
        {"PFADD s a",               NO_HLL,                                    ""  },
        {"PFADD n a",               NO_HLL,                                    ""  },
        {"PFCOUNT s",               NO_HLL,                                    ""  },
        {"PFCOUNT h s",             NO_HLL,                                    ""  },
        {"PFMERGE s h",             NO_HLL,                                    ""  },
        {"PFMERGE h s",             NO_HLL,                                    ""  },
        {"PFDEBUG ENCODING s",      NO_HLL,                                    ""  },
        {"GET s",                   "$4|HYLL|",                                ""  },
        {"PFADD list a",            WRONG_TYPE,                                ""  },
        {"PFCOUNT h list",          WRONG_TYPE,                                ""  },
        {"PFMERGE h list",          WRONG_TYPE,                                ""  },
        {"PFDEBUG NONE none",       "-ERR The specified key does not exist|",  ""  },
        {"PFDEBUG NONE h",          "-ERR Unknown PFDEBUG subcommand 'NONE'|", ""  },
        {"SETRANGE h 16 \x80",      ":21|",                                    NULL},
        {"PFADD h b",               DAMAGED,                                   ""  },
        {"PFCOUNT h",               DAMAGED,                                   ""  },
        {"PFCOUNT h none",          DAMAGED,                                   ""  },
        {"PFMERGE d h",             DAMAGED,                                   ""  },
        {"PFMERGE h",               DAMAGED,                                   ""  },
        {"EXISTS d",                ":0|",                                     ""  },
    };

    RUN_CASES_WITH_LIST(cases);
}

Test(hyperloglog, the_registers_can_be_looked_at)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "PFADD h a");
    fixture_run(f, "PFDEBUG GETREG h");
    /* *16384, then each register; a belongs to number 12711 with rank 2. */
    cr_assert_eq(f->reply.len, 8 + 4 * HLL_REGISTERS);
    cr_assert_eq(memcmp(f->reply.data + 8 + (size_t)4 * 12711, ":2\r\n", 4), 0);
    cr_assert_eq(memcmp(f->reply.data + 8 + (size_t)4 * 12710, ":0\r\n", 4), 0);
    fixture_expect(f, "PFSELFTEST", "+OK|");
    fixture_free(f);
}
