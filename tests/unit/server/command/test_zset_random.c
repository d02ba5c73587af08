/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONGTYPE "-WRONGTYPE Operation against a key holding the wrong kind of value|"

Test(zset_random, requests_for_random_members_are_checked)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a",                                   ":1|",                                           NULL},
        {"ZRANDMEMBER k",                                "$1|a|",                                         ""  },
        {"ZRANDMEMBER none",                             "$-1|",                                          ""  },
        {"ZRANDMEMBER none 3",                           "*0|",                                           ""  },
        {"ZRANDMEMBER k 0",                              "*0|",                                           ""  },
        {"ZRANDMEMBER k 5 WITHSCORES",                   "*2|$1|a|$1|1|",                                 ""  },
        {"ZRANDMEMBER k -3",                             "*3|$1|a|$1|a|$1|a|",                            ""  },
        {"ZRANDMEMBER k -2 WITHSCORES",                  "*4|$1|a|$1|1|$1|a|$1|1|",                       ""  },
        {"ZRANDMEMBER k 1 2",                            "-ERR syntax error|",                            ""  },
        {"ZRANDMEMBER k x",                              "-ERR value is not an integer or out of range|", ""  },
        {"ZRANDMEMBER k -9223372036854775808",
         "-ERR value is out of range, value must between -9223372036854775807 and "
         "9223372036854775807|",                                                                          ""  },
        {"ZRANDMEMBER k 9223372036854775807 WITHSCORES", "-ERR value is out of range|",                   ""  },
        {"ZRANDMEMBER k 9223372036854775807",            "*1|$1|a|",                                      ""  },
        {"ZRANDMEMBER k 1 WITHSCORES 1",                 "-ERR syntax error|",                            ""  },
        {"ZRANDMEMBER k -9223372036854775807",
         "-ERR value is out of range, at most 16777216 elements may be repeated|",                        ""  },
        {"SET s v",                                      "+OK|",                                          NULL},
        {"ZRANDMEMBER s",                                WRONGTYPE,                                       ""  },
        {"ZRANDMEMBER s 1",                              WRONGTYPE,                                       ""  },
    };

    RUN_CASES(cases);
}

Test(zset_random, members_are_scanned_with_their_scores)
{
    static const struct fixture_case cases[] = {
        {"ZADD k 1 a 2.5 b 3 ab",     ":3|",                                           NULL},
        {"ZSCAN k 0",                 "*2|$1|0|*6|$1|a|$1|1|$1|b|$3|2.5|$2|ab|$1|3|",  ""  },
        {"ZSCAN k 0 MATCH a*",        "*2|$1|0|*4|$1|a|$1|1|$2|ab|$1|3|",              ""  },
        {"ZSCAN k 0 COUNT 1 MATCH *", "*2|$1|0|*6|$1|a|$1|1|$1|b|$3|2.5|$2|ab|$1|3|",  ""  },
        {"ZSCAN k 0 NOSCORES",        "*2|$1|0|*3|$1|a|$1|b|$2|ab|",                   ""  },
        {"ZSCAN none 0",              "*2|$1|0|*0|",                                   ""  },
        {"ZSCAN none 0 BAD",          "*2|$1|0|*0|",                                   ""  },
        {"ZSCAN k x",                 "-ERR invalid cursor|",                          ""  },
        {"ZSCAN k 0 COUNT 0",         "-ERR syntax error|",                            ""  },
        {"ZSCAN k 0 COUNT x",         "-ERR value is not an integer or out of range|", ""  },
        {"ZSCAN k 0 MATCH",           "-ERR syntax error|",                            ""  },
        {"ZSCAN k 0 TYPE zset",       "-ERR syntax error|",                            ""  },
        {"SET s v",                   "+OK|",                                          NULL},
        {"ZSCAN s 0",                 WRONGTYPE,                                       ""  },
    };

    RUN_CASES(cases);
}

enum {
    MEMBERS = 1000,
    ROUNDS = 200,
};

/* Members m0 to m999 under k, in the large form. */
static struct fixture *with_many_members(void)
{
    struct fixture *f = fixture_new(false);

    for (int i = 0; i < MEMBERS; i++) {
        char request[64];

        snprintf(request, sizeof(request), "ZADD k %d m%d", i, i);
        fixture_run(f, request);
    }
    return f;
}

/* Mark the members of a reply of names, each of which comes once at most. */
static size_t mark_members(struct fixture *f, bool *seen)
{
    const char *at = fixture_reply(f);
    size_t count = 0;

    while ((at = strstr(at, "|m")) != NULL) {
        long number = strtol(at + 2, NULL, 10);

        cr_assert(number >= 0 && number < MEMBERS && !seen[number]);
        seen[number] = true;
        count++;
        at++;
    }
    return count;
}

/* Ask for so many of them until all have come. */
static void expect_all_in_time(struct fixture *f, size_t wanted)
{
    bool all[MEMBERS] = {false};
    char request[64];
    size_t total = 0;

    snprintf(request, sizeof(request), "ZRANDMEMBER k %zu", wanted);
    for (int round = 0; round < ROUNDS; round++) {
        bool seen[MEMBERS] = {false};

        fixture_run(f, request);
        cr_assert_eq(mark_members(f, seen), wanted);
        for (size_t member = 0; member < MEMBERS; member++) {
            total += seen[member] && !all[member];
            all[member] = all[member] || seen[member];
        }
    }
    cr_assert_eq(total, MEMBERS);
}

Test(zset_random, different_members_are_drawn_until_all_have_come)
{
    struct fixture *f = with_many_members();

    expect_all_in_time(f, 100);
    expect_all_in_time(f, 700);
    expect_all_in_time(f, 1000);
    fixture_free(f);
}

Test(zset_random, a_scan_in_steps_gives_every_member_once)
{
    struct fixture *f = with_many_members();
    bool seen[MEMBERS] = {false};
    char request[64] = "ZSCAN k 0 COUNT 20 NOSCORES";
    size_t count = 0;
    unsigned long long cursor = 0;

    do {
        fixture_run(f, request);
        count += mark_members(f, seen);
        cr_assert_eq(sscanf(fixture_reply(f), "*2|$%*d|%llu|", &cursor), 1);
        snprintf(request, sizeof(request), "ZSCAN k %llu COUNT 20 NOSCORES", cursor);
    } while (cursor != 0);
    cr_assert_eq(count, MEMBERS);
    fixture_free(f);
}
