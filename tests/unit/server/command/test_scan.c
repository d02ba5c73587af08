/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "base/num.h"
#include "resp/value.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>

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
        {"SCAN x",                    "-ERR invalid cursor|",                          ""},
        {"SCAN -1",                   "-ERR invalid cursor|",                          ""},
        {"SCAN 0 COUNT 0",            "-ERR syntax error|",                            ""},
        {"SCAN 0 COUNT x",            "-ERR value is not an integer or out of range|", ""},
        {"SCAN 0 MATCH",              "-ERR syntax error|",                            ""},
        {"SCAN 0 SIZE 5",             "-ERR syntax error|",                            ""},
        {"SCAN 18446744073709551615", "*2|$1|0|*0|",                                   ""},
    };
    struct fixture *f = fixture_new(false);

    fixture_expect_cases(f, cases, ARRAY_COUNT(cases));
    fixture_free(f);
}
