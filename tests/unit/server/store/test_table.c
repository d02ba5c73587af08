/* SPDX-License-Identifier: MIT */
#include "base/hash.h"
#include "base/vec.h"
#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SAME_TAG_KEYS = 60,
};

/* Numbers of keys whose hashes begin with the same 16 bits. */
static void find_same_tag(uint64_t tag, unsigned *out)
{
    char text[SPACE_KEY_TEXT];
    unsigned found = 0;

    for (unsigned i = 0; found < SAME_TAG_KEYS; i++) {
        if (hash_bytes(space_key(i, text), 42) >> 48 == tag) {
            out[found++] = i;
        }
    }
}

static void count_visit(void *context, const struct entry *e)
{
    (void)e;
    ++*(unsigned *)context;
}

Test(table, many_entries_with_one_tag_are_kept_and_scanned_as_one_group)
{
    static const uint64_t tags[] = {0, 0x1234, 0xffff};
    unsigned numbers[SAME_TAG_KEYS];
    char text[SPACE_KEY_TEXT];

    for (size_t t = 0; t < ARRAY_COUNT(tags); t++) {
        struct keyspace *ks = space_new(false);
        unsigned visits = 0;

        find_same_tag(tags[t], numbers);
        for (unsigned i = 0; i < SAME_TAG_KEYS; i++) {
            space_set_many(ks, 0, numbers[i], 1, EXPIRE_NEVER);
            keyspace_check(ks);
        }
        (void)keyspace_scan(ks, 0, tags[t] << 32, 1, count_visit, &visits);
        cr_assert_eq(visits, SAME_TAG_KEYS);
        for (unsigned i = 0; i < SAME_TAG_KEYS; i++) {
            cr_assert_not_null(space_find(ks, 0, (space_key(numbers[i], text), text)));
            space_remove_many(ks, 0, numbers[i], 1);
        }
        cr_assert_eq(keyspace_count(ks, 0), 0);
        space_free(ks);
    }
}

Test(table, it_is_found_to_be_sound_at_every_size_on_the_way_up_and_down)
{
    struct keyspace *ks = space_new(false);

    for (unsigned i = 0; i < 3000; i++) {
        space_set_many(ks, 0, i, 1, EXPIRE_NEVER);
        if (i < 200 || i % 50 == 0) {
            keyspace_check(ks);
        }
    }
    for (unsigned i = 3000; i-- > 0;) {
        space_remove_many(ks, 0, i, 1);
        if (i < 200 || i % 50 == 0) {
            keyspace_check(ks);
        }
    }
    space_free(ks);
}

Test(table, it_stays_about_84_percent_full_while_it_grows)
{
    struct keyspace *ks = space_new(false);

    space_set_many(ks, 0, 0, 20000, EXPIRE_NEVER);
    for (unsigned i = 20000; i < 60000; i += 1000) {
        uint64_t places;

        space_set_many(ks, 0, i, 1000, EXPIRE_NEVER);
        places = ks->tables[0].bucket_count * BUCKET_PLACES;
        cr_assert(ks->tables[0].count * 100 <= places * 85);
        cr_assert(ks->tables[0].count * 100 >= places * 81);
    }
    cr_assert_gt(ks->tables[0].shard_count, 40);
    space_free(ks);
}

Test(table, that_knows_how_many_are_to_come_is_long_enough_after_an_eighth_of_them)
{
    struct keyspace *ks = space_new(false);
    uint32_t shards = 0;

    keyspace_expect(ks, 0, 50000);
    for (unsigned i = 0; i < 50000; i += 500) {
        space_set_many(ks, 0, i, 500, EXPIRE_NEVER);
        if (i == 6500) { /* an eighth, and some to split for */
            shards = ks->tables[0].shard_count;
        }
        if (i % 5000 == 0) {
            keyspace_check(ks);
        }
    }
    cr_expect_gt(shards, 60);
    cr_expect_eq(ks->tables[0].shard_count, shards);
    cr_expect_lt(ks->tables[0].bucket_count * BUCKET_PLACES, 50000 * 4 / 3);
    space_free(ks);
}

Test(table, believes_no_more_than_what_is_in_proportion_to_its_entries)
{
    static const uint64_t counts[] = {UINT64_C(1) << 60, UINT64_MAX};

    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        struct keyspace *ks = space_new(false);

        keyspace_expect(ks, 0, counts[i]);
        space_set_many(ks, 0, 0, 3000, EXPIRE_NEVER);
        cr_expect_lt(ks->tables[0].bucket_count * BUCKET_BYTES, 3000 * 80);
        keyspace_expect(ks, 0, 0);
        space_set_many(ks, 0, 3000, 40000, EXPIRE_NEVER);
        space_remove_many(ks, 0, 10, 42990);
        cr_expect_lt(ks->tables[0].bucket_count, 20);
        space_free(ks);
    }
}

