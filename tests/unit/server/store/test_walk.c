/* SPDX-License-Identifier: MIT */
#include "store/walk.h"

#include "base/bitset.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

enum {
    KEYS = 5000,
};

/* What a walk handed over: how often each key, and whether with its first value. */
struct image {
    unsigned total;
    unsigned first_values;
    unsigned largest_burst;
    unsigned burst;
    unsigned last_db;
    uint8_t counts[KEYS + 1];
};

static void take(void *context, unsigned db, const struct entry *e)
{
    struct image *image = context;
    char scratch[NUM_I64_TEXT + 1];

    image->total++;
    image->burst++;
    image->last_db = db;
    image->largest_burst =
        image->burst > image->largest_burst ? image->burst : image->largest_burst;
    image->counts[space_key_number(entry_key(e))]++;
    image->first_values += bytes_equal(entry_string(e, scratch), entry_key(e)) &&
                           entry_expire_at_ms(e) == EXPIRE_NEVER;
}

static struct image *image_start(struct keyspace *ks, const uint64_t *slots)
{
    struct image *image = mem_alloc_zeroed(MEM_TEST, sizeof(*image));

    walk_start(ks, &(struct walk_options){.slots = slots, .sink = take, .context = image});
    return image;
}

/* Finish the walk: count keys, each once and as it was. */
static void expect_whole(struct keyspace *ks, struct image *image, unsigned count)
{
    while (!walk_step(ks, 100)) {
    }
    cr_assert_not(walk_is_on(ks));
    cr_assert_eq(image->total, count);
    cr_assert_eq(image->first_values, count);
    for (unsigned i = 0; i < KEYS; i++) {
        cr_assert_leq(image->counts[i], 1);
    }
    mem_free(MEM_TEST, image);
}

Test(walk, an_untouched_key_space_is_handed_over_whole)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    cr_assert(walk_is_on(ks));
    cr_assert_not(walk_step(ks, 100));
    cr_assert(image->total >= 100 && image->total < 110);
    expect_whole(ks, image, KEYS);
    space_free(ks);
}

struct eater {
    struct keyspace *ks;
    unsigned eaten;
};

static void eat(void *context, unsigned db, const struct entry *e)
{
    struct eater *eater = context;

    (void)db;
    (void)e;
    eater->eaten++;
    walk_end_step(eater->ks);
}

/* Long values: the budget counts entries. */
Test(walk, a_step_ends_with_its_bucket_when_who_takes_the_entries_has_enough)
{
    struct keyspace *ks = space_new(false);
    struct eater eater = {.ks = ks};
    unsigned before;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    walk_start(ks, &(struct walk_options){.sink = eat, .context = &eater});
    for (bool is_over = false; !is_over;) {
        before = eater.eaten;
        is_over = walk_step(ks, 1000000);
        cr_assert_leq(eater.eaten - before, 32);
    }
    cr_expect_eq(eater.eaten, KEYS, "%u", eater.eaten);
    space_free(ks);
}

static void change_key(struct keyspace *ks, unsigned number, unsigned how)
{
    char text[SPACE_KEY_TEXT];
    struct key_ref ref = keyspace_ref(ks, 0, space_key(number, text));
    struct key_ref other = keyspace_ref(ks, 1, ref.bytes);

    switch (how % 6) {
    case 0:
        keyspace_set(ks, &ref, BYTES_LITERAL("changed"), EXPIRE_NEVER);
        break;
    case 1:
        (void)keyspace_remove(ks, &ref);
        break;
    case 2:
        keyspace_set_expiry(ks, &ref, 12345);
        break;
    case 3:
        space_edit(ks, &ref, 1);
        break;
    case 4:
        keyspace_move(ks, &ref, &other);
        break;
    default:
        keyspace_set_integer(ks, &ref, number, EXPIRE_NEVER);
        keyspace_set_integer(ks, &ref, 0, EXPIRE_NEVER);
        break;
    }
}

Test(walk, every_kind_of_change_shows_the_old_entry_first)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        change_key(ks, i, i);
        if (i % 500 == 0) {
            cr_assert_not(walk_step(ks, 20));
        }
    }
    expect_whole(ks, image, KEYS);
    space_free(ks);
}

Test(walk, a_change_hands_over_no_more_than_its_bucket)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        image->burst = 0;
        change_key(ks, i, 2);
    }
    cr_assert_leq(image->largest_burst, 9);
    expect_whole(ks, image, KEYS);
    space_free(ks);
}

Test(walk, new_entries_are_not_handed_over)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, 100, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    space_set_many(ks, 0, 100, KEYS - 100, EXPIRE_NEVER);
    space_set_many(ks, 5, 0, 1000, EXPIRE_NEVER);
    expect_whole(ks, image, 100);
    space_free(ks);
}

Test(walk, resizing_neither_loses_nor_repeats_entries)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    cr_assert_not(walk_step(ks, KEYS / 2));
    space_remove_many(ks, 0, 0, KEYS - 10);
    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    expect_whole(ks, image, KEYS);
    space_free(ks);
}

Test(walk, a_cancelled_walk_does_not_confuse_the_next)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    for (unsigned round = 0; round < 300; round++) {
        image = image_start(ks, NULL);
        (void)walk_step(ks, round * 10);
        space_set_many(ks, 0, round, 10, EXPIRE_NEVER);
        walk_cancel(ks);
        walk_cancel(ks);
        mem_free(MEM_TEST, image);
    }
    expect_whole(ks, image_start(ks, NULL), KEYS);
    space_free(ks);
}

Test(walk, flushing_hands_over_what_was_not_yet_visited)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 0, 0, KEYS / 2, EXPIRE_NEVER);
    space_set_many(ks, 7, KEYS / 2, KEYS / 2, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    cr_assert_not(walk_step(ks, 1000));
    keyspace_flush_all(ks);
    space_set_many(ks, 0, 0, 10, EXPIRE_NEVER);
    expect_whole(ks, image, KEYS);
    space_free(ks);
}

Test(walk, swapping_hands_entries_over_under_their_old_database)
{
    struct keyspace *ks = space_new(false);
    struct image *image;

    space_set_many(ks, 3, 0, 1000, EXPIRE_NEVER);
    image = image_start(ks, NULL);
    keyspace_swap(ks, 3, 9);
    cr_assert_eq(image->total, 1000);
    cr_assert_eq(image->last_db, 3);
    space_set_many(ks, 9, 0, 1000, 5);
    expect_whole(ks, image, 1000);
    space_free(ks);
}

Test(walk, a_walk_over_some_slots_leaves_the_others_alone)
{
    struct keyspace *ks = space_new(true);
    uint64_t *slots = mem_alloc_zeroed(MEM_TEST, BITSET_WORDS(16384) * sizeof(uint64_t));
    struct image *image;
    unsigned expected = 0;

    space_set_many(ks, 0, 0, KEYS, EXPIRE_NEVER);
    for (unsigned slot = 0; slot < 16384; slot += 3) {
        bitset_add(slots, slot);
        expected += (unsigned)keyspace_slot_count(ks, slot);
    }
    image = image_start(ks, slots);
    space_set_many(ks, 0, 0, KEYS, 99);
    expect_whole(ks, image, expected);
    mem_free(MEM_TEST, slots);
    space_free(ks);
}
