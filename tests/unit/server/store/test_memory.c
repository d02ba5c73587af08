/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    MANY = 60000,
    LARGE = 5000,
};

static void explain(struct keyspace *ks, size_t parts[KEYSPACE_PART_COUNT])
{
    struct rng rng;

    rng_init(&rng, 1);
    keyspace_explain(ks, &rng, parts);
}

/* The parts that lie in pages of the slab are those pages, and the others what malloc counted. */
static void expect_sums(struct keyspace *ks)
{
    const struct slab *slab = &ks->shared.slab;
    size_t parts[KEYSPACE_PART_COUNT];
    struct keyspace_memory memory;
    size_t in_pages = 0;

    explain(ks, parts);
    keyspace_memory(ks, &memory);
    for (int i = 0; i < KEYSPACE_DIRECTORIES; i++) {
        in_pages += parts[i];
    }
    in_pages += slab_untouched_bytes(slab, SLAB_ENTRIES);
    in_pages += slab_untouched_bytes(slab, SLAB_BUCKETS);
    for (int kind = 0; kind < SLAB_KIND_COUNT; kind++) {
        in_pages += slab_untouched_bytes(&ks->values.members.slab, (enum slab_kind)kind);
    }
    cr_assert_eq(in_pages, memory.arena_bytes);
    cr_assert_eq(parts[KEYSPACE_LARGE] + parts[KEYSPACE_LARGE_SPARE] +
                     parts[KEYSPACE_DEAD_ENTRIES] + parts[KEYSPACE_DEAD_LARGE] +
                     parts[KEYSPACE_MEMBERS],
                 memory.large_bytes + memory.pending_bytes);
    cr_assert_eq(parts[KEYSPACE_DIRECTORIES], ks->shared.directory_bytes);
}

Test(memory, an_empty_key_space_has_an_index_of_pages_and_no_more)
{
    struct keyspace *ks = space_new(false);
    size_t parts[KEYSPACE_PART_COUNT];

    explain(ks, parts);
    for (int i = 0; i < KEYSPACE_PART_COUNT; i++) {
        cr_assert_eq(parts[i], i == KEYSPACE_PAGES_INDEX ? 2 * sizeof(struct slab_page) : 0);
    }
    space_free(ks);
}

Test(memory, the_parts_of_few_entries_are_exact)
{
    struct keyspace *ks = space_new(false);
    size_t parts[KEYSPACE_PART_COUNT];

    space_set(ks, 0, "key", "text");
    space_set(ks, 3, "key", "12345");
    explain(ks, parts);
    cr_assert_eq(parts[KEYSPACE_ENTRIES], (7 + 3 + 4) + (6 + 3 + 8));
    cr_assert_eq(parts[KEYSPACE_ENTRIES_ROUNDING], (16 - 14) + (24 - 17));
    cr_assert_eq(parts[KEYSPACE_BUCKETS], 2 * BUCKET_BYTES / BUCKET_PLACES);
    cr_assert_eq(parts[KEYSPACE_BUCKETS] + parts[KEYSPACE_BUCKETS_UNUSED], 2 * BUCKET_BYTES);
    cr_assert_eq(parts[KEYSPACE_BUCKETS_DEAD], 0);
    cr_assert_lt(parts[KEYSPACE_ENTRIES_FREE], 2 * 4096, "the rest of the pages was never touched");
    expect_sums(ks);
    space_free(ks);
}

Test(memory, room_that_a_large_value_has_to_grow_is_told_from_the_value)
{
    struct keyspace *ks = space_new(true);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    size_t parts[KEYSPACE_PART_COUNT];

    space_set(ks, 0, "k", "v");
    space_edit(ks, &ref, LARGE);
    explain(ks, parts);
    cr_assert_eq(parts[KEYSPACE_LARGE], LARGE + sizeof(struct block));
    cr_assert_eq(parts[KEYSPACE_LARGE_SPARE], LARGE);
    expect_sums(ks);
    space_free(ks);
}

