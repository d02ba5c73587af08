/* SPDX-License-Identifier: MIT */
#include "base/hash.h"
#include "base/mem.h"
#include "spec/slot.h"
#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

enum {
    KEYS = 20000,
};

struct visits {
    uint8_t counts[KEYS];
    unsigned total;
};

static void visit(void *context, const struct entry *e)
{
    struct visits *visits = context;

    visits->counts[space_key_number(entry_key(e))]++;
    visits->total++;
}

static struct visits *visits_new(void)
{
    return mem_alloc_zeroed(MEM_TEST, sizeof(struct visits));
}

static void expect_each_once(struct visits *visits, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        cr_assert_eq(visits->counts[i], 1, "key %u was visited %u times", i, visits->counts[i]);
    }
    mem_free(MEM_TEST, visits);
}

Test(scan, every_entry_is_visited_once_in_both_kinds_of_key_space)
{
    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct keyspace *ks = space_new(is_cluster);
        struct visits *visits = visits_new();
        uint64_t cursor = 0;

        space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
        do {
            cursor = keyspace_scan(ks, 0, cursor, 10, visit, visits);
        } while (cursor != 0);
        expect_each_once(visits, 0, KEYS);
        space_free(ks);
    }
}

Test(scan, entries_that_stay_are_visited_once_while_the_table_shrinks)
{
    struct keyspace *ks = space_new(false);
    struct visits *visits = visits_new();
    uint64_t cursor = 0;
    unsigned removed = 100;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    do {
        cursor = keyspace_scan(ks, 0, cursor, 1, visit, visits);
        for (unsigned i = 0; i < 50 && removed < KEYS; i++) {
            space_remove_many(ks, 0, removed++, 1);
        }
    } while (cursor != 0);
    expect_each_once(visits, 0, 100);
    space_free(ks);
}

Test(scan, entries_that_stay_are_visited_once_while_the_table_grows)
{
    struct keyspace *ks = space_new(false);
    struct visits *visits = visits_new();
    uint64_t cursor = 0;
    unsigned added = 1000;

    space_set_many(ks, 0, 0, added, EXPIRE_NEVER);
    do {
        cursor = keyspace_scan(ks, 0, cursor, 1, visit, visits);
        for (unsigned i = 0; i < 50 && added < KEYS; i++) {
            space_set_many(ks, 0, added++, 1, EXPIRE_NEVER);
        }
    } while (cursor != 0);
    expect_each_once(visits, 0, 1000);
    space_free(ks);
}

/* A cursor may point into the middle of a tag, when it comes from a table that was larger. */
Test(scan, any_cursor_gives_the_entries_with_hashes_from_it_on)
{
    struct keyspace *ks = space_new(false);
    char text[SPACE_KEY_TEXT];

    space_set_many(ks, 0, 0, 500, EXPIRE_NEVER);
    for (unsigned i = 0; i < 500; i++) {
        struct visits *visits = visits_new();
        uint64_t start = (hash_bytes(space_key(i, text), 42) >> 16) + i % 2;

        cr_assert_eq(keyspace_scan(ks, 0, start, SIZE_MAX, visit, visits), 0);
        for (unsigned k = 0; k < 500; k++) {
            uint64_t at = hash_bytes(space_key(k, text), 42) >> 16;

            cr_assert_eq(visits->counts[k], at >= start ? 1 : 0);
        }
        mem_free(MEM_TEST, visits);
    }
    space_free(ks);
}

Test(scan, a_call_visits_about_as_many_entries_as_asked)
{
    struct keyspace *ks = space_new(false);
    struct visits *visits = visits_new();

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    (void)keyspace_scan(ks, 0, 0, 100, visit, visits);
    cr_assert_geq(visits->total, 100);
    cr_assert_leq(visits->total, 120);
    mem_free(MEM_TEST, visits);
    space_free(ks);
}

