/* SPDX-License-Identifier: MIT */
#include "store/entry.h"
#include "store/value_space.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define SYNTAX    "-ERR syntax error|"
#define NO_KEY    "-ERR no such key|"
#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"
#define GENERATED "-ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs|"
#define TWICE     "-ERR syntax error, IDMP/IDMPAUTO specified multiple times|"
#define DURATION  "-ERR IDMP-DURATION must be between 1 and 86400 seconds|"
#define MAXSIZE   "-ERR IDMP-MAXSIZE must be between 1 and 10000 entries|"
#define NO_NUMBER "-ERR value is not an integer or out of range|"

Test(stream_iid, what_a_producer_sends_once_more_is_answered_and_not_added)
{
    static const struct fixture_case cases[] = {
        {"XADD s IDMP p i * a 1",            "$12|1000000000-0|",
         "XADD s 1000000000-0 a 1; XADD s IDMP p i 1000000000-0"         },
        {"XADD s IDMP p i * a 1",            "$12|1000000000-0|", ""     },
        {"XADD s idmp p i * other 2",        "$12|1000000000-0|", ""     },
        {"XADD s IDMP q i * a 1",            "$12|1000000000-1|",
         "XADD s 1000000000-1 a 1; XADD s IDMP q i 1000000000-1"         },
        {"XADD s IDMP p j MAXLEN 9 * a 1",   "$12|1000000000-2|",
         "XADD s MAXLEN 9 1000000000-2 a 1; XADD s IDMP p j 1000000000-2"},
        {"XADD s MAXLEN 0 IDMP p j * a 1",   "$12|1000000000-2|", ""     },
        {"XLEN s",                           ":3|",               ""     },
        {"XDEL s 1000000000-0",              ":1|",               NULL   },
        {"XADD s IDMP p i * a 1",            "$12|1000000000-0|", ""     },
        {"XTRIM s MAXLEN 0",                 ":2|",               NULL   },
        {"XADD s IDMP p j * a 1",            "$12|1000000000-2|", ""     },
        {"COPY s t",                         ":1|",               NULL   },
        {"XADD t IDMP q i * a 1",            "$12|1000000000-1|", ""     },
        {"RENAME s u",                       "+OK|",              NULL   },
        {"XADD u IDMP p i * a 1",            "$12|1000000000-0|", ""     },
        {"XADD n NOMKSTREAM IDMP p i * a 1", "$-1|",              ""     },
        {"EXISTS n",                         ":0|",               ""     },
    };

    RUN_CASES(cases);
}

Test(stream_iid, equal_fields_are_the_same_entry_with_idmpauto)
{
    static const struct fixture_case cases[] = {
        {"XADD s IDMPAUTO p * a 1",     "$12|1000000000-0|", NULL},
        {"XADD s IDMPAUTO p * a 1",     "$12|1000000000-0|", ""  },
        {"XADD s IDMPAUTO q * a 1",     "$12|1000000000-1|", NULL},
        {"XADD s IDMPAUTO p * a 2",     "$12|1000000000-2|", NULL},
        {"XADD s IDMPAUTO p * a 1 a 1", "$12|1000000000-3|", NULL},
        {"XADD s IDMPAUTO p * aa \"\"", "$12|1000000000-4|", NULL},
        {"XADD s IDMPAUTO p * a a",     "$12|1000000000-5|", NULL},
        {"XADD s IDMPAUTO p * a 1",     "$12|1000000000-0|", ""  },
        {"XLEN s",                      ":6|",               ""  },
    };

    RUN_CASES(cases);
}

