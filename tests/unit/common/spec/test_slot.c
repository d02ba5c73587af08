/* SPDX-License-Identifier: MIT */
/* spec/slot. */
#include "spec/slot.h"

#include "base/attr.h"
#include "base/crc.h"

#include <criterion/criterion.h>

Test(slot, keys_go_where_every_cluster_client_looks_for_them)
{
    cr_assert_eq(slot_of_key(BYTES_LITERAL("foo")), 12182);
    cr_assert_eq(slot_of_key(BYTES_LITERAL("bar")), 5061);
    cr_assert_eq(slot_of_key(BYTES_LITERAL("123456789")), 0x31c3);
    cr_assert_eq(slot_of_key(BYTES_LITERAL("")), 0);
}

Test(slot, only_a_filled_first_tag_is_hashed)
{
    static const struct {
        const char *key;
        const char *tag;
    } cases[] = {
        {"{user1000}.following", "user1000"  },
        {"foo{}{bar}",           "foo{}{bar}"},
        {"foo{{bar}}zap",        "{bar"      },
        {"foo{bar}{zap}",        "bar"       },
        {"}{x}",                 "x"         },
        {"no{end",               "no{end"    },
        {"plain",                "plain"     },
        {"{}",                   "{}"        },
        {"{",                    "{"         },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes key = bytes_from_text(cases[i].key);

        cr_assert(bytes_equal_text(slot_hash_tag(key), cases[i].tag), "%s", cases[i].key);
        cr_assert_eq(slot_of_key(key), crc16(0, bytes_from_text(cases[i].tag)) % SLOT_COUNT, "%s",
                     cases[i].key);
    }
}

Test(slot, every_slot_is_in_range)
{
    char key[2];

    for (int i = 0; i < 65536; i++) {
        key[0] = (char)(i >> 8);
        key[1] = (char)i;
        cr_assert_lt(slot_of_key(bytes_make(key, 2)), SLOT_COUNT);
    }
}

Test(slot, every_slot_has_a_tag_that_is_in_it)
{
    char tag[SLOT_TAG_SIZE];

    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        slot_tag((uint16_t)slot, tag);
        cr_assert_eq(slot_of_key(bytes_from_text(tag)), slot, "%s", tag);
    }
    slot_tag(0, tag);
    cr_expect_str_eq(tag, "06S", "the first one of those that are in it");
}
