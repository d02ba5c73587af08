/* SPDX-License-Identifier: MIT */
/* base/mem. */
#include "base/mem.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(mem, a_tag_counts_what_lives_under_it)
{
    size_t before = mem_used(MEM_TEST);
    void *block = mem_alloc(MEM_TEST, 1000);

    cr_assert_geq(mem_used(MEM_TEST), before + 1000);
    block = mem_realloc(MEM_TEST, block, 5000);
    cr_assert_geq(mem_used(MEM_TEST), before + 5000);
    cr_assert_geq(mem_used_total(), mem_used(MEM_TEST));
    mem_free(MEM_TEST, block);
    cr_assert_eq(mem_used(MEM_TEST), before);
    mem_free(MEM_TEST, NULL);
    cr_assert_eq(mem_used(MEM_TEST), before);
}

Test(mem, zeroed_aligned_and_copied_blocks_are_what_they_say)
{
    char *zeroed = mem_alloc_zeroed(MEM_TEST, 64);
    void *aligned = mem_alloc_aligned(MEM_TEST, 256, 10);
    char *copy = mem_strdup(MEM_TEST, "text");

    for (int i = 0; i < 64; i++) {
        cr_assert_eq(zeroed[i], 0);
    }
    cr_assert_eq((uintptr_t)aligned % 256, 0);
    cr_assert_str_eq(copy, "text");
    mem_free(MEM_TEST, zeroed);
    mem_free(MEM_TEST, aligned);
    mem_free(MEM_TEST, copy);
    cr_assert_eq(mem_used(MEM_TEST), 0);
}

Test(mem, every_tag_has_a_name)
{
    for (int tag = 0; tag < MEM_TAG_COUNT; tag++) {
        cr_assert_not_null(mem_tag_name((enum mem_tag)tag));
        cr_assert_gt(strlen(mem_tag_name((enum mem_tag)tag)), 0);
    }
}