Test(stream_iid, requests_with_producers_are_checked)
{
    static const struct fixture_case cases[] = {
        {"SET k v",                                     "+OK|",                                                         NULL                 },
        {"XADD s IDMP p i 1-1 a 1",                     GENERATED,                                                      ""                   },
        {"XADD s IDMP p i 1-* a 1",                     GENERATED,                                                      ""                   },
        {"XADD s IDMPAUTO p 1-1 a 1",                   GENERATED,                                                      ""                   },
        {"XADD s IDMP p i IDMP p i * a 1",              TWICE,                                                          ""                   },
        {"XADD s IDMPAUTO p IDMP p i * a 1",            TWICE,                                                          ""                   },
        {"XADD s IDMPAUTO p IDMPAUTO p * a 1",          TWICE,                                                          ""                   },
        {"XADD s IDMP \"\" i * a 1",                    "-ERR syntax error, IDMP requires a non-empty producer ID|",
         ""                                                                                                                                  },
        {"XADD s IDMP p \"\" * a 1",                    "-ERR syntax error, IDMP requires a non-empty idempotent ID|",
         ""                                                                                                                                  },
        {"XADD s IDMPAUTO \"\" * a 1",
         "-ERR syntax error, IDMPAUTO requires a non-empty producer ID|",                                               ""                   },
        {"XADD s IDMP p i * a",                         "-ERR wrong number of arguments for 'xadd' command|",           ""                   },
        {"XADD s IDMP p i *",                           "-ERR wrong number of arguments for 'xadd' command|",           ""                   },
        {"XADD k IDMP p i * a 1",                       WRONGTYPE,                                                      ""                   },
        {"EXISTS s",                                    ":0|",                                                          ""                   },
        {"XADD s 5-5 a 1",                              "$3|5-5|",                                                      NULL                 },
        {"XCFGSET none IDMP-MAXSIZE 5",                 NO_KEY,                                                         ""                   },
        {"XCFGSET none",                                "-ERR At least one parameter must be specified|",               ""                   },
        {"XCFGSET s",                                   "-ERR At least one parameter must be specified|",               ""                   },
        {"XCFGSET s IDMP-MAXSIZE",                      SYNTAX,                                                         ""                   },
        {"XCFGSET s NOTHING 5",                         SYNTAX,                                                         ""                   },
        {"XCFGSET s IDMP-MAXSIZE 0",                    MAXSIZE,                                                        ""                   },
        {"XCFGSET s IDMP-MAXSIZE 10001",                MAXSIZE,                                                        ""                   },
        {"XCFGSET s IDMP-MAXSIZE x",                    NO_NUMBER,                                                      ""                   },
        {"XCFGSET s IDMP-DURATION 0",                   DURATION,                                                       ""                   },
        {"XCFGSET s IDMP-DURATION -1",                  DURATION,                                                       ""                   },
        {"XCFGSET s IDMP-DURATION 86401",               DURATION,                                                       ""                   },
        {"XCFGSET s IDMP-DURATION 9223372036854775808", NO_NUMBER,                                                      ""                   },
        {"XCFGSET k IDMP-DURATION 5",                   WRONGTYPE,                                                      ""                   },
        {"XADD s IDMP p i 5-6",                         "-ERR The ID specified in XIDMPRECORD is above the last one|",  ""                   },
        {"XADD none IDMP p i 5-5",                      NO_KEY,                                                         ""                   },
        {"XADD s IDMP p i 5-5",                         "$3|5-5|",                                                      "XADD s IDMP p i 5-5"},
        {"XADD s IDMPAUTO p 5-5",                       GENERATED,                                                      ""                   },
        {"XIDMPRECORD none p i 1-1",                    NO_KEY,                                                         ""                   },
        {"XIDMPRECORD s p i x",                         "-ERR Invalid stream ID specified as stream command argument|", ""                   },
        {"XIDMPRECORD s p i 5-6",                       "-ERR The ID specified in XIDMPRECORD is above the last one|",
         ""                                                                                                                                  },
        {"XIDMPRECORD s \"\" i 5-5",                    "-ERR producer and idempotent ID must not be empty|",           ""                   },
        {"XIDMPRECORD s p \"\" 5-5",                    "-ERR producer and idempotent ID must not be empty|",           ""                   },
        {"XIDMPRECORD k p i 5-5",                       WRONGTYPE,                                                      ""                   },
    };

    RUN_CASES(cases);
}

/* The end of what XINFO STREAM says of producers. */
static void expect_info(struct fixture *f, const char *expected)
{
    const char *reply;

    fixture_run(f, "XINFO STREAM s");
    reply = strstr(fixture_reply(f), "$13|idmp-duration|");
    cr_assert(reply != NULL && strncmp(reply, expected, strlen(expected)) == 0, "%s", reply);
}

