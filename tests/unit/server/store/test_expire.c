/* SPDX-License-Identifier: MIT */
#include "base/mem.h"
#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

enum {
    MAX = 1000,
    NOW = 1000000,
};

struct found {
    struct keyspace *ks;
    unsigned count;
    unsigned db;
    unsigned numbers[MAX];
};

static void collect(void *context, unsigned db, struct bytes key)
{
    struct found *found = context;

    cr_assert(found->count == 0 || found->db == db);
    found->db = db;
    found->numbers[found->count++] = space_key_number(key);
}

/* One call, and the removal of what it found. */
static unsigned expire_some(struct keyspace *ks, size_t budget, size_t max)
{
    struct found *found = mem_alloc_zeroed(MEM_TEST, sizeof(*found));
    unsigned count;

    cr_assert_eq(keyspace_find_expired(ks, NOW, budget, max, collect, found), found->count);
    for (unsigned i = 0; i < found->count; i++) {
        space_remove_many(ks, found->db, found->numbers[i], 1);
    }
    count = found->count;
    mem_free(MEM_TEST, found);
    return count;
}

Test(expire, a_hundred_thousand_keys_at_once_are_gone_in_a_few_hundred_calls)
{
    struct keyspace *ks = space_new(false);
    unsigned calls = 0;

    space_set_many(ks, 0, 0, 100000, NOW - 1);
    space_set_many(ks, 0, 100000, 200000, EXPIRE_NEVER);
    while (keyspace_expire_count(ks, 0) > 0) {
        (void)expire_some(ks, 5000, MAX);
        cr_assert_lt(++calls, 300);
    }
    cr_assert_eq(keyspace_count(ks, 0), 200000);
    space_free(ks);
}

/* Expired keys go in the order of their hashes: those behind must not crowd together in ever longer shards. */
Test(expire, keys_that_all_go_at_once_leave_no_long_shards_on_the_way)
{
    struct keyspace *ks = space_new(false);
    unsigned calls = 0;

    space_set_many(ks, 0, 0, 200000, NOW - 1);
    while (keyspace_expire_count(ks, 0) > 0) {
        uint64_t position = 0;
        struct table_span span;

        (void)expire_some(ks, 5000, MAX);
        if (++calls % 10 != 0 || ks->tables[0].count == 0) {
            continue;
        }
        do {
            cr_assert(table_span_at(&ks->tables[0], position, &span));
            cr_assert_leq(span.shard->count, 2000);
            position = span.next;
        } while (position != 0);
    }
    cr_assert_eq(keyspace_count(ks, 0), 0);
    keyspace_check(ks);
    space_free(ks);
}

Test(expire, few_keys_among_many_slots_are_found_at_once)
{
    struct keyspace *ks = space_new(true);

    space_set_many(ks, 0, 0, 50000, EXPIRE_NEVER);
    space_set_many(ks, 0, 50000, 20, NOW - 1);
    cr_assert_eq(expire_some(ks, 5000, MAX), 20);
    space_free(ks);
}

Test(expire, what_is_not_due_is_not_handed_over)
{
    struct keyspace *ks = space_new(false);

    space_set_many(ks, 0, 0, 1000, NOW + 1);
    space_set_many(ks, 0, 1000, 1, NOW);
    cr_assert_eq(expire_some(ks, 100000, MAX), 1);
    cr_assert_eq(expire_some(ks, 100000, MAX), 0);
    cr_assert_eq(keyspace_count(ks, 0), 1000);
    space_free(ks);
}

Test(expire, nothing_is_handed_over_twice_in_a_call)
{
    struct keyspace *ks = space_new(false);
    struct found *found = mem_alloc_zeroed(MEM_TEST, sizeof(*found));

    space_set_many(ks, 0, 0, 500, NOW - 1);
    (void)keyspace_find_expired(ks, NOW, 100000, MAX, collect, found);
    cr_assert_eq(found->count, 500);
    mem_free(MEM_TEST, found);
    space_free(ks);
}

Test(expire, keys_of_all_databases_are_found_in_turn)
{
    struct keyspace *ks = space_new(false);
    unsigned total = 0;

    for (unsigned db = 0; db < 16; db++) {
        space_set_many(ks, db, 0, 10, NOW - 1);
    }
    for (int calls = 0; calls < 40; calls++) {
        total += expire_some(ks, 5000, MAX);
    }
    cr_assert_eq(total, 160);
    cr_assert_eq(keyspace_count_all(ks), 0);
    space_free(ks);
}

Test(expire, no_more_than_max_keys_are_handed_over)
{
    struct keyspace *ks = space_new(false);

    space_set_many(ks, 0, 0, 1000, NOW - 1);
    cr_assert_eq(expire_some(ks, 100000, 7), 7);
    cr_assert_eq(expire_some(ks, 100000, 0), 0);
    cr_assert_leq(expire_some(ks, 20, MAX), 40);
    space_free(ks);
}

Test(expire, an_expiry_that_moved_ahead_is_still_found)
{
    struct keyspace *ks = space_new(false);
    char text[SPACE_KEY_TEXT];
    struct key_ref ref;

    space_set_many(ks, 0, 0, 1000, NOW + 100000);
    cr_assert_eq(expire_some(ks, 100000, MAX), 0);
    ref = keyspace_ref(ks, 0, space_key(77, text));
    keyspace_set_expiry(ks, &ref, NOW - 5);
    cr_assert_eq(expire_some(ks, 100000, MAX), 1);
    cr_assert_null(space_find(ks, 0, "key:77"));
    space_free(ks);
}

Test(expire, the_mean_of_what_remains_is_sampled)
{
    struct keyspace *ks = space_new(false);
    struct keyspace *cluster = space_new(true);

    cr_assert_eq(keyspace_mean_ttl_ms(ks, 0, NOW), 0);
    space_set_many(ks, 0, 0, 500, NOW + 1000);
    space_set_many(ks, 0, 500, 500, NOW + 3000);
    cr_assert(keyspace_mean_ttl_ms(ks, 0, NOW) > 1500);
    cr_assert(keyspace_mean_ttl_ms(ks, 0, NOW) < 2500);
    cr_assert_eq(keyspace_mean_ttl_ms(ks, 1, NOW), 0);
    space_set_many(cluster, 0, 0, 500, NOW + 1000);
    cr_assert_eq(keyspace_mean_ttl_ms(cluster, 0, NOW), 1000);
    space_free(ks);
    space_free(cluster);
}
