/* SPDX-License-Identifier: MIT */
/* The log of what was refused. */
#include "session/acl_log.h"

#include <criterion/criterion.h>

#include <stdio.h>

static void add(struct acl_log *log, const char *object, int64_t unix_ms)
{
    acl_log_add(log, &(struct acl_event){.reason = ACL_REASON_KEY,
                                         .unix_ms = unix_ms,
                                         .object = bytes_from_text(object),
                                         .user = BYTES_LITERAL("u"),
                                         .client = bytes_from_text(object)});
    acl_log_check(log);
}

static struct acl_log_entry *newest(struct acl_log *log)
{
    return CONTAINER_OF(log->entries.next, struct acl_log_entry, all);
}

Test(acl_log, counts_what_comes_again_within_a_minute_at_the_front)
{
    struct acl_log log;

    acl_log_init(&log, 128);
    add(&log, "a", 1000);
    add(&log, "b", 2000);
    add(&log, "a", 61000);
    cr_assert_eq(log.count, 2);
    cr_expect_eq(newest(&log)->count, 2);
    cr_expect_eq(newest(&log)->id, 0);
    cr_expect_eq(newest(&log)->created_unix_ms, 1000);
    cr_expect_eq(newest(&log)->updated_unix_ms, 61000);
    add(&log, "a", 121001);
    cr_expect_eq(log.count, 3);
    cr_expect_eq(newest(&log)->id, 2);
    acl_log_deinit(&log);
}

Test(acl_log, another_reason_context_or_user_is_another_entry)
{
    struct acl_event event = {.reason = ACL_REASON_KEY, .object = BYTES_LITERAL("a")};
    struct acl_log log;

    acl_log_init(&log, 128);
    acl_log_add(&log, &event);
    event.reason = ACL_REASON_COMMAND;
    acl_log_add(&log, &event);
    event.context = ACL_CONTEXT_MULTI;
    acl_log_add(&log, &event);
    event.user = BYTES_LITERAL("u");
    acl_log_add(&log, &event);
    acl_log_add(&log, &event);
    cr_expect_eq(log.count, 4);
    acl_log_deinit(&log);
}

Test(acl_log, only_the_ten_newest_are_looked_at_and_the_oldest_go)
{
    struct acl_log log;
    char object[16];

    acl_log_init(&log, 12);
    for (int i = 0; i < 20; i++) {
        snprintf(object, sizeof(object), "%d", i);
        add(&log, object, 1000);
    }
    cr_expect_eq(log.count, 12);
    add(&log, "10", 1000);
    cr_expect_eq(newest(&log)->count, 2);
    add(&log, "9", 1000);
    cr_expect_eq(newest(&log)->count, 1);
    acl_log_set_limit(&log, 1);
    cr_expect_eq(log.count, 1);
    acl_log_set_limit(&log, 0);
    add(&log, "x", 1000);
    cr_expect_eq(log.count, 0);
    acl_log_deinit(&log);
}

Test(acl_log, a_very_long_name_is_kept_in_part)
{
    static char name[100000];
    struct acl_log log;

    memset(name, 'k', sizeof(name) - 1);
    acl_log_init(&log, 2);
    add(&log, name, 0);
    add(&log, name, 0);
    cr_expect_eq(newest(&log)->count, 2);
    cr_expect_eq(newest(&log)->object.len, 4096);
    acl_log_deinit(&log);
}
