/* SPDX-License-Identifier: MIT */
#include "net/footprint.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
    MB = 1024 * 1024,
    BLOCK_BYTES = 20000, /* malloc keeps blocks of this size in its lists */
    BLOCKS = 1000,
    SLACK = MB,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum {
    HAS_GLIBC_MALLOC = false
};
#else
enum {
    HAS_GLIBC_MALLOC = true
};
#endif

Test(footprint, the_process_is_resident_in_part_by_files_and_a_stack)
{
    struct env_memory memory;

    footprint_measure(&memory);
    cr_assert_gt(memory.resident, 500 * 1024);
    cr_assert(memory.files > 0 && memory.files < memory.resident);
    cr_assert(memory.stack > 0 && memory.stack < memory.resident);
    cr_assert_eq(memory.untouched, 0);
    cr_assert_gt(footprint_resident(), memory.resident / 2);
}

/* Blocks that were written to; every tenth is kept, the others freed. */
static void make_holes(char **blocks)
{
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_BYTES);
        cr_assert_not_null(blocks[i]);
        memset(blocks[i], i, BLOCK_BYTES);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (i % 10 != 0) {
            free(blocks[i]);
            blocks[i] = NULL;
        }
    }
}

Test(footprint, memory_that_malloc_keeps_is_seen_and_can_be_given_back)
{
    static char *blocks[BLOCKS];
    struct env_memory kept;
    struct env_memory released;

    if (!HAS_GLIBC_MALLOC) {
        cr_skip_test("another malloc");
    }
    make_holes(blocks);
    footprint_measure(&kept);
    cr_assert_geq(kept.heap_free, (size_t)BLOCKS * 9 / 10 * BLOCK_BYTES);
    cr_assert_geq(kept.heap_resident, (size_t)BLOCKS * BLOCK_BYTES);
    cr_assert_leq(kept.heap_resident, kept.heap);
    footprint_release();
    footprint_measure(&released);
    cr_assert_leq(released.heap_resident + 15 * MB, kept.heap_resident);
    cr_assert_leq(released.resident + 14 * MB, kept.resident);
    for (int i = 0; i < BLOCKS; i++) {
        free(blocks[i]);
    }
}

Test(footprint, a_block_that_is_mapped_on_its_own_is_counted)
{
    struct env_memory before;
    struct env_memory after;
    char *block;

    if (!HAS_GLIBC_MALLOC) {
        cr_skip_test("another malloc");
    }
    footprint_measure(&before);
    block = malloc((size_t)64 * MB);
    cr_assert_not_null(block);
    footprint_measure(&after);
    cr_assert_geq(after.mapped, before.mapped + (size_t)64 * MB);
    cr_assert_lt(after.resident, before.resident + SLACK, "nothing was written to it");
    free(block);
}
