/* SPDX-License-Identifier: MIT */
/* XREAD and XREADGROUP with limits for all streams together: MAXCOUNT and MAXSIZE. */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

/* clang-format off */
/* Each entry has five bytes: three of its id, one of a name and one of a value. */
#define ENTRY(id) "*2|$3|" id "|*2|$1|a|$1|b|"
#define TWO_STREAMS                                                                     \
    {"XADD s 1-1 a b", "$3|1-1|", NULL},                                                \
    {"XADD s 2-1 a b", "$3|2-1|", NULL},                                                \
    {"XADD s 3-1 a b", "$3|3-1|", NULL},                                                \
    {"XADD t 4-1 a b", "$3|4-1|", NULL},                                                \
    {"XADD t 5-1 a b", "$3|5-1|", NULL}

static const struct fixture_case reading[] = {
    TWO_STREAMS,
    {"XREAD MAXCOUNT 1 STREAMS s t 0 0", "*1|*2|$1|s|*1|" ENTRY("1-1"), NULL},
    {"XREAD MAXCOUNT 4 STREAMS s t 0 0", "*2|*2|$1|s|*3|" ENTRY("1-1") ENTRY("2-1") ENTRY("3-1") "*2|$1|t|*1|" ENTRY("4-1"), NULL},
    {"XREAD COUNT 1 MAXCOUNT 2 STREAMS s t 0 0", "*2|*2|$1|s|*1|" ENTRY("1-1") "*2|$1|t|*1|" ENTRY("4-1"), NULL},
    {"XREAD MAXCOUNT 1 COUNT 1 STREAMS s t 9 0", "*1|*2|$1|t|*1|" ENTRY("4-1"), NULL},
    {"XREAD MAXSIZE 1 STREAMS s t 0 0", "*1|*2|$1|s|*1|" ENTRY("1-1"), NULL},
    {"XREAD MAXSIZE 9 STREAMS s t 0 0", "*1|*2|$1|s|*1|" ENTRY("1-1"), NULL},
    {"XREAD MAXSIZE 10 STREAMS s t 2 0", "*1|*2|$1|s|*2|" ENTRY("2-1") ENTRY("3-1"), NULL},
    {"XREAD MAXSIZE 15 MAXCOUNT 9223372036854775807 STREAMS s t 2-1 0", "*2|*2|$1|s|*1|" ENTRY("3-1") "*2|$1|t|*2|" ENTRY("4-1") ENTRY("5-1"), NULL},
    {"XREAD MAXSIZE 100 MAXCOUNT 3 STREAMS s t 2-1 0", "*2|*2|$1|s|*1|" ENTRY("3-1") "*2|$1|t|*2|" ENTRY("4-1") ENTRY("5-1"), NULL},
    {"XREAD MAXSIZE 1 MAXCOUNT 3 STREAMS s t 9 9", "*-1|", NULL},
};

static const struct fixture_case in_groups[] = {
    TWO_STREAMS,
    {"XGROUP CREATE s g 0", "+OK|", NULL},
    {"XGROUP CREATE t g 0", "+OK|", NULL},
    {"XREADGROUP GROUP g c MAXCOUNT 2 STREAMS s t > >", "*1|*2|$1|s|*2|" ENTRY("1-1") ENTRY("2-1"), NULL},
    {"XPENDING t g", "*4|:0|$-1|$-1|*-1|", NULL},
    {"XREADGROUP GROUP g c MAXSIZE 12 STREAMS s t > >", "*2|*2|$1|s|*1|" ENTRY("3-1") "*2|$1|t|*1|" ENTRY("4-1"), NULL},
    {"XREADGROUP GROUP g c MAXCOUNT 2 STREAMS s t 0 0", "*1|*2|$1|s|*2|" ENTRY("1-1") ENTRY("2-1"), NULL},
    {"XREADGROUP GROUP g c MAXSIZE 4 STREAMS s t 1-1 0", "*1|*2|$1|s|*1|" ENTRY("2-1"), NULL},
    {"XREADGROUP GROUP g c MAXSIZE 1000 STREAMS s t 3-1 4-1", "*2|*2|$1|s|*0|*2|$1|t|*0|", NULL},
    {"XREADGROUP GROUP g d MAXCOUNT 3 CLAIM 0 COUNT 2 STREAMS s t > >",
     "*2|*2|$1|s|*2|*4|$3|1-1|*2|$1|a|$1|b|:0|:2|*4|$3|2-1|*2|$1|a|$1|b|:0|:3|*2|$1|t|*1|*4|$3|4-1|*2|$1|a|$1|b|:0|:1|", NULL},
    {"XREADGROUP GROUP g d MAXSIZE 14 STREAMS t t > >", "*1|*2|$1|t|*1|" ENTRY("5-1"), NULL},
};

static const struct fixture_case wrong[] = {
    {"XADD s 1-1 a b", "$3|1-1|", NULL},
    {"XREAD MAXCOUNT 0 STREAMS s 0", "-ERR MAXCOUNT must be a positive integer|", NULL},
    {"XREAD MAXSIZE 0 STREAMS s 0", "-ERR MAXSIZE must be a positive integer|", NULL},
    {"XREAD MAXSIZE -5 STREAMS s 0", "-ERR MAXSIZE must be a positive integer|", NULL},
    {"XREAD MAXCOUNT x STREAMS s 0", "-ERR value is not an integer or out of range|", NULL},
    {"XREAD MAXSIZE 9223372036854775808 STREAMS s 0", "-ERR value is not an integer or out of range|", NULL},
    {"XREAD COUNT 3 MAXCOUNT 2 STREAMS s 0", "-ERR MAXCOUNT must not be less than COUNT|", NULL},
    {"XREAD COUNT 0 MAXCOUNT 2 STREAMS s 0", "*1|*2|$1|s|*1|" ENTRY("1-1"), NULL},
    {"XREADGROUP GROUP g c MAXCOUNT 2 COUNT 3 STREAMS s 0", "-ERR MAXCOUNT must not be less than COUNT|", NULL},
    {"XREAD COUNT 1 MAXCOUNT", "-ERR syntax error|", NULL},
};
/* clang-format on */

Test(stream_limits, limits_for_all_streams_are_used_up_in_their_order)
{
    RUN_CASES(reading);
}

Test(stream_limits, what_is_beyond_the_limits_is_not_delivered_to_a_group)
{
    RUN_CASES(in_groups);
}

Test(stream_limits, what_is_wrong_is_refused)
{
    RUN_CASES(wrong);
}
