/* SPDX-License-Identifier: MIT */
#include "base/block.h"
#include "store/keyspace.h"

#include "base/mem.h"
#include "base/num.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    LARGE = 20 * 1024 * 1024,
};

Test(keyspace, what_was_set_is_found_in_its_database_only)
{
    struct keyspace *ks = space_new(false);

    space_set(ks, 0, "k", "zero");
    space_set(ks, 1, "k", "one");
    cr_assert(space_has(ks, 0, "k", "zero"));
    cr_assert(space_has(ks, 1, "k", "one"));
    cr_assert_null(space_find(ks, 2, "k"));
    space_set(ks, 0, "k", "");
    cr_assert(space_has(ks, 0, "k", ""));
    cr_assert_eq(keyspace_count(ks, 0), 1);
    cr_assert_eq(keyspace_count_all(ks), 2);
    space_free(ks);
}

Test(keyspace, the_encoding_follows_the_value)
{
    static const struct {
        const char *value;
        enum value_encoding encoding;
    } cases[] = {
        {"0",                    VALUE_INT   },
        {"-9223372036854775808", VALUE_INT   },
        {"9223372036854775808",  VALUE_INLINE},
        {"01",                   VALUE_INLINE},
        {"",                     VALUE_INLINE},
        {"1 ",                   VALUE_INLINE},
    };
    struct keyspace *ks = space_new(false);

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        space_set(ks, 0, "k", cases[i].value);
        cr_assert_eq(entry_encoding(space_find(ks, 0, "k")), cases[i].encoding);
        cr_assert(space_has(ks, 0, "k", cases[i].value));
        cr_assert_eq(entry_string_len(space_find(ks, 0, "k")), strlen(cases[i].value));
    }
    space_free(ks);
}

static void fill_letters(char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)('a' + i % 26);
    }
}

Test(keyspace, values_and_keys_of_any_length_are_kept)
{
    static const size_t lens[] = {0, 1, 254, 255, 256, 1023, 1024, 1025, 70000};
    struct keyspace *ks = space_new(false);
    char *letters = mem_alloc(MEM_TEST, 70000);
    char scratch[NUM_I64_TEXT + 1];

    fill_letters(letters, 70000);
    for (size_t i = 0; i < 81; i++) {
        struct key_ref ref = keyspace_ref(ks, 0, bytes_make(letters, lens[i % 9]));
        struct bytes value = bytes_make(letters, lens[i / 9]);
        const struct entry *e;

        keyspace_set(ks, &ref, value, 5);
        e = keyspace_find_any(ks, &ref);
        cr_assert(e != NULL && bytes_equal(entry_key(e), ref.bytes));
        cr_assert(bytes_equal(entry_string(e, scratch), value));
        cr_assert_geq(keyspace_entry_bytes(ks, e), ref.bytes.len + value.len);
        keyspace_check(ks);
    }
    mem_free(MEM_TEST, letters);
    space_free(ks);
}

Test(keyspace, lookups_hide_what_has_expired_at_their_time)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));

    keyspace_set(ks, &ref, BYTES_LITERAL("v"), 1000);
    cr_assert_not_null(keyspace_find(ks, &ref, 999));
    cr_assert_null(keyspace_find(ks, &ref, 1000));
    cr_assert_not_null(keyspace_find_any(ks, &ref));
    cr_assert_eq(keyspace_expire_count(ks, 0), 1);
    keyspace_set_expiry(ks, &ref, EXPIRE_NEVER);
    cr_assert_not_null(keyspace_find(ks, &ref, INT64_MAX));
    cr_assert_eq(keyspace_expire_count(ks, 0), 0);
    space_free(ks);
}

Test(keyspace, an_integer_is_changed_in_place)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("n"));
    const struct entry *e;
    int64_t value;

    keyspace_set_integer(ks, &ref, 41, 777);
    e = keyspace_find_any(ks, &ref);
    keyspace_set_integer(ks, &ref, 42, 777);
    cr_assert_eq(keyspace_find_any(ks, &ref), e);
    cr_assert(entry_integer(e, &value) && value == 42);
    cr_assert_eq(entry_expire_at_ms(e), 777);
    space_free(ks);
}

Test(keyspace, editing_grows_with_zeros_and_keeps_the_rest)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    struct value_edit edit;
    size_t len = 3;

    keyspace_set(ks, &ref, BYTES_LITERAL("123"), 888);
    while (len < 100000) {
        keyspace_open_string(ks, &ref, len * 2, &edit);
        cr_assert(edit.old_len == len && edit.len == len * 2);
        cr_assert(memcmp(edit.data, "123", 3) == 0);
        cr_assert(edit.data[len] == '\0' && edit.data[len * 2 - 1] == '\0');
        keyspace_close(ks, &edit);
        len *= 2;
    }
    cr_assert_eq(entry_string_len(keyspace_find_any(ks, &ref)), len);
    cr_assert(entry_was_edited(keyspace_find_any(ks, &ref)));
    cr_assert_eq(entry_expire_at_ms(keyspace_find_any(ks, &ref)), 888);
    space_edit(ks, &ref, 1);
    cr_assert_eq(entry_string_len(keyspace_find_any(ks, &ref)), len);
    space_free(ks);
}

