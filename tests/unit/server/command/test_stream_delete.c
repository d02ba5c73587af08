/* SPDX-License-Identifier: MIT */
/* XDELEX, XACKDEL, and trimming with KEEPREF, DELREF and ACKED. */
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* clang-format off */
#define WRONG_COUNT "-ERR The `numids` parameter must match the number of arguments|"
#define BAD_COUNT   "-ERR Number of IDs must be a positive integer|"
#define BAD_ID      "-ERR Invalid stream ID specified as stream command argument|"
#define WRONG_TYPE  "-WRONGTYPE Operation against a key holding the wrong kind of value|"

/* Entries 1-1 to 5-1; g has had all and has 2-1, 3-1 pending; h has had the first three and has them all pending. */
#define STREAM_WITH_GROUPS                                                              \
    {"XADD s 1-1 a b", "$3|1-1|", NULL},                                                \
    {"XADD s 2-1 a b", "$3|2-1|", NULL},                                                \
    {"XADD s 3-1 a b", "$3|3-1|", NULL},                                                \
    {"XADD s 4-1 a b", "$3|4-1|", NULL},                                                \
    {"XADD s 5-1 a b", "$3|5-1|", NULL},                                                \
    {"XGROUP CREATE s g 0", "+OK|", NULL},                                              \
    {"XGROUP CREATE s h 3", "+OK|", NULL},                                              \
    {"XGROUP SETID s g 5-1", "+OK|", NULL},                                             \
    {"XGROUP SETID s h 3-1", "+OK|", NULL},                                             \
    {"XCLAIM s g c 0 2-1 3-1 FORCE JUSTID", "*2|$3|2-1|$3|3-1|", NULL},                 \
    {"XCLAIM s h c 0 1-1 2-1 3-1 FORCE JUSTID", "*3|$3|1-1|$3|2-1|$3|3-1|", NULL}

static const struct fixture_case deleting[] = {
    STREAM_WITH_GROUPS,
    {"XDELEX s ACKED IDS 5 1-1 2-1 4-1 5-1 9-9", "*5|:2|:2|:2|:2|:-1|", ""},
    {"XACK s h 1-1", ":1|", NULL},
    {"XDELEX s ACKED IDS 2 1-1 1-1", "*2|:1|:-1|", "XDEL s 1-1"},
    {"XDELEX s DELREF IDS 2 2-1 4-1", "*2|:1|:1|", "XACK s g 2-1; XACK s h 2-1; XDEL s 2-1 4-1"},
    {"XDELEX s IDS 1 3-1", "*1|:1|", "XDEL s 3-1"},
    {"XPENDING s g", "*4|:1|$3|3-1|$3|3-1|*1|*2|$1|c|$1|1|", NULL},
    {"XDELEX s DELREF IDS 1 3-1", "*1|:-1|", ""},
    {"XDELEX s keepref ids 1 5-1", "*1|:1|", "XDEL s 5-1"},
    {"XLEN s", ":0|", NULL},
    {"XDELEX none ACKED IDS 2 1-1 2-1", "*2|:-1|:-1|", ""},
    {"EXISTS none", ":0|", NULL},
};

static const struct fixture_case acknowledging[] = {
    STREAM_WITH_GROUPS,
    {"XACKDEL s g IDS 2 1-1 2-1", "*2|:-1|:1|", "XACK s g 2-1; XDEL s 2-1"},
    {"XPENDING s h", "*4|:3|$3|1-1|$3|3-1|*1|*2|$1|c|$1|3|", NULL},
    {"XACKDEL s h IDS 1 2-1", "*1|:1|", "XACK s h 2-1"},
    {"XACKDEL s g ACKED IDS 1 3-1", "*1|:2|", "XACK s g 3-1"},
    {"XACKDEL s h ACKED IDS 1 3-1", "*1|:1|", "XACK s h 3-1; XDEL s 3-1"},
    {"XCLAIM s g c 0 1-1 4-1 FORCE JUSTID", "*2|$3|1-1|$3|4-1|", NULL},
    {"XACKDEL s h IDS 1 1-1 DELREF", "*1|:1|", "XACK s h 1-1; XACK s g 1-1; XDEL s 1-1"},
    {"XACKDEL s g ACKED IDS 1 4-1", "*1|:2|", "XACK s g 4-1"},
    {"XLEN s", ":2|", NULL},
    {"XACKDEL s nog IDS 2 4-1 5-1", "*2|:-1|:-1|", ""},
    {"XACKDEL none g IDS 2 4-1 5-1", "*2|:-1|:-1|", ""},
};

