/* SPDX-License-Identifier: MIT */
/* io/addr. */
#include "io/addr.h"

#include "base/attr.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    const char *host;
    bool is_address;
    const char *formatted;
    bool is_loopback;
} cases[] = {
    {"127.0.0.1",        true,  "127.0.0.1:6379",     true },
    {"127.9.9.9",        true,  "127.9.9.9:6379",     true },
    {"10.1.2.3",         true,  "10.1.2.3:6379",      false},
    {"0.0.0.0",          true,  "0.0.0.0:6379",       false},
    {"::1",              true,  "[::1]:6379",         true },
    {"2001:db8::5",      true,  "[2001:db8::5]:6379", false},
    {"::ffff:127.0.0.1", true,  "127.0.0.1:6379",     true },
    {"localhost",        false, "",                   false},
    {"1.2.3",            false, "",                   false},
    {"",                 false, "",                   false},
    {"::1%nosuchzone",   false, "",                   false},
};

Test(addr, numeric_hosts_are_parsed_and_formatted)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct addr a;
        char text[ADDR_TEXT];

        cr_assert_eq(addr_parse(&a, cases[i].host, 6379), cases[i].is_address, "%s", cases[i].host);
        if (cases[i].is_address) {
            addr_format(&a, text);
            cr_assert_str_eq(text, cases[i].formatted);
            cr_assert_eq(addr_is_loopback(&a), cases[i].is_loopback, "%s", cases[i].host);
            cr_assert_eq(addr_port(&a), 6379);
        }
    }
}

Test(addr, equality_looks_at_host_and_port)
{
    struct addr a;
    struct addr b;

    cr_assert(addr_parse(&a, "10.0.0.1", 1) && addr_parse(&b, "10.0.0.1", 1));
    cr_assert(addr_equal(&a, &b));
    addr_set_port(&b, 2);
    cr_assert(!addr_equal(&a, &b));
    cr_assert(addr_parse(&b, "10.0.0.2", 1));
    cr_assert(!addr_equal(&a, &b));
    cr_assert(addr_parse(&b, "::1", 1));
    cr_assert(!addr_equal(&a, &b));
}

Test(addr, paths_have_their_own_form)
{
    struct addr a;
    char text[ADDR_TEXT];
    char long_path[300];

    cr_assert(addr_from_path(&a, "/run/starling.sock"));
    addr_format(&a, text);
    cr_assert_str_eq(text, "/run/starling.sock:0");
    cr_assert(addr_is_unix(&a) && addr_is_loopback(&a) && addr_port(&a) == 0);
    memset(long_path, 'x', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    cr_assert(!addr_from_path(&a, long_path));
    cr_assert(!addr_from_path(&a, ""));
}

Test(addr, names_are_resolved_and_unknown_ones_explained)
{
    struct addr found[4];
    struct errmsg error = {0};

    cr_assert_geq(addr_resolve("localhost", 7, found, ARRAY_COUNT(found), &error), 1);
    cr_assert(addr_is_loopback(&found[0]));
    cr_assert_eq(addr_port(&found[0]), 7);
    cr_assert_eq(addr_resolve("no such host", 7, found, ARRAY_COUNT(found), &error), 0);
    cr_assert(strstr(error.text, "cannot resolve no such host: ") == error.text);
}

Test(addr, host_and_port_are_split_at_the_last_colon)
{
    char host[ADDR_HOST_TEXT];
    uint16_t port;

    cr_assert(addr_split(BYTES_LITERAL("example.org:6379"), host, &port));
    cr_assert_str_eq(host, "example.org");
    cr_assert_eq(port, 6379);
    cr_assert(addr_split(BYTES_LITERAL("[::1]:65535"), host, &port));
    cr_assert_str_eq(host, "::1");
    cr_assert(addr_split(BYTES_LITERAL("::1:80"), host, &port));
    cr_assert_str_eq(host, "::1");
    cr_assert(!addr_split(BYTES_LITERAL("host"), host, &port));
    cr_assert(!addr_split(BYTES_LITERAL(":80"), host, &port));
    cr_assert(!addr_split(BYTES_LITERAL("host:65536"), host, &port));
    cr_assert(!addr_split(BYTES_LITERAL("host:x"), host, &port));
    cr_assert(!addr_split(BYTES_LITERAL(""), host, &port));
}