Test(keyspace, moving_takes_value_and_expiry_along_and_does_not_copy_large_values)
{
    struct keyspace *ks = space_new(false);
    struct key_ref from = keyspace_ref(ks, 0, BYTES_LITERAL("from"));
    struct key_ref to = keyspace_ref(ks, 1, BYTES_LITERAL("to"));
    char scratch[NUM_I64_TEXT + 1];
    const char *data;

    keyspace_set(ks, &from, BYTES_LITERAL("x"), 9);
    space_edit(ks, &from, 5000);
    data = entry_string(keyspace_find_any(ks, &from), scratch).data;
    space_set(ks, 1, "to", "old");
    keyspace_move(ks, &from, &to);
    cr_assert_null(keyspace_find_any(ks, &from));
    cr_assert_eq(entry_string(keyspace_find_any(ks, &to), scratch).data, data);
    cr_assert_eq(entry_expire_at_ms(keyspace_find_any(ks, &to)), 9);
    cr_assert_eq(keyspace_count_all(ks), 1);
    space_free(ks);
}

Test(keyspace, a_value_may_be_set_from_another_entry_or_from_itself)
{
    struct keyspace *ks = space_new(false);
    struct key_ref k = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    char scratch[NUM_I64_TEXT + 1];

    space_set(ks, 0, "k", "some text");
    keyspace_set(ks, &k, entry_string(keyspace_find_any(ks, &k), scratch), 55);
    cr_assert(space_has(ks, 0, "k", "some text"));
    keyspace_set(ks, &k, bytes_from(entry_string(keyspace_find_any(ks, &k), scratch), 5), 55);
    cr_assert(space_has(ks, 0, "k", "text"));
    space_free(ks);
}

Test(keyspace, swapping_exchanges_databases)
{
    struct keyspace *ks = space_new(false);

    space_set_many(ks, 0, 0, 100, 7);
    space_set(ks, 1, "k", "v");
    keyspace_swap(ks, 0, 1);
    keyspace_swap(ks, 3, 3);
    cr_assert_eq(keyspace_count(ks, 0), 1);
    cr_assert_eq(keyspace_count(ks, 1), 100);
    cr_assert_eq(keyspace_expire_count(ks, 1), 100);
    cr_assert(space_has(ks, 0, "k", "v"));
    space_free(ks);
}

Test(keyspace, flushed_entries_are_freed_in_slices)
{
    struct keyspace *ks = space_new(false);
    struct keyspace_memory memory;
    int slices = 0;

    space_set_many(ks, 0, 0, 10000, EXPIRE_NEVER);
    keyspace_flush(ks, 0);
    cr_assert_eq(keyspace_count_all(ks), 0);
    keyspace_memory(ks, &memory);
    cr_assert_gt(memory.pending_bytes, 10000 * 20);
    space_set(ks, 0, "k", "v");
    while (keyspace_work(ks, 100)) {
        slices++;
    }
    cr_assert_geq(slices, 90);
    keyspace_memory(ks, &memory);
    cr_assert_eq(memory.pending_bytes, 0);
    cr_assert_eq(memory.entry_bytes, 16);
    space_free(ks);
}

Test(keyspace, a_large_value_is_freed_in_slices)
{
    struct keyspace *ks = space_new(false);
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    struct keyspace_memory memory;
    int slices = 0;

    space_set(ks, 0, "k", "v");
    space_edit(ks, &ref, LARGE);
    keyspace_memory(ks, &memory);
    cr_assert_geq(memory.large_bytes, LARGE);
    cr_assert(keyspace_remove(ks, &ref));
    keyspace_memory(ks, &memory);
    cr_assert(memory.large_bytes == 0 && memory.pending_bytes >= LARGE);
    while (keyspace_work(ks, 1000)) {
        slices++;
    }
    cr_assert_geq(slices, 19);
    space_free(ks);
}

Test(keyspace, without_keys_it_owns_next_to_nothing)
{
    struct keyspace *ks = space_new(true);
    size_t used = mem_used(MEM_STORE);
    struct keyspace_memory memory;

    space_set_many(ks, 0, 0, 30000, 5);
    space_remove_many(ks, 0, 0, 30000);
    while (keyspace_work(ks, 1000)) {
    }
    keyspace_memory(ks, &memory);
    cr_assert(memory.entry_bytes == 0 && memory.table_bytes == 0);
    cr_assert_leq(memory.slab_bytes, 20 * 65536);
    cr_assert_leq(mem_used(MEM_STORE), used + 1024);
    space_free(ks);
}

