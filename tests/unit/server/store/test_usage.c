/* SPDX-License-Identifier: MIT */
#include "store/usage.h"

#include "store/keyspace_state.h"
#include "tests/unit/server/store/space.h"

#include <criterion/criterion.h>

#define MINUTE INT64_C(60000)
#define NOW    (INT64_C(1700000000000) / MINUTE * MINUTE)

static struct keyspace *by_frequency(uint32_t log_factor, uint32_t decay_minutes)
{
    struct keyspace *ks = space_new(false);

    keyspace_set_clock(ks, NOW);
    keyspace_set_usage(ks, &(struct usage_rule){true, log_factor, decay_minutes});
    space_set(ks, 0, "k", "v");
    return ks;
}

static unsigned frequency(struct keyspace *ks)
{
    return keyspace_frequency(ks, space_find(ks, 0, "k"));
}

Test(usage, a_new_key_has_a_counter_above_zero_that_its_first_uses_raise)
{
    struct keyspace *ks = by_frequency(10, 1);

    cr_expect_eq(frequency(ks), 5);
    keyspace_touch(ks, space_find(ks, 0, "k"));
    cr_expect_eq(frequency(ks), 6, "one in 0 * 10 + 1");
    space_free(ks);
}

Test(usage, the_counter_grows_with_the_logarithm_of_the_uses)
{
    static const struct {
        uint32_t log_factor;
        int uses;
        unsigned least, most;
    } cases[] = {
        {0,   250,     255, 255},
        {1,   1000,    40,  60 },
        {10,  1000,    14,  24 },
        {10,  100000,  120, 170},
        {100, 1000000, 120, 170},
        {10,  1000000, 255, 255},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct keyspace *ks = by_frequency(cases[i].log_factor, 1);

        for (int use = 0; use < cases[i].uses; use++) {
            keyspace_touch(ks, space_find(ks, 0, "k"));
        }
        cr_expect(frequency(ks) >= cases[i].least && frequency(ks) <= cases[i].most,
                  "factor %u, %d uses: %u", cases[i].log_factor, cases[i].uses, frequency(ks));
        space_free(ks);
    }
}

Test(usage, the_counter_falls_with_the_minutes_without_use_down_to_nothing)
{
    static const struct {
        uint32_t decay_minutes;
        int64_t later_ms;
        unsigned expected;
    } cases[] = {
        {1, MINUTE - 1,     100},
        {1, MINUTE,         99 },
        {1, MINUTE * 40,    60 },
        {1, MINUTE * 5000,  0  },
        {7, MINUTE * 70,    90 },
        {0, MINUTE * 5000,  100},
        {1, MINUTE * 65536, 100}, /* what 16 bits cannot tell apart */
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct keyspace *ks = by_frequency(10, cases[i].decay_minutes);

        keyspace_put_frequency(ks, space_find(ks, 0, "k"), 100);
        keyspace_set_clock(ks, NOW + cases[i].later_ms);
        cr_expect_eq(frequency(ks), cases[i].expected, "case %zu: %u", i, frequency(ks));
        space_free(ks);
    }
}

Test(usage, how_often_a_key_is_used_outlives_its_value_and_its_name)
{
    struct keyspace *ks = by_frequency(10, 1);
    struct key_ref k = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    struct key_ref other = keyspace_ref(ks, 0, BYTES_LITERAL("other"));

    keyspace_put_frequency(ks, space_find(ks, 0, "k"), 100);
    space_set(ks, 0, "k", "w");
    cr_expect_eq(frequency(ks), 100, "in place");
    space_set(ks, 0, "k", "a value that needs more memory than the one before it had");
    cr_expect_eq(frequency(ks), 100);
    keyspace_set(ks, &k, BYTES_LITERAL("12"), NOW + 1000);
    cr_expect_eq(frequency(ks), 100);
    space_set(ks, 0, "other", "x");
    keyspace_move(ks, &k, &other);
    cr_expect_eq(keyspace_frequency(ks, space_find(ks, 0, "other")), 100);
    space_set(ks, 0, "k", "v");
    cr_expect_eq(frequency(ks), 5, "this one is new");
    space_free(ks);
}

Test(usage, by_time_a_key_was_used_when_it_was_set_or_touched)
{
    struct keyspace *ks = space_new(false);
    struct key_ref k = keyspace_ref(ks, 0, BYTES_LITERAL("k"));
    struct key_ref other = keyspace_ref(ks, 0, BYTES_LITERAL("other"));

    keyspace_set_clock(ks, NOW);
    space_set(ks, 0, "k", "v");
    space_set(ks, 0, "other", "v");
    keyspace_set_clock(ks, NOW + 9000);
    cr_expect_eq(entry_idle_seconds(space_find(ks, 0, "k"), NOW + 10000), 10);
    keyspace_touch(ks, space_find(ks, 0, "k"));
    cr_expect_eq(entry_idle_seconds(space_find(ks, 0, "k"), NOW + 10000), 1);
    keyspace_set_clock(ks, NOW + 10000);
    space_set(ks, 0, "k", "w");
    cr_expect_eq(entry_idle_seconds(space_find(ks, 0, "k"), NOW + 10000), 0);
    keyspace_move(ks, &other, &k);
    cr_expect_eq(entry_idle_seconds(space_find(ks, 0, "k"), NOW + 10000), 10, "its own");
    space_free(ks);
}
