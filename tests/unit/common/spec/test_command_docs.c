/* SPDX-License-Identifier: MIT */
#include "spec/command_docs.h"

#include <criterion/criterion.h>
#include <string.h>

Test(command_docs, a_command_that_is_not_listed_is_said_to_be_constant_and_without_tips)
{
    struct command_docs docs = command_docs(COMMAND_GET);

    cr_assert_str_eq(docs.complexity, "O(1)");
    cr_assert_str_eq(docs.tips, "");
    cr_assert_str_eq(docs.replaced_since, "");
}

Test(command_docs, a_replaced_command_names_since_when_and_by_what)
{
    for (int id = 0; id < COMMAND_COUNT; id++) {
        struct command_docs docs = command_docs((enum command_id)id);

        cr_expect_eq(docs.replaced_since[0] == '\0', docs.replaced_by[0] == '\0', "%s",
                     command_spec((enum command_id)id)->name);
    }
    cr_assert_str_eq(command_docs(COMMAND_SUBSTR).replaced_by, "`GETRANGE`");
}

Test(command_docs, categories_follow_from_the_row_of_a_command)
{
    static const struct {
        enum command_id id;
        uint32_t categories;
    } cases[] = {
        {COMMAND_GET,            CATEGORY_READ | CATEGORY_STRING | CATEGORY_FAST                        },
        {COMMAND_SET,            CATEGORY_WRITE | CATEGORY_STRING | CATEGORY_SLOW                       },
        {COMMAND_DEL,            CATEGORY_KEYSPACE | CATEGORY_WRITE | CATEGORY_SLOW                     },
        {COMMAND_KEYS,           CATEGORY_KEYSPACE | CATEGORY_READ | CATEGORY_SLOW | CATEGORY_DANGEROUS },
        {COMMAND_WAIT,           CATEGORY_SLOW | CATEGORY_CONNECTION                                    },
        {COMMAND_WAITAOF,        CATEGORY_SLOW | CATEGORY_CONNECTION | CATEGORY_BLOCKING                },
        {COMMAND_RESTORE_ASKING,
         CATEGORY_KEYSPACE | CATEGORY_WRITE | CATEGORY_SLOW | CATEGORY_DANGEROUS                        },
        {COMMAND_COMMAND_DOCS,   CATEGORY_SLOW | CATEGORY_CONNECTION                                    },
        {COMMAND_CONFIG_SET,     CATEGORY_ADMIN | CATEGORY_SLOW | CATEGORY_DANGEROUS                    },
        {COMMAND_FLUSHALL,       CATEGORY_KEYSPACE | CATEGORY_WRITE | CATEGORY_SLOW | CATEGORY_DANGEROUS},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_eq(command_categories(command_spec(cases[i].id)), cases[i].categories, "%s",
                     command_spec(cases[i].id)->name);
    }
}

Test(command_docs, whoever_writes_keys_is_a_write_command_and_the_other_way_round)
{
    const uint32_t writes = KEY_ACCESS_RW | KEY_ACCESS_OW | KEY_ACCESS_RM;

    for (int id = 0; id < COMMAND_COUNT; id++) {
        const struct command_spec *spec = command_spec((enum command_id)id);

        /* PFCOUNT keeps its count in the value, and is for readers all the same; XREADGROUP only reads entries, but
         * notes in groups what was read. */
        if (command_has_keys(spec) && spec->id != COMMAND_PFCOUNT &&
            spec->id != COMMAND_XREADGROUP) {
            cr_expect_neq(spec->first_access, 0, "%s", spec->name);
            cr_expect_eq(((spec->first_access | spec->rest_access) & writes) != 0,
                         (spec->flags & COMMAND_FLAG_WRITE) != 0, "%s", spec->name);
        }
    }
}
