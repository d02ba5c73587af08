/* SPDX-License-Identifier: MIT */
/* XNACK, and what others tell of entries that are pending of nobody. */
#include "store/stream_group.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* clang-format off */
#define STREAM_WITH_PENDING                                                             \
    {"XADD s 1-1 a b", "$3|1-1|", NULL},                                                \
    {"XADD s 2-1 a b", "$3|2-1|", NULL},                                                \
    {"XADD s 3-1 a b", "$3|3-1|", NULL},                                                \
    {"XADD s 4-1 a b", "$3|4-1|", NULL},                                                \
    {"XGROUP CREATE s g 3-1", "+OK|", NULL},                                            \
    {"XCLAIM s g c 0 1-1 2-1 3-1 RETRYCOUNT 5 FORCE JUSTID", "*3|$3|1-1|$3|2-1|$3|3-1|", NULL}

static const struct fixture_case releasing[] = {
    STREAM_WITH_PENDING,
    {"XNACK s g SILENT IDS 3 1-1 9-9 4-1", ":1|", "XNACK s g SILENT IDS 3 1-1 9-9 4-1"},
    {"XNACK s g fail ids 1 2-1", ":1|", "XNACK s g fail ids 1 2-1"},
    {"XPENDING s g - + 10", "*3|*4|$3|1-1|$0||:-1|:4|*4|$3|2-1|$0||:-1|:5|*4|$3|3-1|$1|c|:0|:5|", NULL},
    {"XPENDING s g IDLE 99 - + 10", "*2|*4|$3|1-1|$0||:-1|:4|*4|$3|2-1|$0||:-1|:5|", NULL},
    {"XPENDING s g - + 10 c", "*1|*4|$3|3-1|$1|c|:0|:5|", NULL},
    {"XPENDING s g", "*4|:3|$3|1-1|$3|3-1|*1|*2|$1|c|$1|1|", NULL},
    {"XNACK s g FATAL IDS 1 1-1", ":1|", NULL},
    {"XNACK s g FATAL IDS 1 2-1 RETRYCOUNT 0", ":1|", NULL},
    {"XNACK s g SILENT IDS 1 2-1", ":1|", NULL},
    {"XNACK s g FATAL IDS 2 4-1 9-9 FORCE", ":1|", NULL},
    {"XPENDING s g - + 10", "*4|*4|$3|1-1|$0||:-1|:9223372036854775807|*4|$3|2-1|$0||:-1|:0|*4|$3|3-1|$1|c|:0|:5|*4|$3|4-1|$0||:-1|:0|", NULL},
    {"XNACK s g SILENT IDS 1 3-1 FORCE RETRYCOUNT 7", ":1|", NULL},
    {"XINFO CONSUMERS s g", "*1|*8|$4|name|$1|c|$7|pending|:0|$4|idle|:0|$8|inactive|:0|", NULL},
    {"XCLAIM s g d 100000 2-1 JUSTID", "*1|$3|2-1|", NULL},
    {"XAUTOCLAIM s g e 100000 0 COUNT 1 JUSTID", "*3|$3|2-1|*1|$3|1-1|*0|", NULL},
    {"XACK s g 3-1", ":1|", NULL},
    {"XGROUP DELCONSUMER s g e", ":1|", NULL},
    {"XPENDING s g - + 10", "*2|*4|$3|2-1|$1|d|:0|:0|*4|$3|4-1|$0||:-1|:0|", NULL},
    {"XDELEX s ACKED IDS 1 4-1", "*1|:2|", NULL},
    {"XACKDEL s g IDS 1 4-1", "*1|:1|", NULL},
    {"XPENDING s g", "*4|:1|$3|2-1|$3|2-1|*1|*2|$1|d|$1|1|", NULL},
};

static const struct fixture_case wrong[] = {
    STREAM_WITH_PENDING,
    {"XNACK s g LOUD IDS 1 1-1", "-ERR mode must be SILENT, FAIL, or FATAL|", NULL},
    {"XNACK s g \"\" IDS 1 1-1", "-ERR mode must be SILENT, FAIL, or FATAL|", NULL},
    {"XNACK s g FAIL 1 1-1 IDS", "-ERR syntax error, expected IDS keyword|", NULL},
    {"XNACK s g FAIL IDS 0 1-1", "-ERR Number of IDs must be a positive integer|", NULL},
    {"XNACK s g FAIL IDS -1 1-1", "-ERR Number of IDs must be a positive integer|", NULL},
    {"XNACK s g FAIL IDS 9223372036854775808 1-1", "-ERR Number of IDs must be a positive integer|", NULL},
    {"XNACK s g FAIL IDS 2 1-1", "-ERR The `numids` parameter must match the number of arguments|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 2-1", "-ERR Unrecognized XNACK option '2-1'|", NULL},
    {"XNACK s g FAIL IDS 1 x", "-ERR Invalid stream ID specified as stream command argument|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 RETRYCOUNT", "-ERR Unrecognized XNACK option 'RETRYCOUNT'|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 RETRYCOUNT -1", "-ERR Invalid RETRYCOUNT value, must be >= 0|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 RETRYCOUNT x", "-ERR Invalid RETRYCOUNT value, must be >= 0|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 RETRYCOUNT 9223372036854775808", "-ERR Invalid RETRYCOUNT value, must be >= 0|", NULL},
    {"XNACK s nog FAIL IDS 1 1-1", "-NOGROUP No such key 's' or consumer group 'nog'|", NULL},
    {"XNACK nos g FAIL IDS 1 1-1", "-NOGROUP No such key 'nos' or consumer group 'g'|", NULL},
    {"XPENDING s g - + 10", "*3|*4|$3|1-1|$1|c|:0|:5|*4|$3|2-1|$1|c|:0|:5|*4|$3|3-1|$1|c|:0|:5|", NULL},
    {"XNACK s g FAIL IDS 1 8-1 FORCE", ":0|", ""},
    {"SET str x", "+OK|", NULL},
    {"XNACK str g FAIL IDS 1 1-1", "-WRONGTYPE Operation against a key holding the wrong kind of value|", NULL},
};