Test(keyspace, the_slots_of_a_cluster_are_counted_and_flushed_one_by_one)
{
    struct keyspace *ks = space_new(true);
    unsigned slot = keyspace_ref(ks, 0, BYTES_LITERAL("foo")).table;

    cr_assert_eq(slot, 12182);
    space_set(ks, 0, "foo", "1");
    space_set(ks, 0, "{foo}bar", "2");
    space_set(ks, 0, "bar", "3");
    cr_assert_eq(keyspace_slot_count(ks, slot), 2);
    keyspace_flush_slot(ks, slot);
    cr_assert_eq(keyspace_slot_count(ks, slot), 0);
    cr_assert_eq(keyspace_count(ks, 0), 1);
    keyspace_flush(ks, 0);
    cr_assert_eq(keyspace_count(ks, 0), 0);
    space_free(ks);
}

static void expect_random_spread(bool is_cluster)
{
    struct keyspace *ks = space_new(is_cluster);
    unsigned counts[100] = {0};
    struct rng rng;

    rng_init(&rng, 3);
    cr_assert_null(keyspace_random(ks, 0, &rng, 0));
    space_set_many(ks, 0, 0, 100, EXPIRE_NEVER);
    for (int i = 0; i < 100000; i++) {
        counts[space_key_number(entry_key(keyspace_random(ks, 0, &rng, 0)))]++;
    }
    for (int i = 0; i < 100; i++) {
        cr_assert(counts[i] > 500 && counts[i] < 1800, "key %d was drawn %u times", i, counts[i]);
    }
    space_free(ks);
}

Test(keyspace, each_key_is_about_as_likely_to_be_drawn)
{
    expect_random_spread(false);
    expect_random_spread(true);
}

Test(keyspace, drawing_passes_over_expired_keys_and_gives_up_when_there_are_no_others)
{
    struct keyspace *ks = space_new(false);
    struct rng rng;

    rng_init(&rng, 4);
    space_set_many(ks, 0, 0, 10, 100);
    cr_assert_null(keyspace_random(ks, 0, &rng, 100));
    space_set(ks, 0, "live", "v");
    for (int i = 0; i < 100; i++) {
        const struct entry *e = keyspace_random(ks, 0, &rng, 100);

        cr_assert(e == NULL || bytes_equal_text(entry_key(e), "live"));
    }
    space_free(ks);
}

Test(keyspace, entries_count_as_used_at_the_clock_when_they_are_set)
{
    struct keyspace *ks = space_new(false);

    keyspace_set_clock(ks, 5000000);
    space_set(ks, 0, "k", "v");
    cr_assert_eq(entry_idle_seconds(space_find(ks, 0, "k"), 5060000), 60);
    space_free(ks);
}

Test(keyspace, a_value_that_somebody_holds_stays_as_it_was)
{
    struct keyspace *ks = space_new(false);
    char value[5000] = {0};
    struct block *held[3];
    struct value_edit edit;
    struct key_ref ref = keyspace_ref(ks, 0, BYTES_LITERAL("k"));

    keyspace_set(ks, &ref, bytes_make(value, sizeof(value)), EXPIRE_NEVER);
    held[0] = block_hold(entry_string_block(space_find(ks, 0, "k")));
    keyspace_open_string(ks, &ref, sizeof(value) + 10, &edit);
    memset(edit.data, 'x', edit.old_len);
    keyspace_close(ks, &edit);
    held[1] = block_hold(entry_string_block(space_find(ks, 0, "k")));
    keyspace_set(ks, &ref, BYTES_LITERAL("small"), EXPIRE_NEVER);
    keyspace_set(ks, &ref, bytes_make(value, sizeof(value)), EXPIRE_NEVER);
    held[2] = block_hold(entry_string_block(space_find(ks, 0, "k")));
    keyspace_check(ks);
    cr_assert(keyspace_remove(ks, &ref));
    space_free(ks);
    cr_assert_eq(held[0]->len, sizeof(value));
    cr_assert_eq(held[1]->len, sizeof(value) + 10);
    cr_assert(held[0]->data[0] == '\0' && held[1]->data[0] == 'x' && held[2]->data[0] == '\0');
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(held[i]->holders, 1);
        block_release(held[i]);
    }
}

Test(keyspace, hints_are_harmless_for_keys_that_are_not_there)
{
    struct keyspace *ks = space_new(false);
    struct key_ref refs[64];
    char text[SPACE_KEY_TEXT];

    for (unsigned count = 0; count < 3000; count += 100) {
        for (unsigned i = 0; i < 6000; i++) {
            refs[i % ARRAY_COUNT(refs)] = keyspace_ref(ks, 0, space_key(i, text));
            if ((i + 1) % ARRAY_COUNT(refs) == 0) {
                keyspace_prefetch_buckets(ks, refs, ARRAY_COUNT(refs));
                keyspace_prefetch_entries(ks, refs, ARRAY_COUNT(refs));
            }
        }
        keyspace_prefetch_buckets(ks, refs, count % ARRAY_COUNT(refs));
        space_set_many(ks, 0, count, 100, EXPIRE_NEVER);
    }
    cr_assert_eq(keyspace_count(ks, 0), 3000);
    space_free(ks);
}
