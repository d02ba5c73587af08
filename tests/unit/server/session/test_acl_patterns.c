/* SPDX-License-Identifier: MIT */
/* Patterns of names: each once, found by their texts, and what they match. */
#include "session/acl_patterns.h"

#include "base/attr.h"
#include "base/buf.h"

#include <criterion/criterion.h>

#include <time.h>

static void add(struct acl_patterns *patterns, const char *text, uint32_t access)
{
    acl_patterns_add(patterns, bytes_from_text(text), access);
    acl_patterns_check(patterns);
}

Test(acl_patterns, one_that_is_there_already_is_for_more_and_keeps_its_place)
{
    struct acl_patterns patterns = {0};
    struct acl_patterns copy;

    add(&patterns, "a*", 1);
    add(&patterns, "", 1);
    add(&patterns, "a*", 2);
    acl_patterns_copy(&patterns, &copy);
    acl_patterns_clear(&patterns);
    acl_patterns_check(&copy);
    cr_assert_eq(copy.all.count, 2);
    cr_expect(bytes_equal_text(acl_pattern_text(copy.all.items[0]), "a*"));
    cr_expect_eq(copy.all.items[0]->access, 3);
    cr_expect_eq(acl_patterns_find(&copy, BYTES_LITERAL(""))->access, 1);
    cr_expect_null(acl_patterns_find(&copy, BYTES_LITERAL("a")));
    acl_patterns_clear(&copy);
    acl_patterns_check(&copy);
}

Test(acl_patterns, one_has_to_match_for_all_that_is_asked)
{
    static const struct {
        const char *name;
        uint32_t access;
        bool matches;
    } cases[] = {
        {"pre",    1, true },
        {"prefix", 1, true },
        {"prefix", 3, false},
        {"pr",     1, false},
        {"",       1, false},
        {"hat",    2, true },
        {"hot",    0, false},
        {"a*c",    3, true },
        {"abc",    0, false},
    };
    struct acl_patterns patterns = {0};

    add(&patterns, "pre*", 1);
    add(&patterns, "h[a]t", 2);
    add(&patterns, "a\\*c", 3);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_expect_eq(acl_patterns_match(&patterns, bytes_from_text(cases[i].name), cases[i].access),
                     cases[i].matches, "%s for %u", cases[i].name, cases[i].access);
    }
    acl_patterns_clear(&patterns);
}

/* Were each compared with those before it, this would take minutes. */
Test(acl_patterns, two_hundred_thousand_are_added_in_seconds)
{
    struct acl_patterns patterns = {0};
    struct buf text = {0};
    clock_t began = clock();

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 200000; i++) {
            buf_clear(&text);
            buf_printf(&text, "key:%d:*", i);
            acl_patterns_add(&patterns, buf_bytes(&text), 1);
        }
    }
    cr_expect_eq(patterns.all.count, 200000);
    cr_expect_lt(clock() - began, 10 * CLOCKS_PER_SEC);
    buf_deinit(&text);
    acl_patterns_clear(&patterns);
}