static const struct fixture_case shown[] = {
    {"XADD s 1-1 a b", "$3|1-1|", NULL},
    {"XGROUP CREATE s g 0", "+OK|", NULL},
    {"XNACK s g FAIL IDS 1 1-1 FORCE RETRYCOUNT 3", ":1|", NULL},
    {"XINFO STREAM s FULL", "*30|$6|length|:1|$15|radix-tree-keys|:1|$16|radix-tree-nodes|:2|$17|last-generated-id|$3|1-1|$20|max-deleted-entry-id|$3|0-0|$13|entries-added|:1|$23|recorded-first-entry-id|$3|1-1|$13|idmp-duration|:100|$12|idmp-maxsize|:100|$12|pids-tracked|:0|$12|iids-tracked|:0|$10|iids-added|:0|$15|iids-duplicates|:0|$7|entries|*1|*2|$3|1-1|*2|$1|a|$1|b|$6|groups|*1|*16|$4|name|$1|g|$17|last-delivered-id|$3|0-0|$12|entries-read|$-1|$3|lag|:1|$9|pel-count|:1|$12|nacked-count|:1|$7|pending|*1|*4|$3|1-1|$0||:0|:3|$9|consumers|*0|", NULL},
};
/* clang-format on */

Test(stream_release, what_is_given_back_is_pending_of_nobody_until_somebody_claims_it)
{
    RUN_CASES(releasing);
}

Test(stream_release, what_is_wrong_is_refused_and_changes_nothing)
{
    RUN_CASES(wrong);
}

Test(stream_release, xinfo_counts_and_shows_what_is_released)
{
    RUN_CASES(shown);
}

static uint64_t digest_of(struct fixture *f, const char *key)
{
    struct key_ref ref = keyspace_ref(f->x.keyspace, 0, bytes_from_text(key));
    const struct entry *e = keyspace_find_any(f->x.keyspace, &ref);

    return value_ops_of(keyspace_types(f->x.keyspace), e)->digest(e, 1);
}

/* A consumer whose name is empty is another matter than what is of nobody. */
Test(stream_release, a_copy_and_a_dump_have_the_same_released_in_the_same_order)
{
    struct fixture *f = fixture_new(false);
    struct bytes words[] = {BYTES_LITERAL("RESTORE"), BYTES_LITERAL("r"), BYTES_LITERAL("0"), {0}};
    struct buf dump = {0};

    fixture_run(f, "XADD s 1-1 a b");
    fixture_run(f, "XGROUP CREATE s g 0");
    fixture_run(f, "XGROUP CREATE s h 0");
    for (unsigned i = 2; i < 40; i++) {
        char line[80];

        snprintf(line, sizeof(line), "XADD s %u-1 a b", i);
        fixture_run(f, line);
        snprintf(line, sizeof(line), "XCLAIM s g %s 0 %u-1 FORCE", i % 3 == 0 ? "\"\"" : "c", i);
        fixture_run(f, line);
        snprintf(line, sizeof(line), "XNACK s g FAIL IDS 2 %u-1 %u-1", i, i / 2);
        fixture_run(f, i % 5 < 3 ? line : "XLEN s");
    }
    fixture_run(f, "XACK s g 2-1");
    fixture_run(f, "DUMP s");
    buf_append_bytes(&dump, bytes_from(buf_bytes(&f->reply), 0));
    words[3] = bytes_from(buf_bytes(&dump), bytes_find_byte(buf_bytes(&dump), '\n') + 1);
    words[3].len -= 2;
    fixture_run_words(f, words, ARRAY_COUNT(words));
    cr_assert_str_eq(fixture_reply(f), "+OK|");
    fixture_run(f, "COPY s c");
    cr_assert_eq(digest_of(f, "r"), digest_of(f, "s"));
    cr_assert_eq(digest_of(f, "c"), digest_of(f, "s"));
    for (unsigned i = 0; i < 2; i++) {
        fixture_run(f, "XNACK s g FAIL IDS 1 5-1");
        fixture_run(f, "XNACK r g FAIL IDS 1 5-1");
        cr_assert_eq(digest_of(f, "r"), digest_of(f, "s"));
    }
    keyspace_check(f->x.keyspace);
    buf_deinit(&dump);
    fixture_free(f);
}
