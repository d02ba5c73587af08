/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "store/slab.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

enum {
    ARENA_BYTES = 64 * 1024 * 1024,
};

Test(slab, an_object_has_room_for_what_was_asked_and_wastes_at_most_a_third)
{
    for (size_t size = 1; size <= SLAB_OBJECT_MAX / 4; size++) {
        size_t rounded = slab_rounded_size(size);

        cr_assert(rounded >= size);
        cr_assert(rounded <= size + size / 3 + 8, "%zu becomes %zu", size, rounded);
        cr_assert_eq(slab_rounded_size(rounded), rounded);
    }
}

Test(slab, objects_do_not_overlap)
{
    struct slab slab;
    uint64_t refs[500];

    slab_init(&slab, ARENA_BYTES);
    for (unsigned i = 0; i < 500; i++) {
        refs[i] = slab_alloc(&slab, SLAB_ENTRIES, 1 + i * 7);
        memset(slab_at(&slab, refs[i]), (int)(i % 251), slab_object_size(&slab, refs[i]));
    }
    for (unsigned i = 0; i < 500; i++) {
        const unsigned char *at = slab_at(&slab, refs[i]);

        cr_assert(slab_ref(&slab, at) == refs[i] && refs[i] != 0);
        cr_assert(at[0] == i % 251 && at[slab_object_size(&slab, refs[i]) - 1] == i % 251);
    }
    slab_check(&slab);
    slab_deinit(&slab);
}

Test(slab, multiples_of_64_are_aligned_to_64)
{
    struct slab slab;

    slab_init(&slab, ARENA_BYTES);
    for (size_t size = 64; size <= 1024; size += 64) {
        for (int i = 0; i < 20; i++) {
            uint64_t ref = slab_alloc(&slab, SLAB_BUCKETS, size);

            cr_assert_eq((uintptr_t)slab_at(&slab, ref) % 64, 0);
        }
    }
    slab_deinit(&slab);
}

Test(slab, freed_objects_are_used_again)
{
    struct slab slab;
    uint64_t first;
    uint64_t second;

    slab_init(&slab, ARENA_BYTES);
    first = slab_alloc(&slab, SLAB_ENTRIES, 100);
    second = slab_alloc(&slab, SLAB_ENTRIES, 100);
    slab_free(&slab, first);
    cr_assert_eq(slab_alloc(&slab, SLAB_ENTRIES, 100), first);
    slab_free(&slab, second);
    slab_free(&slab, first);
    cr_assert_eq(slab_alloc(&slab, SLAB_ENTRIES, 100), first);
    cr_assert_eq(slab_alloc(&slab, SLAB_ENTRIES, 100), second);
    slab_deinit(&slab);
}

Test(slab, the_counts_are_exact_for_each_kind)
{
    struct slab slab;
    uint64_t entry;
    uint64_t bucket;

    slab_init(&slab, ARENA_BYTES);
    entry = slab_alloc(&slab, SLAB_ENTRIES, 33);
    bucket = slab_alloc(&slab, SLAB_BUCKETS, 1000);
    cr_assert_eq(slab.object_bytes[SLAB_ENTRIES], 40);
    cr_assert_eq(slab.object_bytes[SLAB_BUCKETS], 1024);
    cr_assert_eq(slab.page_bytes[SLAB_ENTRIES], SLAB_PAGE_BYTES);
    slab_free(&slab, entry);
    slab_free(&slab, bucket);
    cr_assert_eq(slab.object_bytes[SLAB_ENTRIES] + slab.object_bytes[SLAB_BUCKETS], 0);
    cr_assert_eq(slab.page_bytes[SLAB_ENTRIES] + slab.page_bytes[SLAB_BUCKETS], 0);
    cr_assert_eq(slab_idle_bytes(&slab), 2 * SLAB_PAGE_BYTES);
    slab_deinit(&slab);
}

Test(slab, empty_pages_are_given_back_but_for_a_reserve_and_used_again)
{
    struct slab slab;
    uint64_t refs[100];

    slab_init(&slab, ARENA_BYTES);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) {
            refs[i] = slab_alloc(&slab, SLAB_ENTRIES, SLAB_OBJECT_MAX);
            memset(slab_at(&slab, refs[i]), 1, SLAB_OBJECT_MAX);
        }
        cr_assert_eq(slab.page_end, 101);
        for (int i = 0; i < 100; i++) {
            slab_free(&slab, refs[i]);
        }
        while (slab_release_pages(&slab, 7)) {
        }
        cr_assert_lt(slab_idle_bytes(&slab), 20 * SLAB_PAGE_BYTES);
        slab_check(&slab);
    }
    slab_deinit(&slab);
}