Test(table, shards_stay_small_enough_for_a_step)
{
    struct keyspace *ks = space_new(false);
    struct table_span span;
    uint64_t position = 0;

    space_set_many(ks, 0, 0, 100000, EXPIRE_NEVER);
    do {
        cr_assert(table_span_at(&ks->tables[0], position, &span));
        cr_assert_leq(span.shard->count, 2000);
        position = span.next;
    } while (position != 0);
    space_free(ks);
}

Test(table, deletions_and_insertions_in_turn_do_not_lengthen_searches)
{
    struct keyspace *ks = space_new(false);
    struct table_span span;
    uint64_t position = 0;
    uint64_t passed = 0;

    space_set_many(ks, 0, 0, 5000, EXPIRE_NEVER);
    for (unsigned i = 0; i < 200000; i++) {
        space_remove_many(ks, 0, i, 1);
        space_set_many(ks, 0, i + 5000, 1, EXPIRE_NEVER);
    }
    do {
        cr_assert(table_span_at(&ks->tables[0], position, &span));
        for (uint32_t b = 0; b < span.shard->bucket_count; b++) {
            passed += bucket_passed(shard_bucket(span.shard, b)) > 0;
        }
        position = span.next;
    } while (position != 0);
    cr_assert_lt(passed * 2, ks->tables[0].bucket_count);
    space_free(ks);
}

static uint32_t longest_shard(const struct table *table)
{
    struct table_span span;
    uint64_t position = 0;
    uint32_t longest = 0;

    do {
        cr_assert(table_span_at(table, position, &span));
        longest = span.shard->count > longest ? span.shard->count : longest;
        position = span.next;
    } while (position != 0);
    return longest;
}

struct hashed {
    uint64_t hash;
    unsigned number;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a;
    const struct hashed *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Keys 0 to count - 1 in the order of their hashes under a seed. */
static struct hashed *in_order(uint64_t seed, unsigned count)
{
    struct hashed *keys = mem_alloc(MEM_TEST, count * sizeof(*keys));

    for (unsigned i = 0; i < count; i++) {
        char text[32];

        snprintf(text, sizeof(text), "key:%012u", i);
        keys[i] = (struct hashed){hash_bytes(bytes_from_text(text), seed), i};
    }
    qsort(keys, count, sizeof(*keys), by_hash);
    return keys;
}

static struct keyspace *filled_in_order(uint64_t order_seed, uint64_t hash_seed, unsigned count)
{
    struct keyspace *ks = keyspace_new(&(struct keyspace_options){
        .database_count = 1, .hash_seed = hash_seed, .arena_bytes = (size_t)1 << 28});
    struct hashed *keys = in_order(order_seed, count);

    for (unsigned i = 0; i < count; i++) {
        char text[32];
        struct key_ref ref;

        snprintf(text, sizeof(text), "key:%012u", keys[i].number);
        ref = keyspace_ref(ks, 0, bytes_from_text(text));
        keyspace_set_integer(ks, &ref, i, EXPIRE_NEVER);
        if (i % 1000 == 0) {
            cr_assert_lt(longest_shard(&ks->tables[0]), 4000, "after %u", i);
        }
    }
    mem_free(MEM_TEST, keys);
    return ks;
}

Test(table, keys_that_come_in_the_order_of_their_hashes_make_no_long_shard)
{
    enum {
        COUNT = 300000
    };
    struct keyspace *ks = filled_in_order(42, 42, COUNT);

    cr_assert_eq(keyspace_count(ks, 0), COUNT);
    keyspace_check(ks);
    for (unsigned i = 0; i < COUNT; i++) {
        char text[32];
        struct key_ref ref;

        snprintf(text, sizeof(text), "key:%012u", i);
        ref = keyspace_ref(ks, 0, bytes_from_text(text));
        cr_assert(keyspace_remove(ks, &ref));
    }
    cr_assert_eq(ks->shared.directory_bytes, 0);
    space_free(ks);
}

Test(table, shards_are_split_in_time_though_the_arrays_of_some_are_longer_than_need_be)
{
    /* With this seed the end of an array is so crowded that it is lengthened several times: the
     * table as a whole then looked empty enough to be left alone. */
    struct keyspace *ks =
        filled_in_order(UINT64_C(0x6ebfbd4f4e1ad019), UINT64_C(0xf9c8a072b1eca0b), 50000);

    cr_assert_lt(longest_shard(&ks->tables[0]), 2000);
    space_free(ks);
}

Test(table, a_single_key_in_a_slot_costs_little)
{
    struct keyspace *ks = space_new(true);
    struct keyspace_memory memory;

    space_set(ks, 0, "k", "v");
    keyspace_memory(ks, &memory);
    cr_assert_leq(ks->shared.directory_bytes, 128);
    cr_assert_eq(ks->shared.slab.object_bytes[SLAB_BUCKETS], 64);
    space_free(ks);
}
