/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/mem.h"
#include "store/keyspace_state.h"
#include "store/walk.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum {
    KEYS = 300000, /* some 150 pages of entries, 40 of buckets */
    SOME_KEYS = 50000,
    DATABASES = 5,
    LONG_KEY_BYTES = 100000,
    LONG_KEYS = 40,
    SLICES_MAX = 100000,
};

/* One in ten, without order. */
static bool is_kept(unsigned number)
{
    uint32_t h = number * 2654435761U;

    h = (h ^ (h >> 15)) * 2246822519U;
    return (h ^ (h >> 13)) % 10 == 0;
}

static void remove_most(struct keyspace *ks, unsigned db, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!is_kept(i)) {
            space_remove_many(ks, db, i, 1);
        }
    }
}

/* Load a key space and make it sparse. */
static struct keyspace *sparse_space(bool is_cluster, unsigned count)
{
    struct keyspace *ks = space_new(is_cluster);

    space_set_many(ks, 0, 0, count, EXPIRE_NEVER);
    remove_most(ks, 0, count);
    return ks;
}

static void work_to_the_end(struct keyspace *ks, size_t budget)
{
    unsigned slices = 0;

    while (keyspace_work(ks, budget)) {
        cr_assert_lt(slices++, (unsigned)SLICES_MAX);
    }
}

static void expect_kept(struct keyspace *ks, unsigned db, unsigned count)
{
    char text[SPACE_KEY_TEXT];

    for (unsigned i = 0; i < count; i++) {
        (void)space_key(i, text);
        cr_assert(is_kept(i) ? space_has(ks, db, text, text) : space_find(ks, db, text) == NULL);
    }
    keyspace_check(ks);
}

static uint64_t moved_objects(const struct keyspace *ks)
{
    return ks->compact.moved_objects;
}

/* The pages of each class are at most a quarter more than its live objects fill, or three more. */
static void expect_dense(const struct keyspace *ks, enum slab_kind kind)
{
    const struct slab *slab = &ks->shared.slab;

    for (unsigned i = 0; i < SLAB_CLASS_COUNT; i++) {
        const struct slab_class *class = &slab->classes[kind][i];
        uint64_t needed = (class->live + slab_capacity(i) - 1) / slab_capacity(i);
        uint64_t allowed = needed + (needed < 12 ? 3 : needed / 4);

        cr_assert_leq(class->pages, allowed, "%u pages where %llu would do", class->pages,
                      (unsigned long long)needed);
    }
}

Test(compact, after_random_deletions_the_pages_are_at_most_a_quarter_more_than_is_needed)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct keyspace *ks = sparse_space(is_cluster, KEYS);
        size_t pages = ks->shared.slab.page_bytes[SLAB_ENTRIES];

        work_to_the_end(ks, 1000);
        cr_assert_leq(ks->shared.slab.page_bytes[SLAB_ENTRIES], pages / 6, "%zu",
                      ks->shared.slab.page_bytes[SLAB_ENTRIES] / 65536);
        expect_dense(ks, SLAB_ENTRIES);
        expect_dense(ks, SLAB_BUCKETS);
        cr_assert_leq(slab_idle_bytes(&ks->shared.slab), 16 * SLAB_PAGE_BYTES);
        expect_kept(ks, 0, KEYS);
        space_free(ks);
    }
}

Test(compact, entries_of_many_sizes_keep_their_contents)
{
    struct keyspace *ks = space_new(true);
    char value[300];
    char text[SPACE_KEY_TEXT];

    memset(value, 'v', sizeof(value));
    for (unsigned i = 0; i < SOME_KEYS; i++) {
        struct key_ref ref = keyspace_ref(ks, 0, space_key(i, text));

        keyspace_set(ks, &ref, bytes_make(value, i % sizeof(value)), i % 3 == 0 ? 7 : EXPIRE_NEVER);
    }
    remove_most(ks, 0, SOME_KEYS);
    work_to_the_end(ks, 1000);
    cr_assert_gt(moved_objects(ks), 3000);
    for (unsigned i = 0; i < SOME_KEYS; i++) {
        const struct entry *e = space_find(ks, 0, (space_key(i, text), text));
        char scratch[24];

        cr_assert_eq(e != NULL, is_kept(i));
        cr_assert(e == NULL ||
                  bytes_equal(entry_string(e, scratch), bytes_make(value, i % sizeof(value))));
        cr_assert(e == NULL || entry_expire_at_ms(e) == (i % 3 == 0 ? 7 : EXPIRE_NEVER));
    }
    space_free(ks);
}

