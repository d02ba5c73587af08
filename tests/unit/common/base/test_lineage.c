/* SPDX-License-Identifier: MIT */
/* base/lineage. */
#include "base/lineage.h"

#include <criterion/criterion.h>

#include <stdio.h>

static struct history_id named(unsigned number)
{
    struct history_id id = {0};

    snprintf(id.text, sizeof(id.text), "%040u", number);
    return id;
}

static void add(struct lineage *lineage, unsigned number, uint64_t end)
{
    struct history_id id = named(number);

    lineage_add(lineage, &id, end);
}

/* Where history was left; UINT64_MAX when it is not known. */
static uint64_t end_of(const struct lineage *lineage, unsigned number)
{
    struct history_id id = named(number);
    uint64_t end = UINT64_MAX;

    return lineage_find(lineage, &id, &end) ? end : UINT64_MAX;
}

Test(lineage, knows_where_each_history_was_left)
{
    struct lineage lineage = {0};

    add(&lineage, 1, 700);
    add(&lineage, 2, 900);
    cr_expect_eq(lineage.count, 2);
    cr_expect_eq(end_of(&lineage, 1), 700);
    cr_expect_eq(end_of(&lineage, 2), 900);
    cr_expect_eq(end_of(&lineage, 3), UINT64_MAX);
}

Test(lineage, that_is_empty_knows_nobody)
{
    struct lineage lineage = {0};
    struct history_id none = {0};
    uint64_t end = 5;

    lineage_check(&lineage);
    cr_expect_not(lineage_find(&lineage, &none, &end));
    lineage_add(&lineage, &none, 10);
    cr_expect_eq(lineage.count, 0, "a history without a name is nobody's ancestor");
    cr_expect_eq(end, 5, "untouched");
}

Test(lineage, forgets_what_was_behind_the_end)
{
    struct lineage lineage = {0};

    add(&lineage, 1, 700);
    add(&lineage, 2, 900);
    add(&lineage, 3, 900);
    cr_expect_eq(lineage.count, 3, "two may be left at the same place");
    add(&lineage, 4, 800);
    cr_expect_eq(lineage.count, 2);
    cr_expect_eq(end_of(&lineage, 1), 700);
    cr_expect_eq(end_of(&lineage, 2), UINT64_MAX);
    cr_expect_eq(end_of(&lineage, 3), UINT64_MAX);
    cr_expect_eq(end_of(&lineage, 4), 800);
}

Test(lineage, has_a_history_once_where_it_was_left_last)
{
    struct lineage lineage = {0};

    add(&lineage, 1, 100);
    add(&lineage, 2, 200);
    add(&lineage, 1, 300);
    cr_expect_eq(lineage.count, 2);
    cr_expect_eq(end_of(&lineage, 1), 300);
    cr_expect_eq(end_of(&lineage, 2), 200);
}

Test(lineage, forgets_the_oldest_when_there_is_no_room)
{
    struct lineage lineage = {0};

    for (unsigned i = 0; i < LINEAGE_MAX + 3; i++) {
        add(&lineage, i, i);
    }
    cr_expect_eq(lineage.count, LINEAGE_MAX);
    cr_expect_eq(end_of(&lineage, 2), UINT64_MAX);
    for (unsigned i = 3; i < LINEAGE_MAX + 3; i++) {
        cr_expect_eq(end_of(&lineage, i), i);
    }
}
