/* SPDX-License-Identifier: MIT */
#include "store/entry.h"

#include "base/num.h"

#include <criterion/criterion.h>

enum {
    MEMORY_BYTES = 4096,
};

struct place {
    _Alignas(8) char memory[MEMORY_BYTES];
};

static struct entry *write_at(struct place *place, const struct entry_plan *plan)
{
    struct entry *e = (struct entry *)(void *)place->memory;

    entry_write(e, plan);
    cr_assert_eq(entry_bytes(e), entry_plan_bytes(plan));
    entry_check(e, entry_plan_bytes(plan));
    return e;
}

static struct entry_plan text_plan(size_t key_len, size_t value_len, int64_t expire_at_ms)
{
    static const char letters[ENTRY_INLINE_MAX] = {'l'};

    return (struct entry_plan){.key = bytes_make(letters, key_len),
                               .encoding = VALUE_INLINE,
                               .value = bytes_make(letters, value_len),
                               .expire_at_ms = expire_at_ms,
                               .last_used_s = 0xabcdef};
}

Test(entry, a_small_string_costs_seven_bytes_and_thirteen_with_an_expiry)
{
    struct entry_plan plan = text_plan(16, 8, EXPIRE_NEVER);

    cr_assert_eq(entry_plan_bytes(&plan), 16 + 8 + 7);
    plan.expire_at_ms = 1700000000000;
    cr_assert_eq(entry_plan_bytes(&plan), 16 + 8 + 13);
}

Test(entry, all_parts_are_read_back_whatever_their_widths)
{
    static const size_t lens[] = {0, 1, 255, 256, ENTRY_INLINE_MAX};
    static const int64_t times[] = {EXPIRE_NEVER,     0,        1, (INT64_C(1) << 48) - 1,
                                    INT64_C(1) << 48, INT64_MAX};
    struct place place;
    char scratch[NUM_I64_TEXT + 1];

    for (size_t i = 0; i < 5 * 5 * 6; i++) {
        struct entry_plan plan = text_plan(lens[i % 5], lens[i / 5 % 5], times[i / 25]);
        const struct entry *e = write_at(&place, &plan);

        cr_assert(bytes_equal(entry_key(e), plan.key));
        cr_assert(bytes_equal(entry_string(e, scratch), plan.value));
        cr_assert_eq(entry_expire_at_ms(e), plan.expire_at_ms);
        cr_assert_eq(entry_last_used_s(e), 0xabcdef);
        cr_assert_eq(entry_encoding(e), VALUE_INLINE);
    }
}

Test(entry, another_expiry_leaves_key_and_value_alone)
{
    static const int64_t times[] = {EXPIRE_NEVER, 5, INT64_MAX};
    struct place place;
    struct place other;
    char scratch[NUM_I64_TEXT + 1];

    for (size_t i = 0; i < 9; i++) {
        struct entry_plan plan = text_plan(20, 300, times[i / 3]);
        struct entry *e = write_at(&place, &plan);
        struct entry *copy = (struct entry *)(void *)other.memory;

        cr_assert_eq(entry_bytes_with_expiry(e, times[i % 3]) - entry_bytes(e),
                     entry_expiry_bytes(i % 3 == 0   ? 0
                                        : i % 3 == 1 ? 1
                                                     : 3) -
                         entry_expiry_bytes(i / 3 == 0   ? 0
                                            : i / 3 == 1 ? 1
                                                         : 3));
        entry_copy_with_expiry(copy, e, times[i % 3]);
        entry_copy_with_expiry(e, e, times[i % 3]);
        cr_assert_eq(entry_expire_at_ms(e), times[i % 3]);
        cr_assert(bytes_equal(entry_key(e), plan.key));
        cr_assert(bytes_equal(entry_string(e, scratch), plan.value));
        cr_assert_eq(memcmp(copy, e, entry_bytes(e)), 0);
    }
}

Test(entry, overwriting_keeps_the_key)
{
    struct place place;
    struct entry_plan plan = text_plan(200, 10, EXPIRE_NEVER);
    struct entry *e = write_at(&place, &plan);
    struct entry_plan next = {
        .key = entry_key(e), .encoding = VALUE_INT, .integer = INT64_MIN, .expire_at_ms = 77};
    int64_t integer;

    entry_overwrite(e, &next);
    cr_assert(bytes_equal(entry_key(e), plan.key));
    cr_assert(entry_integer(e, &integer) && integer == INT64_MIN);
    cr_assert_eq(entry_expire_at_ms(e), 77);
    next.encoding = VALUE_INLINE;
    next.value = BYTES_LITERAL("again");
    next.expire_at_ms = EXPIRE_NEVER;
    entry_overwrite(e, &next);
    cr_assert(bytes_equal(entry_key(e), plan.key));
    cr_assert_eq(entry_string_len(e), 5);
}

Test(entry, it_has_expired_from_its_expiry_on)
{
    struct place place;
    struct entry_plan plan = text_plan(3, 3, 1000);
    const struct entry *e = write_at(&place, &plan);

    cr_assert_not(entry_is_expired(e, 999));
    cr_assert(entry_is_expired(e, 1000));
    plan.expire_at_ms = EXPIRE_NEVER;
    cr_assert_not(entry_is_expired(write_at(&place, &plan), INT64_MAX));
}

Test(entry, idle_time_counts_from_the_last_touch)
{
    struct place place;
    struct entry_plan plan = text_plan(3, 3, EXPIRE_NEVER);
    struct entry *e = write_at(&place, &plan);

    entry_touch(e, 1700000000000);
    cr_assert_eq(entry_idle_seconds(e, 1700000000999), 0);
    cr_assert_eq(entry_idle_seconds(e, 1700086400000), 86400);
}