static const struct fixture_case wrong[] = {
    {"XADD s 1-1 a b", "$3|1-1|", NULL},
    {"XGROUP CREATE s g 0", "+OK|", NULL},
    {"XDELEX s FOO IDS 1 1-1", "-ERR syntax error|", NULL},
    {"XDELEX s KEEPREF DELREF ACKED", "-ERR syntax error|", NULL},
    {"XDELEX s KEEPREF DELREF IDS 1 1-1", "-ERR syntax error|", NULL},
    {"XDELEX s IDS 1 1-1 IDS 1 1-1", WRONG_COUNT, NULL},
    {"XDELEX s IDS 1 1-1 2-1", WRONG_COUNT, NULL},
    {"XDELEX s IDS 3 1-1 2-1", WRONG_COUNT, NULL},
    {"XDELEX s IDS 0 1-1", BAD_COUNT, NULL},
    {"XDELEX s IDS -1 1-1", BAD_COUNT, NULL},
    {"XDELEX s IDS x 1-1", BAD_COUNT, NULL},
    {"XDELEX s IDS 9223372036854775808 1-1", BAD_COUNT, NULL},
    {"XDELEX s IDS 9223372036854775807 1-1", WRONG_COUNT, NULL},
    {"XDELEX s ACKED 1-1 IDS", "-ERR syntax error|", NULL},
    {"XDELEX s IDS 1 x", BAD_ID, NULL},
    {"XDELEX s IDS 2 1-1 1-1-1", BAD_ID, NULL},
    {"XDELEX s IDS 1 \"\"", BAD_ID, NULL},
    {"XACKDEL s g FOO IDS 1 1-1", "-ERR syntax error|", NULL},
    {"XACKDEL s g IDS 2 1-1 2-1 3-1", WRONG_COUNT, NULL},
    {"XACKDEL s g IDS 0 1-1", BAD_COUNT, NULL},
    {"XACKDEL s g IDS 1 x", BAD_ID, NULL},
    {"XLEN s", ":1|", NULL},
    {"SET str x", "+OK|", NULL},
    {"XDELEX str IDS 1 1-1", WRONG_TYPE, NULL},
    {"XDELEX str IDS 0 1-1", BAD_COUNT, NULL},
    {"XACKDEL str g IDS 1 1-1", WRONG_TYPE, NULL},
    {"XADD s KEEPREF DELREF 9-1 a b", "-ERR syntax error|", NULL},
    {"XADD s ACKED ACKED 9-1 a b", "-ERR syntax error|", NULL},
    {"XADD s ACKED MAXLEN 3", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"XTRIM s ACKED KEEPREF", "-ERR syntax error|", NULL},
    {"XTRIM s MAXLEN 1 ACKED KEEPREF", "-ERR syntax error|", NULL},
    {"XTRIM s ACKED 1", "-ERR syntax error|", NULL},
};

static const struct fixture_case trimming[] = {
    STREAM_WITH_GROUPS,
    {"XTRIM s MAXLEN 0 ACKED", ":0|", ""},
    {"XACK s h 1-1 3-1", ":2|", NULL},
    {"XACK s g 3-1", ":1|", NULL},
    {"XTRIM s MAXLEN 4 ACKED", ":1|", "XDEL s 1-1"},
    {"XTRIM s ACKED MINID 3-1", ":0|", ""},
    {"XTRIM s MINID 9 ACKED", ":1|", "XDEL s 3-1"},
    {"XTRIM s DELREF MAXLEN 2", ":1|", "XTRIM s MAXLEN = 2; XACK s g 2-1; XACK s h 2-1"},
    {"XPENDING s g", "*4|:0|$-1|$-1|*-1|", NULL},
    {"XCLAIM s g c 0 4-1 5-1 FORCE JUSTID", "*2|$3|4-1|$3|5-1|", NULL},
    {"XADD s DELREF MAXLEN 2 6-1 a b", "$3|6-1|", "XADD s MAXLEN 2 6-1 a b; XACK s g 4-1"},
    {"XADD s MINID 6-1 KEEPREF 7-* a b", "$3|7-0|", "XADD s MINID 6-1 7-0 a b"},
    {"XPENDING s g", "*4|:1|$3|5-1|$3|5-1|*1|*2|$1|c|$1|1|", NULL},
    {"XTRIM s MAXLEN ~ 1 LIMIT 0 DELREF", ":0|", ""},
    {"XTRIM s MAXLEN ~ 0 LIMIT 0 DELREF", ":2|", "XTRIM s MAXLEN = 0"},
    {"XADD n ACKED MAXLEN ~ 1 1-1 a b", "$3|1-1|", "XADD n 1-1 a b"},
    {"XADD n ACKED MAXLEN ~ 1 2-1 a b", "$3|2-1|", "XADD n 2-1 a b; XDEL n 1-1"},
    {"XADD n ACKED MAXLEN 0 3-1 a b", "$3|3-1|", "XADD n 3-1 a b; XDEL n 2-1 3-1"},
    {"XTRIM n MAXLEN 0 KEEPREF", ":0|", ""},
};
/* clang-format on */

Test(stream_delete, xdelex_deletes_what_the_word_for_references_allows)
{
    RUN_CASES(deleting);
}

Test(stream_delete, xackdel_acknowledges_and_deletes_what_no_other_group_needs)
{
    RUN_CASES(acknowledging);
}

Test(stream_delete, trimming_passes_over_what_is_needed_or_drops_what_is_pending)
{
    RUN_CASES(trimming);
}

Test(stream_delete, what_is_wrong_is_refused_and_changes_nothing)
{
    RUN_CASES(wrong);
}

/* Many nodes go at once, which are told entry by entry. */
Test(stream_delete, trimming_many_nodes_drops_what_is_pending_of_each_entry)
{
    struct fixture *f = fixture_new(false);
    char line[80];

    for (unsigned i = 1; i <= 6000; i++) {
        snprintf(line, sizeof(line), "XADD s %u-1 a b", i);
        fixture_run(f, line);
    }
    fixture_run(f, "XGROUP CREATE s g 0");
    fixture_run(f, "XREADGROUP GROUP g c STREAMS s >");
    fixture_expect(f, "XTRIM s MAXLEN 10 DELREF", ":5990|");
    fixture_expect(f, "XPENDING s g", "*4|:10|$6|5991-1|$6|6000-1|*1|*2|$1|c|$2|10|");
    fixture_expect(f, "XTRIM s MAXLEN 1 ACKED", ":0|");
    fixture_expect(f, "XACK s g 5999-1", ":1|");
    fixture_expect(f, "XTRIM s MAXLEN 1 ACKED", ":1|");
    keyspace_check(f->x.keyspace);
    fixture_free(f);
}