Test(slab, nothing_is_allocated_in_a_closed_page_until_it_is_open_again)
{
    struct slab slab;
    uint64_t refs[3];
    uint64_t other;

    slab_init(&slab, ARENA_BYTES);
    for (int i = 0; i < 3; i++) {
        refs[i] = slab_alloc(&slab, SLAB_ENTRIES, 1000);
    }
    slab_free(&slab, refs[1]);
    slab_close_page(&slab, slab_page_of(refs[0]));
    slab_check(&slab);
    other = slab_alloc(&slab, SLAB_ENTRIES, 1000);
    cr_assert_neq(slab_page_of(other), slab_page_of(refs[0]));
    slab_reopen_page(&slab);
    slab_reopen_page(&slab);
    slab_check(&slab);
    cr_assert_eq(slab_alloc(&slab, SLAB_ENTRIES, 1000), refs[1]);
    slab_deinit(&slab);
}

Test(slab, a_closed_page_is_idle_once_it_is_empty)
{
    struct slab slab;
    uint64_t ref;

    slab_init(&slab, ARENA_BYTES);
    ref = slab_alloc(&slab, SLAB_ENTRIES, 1000);
    slab_close_page(&slab, slab_page_of(ref));
    slab_free(&slab, ref);
    cr_assert_eq(slab.closed_page, 0);
    cr_assert_eq(slab_idle_bytes(&slab), SLAB_PAGE_BYTES);
    slab_check(&slab);
    slab_deinit(&slab);
}

Test(slab, the_live_objects_of_a_page_are_found_whatever_their_size)
{
    for (size_t size = 8; size <= SLAB_OBJECT_MAX / 2; size = slab_rounded_size(size + 1)) {
        struct slab slab;
        uint64_t bits[SLAB_LIVE_WORDS];
        uint64_t refs[SLAB_PAGE_BYTES / 8];
        uint32_t count = (uint32_t)(SLAB_PAGE_BYTES / size);

        slab_init(&slab, ARENA_BYTES);
        for (uint32_t i = 0; i < count; i++) {
            refs[i] = slab_alloc(&slab, SLAB_ENTRIES, size);
            cr_assert_eq(refs[i], slab_object_ref(&slab, slab_page_of(refs[0]), i));
        }
        for (uint32_t i = 1; i < count; i += 1 + i % 3) {
            slab_free(&slab, refs[i]);
            refs[i] = 0;
        }
        slab_find_live(&slab, slab_page_of(refs[0]), bits);
        for (uint32_t i = 0; i < SLAB_LIVE_WORDS * 64; i++) {
            cr_assert_eq(bits[i / 64] >> i % 64 & 1, i < count && refs[i] != 0);
        }
        slab_deinit(&slab);
    }
}

Test(slab, an_object_moves_with_its_contents_if_another_page_has_room)
{
    struct slab slab;
    uint64_t refs[66];
    uint64_t moved;

    slab_init(&slab, ARENA_BYTES);
    for (int i = 0; i < 66; i++) {
        refs[i] = slab_alloc(&slab, SLAB_ENTRIES, 1024);
        memset(slab_at(&slab, refs[i]), i, 1024);
    }
    moved = slab_move(&slab, refs[5]);
    cr_assert_eq(slab_page_of(moved), slab_page_of(refs[65]));
    cr_assert_eq(*(char *)slab_at(&slab, moved), 5);
    cr_assert_eq(slab_move(&slab, moved), refs[5], "back into what it left");
    slab_close_page(&slab, slab_page_of(refs[65]));
    cr_assert_eq(slab_move(&slab, refs[6]), 0, "no other page has room");
    slab_reopen_page(&slab);
    slab_check(&slab);
    slab_deinit(&slab);
}

Test(slab, a_full_arena_stops_the_process, .signal = SIGABRT)
{
    struct slab slab;

    slab_init(&slab, 1024 * 1024);
    for (int i = 0; i < 1000; i++) {
        cr_assert(slab_alloc(&slab, SLAB_ENTRIES, SLAB_OBJECT_MAX) != 0);
    }
}

Test(slab, the_default_arena_is_large_but_costs_nothing)
{
    struct slab slab;

    slab_init(&slab, 0);
    cr_assert_geq(slab.arena_bytes, (size_t)1 << 26);
    cr_assert_leq(slab_overhead_bytes(&slab), 64);
    slab_deinit(&slab);
}