Test(stream_iid, settings_hold_for_a_stream_and_setting_them_forgets_what_was_known)
{
    static const struct fixture_case cases[] = {
        {"XADD s IDMP p i * a 1",                    "$12|1000000000-0|", NULL},
        {"XADD s IDMP p i * a 1",                    "$12|1000000000-0|", ""  },
        {"XCFGSET s idmp-maxsize 2 IDMP-DURATION 7", "+OK|",
         "XCFGSET s idmp-maxsize 2 IDMP-DURATION 7"                           },
        {"XADD s IDMP p i * a 1",                    "$12|1000000000-1|", NULL},
        {"XADD s IDMP p j * a 1",                    "$12|1000000000-2|", NULL},
        {"XADD s IDMP p k * a 1",                    "$12|1000000000-3|", NULL},
        {"XADD s IDMP p j * a 1",                    "$12|1000000000-2|", ""  },
        {"XADD s IDMP p i * a 1",                    "$12|1000000000-4|", NULL},
        {"XADD s IDMP q i * a 1",                    "$12|1000000000-5|", NULL},
    };
    struct fixture *f = fixture_new(false);

    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    expect_info(f,
                "$13|idmp-duration|:7|$12|idmp-maxsize|:2|$12|pids-tracked|:2|$12|iids-tracked|:3|"
                "$10|iids-added|:6|$15|iids-duplicates|:2|");
    fixture_expect(f, "XCFGSET s IDMP-DURATION 9", "+OK|");
    expect_info(f,
                "$13|idmp-duration|:9|$12|idmp-maxsize|:2|$12|pids-tracked|:0|$12|iids-tracked|:0|"
                "$10|iids-added|:6|$15|iids-duplicates|:2|");
    fixture_free(f);
}

Test(stream_iid, a_pair_is_known_until_its_time_is_over)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "XADD s IDMP p i * a 1", "$12|1000000000-0|");
    f->x.now.unix_ms += 99999;
    fixture_expect(f, "XADD s IDMP p i * a 1", "$12|1000000000-0|");
    f->x.now.unix_ms += 1;
    fixture_expect(f, "XADD s IDMP p i * a 1", "$12|1000100000-0|");
    expect_info(
        f, "$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:1|$12|iids-tracked|:1|");
    f->x.now.unix_ms -= 500000;
    fixture_expect(f, "XADD s IDMP p i * a 1", "$12|1000100000-0|");
    fixture_free(f);
}

Test(stream_iid, what_comes_from_a_primary_is_added_and_remembered)
{
    static const struct fixture_case from_primary[] = {
        {"XADD s IDMP p i 5-5 a 1",        "$3|5-5|",           NULL                          },
        {"XADD s IDMP p i 6-6 a 1",        "$3|6-6|",           NULL                          },
        {"XADD s IDMPAUTO p 7-7 a 1",      "$3|7-7|",           NULL                          },
        {"XADD s 1000000000-0 a 1",        "$12|1000000000-0|", NULL                          },
        {"XIDMPRECORD s p j 1000000000-0", "+OK|",              "XADD s IDMP p j 1000000000-0"},
    };
    struct fixture *f = fixture_new(false);

    f->x.from_primary = true;
    f->x.now.unix_ms = 100;
    fixture_expect_cases(f, from_primary, ARRAY_COUNT(from_primary));
    f->x.from_primary = false;
    fixture_expect(f, "XADD s IDMP p i * a 1", "$12|1000000000-1|");
    fixture_expect(f, "XADD s IDMP p j * a 1", "$12|1000000000-0|");
    fixture_free(f);
}

Test(stream_iid, a_new_stream_has_the_settings_of_the_server)
{
    struct fixture *f = fixture_new(false);
    struct value_limits limits = keyspace_values(f->x.keyspace)->limits;

    limits.stream_idmp_duration = 3;
    limits.stream_idmp_maxsize = 1;
    keyspace_set_limits(f->x.keyspace, &limits);
    fixture_run(f, "XADD s * a 1");
    expect_info(f, "$13|idmp-duration|:3|$12|idmp-maxsize|:1|$12|pids-tracked|:0|");
    fixture_run(f, "XADD s IDMP p i * a 1");
    fixture_run(f, "XADD s IDMP p j * a 1");
    expect_info(
        f, "$13|idmp-duration|:3|$12|idmp-maxsize|:1|$12|pids-tracked|:1|$12|iids-tracked|:1|");
    fixture_free(f);
}