Test(compact, the_same_keys_in_several_databases_are_told_apart)
{
    struct keyspace *ks = space_new(false);

    for (unsigned i = 0; i < SOME_KEYS; i++) {
        for (unsigned db = 0; db < DATABASES; db++) {
            char text[SPACE_KEY_TEXT];
            struct key_ref ref = keyspace_ref(ks, db, space_key(i, text));

            keyspace_set_integer(ks, &ref, db, EXPIRE_NEVER);
        }
    }
    for (unsigned db = 0; db < DATABASES; db++) {
        remove_most(ks, db, SOME_KEYS);
    }
    work_to_the_end(ks, 1000);
    cr_assert_gt(moved_objects(ks), SOME_KEYS / 4);
    expect_dense(ks, SLAB_ENTRIES);
    for (unsigned i = 0; i < SOME_KEYS * DATABASES; i++) {
        char text[SPACE_KEY_TEXT];
        const struct entry *e =
            space_find(ks, i % DATABASES, (space_key(i / DATABASES, text), text));
        int64_t value = -1;

        cr_assert(e == NULL || (entry_integer(e, &value) && value == i % DATABASES));
    }
    space_free(ks);
}

Test(compact, nothing_moves_while_nothing_is_sparse)
{
    struct keyspace *ks = space_new(false);
    size_t budget = SIZE_MAX;
    size_t entry_pages;
    uint64_t moved;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    space_remove_many(ks, 0, 0, KEYS / 10);
    entry_pages = ks->shared.slab.page_bytes[SLAB_ENTRIES];
    /* Growing tables leave arrays of many lengths behind: those may be. */
    cr_assert_not(compact_step(ks, &budget));
    moved = moved_objects(ks);
    cr_assert_eq(ks->shared.slab.page_bytes[SLAB_ENTRIES], entry_pages);
    budget = 1000;
    cr_assert_not(compact_step(ks, &budget));
    cr_assert_eq(budget, 1000);
    cr_assert_eq(moved_objects(ks), moved);
    space_free(ks);
}

Test(compact, a_small_key_space_is_left_alone)
{
    struct keyspace *ks = sparse_space(false, 5000);

    cr_assert_not(keyspace_work(ks, 1000));
    cr_assert_eq(moved_objects(ks), 0);
    space_free(ks);
}

Test(compact, a_slice_ends_with_its_budget)
{
    struct keyspace *ks = sparse_space(false, KEYS);
    size_t most = 0;
    bool has_more = true;

    while (has_more) {
        uint64_t before = moved_objects(ks);

        has_more = keyspace_work(ks, 100);
        most = moved_objects(ks) - before > most ? moved_objects(ks) - before : most;
    }
    cr_assert(most >= 10 && most <= 40, "%zu", most);
    space_free(ks);
}

Test(compact, changes_between_slices_are_kept)
{
    struct keyspace *ks = sparse_space(false, KEYS);
    unsigned next = KEYS;

    for (unsigned i = 0; keyspace_work(ks, 200); i++) {
        space_remove_many(ks, 0, i, 10);
        space_set_many(ks, 0, next, 5, EXPIRE_NEVER);
        next += 5;
        if (i % 64 == 0) {
            keyspace_check(ks);
        }
    }
    cr_assert_gt(moved_objects(ks), KEYS / 20);
    cr_assert_gt(next, KEYS + 500U);
    for (unsigned i = KEYS; i < next; i++) {
        char text[SPACE_KEY_TEXT];

        (void)space_key(i, text);
        cr_assert(space_has(ks, 0, text, text));
    }
    space_free(ks);
}

Test(compact, what_is_being_emptied_may_go_at_once)
{
    struct keyspace *ks = sparse_space(false, KEYS);

    while (ks->shared.slab.closed_page == 0) {
        cr_assert(keyspace_work(ks, 500));
    }
    space_remove_many(ks, 0, 0, KEYS);
    cr_assert_eq(ks->shared.slab.closed_page, 0);
    work_to_the_end(ks, 500);
    cr_assert_eq(ks->shared.slab.page_bytes[SLAB_ENTRIES], 0);
    space_free(ks);
}

