/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "command/repeated.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

#define TOO_MANY "-ERR value is out of range, at most 16777216 elements may be repeated|"
#define TOO_LONG "-ERR reply is too long, at most 268435456 bytes may be repeated|"

enum {
    LONG = 8 * 1024 * 1024,
};

Test(repeated, more_elements_than_can_be_are_refused_and_none_of_nothing_are_given)
{
    static const struct fixture_case cases[] = {
        {"SADD s a",                                      ":1|",    NULL},
        {"HSET h f v",                                    ":1|",    NULL},
        {"ZADD z 1 a",                                    ":1|",    NULL},
        {"SRANDMEMBER s -16777217",                       TOO_MANY, ""  },
        {"SRANDMEMBER s -9000000000000000000",            TOO_MANY, ""  },
        {"SRANDMEMBER s -9223372036854775807",            TOO_MANY, ""  },
        {"HRANDFIELD h -16777217",                        TOO_MANY, ""  },
        {"HRANDFIELD h -9223372036854775807",             TOO_MANY, ""  },
        {"HRANDFIELD h -4611686018427387903 WITHVALUES",  TOO_MANY, ""  },
        {"ZRANDMEMBER z -16777217",                       TOO_MANY, ""  },
        {"ZRANDMEMBER z -9223372036854775807",            TOO_MANY, ""  },
        {"ZRANDMEMBER z -4611686018427387903 WITHSCORES", TOO_MANY, ""  },
        {"SRANDMEMBER none -9000000000000000000",         "*0|",    ""  },
        {"HRANDFIELD none -9000000000000000000",          "*0|",    ""  },
        {"ZRANDMEMBER none -9000000000000000000",         "*0|",    ""  },
    };

    RUN_CASES(cases);
}

Test(repeated, as_many_elements_as_can_be_are_given)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "SADD s a");
    fixture_run(f, "SRANDMEMBER s -16777216");
    cr_assert_eq(f->reply.len, strlen("*16777216\r\n") + (size_t)REPEATED_COUNT_MAX * 7);
    fixture_free(f);
}

Test(repeated, a_reply_that_becomes_too_long_is_an_error_and_nothing_else)
{
    static const char *const requests[][2] = {
        {"SADD", "SRANDMEMBER k -40"          },
        {"HSET", "HRANDFIELD k -40 WITHVALUES"},
        {"ZADD", "ZRANDMEMBER k -40"          },
    };
    struct fixture *f = fixture_new(false);
    char *name = mem_alloc(MEM_TEST, LONG);

    memset(name, 'n', LONG);
    for (size_t i = 0; i < ARRAY_COUNT(requests); i++) {
        struct bytes words[] = {bytes_from_text(requests[i][0]), BYTES_LITERAL("k"),
                                BYTES_LITERAL("1"), bytes_make(name, LONG)};

        if (i == 0) {
            words[2] = words[3];
        }
        fixture_run_words(f, words, i == 0 ? 3 : 4);
        fixture_expect(f, requests[i][1], TOO_LONG);
        fixture_run(f, "DEL k");
    }
    mem_free(MEM_TEST, name);
    fixture_free(f);
}
