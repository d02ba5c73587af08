/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "store/value_space.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

/* clang-format off */
/* Replies are those of redis-server 7.0, but for the text of a list of streams that is not balanced. */

static const struct fixture_case adding[] = {
    {"XADD s 1-1 a b", "$3|1-1|", NULL},
    {"XADD s 1-1 a b", "-ERR The ID specified in XADD is equal or smaller than the target stream top item|", NULL},
    {"XADD s 1-* a b", "$3|1-2|", NULL},
    {"XADD s 0-* a b", "-ERR The ID specified in XADD is equal or smaller than the target stream top item|", NULL},
    {"XADD s 5 a b c d", "$3|5-0|", NULL},
    {"XADD s 0-0 a b", "-ERR The ID specified in XADD must be greater than 0-0|", NULL},
    {"XADD s 0 a b", "-ERR The ID specified in XADD must be greater than 0-0|", NULL},
    {"XADD s 6 a b c", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"XADD s x a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD s 6-x a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD s 6-1-1 a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD s -1 a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD n NOMKSTREAM 1-1 a b", "$-1|", NULL},
    {"EXISTS n", ":0|", NULL},
    {"XADD s NOMKSTREAM 7-1 a b", "$3|7-1|", NULL},
    {"XADD s MAXLEN 3 8-1 a b", "$3|8-1|", NULL},
    {"XADD s MAXLEN = 3 9-1 a b", "$3|9-1|", NULL},
    {"XADD s MAXLEN ~ 3 9-2 a b", "$3|9-2|", NULL},
    {"XADD s MAXLEN ~ 3 LIMIT 10 9-3 a b", "$3|9-3|", NULL},
    {"XADD s MAXLEN ~ 3 LIMIT -1 9-4 a b", "-ERR The LIMIT argument must be >= 0.|", NULL},
    {"XADD s MAXLEN 3 LIMIT 10 9-4 a b", "-ERR syntax error, LIMIT cannot be used without the special ~ option|", NULL},
    {"XADD s LIMIT 10 9-4 a b", "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy|", NULL},
    {"XADD s MAXLEN -1 9-4 a b", "-ERR The MAXLEN argument must be >= 0.|", NULL},
    {"XADD s MAXLEN x 9-4 a b", "-ERR value is not an integer or out of range|", NULL},
    {"XADD s MAXLEN = x 9-4 a b", "-ERR value is not an integer or out of range|", NULL},
    {"XADD s MAXLEN 2 MINID 3 9-4 a b", "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible|", NULL},
    {"XADD s MINID 9 9-4 a b", "$3|9-4|", NULL},
    {"XADD s MINID ~ 9 9-5 a b", "$3|9-5|", NULL},
    {"XADD s MINID x 9-5 a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD s MAXLEN 9-5 a b", "-ERR value is not an integer or out of range|", NULL},
    {"XADD s MAXLEN ~ 5", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"XADD s MAXLEN 5 *", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"XADD s MAXLEN 5 * a", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"XADD s NOMKSTREAM NOMKSTREAM NOMKSTREAM 10-1 a b", "$4|10-1|", NULL},
    {"XADD s maxlen 10 nomkstream 10-2 a b", "$4|10-2|", NULL},
    {"XADD s FOO 10-2 a b", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XLEN s", ":7|", NULL},
    {"XLEN n", ":0|", NULL},
    {"XRANGE s - +", "*7|*2|$3|9-1|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|*2|$4|10-2|*2|$1|a|$1|b|", NULL},
    {"XREVRANGE s + -", "*7|*2|$4|10-2|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-1|*2|$1|a|$1|b|", NULL},
    {"XRANGE s 9 9", "*5|*2|$3|9-1|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|", NULL},
    {"XRANGE s (9-1 (10-1", "*4|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|", NULL},
    {"XRANGE s (9 10", "*7|*2|$3|9-1|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|*2|$4|10-2|*2|$1|a|$1|b|", NULL},
    {"XRANGE s ( 10", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s (- +", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s - (+", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s - (0-0", "-ERR invalid end ID for the interval|", NULL},
    {"XRANGE s (18446744073709551615-18446744073709551615 +", "-ERR invalid start ID for the interval|", NULL},
    {"XRANGE s - + COUNT 2", "*2|*2|$3|9-1|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|", NULL},
    {"XRANGE s - + COUNT 0", "*-1|", NULL},
    {"XRANGE s - + COUNT -1", "*-1|", NULL},
    {"XRANGE s - + COUNT x", "-ERR value is not an integer or out of range|", NULL},
    {"XRANGE s - + COUNT", "-ERR syntax error|", NULL},
    {"XRANGE s - + COUNT 1 COUNT 2", "*2|*2|$3|9-1|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|", NULL},
    {"XRANGE s - + FOO 1", "-ERR syntax error|", NULL},
    {"XRANGE s x +", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s - x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s + -", "*0|", NULL},
    {"XRANGE n - +", "*0|", NULL},
    {"XRANGE n - + COUNT 0", "*0|", NULL},
    {"XREVRANGE s + - COUNT 2", "*2|*2|$4|10-2|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|", NULL},
    {"XREVRANGE s - +", "*0|", NULL},
    {"XREVRANGE s 10 9", "*7|*2|$4|10-2|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-2|*2|$1|a|$1|b|*2|$3|9-1|*2|$1|a|$1|b|", NULL},
    {"XRANGE s 18446744073709551616 +", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s 1-18446744073709551616 +", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XDEL s 9-1 9-2 4-4", ":2|", NULL},
    {"XDEL s x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XDEL n x", ":0|", NULL},
    {"XDEL n 1", ":0|", NULL},
    {"XDEL s 10-1 x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XRANGE s - +", "*5|*2|$3|9-3|*2|$1|a|$1|b|*2|$3|9-4|*2|$1|a|$1|b|*2|$3|9-5|*2|$1|a|$1|b|*2|$4|10-1|*2|$1|a|$1|b|*2|$4|10-2|*2|$1|a|$1|b|", NULL},
    {"XTRIM s MAXLEN 2", ":3|", NULL},
    {"XTRIM s MAXLEN ~ 0", ":2|", NULL},
    {"XTRIM s MAXLEN ~ 0 LIMIT 5", ":0|", NULL},
    {"XTRIM s MINID 10", ":0|", NULL},
    {"XTRIM s MAXLEN = 1", ":0|", NULL},
    {"XTRIM s FOO 1", "-ERR syntax error|", NULL},
    {"XTRIM s LIMIT 1", "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy|", NULL},
    {"XTRIM s MAXLEN 1 LIMIT 1", "-ERR syntax error, LIMIT cannot be used without the special ~ option|", NULL},
    {"XTRIM s MAXLEN 1 FOO", "-ERR syntax error|", NULL},
    {"XTRIM s MAXLEN 1 2", "-ERR syntax error|", NULL},
    {"XTRIM n MAXLEN 1", ":0|", NULL},
    {"XSETID s 99-1", "+OK|", NULL},
    {"XSETID s 100-0", "+OK|", NULL},
    {"XSETID s 100-1 ENTRIESADDED 1000", "+OK|", NULL},
    {"XSETID s 100-1 ENTRIESADDED -1", "-ERR entries_added must be positive|", NULL},
    {"XSETID s 100-1 ENTRIESADDED x", "-ERR value is not an integer or out of range|", NULL},
    {"XSETID s 100-1 ENTRIESADDED 0", "+OK|", NULL},
    {"XSETID s 100-1 MAXDELETEDID 200-1", "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id|", NULL},
    {"XSETID s 100-1 MAXDELETEDID 50-1", "+OK|", NULL},
    {"XSETID s 100-1 MAXDELETEDID x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XSETID s 100-1 FOO", "-ERR syntax error|", NULL},
    {"XSETID s 100-1 FOO 1", "-ERR syntax error|", NULL},
    {"XSETID n 1-1", "-ERR no such key|", NULL},
    {"XSETID s x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XADD s * a b c", "-ERR wrong number of arguments for 'xadd' command|", NULL},
    {"SET str x", "+OK|", NULL},
    {"XADD str 1-1 a b", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XLEN str", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XRANGE str - +", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XDEL str 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XTRIM str MAXLEN 1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XSETID str 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
    {"XREAD STREAMS str 0", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
};

static const struct fixture_case reading[] = {
    {"XADD q 1-1 a 1", "$3|1-1|", NULL},
    {"XADD q 1-2 a 2", "$3|1-2|", NULL},
    {"XADD r 2-1 a 2", "$3|2-1|", NULL},
    {"XREAD STREAMS q 0", "*1|*2|$1|q|*2|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|1-2|*2|$1|a|$1|2|", NULL},
    {"XREAD STREAMS q r 0 0", "*2|*2|$1|q|*2|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|1-2|*2|$1|a|$1|2|*2|$1|r|*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XREAD STREAMS q r 1-2 0", "*1|*2|$1|r|*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XREAD STREAMS q r 1-2 2-1", "*-1|", NULL},
    {"XREAD STREAMS q r $ $", "*-1|", NULL},
    {"XREAD COUNT 1 STREAMS q r 0 0", "*2|*2|$1|q|*1|*2|$3|1-1|*2|$1|a|$1|1|*2|$1|r|*1|*2|$3|2-1|*2|$1|a|$1|2|", NULL},
    {"XREAD COUNT 0 STREAMS q 0", "*1|*2|$1|q|*2|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|1-2|*2|$1|a|$1|2|", NULL},
    {"XREAD COUNT -1 STREAMS q 0", "*1|*2|$1|q|*2|*2|$3|1-1|*2|$1|a|$1|1|*2|$3|1-2|*2|$1|a|$1|2|", NULL},
    {"XREAD COUNT x STREAMS q 0", "-ERR value is not an integer or out of range|", NULL},
    {"XREAD FOO STREAMS q 0", "-ERR syntax error|", NULL},
    {"XREAD NOACK STREAMS q 0", "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.|", NULL},
    {"XREAD GROUP a b STREAMS q 0", "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.|", NULL},
    {"XREAD STREAMS q >", "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.|", NULL},
    {"XREAD STREAMS q x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XREAD STREAMS nokey x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XREAD STREAMS nokey 0", "*-1|", NULL},
    {"XREAD BLOCK x STREAMS q 0", "-ERR timeout is not an integer or out of range|", NULL},
    {"XREAD BLOCK -1 STREAMS q 0", "-ERR timeout is negative|", NULL},
    {"XREAD STREAMS q 18446744073709551615-18446744073709551615", "*-1|", NULL},
    {"XSETID q 18446744073709551615-18446744073709551615", "+OK|", NULL},
    {"XADD q * a b", "-ERR The stream has exhausted the last possible ID, unable to add more items|", NULL},
    {"XADD q 18446744073709551615-18446744073709551615 a b", "-ERR The stream has exhausted the last possible ID, unable to add more items|", NULL},
    {"XADD big 18446744073709551614-1 a b", "$22|18446744073709551614-1|", NULL},
    {"XADD big 18446744073709551614-* a b", "$22|18446744073709551614-2|", NULL},
    {"DEL s", ":0|", NULL},
    {"XADD s 1-18446744073709551615 a b", "$22|1-18446744073709551615|", NULL},
    {"OBJECT ENCODING s", "$6|stream|", NULL},
    {"TYPE s", "+stream|", NULL},
};
/* clang-format on */

Test(streams, entries_are_added_found_and_removed_or_it_is_said_what_is_wrong)
{
    RUN_CASES(adding);
}

Test(streams, entries_are_read_from_behind_ids_or_it_is_said_what_is_wrong)
{
    RUN_CASES(reading);
}

static const struct fixture_case newer[] = {
    {"XADD s 1-1 a b",                    "$3|1-1|",                                       NULL},
    {"XADD s 2-1 c d",                    "$3|2-1|",                                       NULL},
    {"XREAD STREAMS s +",                 "*1|*2|$1|s|*1|*2|$3|2-1|*2|$1|c|$1|d|",         NULL},
    {"XDEL s 2-1",                        ":1|",                                           NULL},
    {"XREAD STREAMS s +",                 "*1|*2|$1|s|*1|*2|$3|1-1|*2|$1|a|$1|b|",         NULL},
    {"XREAD STREAMS none +",              "*-1|",                                          NULL},
    {"XREAD STREAMS s s 0",
     "-ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be "
     "specified.|",                                                                        NULL},
    {"XSETID s 2-0",
     "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id|",      ""  },
    {"XADD t 1-18446744073709551615 a b", "$22|1-18446744073709551615|",                   NULL},
    {"XADD t 1-* a b",
     "-ERR The ID specified in XADD is equal or smaller than the target stream top item|", ""  },
};

Test(streams, what_newer_servers_know_is_known)
{
    RUN_CASES(newer);
}

static const struct fixture_case effects[] = {
    {"XADD s 1-1 a b",                             "$3|1-1|",                              "XADD s 1-1 a b"                    },
    {"XADD s 1-* a b",                             "$3|1-2|",                              "XADD s 1-2 a b"                    },
    {"XADD s * a b",                               "$12|1000000000-0|",                    "XADD s 1000000000-0 a b"           },
    {"XADD s * a b",                               "$12|1000000000-1|",                    "XADD s 1000000000-1 a b"           },
    {"XADD s NOMKSTREAM MAXLEN 4 * a b",           "$12|1000000000-2|",                    "XADD s MAXLEN 4 1000000000-2 a b"  },
    {"XADD s MAXLEN ~ 1 LIMIT 7 * a b",            "$12|1000000000-3|",                    "XADD s MAXLEN = 5 1000000000-3 a b"},
    {"XADD s MINID ~ 1000000000 2000000000-1 a b", "$12|2000000000-1|",
     "XADD s MINID = 1-2 2000000000-1 a b"                                                                                     },
    {"XADD none NOMKSTREAM * a b",                 "$-1|",                                 ""                                  },
    {"XADD s 1-1 a b",
     "-ERR The ID specified in XADD is equal or smaller than the target stream top item|", ""                                  },
    {"XDEL s 5-5",                                 ":0|",                                  ""                                  },
    {"XDEL s 1-2 5-5",                             ":1|",                                  "XDEL s 1-2 5-5"                    },
    {"XTRIM s MAXLEN 100",                         ":0|",                                  ""                                  },
    {"XTRIM s MAXLEN ~ 1",                         ":0|",                                  ""                                  },
    {"XTRIM s MAXLEN 4",                           ":1|",                                  "XTRIM s MAXLEN 4"                  },
    {"XSETID s 2000000000-9",                      "+OK|",                                 "XSETID s 2000000000-9"             },
    {"XLEN s",                                     ":4|",                                  ""                                  },
};

Test(streams, effects_tell_ids_and_what_was_trimmed)
{
    RUN_CASES(effects);
}

Test(streams, approximate_trimming_travels_as_how_much_went)
{
    struct fixture *f = fixture_new(false);
    struct value_limits limits = value_limits_default;

    limits.stream_node_max_entries = 10;
    keyspace_set_limits(f->x.keyspace, &limits);
    for (int i = 0; i < 35; i++) {
        fixture_run(f, "XADD s * a b");
    }
    fixture_expect(f, "XTRIM s MAXLEN ~ 12", ":20|");
    cr_expect_str_eq(fixture_effects(f), "XTRIM s MAXLEN = 15");
    fixture_expect(f, "XTRIM s MINID ~ 1000000000-31", ":10|");
    cr_expect_str_eq(fixture_effects(f), "XTRIM s MINID = 1000000000-30");
    fixture_free(f);
}

Test(streams, who_waits_behind_the_last_entry_waits_for_the_id_that_it_has_now)
{
    struct fixture *f = fixture_new(false);

    fixture_run(f, "XADD s 7-1 a b");
    fixture_run(f, "XREAD COUNT 1 BLOCK 0 STREAMS s none s $ $ 9-9");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_assert_not_null(f->x.block.words);
    cr_expect_eq(f->x.block.first_key, 6);
    cr_expect_eq(f->x.block.key_count, 3);
    cr_expect_eq(f->x.block.deadline_unix_ms, INT64_MAX);
    cr_expect(bytes_equal_text(f->x.block.words[6], "s"));
    cr_expect(bytes_equal_text(f->x.block.words[9], "7-1"));
    cr_expect(bytes_equal_text(f->x.block.words[10], "0-0"));
    cr_expect(bytes_equal_text(f->x.block.words[11], "9-9"));
    fixture_run(f, "XREAD BLOCK 250 STREAMS s 7-1");
    cr_assert_eq(f->result, EXEC_BLOCK);
    cr_expect_null(f->x.block.words);
    cr_expect_eq(f->x.block.deadline_unix_ms, 1000000250);
    f->x.must_not_wait = true;
    fixture_expect(f, "XREAD BLOCK 0 STREAMS s $", "*-1|");
    fixture_free(f);
}

Test(streams, in_resp3_streams_that_were_read_are_a_map)
{
    struct fixture *f = fixture_new(false);

    f->writer.version = 3;
    fixture_run(f, "XADD s 7-1 a b");
    fixture_expect(f, "XREAD STREAMS none s 0 0", "%1|$1|s|*1|*2|$3|7-1|*2|$1|a|$1|b|");
    fixture_expect(f, "XREAD STREAMS s 7-1", "_|");
    fixture_free(f);
}

static const struct fixture_case emptied[] = {
    {"XADD s 1-1 a b",              "$3|1-1|", NULL                       },
    {"XADD s 2-1 a b",              "$3|2-1|", NULL                       },
    {"XTRIM s MINID ~ 1000",        ":2|",     "XTRIM s MAXLEN = 0"       },
    {"XADD s MINID ~ 1000 5-1 a b", "$3|5-1|", "XADD s MAXLEN = 0 5-1 a b"},
    {"XLEN s",                      ":0|",     ""                         },
};

Test(streams, trimming_that_leaves_nothing_travels_as_that)
{
    struct fixture *f = fixture_new(false);
    struct value_limits limits = value_limits_default;

    limits.stream_node_max_entries = 1;
    keyspace_set_limits(f->x.keyspace, &limits);
    fixture_expect_cases(f, emptied, ARRAY_COUNT(emptied));
    fixture_free(f);
}
