/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "base/num.h"
#include "command/scan_cursor.h"
#include "resp/value.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct resp_value read_reply(const struct fixture *f)
{
    struct resp_value value;
    size_t consumed;
    struct errmsg error;

    cr_assert_eq(
        resp_value_read(buf_bytes(&f->reply), &RESP_LIMITS_DEFAULT, &value, &consumed, &error),
        RESP_OK);
    return value;
}

/* Scan with the options until the end; how many keys came. */
static size_t scan_all(struct fixture *f, const char *options)
{
    char request[128];
    uint64_t cursor = 0;
    size_t keys = 0;

    do {
        struct resp_value reply;

        snprintf(request, sizeof(request), "SCAN %llu %s", (unsigned long long)cursor, options);
        fixture_run(f, request);
        reply = read_reply(f);
        cr_assert(num_parse_u64(resp_value_bytes(&reply.children[0]), &cursor));
        keys += reply.children[1].child_count;
        resp_value_deinit(&reply);
    } while (cursor != 0);
    return keys;
}

static struct fixture *with_keys(bool is_cluster, int count)
{
    struct fixture *f = fixture_new(is_cluster);
    char request[64];

    for (int i = 0; i < count; i++) {
        snprintf(request, sizeof(request), "SET key:%d %d", i, i);
        fixture_run(f, request);
    }
    return f;
}

Test(scan, all_keys_come_once_in_both_kinds_of_key_space)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct fixture *f = with_keys(is_cluster, 3000);

        cr_assert_eq(scan_all(f, ""), 3000);
        cr_assert_eq(scan_all(f, "COUNT 1"), 3000);
        cr_assert_eq(scan_all(f, "count 100000 TYPE string"), 3000);
        cr_assert_eq(scan_all(f, "MATCH key:1*"), 1111);
        cr_assert_eq(scan_all(f, "TYPE hash"), 0);
        fixture_free(f);
    }
}

Test(scan, keys_gives_all_that_match)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct fixture *f = with_keys(is_cluster, 500);
        struct resp_value reply;

        fixture_run(f, "KEYS *");
        reply = read_reply(f);
        cr_assert_eq(reply.child_count, 500);
        resp_value_deinit(&reply);
        fixture_expect(f, "KEYS *:4[^0-8]9", "*1|$7|key:499|");
        fixture_expect(f, "KEYS nothing", "*0|");
        fixture_free(f);
    }
}

Test(scan, bad_requests_are_refused)
{
    static const struct fixture_case cases[] = {
        {"SCAN x",                    "-ERR invalid cursor|",                            ""},
        {"SCAN -1",                   "-ERR invalid cursor|",                            ""},
        {"SCAN 0 COUNT 0",            "-ERR syntax error|",                              ""},
        {"SCAN 0 COUNT x",            "-ERR value is not an integer or out of range|",   ""},
        {"SCAN 0 MATCH",              "-ERR syntax error|",                              ""},
        {"SCAN 0 SIZE 5",             "-ERR syntax error|",                              ""},
        {"SCAN 0 NOVALUES",           "-ERR NOVALUES option can only be used in HSCAN|", ""},
        {"SCAN 0 COUNT 5 NOSCORES",   "-ERR NOSCORES option can only be used in ZSCAN|", ""},
        {"SCAN 18446744073709551615", "*2|$1|0|*0|",                                     ""},
    };
    struct fixture *f = fixture_new(false);

    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    fixture_free(f);
}

/* Go through all slots with so many keys a step; how many keys came.  The first places are forgotten on the way. */
static size_t scan_cluster(struct fixture *f, const char *options, int forgets, size_t *steps)
{
    char cursor[SCAN_CURSOR_TEXT] = "0";
    size_t keys = 0;

    *steps = 0;
    do {
        char request[160];
        struct resp_value reply;
        struct scan_cursor at;

        snprintf(request, sizeof(request), "CLUSTERSCAN %s %s", cursor, options);
        fixture_run(f, request);
        reply = read_reply(f);
        cr_assert_eq(reply.child_count, 2, "%s", request);
        cr_assert(scan_cursor_parse(resp_value_bytes(&reply.children[0]), &at));
        if (forgets > 0 && at.place != 0) {
            forgets--;
            at.fingerprint ^= 2; /* as if another node had given it out */
            at.place = 1;
        }
        scan_cursor_format(&at, cursor);
        keys += reply.children[1].child_count;
        (*steps)++;
        resp_value_deinit(&reply);
    } while (strcmp(cursor, "0") != 0);
    return keys;
}

Test(scan, all_keys_of_a_cluster_come_once_slot_by_slot)
{
    struct fixture *f = with_keys(true, 3000);
    size_t steps;

    for (int i = 0; i < 500; i++) {
        char request[64];

        snprintf(request, sizeof(request), "SADD {one}%d %d", i, i);
        fixture_run(f, request);
    }
    cr_expect_eq(scan_cluster(f, "", 0, &steps), 3500);
    cr_expect_gt(steps, SLOT_COUNT + 500 / 10 / 2);
    cr_expect_eq(scan_cluster(f, "COUNT 1000", 0, &steps), 3500);
    cr_expect_eq(steps, SLOT_COUNT + 1);
    cr_expect_eq(scan_cluster(f, "TYPE set", 0, &steps), 500);
    cr_expect_eq(scan_cluster(f, "MATCH {one}*", 0, &steps), 500);
    cr_expect_lt(steps, 200, "in its slot alone");
    cr_expect_geq(scan_cluster(f, "COUNT 100", 3, &steps), 3500, "some twice, and all");
    fixture_free(f);
}
