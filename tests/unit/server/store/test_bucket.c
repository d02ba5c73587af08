/* SPDX-License-Identifier: MIT */
#include "store/bucket.h"

#include <criterion/criterion.h>

Test(bucket, match_gives_a_bit_for_each_place_with_the_tag)
{
    struct bucket b = {0};

    for (unsigned mask = 0; mask < 1U << BUCKET_PLACES; mask++) {
        for (unsigned i = 0; i < BUCKET_PLACES; i++) {
            b.tags[i] = (mask >> i & 1) != 0 ? 0x8001 : (uint16_t)(0x7ff0 + i);
        }
        cr_assert_eq(bucket_match(&b, 0x8001), mask);
    }
}

Test(bucket, references_of_40_bits_keep_to_their_places)
{
    struct bucket b = {0};

    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        bucket_put_ref(&b, i, UINT64_C(0xfedcba9870) + i);
    }
    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        cr_assert_eq(bucket_ref(&b, i), UINT64_C(0xfedcba9870) + i);
    }
    cr_assert_eq(b.meta, 0);
    cr_assert_eq(b.tags[8], 0);
}

Test(bucket, an_empty_place_is_found_until_all_are_taken)
{
    struct bucket b = {0};

    for (unsigned i = 0; i < BUCKET_PLACES; i++) {
        cr_assert_eq(bucket_empty_place(&b), i);
        bucket_put_ref(&b, i, 1);
    }
    cr_assert_eq(bucket_empty_place(&b), BUCKET_PLACES);
}

Test(bucket, a_count_of_passed_entries_that_ran_full_stays)
{
    struct bucket b = {.meta = BUCKET_WALKED};

    bucket_add_passed(&b);
    bucket_remove_passed(&b);
    cr_assert_eq(bucket_passed(&b), 0);
    for (int i = 0; i < 1000; i++) {
        bucket_add_passed(&b);
    }
    cr_assert_eq(bucket_passed(&b), BUCKET_PASSED_MAX);
    bucket_remove_passed(&b);
    cr_assert_eq(bucket_passed(&b), BUCKET_PASSED_MAX);
    cr_assert(bucket_is_walked(&b));
}