Test(compact, it_rests_while_a_flushed_database_waits_to_be_freed)
{
    struct keyspace *ks = sparse_space(false, KEYS);
    size_t budget = 1000;
    uint64_t moved;

    while (ks->shared.slab.closed_page == 0) {
        cr_assert(keyspace_work(ks, 500));
    }
    moved = moved_objects(ks);
    keyspace_flush(ks, 0);
    space_set_many(ks, 0, 0, SOME_KEYS, EXPIRE_NEVER);
    cr_assert(compact_step(ks, &budget));
    cr_assert(budget == 1000 && moved_objects(ks) == moved);
    work_to_the_end(ks, 1000);
    cr_assert_eq(keyspace_count_all(ks), SOME_KEYS);
    expect_dense(ks, SLAB_ENTRIES);
    space_free(ks);
}

struct image {
    unsigned total;
    uint8_t counts[KEYS];
};

static void take(void *context, unsigned db, const struct entry *e)
{
    struct image *image = context;
    char scratch[24];

    cr_assert(db == 0 && bytes_equal(entry_string(e, scratch), entry_key(e)));
    image->total++;
    image->counts[space_key_number(entry_key(e))]++;
}

Test(compact, a_walk_under_way_still_gives_each_entry_once)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct keyspace *ks = sparse_space(is_cluster, KEYS);
        struct image *image = mem_alloc_zeroed(MEM_TEST, sizeof(*image));
        uint64_t count = keyspace_count_all(ks);

        walk_start(ks, &(struct walk_options){.sink = take, .context = image});
        while (!walk_step(ks, 60)) {
            (void)keyspace_work(ks, 1000);
        }
        cr_assert_gt(moved_objects(ks), KEYS / 40);
        cr_assert_eq(image->total, count);
        for (unsigned i = 0; i < KEYS; i++) {
            cr_assert_eq(image->counts[i], is_kept(i));
        }
        mem_free(MEM_TEST, image);
        space_free(ks);
    }
}

static void count_visit(void *context, const struct entry *e)
{
    ((uint8_t *)context)[space_key_number(entry_key(e))]++;
}

Test(compact, a_scan_under_way_still_visits_each_entry_once)
{
    struct keyspace *ks = sparse_space(false, KEYS);
    uint8_t *visits = mem_alloc_zeroed(MEM_TEST, KEYS);
    uint64_t cursor = 0;

    do {
        cursor = keyspace_scan(ks, 0, cursor, 50, count_visit, visits);
        (void)keyspace_work(ks, 1000);
    } while (cursor != 0);
    cr_assert_gt(moved_objects(ks), KEYS / 20);
    for (unsigned i = 0; i < KEYS; i++) {
        cr_assert_eq(visits[i], is_kept(i));
    }
    mem_free(MEM_TEST, visits);
    space_free(ks);
}

/* Keys that are too long to be moved, among those that are about to go. */
static struct keyspace *space_with_long_keys(void)
{
    struct keyspace *ks = space_new(false);
    struct buf key = {0};

    for (unsigned i = 0; i < LONG_KEYS; i++) {
        struct key_ref ref;

        space_set_many(ks, 0, i * 2000, 2000, EXPIRE_NEVER);
        buf_clear(&key);
        buf_printf(&key, "key:%u", i);
        while (key.len < LONG_KEY_BYTES) {
            buf_append_byte(&key, 'k');
        }
        ref = keyspace_ref(ks, 0, buf_bytes(&key));
        keyspace_set(ks, &ref, BYTES_LITERAL("text"), EXPIRE_NEVER);
    }
    buf_deinit(&key);
    return ks;
}

Test(compact, entries_of_very_long_keys_stay_where_they_are_and_are_not_tried_for_ever)
{
    struct keyspace *ks = space_with_long_keys();
    uint64_t moved;

    remove_most(ks, 0, LONG_KEYS * 2000);
    work_to_the_end(ks, 1000);
    moved = moved_objects(ks);
    cr_assert_gt(moved, 1000);
    for (int i = 0; i < 10; i++) {
        cr_assert_not(keyspace_work(ks, 1000));
    }
    cr_assert_eq(moved_objects(ks), moved);
    keyspace_check(ks);
    space_remove_many(ks, 0, 0, LONG_KEYS * 2000);
    cr_assert_eq(keyspace_count_all(ks), LONG_KEYS);
    space_free(ks);
}

Test(compact, what_grows_sparse_again_is_compacted_again)
{
    struct keyspace *ks = space_new(false);

    for (unsigned round = 0; round < 4; round++) {
        space_set_many(ks, 0, 0, SOME_KEYS * 2, EXPIRE_NEVER);
        remove_most(ks, 0, SOME_KEYS * 2);
        work_to_the_end(ks, 2000);
        expect_dense(ks, SLAB_ENTRIES);
    }
    expect_kept(ks, 0, SOME_KEYS * 2);
    space_free(ks);
}
