/* SPDX-License-Identifier: MIT */
/* cli/slot_migration: what CLUSTER GETSLOTMIGRATIONS says of a move. */
#include "cli/slot_migration.h"

#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

/* name, operation, state, message of each */
static struct resp_value list_of(const char *const rows[][4], size_t count)
{
    static const char *const names[] = {"name", "operation", "state", "message"};
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value value;
    struct buf wire = {0};
    size_t consumed;

    buf_printf(&wire, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        buf_append_text(&wire, "*10\r\n$4\r\nkeys\r\n:12\r\n");
        for (size_t j = 0; j < 4; j++) {
            buf_printf(&wire, "$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(names[j]), names[j],
                       strlen(rows[i][j]), rows[i][j]);
        }
    }
    cr_assert_eq(resp_value_read(buf_bytes(&wire), &limits, &value, &consumed, NULL), RESP_OK);
    buf_deinit(&wire);
    return value;
}

Test(slot_migration, each_state_is_told_apart_and_whatever_is_no_end_goes_on)
{
    static const char *const rows[][4] = {
        {"a", "EXPORT", "success",       ""       },
        {"b", "EXPORT", "failed",        "no room"},
        {"c", "EXPORT", "cancelled",     ""       },
        {"d", "EXPORT", "replicating",   ""       },
        {"e", "EXPORT", "something-new", ""       },
    };
    static const enum slot_migration_state states[] = {
        SLOT_MIGRATION_SUCCESS, SLOT_MIGRATION_FAILED, SLOT_MIGRATION_CANCELLED,
        SLOT_MIGRATION_ON,      SLOT_MIGRATION_ON,     SLOT_MIGRATION_UNKNOWN};
    struct resp_value reply = list_of(rows, 5);

    for (size_t i = 0; i < 6; i++) {
        struct slot_migration migration = {.name = {(char)('a' + i)}};

        slot_migration_find(&reply, &migration);
        cr_assert_eq(migration.state, states[i], "%s", migration.name);
        cr_assert_eq(migration.keys, i < 5 ? 12 : 0);
        cr_assert_str_eq(migration.message.text, i == 1 ? "no room" : "");
    }
    resp_value_deinit(&reply);
    cr_assert_eq(mem_used_total(), 0);
}

static struct resp_value entry_of(const char *ranges)
{
    const struct resp_limits limits = RESP_LIMITS_DEFAULT;
    struct resp_value value;
    struct buf wire = {0};
    size_t consumed;

    buf_printf(&wire,
               "*14\r\n+name\r\n+x\r\n+operation\r\n+IMPORT\r\n+slot_ranges\r\n+%s\r\n"
               "+target_node\r\n+to\r\n+source_node\r\n+from\r\n+state\r\n+replicating\r\n"
               "+keys\r\n:7\r\n",
               ranges);
    cr_assert_eq(resp_value_read(buf_bytes(&wire), &limits, &value, &consumed, NULL), RESP_OK);
    buf_deinit(&wire);
    return value;
}

Test(slot_migration, an_entry_tells_both_sides_the_slots_and_how_far_it_is)
{
    struct resp_value entry = entry_of("1-3 9 16383");
    struct slot_migration told;

    cr_assert(slot_migration_parse(&entry, &told));
    cr_assert_str_eq(told.name, "x");
    cr_assert(told.is_import);
    cr_assert_eq(told.state, SLOT_MIGRATION_ON);
    cr_assert_str_eq(told.step, "replicating");
    cr_assert_str_eq(told.from_id, "from");
    cr_assert_str_eq(told.to_id, "to");
    cr_assert_eq(told.keys, 7);
    cr_assert_eq(bitset_count(told.slots, SLOT_PLAN_WORDS), 5);
    cr_assert(bitset_has(told.slots, 2) && bitset_has(told.slots, 9) &&
              bitset_has(told.slots, 16383));
    resp_value_deinit(&entry);
}

Test(slot_migration, an_entry_with_slots_that_make_no_sense_is_none)
{
    static const char *const ranges[] = {"16384", "1-", "-1", "one", "1-2-3"};

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        struct resp_value entry = entry_of(ranges[i]);
        struct slot_migration told;

        cr_assert_not(slot_migration_parse(&entry, &told), "%s", ranges[i]);
        resp_value_deinit(&entry);
    }
}

Test(slot_migration, the_one_that_was_begun_is_the_one_that_was_not_there_before_and_goes_out)
{
    static const char *const before_rows[][4] = {
        {"a", "EXPORT", "success", ""}
    };
    static const char *const after_rows[][4] = {
        {"x", "IMPORT", "replicating", ""},
        {"b", "EXPORT", "connecting",  ""},
        {"a", "EXPORT", "success",     ""},
    };
    struct resp_value before = list_of(before_rows, 1);
    struct resp_value after = list_of(after_rows, 3);
    char name[SLOT_MIGRATION_NAME];

    cr_assert(slot_migration_find_new(&after, &before, name));
    cr_assert_str_eq(name, "b");
    cr_assert_not(slot_migration_find_new(&before, &before, name));
    resp_value_deinit(&before);
    resp_value_deinit(&after);
}

Test(slot_migration, takes_no_more_runs_of_slots_than_one_can_have_and_none_twice)
{
    uint64_t left[SLOT_PLAN_WORDS] = {0};
    uint64_t seen[SLOT_PLAN_WORDS] = {0};
    uint64_t some[SLOT_PLAN_WORDS];
    size_t parts = 0;

    for (size_t slot = 0; slot < 400; slot += 4) { /* 100 runs of two */
        bitset_add(left, slot);
        bitset_add(left, slot + 1);
    }
    for (; slot_migration_take(left, some); parts++) {
        size_t runs = 0;

        for (size_t slot = 0; slot < SLOT_COUNT; slot++) {
            if (bitset_has(some, slot)) {
                runs += slot == 0 || !bitset_has(some, slot - 1) ? 1 : 0;
                cr_assert_not(bitset_has(seen, slot));
                bitset_add(seen, slot);
            }
        }
        cr_assert_eq(runs, parts == 0 ? 64 : 36);
    }
    cr_assert_eq(parts, 2);
    cr_assert_eq(bitset_count(seen, SLOT_PLAN_WORDS), 200);
}