Test(scan, one_slot_is_scanned_alone)
{
    struct keyspace *ks = space_new(true);
    struct visits *visits = visits_new();
    char text[SPACE_KEY_TEXT];
    uint64_t cursor = 0;
    unsigned slot = keyspace_ref(ks, 0, space_key(5, text)).table;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    do {
        cursor = keyspace_scan_slot(ks, slot, cursor, 1, visit, visits);
    } while (cursor != 0);
    cr_assert_eq(visits->total, keyspace_slot_count(ks, slot));
    cr_assert_eq(visits->counts[5], 1);
    mem_free(MEM_TEST, visits);
    space_free(ks);
}

Test(scan, a_cursor_nobody_gave_out_is_harmless)
{
    static const uint64_t cursors[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 53,
                                       UINT64_C(1) << 48, 12345};

    for (int is_cluster = 0; is_cluster <= 1; is_cluster++) {
        struct keyspace *ks = space_new(is_cluster);
        struct visits *visits = visits_new();

        space_set_many(ks, 0, 0, 100, EXPIRE_NEVER);
        for (size_t i = 0; i < ARRAY_COUNT(cursors); i++) {
            (void)keyspace_scan(ks, 0, cursors[i], 10, visit, visits);
            (void)keyspace_scan_slot(ks, 0, cursors[i], 10, visit, visits);
        }
        mem_free(MEM_TEST, visits);
        space_free(ks);
    }
}

Test(scan, an_empty_database_ends_at_once)
{
    struct keyspace *ks = space_new(false);
    struct visits *visits = visits_new();

    cr_assert_eq(keyspace_scan(ks, 3, 0, 10, visit, visits), 0);
    cr_assert_eq(visits->total, 0);
    mem_free(MEM_TEST, visits);
    space_free(ks);
}

static unsigned count_scanned(struct keyspace *ks)
{
    struct visits *visits = visits_new();
    uint64_t cursor = 0;
    unsigned total;

    do {
        cursor = keyspace_scan(ks, 0, cursor, 10, visit, visits);
    } while (cursor != 0);
    total = visits->total;
    mem_free(MEM_TEST, visits);
    return total;
}

static void count_expired(void *context, unsigned db, struct bytes key)
{
    const struct keyspace *ks = context;

    (void)db;
    cr_assert_not(keyspace_is_hidden(ks, slot_of_key(key)));
}

static void note_told(void *context, enum keyspace_event event, unsigned table, struct bytes key)
{
    unsigned *told = context;

    (void)event;
    (void)table;
    (void)key;
    (*told)++;
}

Test(scan, hidden_slots_are_in_no_scan_count_or_choice_and_nobody_is_told_of_them)
{
    struct keyspace *ks = space_new(true);
    uint64_t hidden[BITSET_WORDS(SLOT_COUNT)] = {0};
    unsigned told = 0;
    struct keyspace_observer observer = {note_told, &told};
    uint64_t seen;
    struct rng rng;

    rng_init(&rng, 1);
    space_set_many(ks, 0, 0, 2000, 1000);
    for (size_t slot = 0; slot < SLOT_COUNT; slot += 2) {
        bitset_add(hidden, slot);
    }
    keyspace_hide_slots(ks, hidden);
    seen = keyspace_count(ks, 0);
    cr_assert(seen > 500 && seen < 1500);
    cr_expect_eq(keyspace_hidden_count(ks), 2000 - seen);
    cr_expect_eq(keyspace_expire_count(ks, 0), seen);
    cr_expect_eq(count_scanned(ks), seen);
    for (int i = 0; i < 500; i++) {
        const struct entry *e = keyspace_random(ks, 0, &rng, 0);

        cr_assert(e != NULL && slot_of_key(entry_key(e)) % 2 == 1);
    }
    cr_expect_eq(keyspace_find_expired(ks, 2000, 100000, 100000, count_expired, ks), seen);
    keyspace_observe(ks, OBSERVER_OF_EVENTS, &observer);
    space_remove_many(ks, 0, 0, 2000);
    cr_expect_eq(told, seen);
    keyspace_observe(ks, OBSERVER_OF_EVENTS, NULL);
    keyspace_hide_slots(ks, NULL);
    cr_expect_eq(keyspace_count(ks, 0), 0);
    space_free(ks);
}
