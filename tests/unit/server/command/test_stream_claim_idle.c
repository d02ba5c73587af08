/* SPDX-License-Identifier: MIT */
/* XREADGROUP with CLAIM: what is idle comes before what is new. */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

/* clang-format off */
#define ENTRY(id, idle, deliveries) "*4|$3|" id "|*2|$1|a|$1|b|:" idle "|:" deliveries "|"
#define XCLAIM_TO(consumer, id, count) "XCLAIM s g " consumer " 0 " id " TIME 1000000000 RETRYCOUNT " count " FORCE JUSTID LASTID 5-1"

/* 1-1 to 4-1 are pending of c since 100, 300, 200 and 50 ms; 5-1 was delivered, 6-1 not. */
static const struct fixture_case claiming[] = {
    {"XADD s 1-1 a b", "$3|1-1|", NULL},
    {"XADD s 2-1 a b", "$3|2-1|", NULL},
    {"XADD s 3-1 a b", "$3|3-1|", NULL},
    {"XADD s 4-1 a b", "$3|4-1|", NULL},
    {"XADD s 5-1 a b", "$3|5-1|", NULL},
    {"XADD s 6-1 a b", "$3|6-1|", NULL},
    {"XGROUP CREATE s g 5-1", "+OK|", NULL},
    {"XCLAIM s g c 0 1-1 IDLE 100 FORCE JUSTID", "*1|$3|1-1|", NULL},
    {"XCLAIM s g c 0 2-1 IDLE 300 FORCE JUSTID", "*1|$3|2-1|", NULL},
    {"XCLAIM s g c 0 3-1 IDLE 200 FORCE JUSTID", "*1|$3|3-1|", NULL},
    {"XCLAIM s g c 0 4-1 IDLE 50 FORCE JUSTID", "*1|$3|4-1|", NULL},
    {"XREADGROUP GROUP g c CLAIM 301 COUNT 0 STREAMS s 9", "*1|*2|$1|s|*0|", ""},
    {"XREADGROUP GROUP g d CLAIM 200 COUNT 1 STREAMS s >", "*1|*2|$1|s|*1|" ENTRY("2-1", "300", "1"),
     "XGROUP CREATECONSUMER s g d; " XCLAIM_TO("d", "2-1", "2")},
    {"XNACK s g FAIL IDS 1 4-1", ":1|", NULL},
    {"XREADGROUP GROUP g c COUNT 3 CLAIM 200 STREAMS s >", "*1|*2|$1|s|*3|" ENTRY("4-1", "-1", "1") ENTRY("3-1", "200", "1") ENTRY("6-1", "0", "0"),
     XCLAIM_TO("c", "4-1", "2") "; " XCLAIM_TO("c", "3-1", "2") "; XCLAIM s g c 0 6-1 TIME 1000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 6-1; XGROUP SETID s g 6-1 ENTRIESREAD 6"},
    {"XREADGROUP GROUP g d CLAIM 100 NOACK STREAMS s >", "*1|*2|$1|s|*1|" ENTRY("1-1", "100", "1"), NULL},
    {"XREADGROUP GROUP g d CLAIM 1 STREAMS s >", "*-1|", ""},
    {"XADD s 7-1 a b", "$3|7-1|", NULL},
    {"XREADGROUP GROUP g d NOACK CLAIM 1 STREAMS s >", "*1|*2|$1|s|*1|" ENTRY("7-1", "0", "0"), "XGROUP SETID s g 7-1 ENTRIESREAD 7"},
    {"XREADGROUP GROUP g d CLAIM 0 STREAMS s >", "*1|*2|$1|s|*5|" ENTRY("1-1", "0", "2") ENTRY("2-1", "0", "2") ENTRY("3-1", "0", "2") ENTRY("4-1", "0", "2") ENTRY("6-1", "0", "1"), NULL},
    {"XREADGROUP GROUP g d CLAIM 9223372036854775807 STREAMS s >", "*-1|", ""},
    {"XREADGROUP GROUP g d CLAIM 5 STREAMS s 4-1", "*1|*2|$1|s|*1|*2|$3|6-1|*2|$1|a|$1|b|", NULL},
    {"XDEL s 1-1 2-1", ":2|", NULL},
    {"XREADGROUP GROUP g c CLAIM 0 COUNT 1 STREAMS s >", "*1|*2|$1|s|*1|" ENTRY("3-1", "0", "3"),
     "XACK s g 1-1; XACK s g 2-1; XCLAIM s g c 0 3-1 TIME 1000000000 RETRYCOUNT 4 FORCE JUSTID LASTID 7-1"},
    {"XPENDING s g", "*4|:3|$3|3-1|$3|6-1|*2|*2|$1|c|$1|1|*2|$1|d|$1|2|", NULL},
};

static const struct fixture_case wrong[] = {
    {"XGROUP CREATE s g 0 MKSTREAM", "+OK|", NULL},
    {"XREADGROUP GROUP g c CLAIM -1 STREAMS s >", "-ERR min-idle-time must be a positive integer|", NULL},
    {"XREADGROUP GROUP g c CLAIM x STREAMS s >", "-ERR min-idle-time must be a positive integer|", NULL},
    {"XREADGROUP GROUP g c CLAIM \"\" STREAMS s >", "-ERR min-idle-time must be a positive integer|", NULL},
    {"XREADGROUP GROUP g c CLAIM 1.5 STREAMS s >", "-ERR min-idle-time must be a positive integer|", NULL},
    {"XREADGROUP GROUP g c CLAIM 9223372036854775808 STREAMS s >", "-ERR min-idle-time must be a positive integer|", NULL},
    {"XREADGROUP GROUP g c COUNT 1 NOACK CLAIM", "-ERR syntax error|", NULL},
    {"XREAD CLAIM 1 STREAMS s 0", "-ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.|", NULL},
};
/* clang-format on */

Test(stream_claim_idle, what_is_idle_comes_first_the_longest_idle_before_the_others)
{
    RUN_CASES(claiming);
}

Test(stream_claim_idle, what_is_wrong_is_refused)
{
    RUN_CASES(wrong);
}

Test(stream_claim_idle, who_waits_is_to_be_run_again_when_something_may_be_idle_enough)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "XADD s 1-1 a b");
    fixture_run(f, "XGROUP CREATE s g 0");
    fixture_run(f, "XGROUP CREATE t g 0 MKSTREAM");
    fixture_run(f, "XREADGROUP GROUP g c STREAMS s >");
    fixture_run(f, "XREADGROUP GROUP g d BLOCK 5 CLAIM 100 STREAMS t s > >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_assert_eq(f->x.block.wake_unix_ms, f->x.now.unix_ms + 100);
    fixture_run(f, "XREADGROUP GROUP g d BLOCK 5 CLAIM 9223372036854775807 STREAMS s >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_assert_eq(f->x.block.wake_unix_ms, 0);
    fixture_run(f, "XREADGROUP GROUP g d BLOCK 5 STREAMS s >");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_assert_eq(f->x.block.wake_unix_ms, 0);
    fixture_free(f);
}