/* Entries and values of many sizes; the exact bytes of the entries. */
static size_t fill(struct keyspace *ks)
{
    char value[2000];
    char text[SPACE_KEY_TEXT];
    size_t payload = 0;

    memset(value, 'v', sizeof(value));
    for (unsigned i = 0; i < MANY; i++) {
        unsigned db = ks->is_cluster ? 0 : i % 7 % 3;
        struct key_ref ref = keyspace_ref(ks, db, space_key(i, text));
        size_t len = i % 100 == 0 ? sizeof(value) : i % 61;

        keyspace_set(ks, &ref, bytes_make(value, len), i % 5 == 0 ? 7 : EXPIRE_NEVER);
        payload += entry_bytes(keyspace_find_any(ks, &ref));
    }
    return payload;
}

Test(memory, the_parts_of_many_entries_are_estimated_within_two_percent)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct keyspace *ks = space_new(is_cluster);
        size_t payload = fill(ks);
        size_t parts[KEYSPACE_PART_COUNT];

        explain(ks, parts);
        cr_assert(parts[KEYSPACE_ENTRIES] > payload - payload / 50 &&
                      parts[KEYSPACE_ENTRIES] < payload + payload / 50,
                  "%zu instead of %zu", parts[KEYSPACE_ENTRIES], payload);
        expect_sums(ks);
        space_free(ks);
    }
}

Test(memory, what_was_flushed_is_counted_apart_until_it_is_freed)
{
    struct keyspace *ks = space_new(false);
    size_t parts[KEYSPACE_PART_COUNT];

    (void)fill(ks);
    keyspace_flush(ks, 0);
    explain(ks, parts);
    cr_assert_gt(parts[KEYSPACE_DEAD_ENTRIES], MANY / 3 * 30);
    cr_assert_geq(parts[KEYSPACE_DEAD_LARGE], MANY / 300 * 2000);
    do {
        expect_sums(ks);
    } while (keyspace_work(ks, 5000));
    expect_sums(ks);
    explain(ks, parts);
    cr_assert(parts[KEYSPACE_DEAD_ENTRIES] == 0 && parts[KEYSPACE_DEAD_LARGE] == 0);
    space_free(ks);
}

Test(memory, free_places_and_idle_pages_are_seen_and_all_idle_pages_can_go_at_once)
{
    struct keyspace *ks = space_new(false);
    size_t parts[KEYSPACE_PART_COUNT];

    space_set_many(ks, 0, 0, MANY * 2, EXPIRE_NEVER);
    space_remove_many(ks, 0, 0, MANY * 2 - 10);
    expect_sums(ks);
    explain(ks, parts);
    cr_assert_gt(parts[KEYSPACE_PAGES_IDLE], 30 * SLAB_PAGE_BYTES);
    cr_assert_gt(parts[KEYSPACE_ENTRIES_FREE], SLAB_PAGE_BYTES / 2);
    keyspace_release_memory(ks);
    explain(ks, parts);
    cr_assert_leq(parts[KEYSPACE_PAGES_IDLE], 16 * SLAB_PAGE_BYTES);
    expect_sums(ks);
    space_free(ks);
}

Test(memory, the_size_classes_make_up_all_objects)
{
    struct keyspace *ks = space_new(false);
    const struct slab *slab = &ks->shared.slab;
    struct keyspace_size_class class;
    size_t bytes[2] = {0};
    size_t pages = 0;

    (void)fill(ks);
    for (unsigned i = 0; keyspace_size_class(ks, i, &class); i++) {
        bytes[class.is_entries] += class.live * class.object_bytes;
        pages += class.pages;
        cr_assert_leq(class.live, (uint64_t) class.pages * class.capacity);
    }
    cr_assert_eq(bytes[true], slab->object_bytes[SLAB_ENTRIES]);
    cr_assert_eq(bytes[false], slab->object_bytes[SLAB_BUCKETS]);
    cr_assert_eq(pages * SLAB_PAGE_BYTES,
                 slab->page_bytes[SLAB_ENTRIES] + slab->page_bytes[SLAB_BUCKETS]);
    space_free(ks);
}
