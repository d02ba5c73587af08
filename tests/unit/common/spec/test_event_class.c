/* SPDX-License-Identifier: MIT */
/* spec/event_class. */
#include "spec/event_class.h"

#include "base/attr.h"

#include <criterion/criterion.h>

Test(event_class, a_stands_for_all_but_what_has_to_be_asked_for_by_name)
{
    uint32_t all;
    uint32_t rest;

    cr_assert(event_classes_parse(BYTES_LITERAL("A"), &all));
    cr_assert(event_classes_parse(BYTES_LITERAL("g$lshzxetd"), &rest));
    cr_assert_eq(all, rest);
    cr_assert_eq(all & (EVENT_NEW | EVENT_MISS | EVENT_OVERWRITTEN | EVENT_TYPE_CHANGED), 0);
    cr_assert_eq(all & (EVENT_KEYSPACE | EVENT_KEYEVENT), 0);
}

Test(event_class, what_is_shown_is_read_as_the_same)
{
    for (uint32_t classes = 0; classes < 1U << EVENT_PLACES; classes += 7) {
        struct buf letters = {0};
        uint32_t again;

        event_classes_format(classes, &letters);
        cr_assert(event_classes_parse(buf_bytes(&letters), &again), "%s", buf_text(&letters));
        cr_assert_eq(again, classes, "%s", buf_text(&letters));
        buf_deinit(&letters);
    }
}

Test(event_class, a_letter_that_stands_for_nothing_is_refused_and_changes_nothing)
{
    static const char *const cases[] = {"X", "KEAX", "k", " ", "K E", "\xc3\xa4"};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t classes = 42;

        cr_assert(!event_classes_parse(bytes_from_text(cases[i]), &classes), "%s", cases[i]);
        cr_assert_eq(classes, 42);
    }
    cr_assert(!event_classes_parse(bytes_make("K\0", 2), &(uint32_t){0}));
}
