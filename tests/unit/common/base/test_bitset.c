/* SPDX-License-Identifier: MIT */
/* base/bitset. */
#include "base/bitset.h"

#include <criterion/criterion.h>

Test(bitset, bits_are_independent_across_words)
{
    uint64_t words[BITSET_WORDS(130)] = {0};

    bitset_add(words, 0);
    bitset_add(words, 63);
    bitset_add(words, 64);
    bitset_add(words, 129);
    cr_assert(bitset_has(words, 0) && bitset_has(words, 63));
    cr_assert(bitset_has(words, 64) && bitset_has(words, 129));
    cr_assert(!bitset_has(words, 1) && !bitset_has(words, 65) && !bitset_has(words, 128));
    bitset_remove(words, 64);
    cr_assert(!bitset_has(words, 64) && bitset_has(words, 63));
    cr_assert_eq(bitset_count(words, BITSET_WORDS(130)), 3);
}

Test(bitset, a_partial_word_counts_as_one)
{
    cr_assert_eq(BITSET_WORDS(1), 1);
    cr_assert_eq(BITSET_WORDS(64), 1);
    cr_assert_eq(BITSET_WORDS(65), 2);
    cr_assert_eq(BITSET_WORDS(16384), 256);
}

Test(bitset, the_next_bit_is_the_first_from_there_on_that_is_in_or_is_not)
{
    uint64_t words[BITSET_WORDS(130)] = {0};

    for (size_t bit = 60; bit < 129; bit++) {
        bitset_add(words, bit);
    }
    for (size_t from = 0; from <= 130; from++) {
        size_t in = from;
        size_t out = from;

        while (in < 130 && !bitset_has(words, in)) {
            in++;
        }
        while (out < 130 && bitset_has(words, out)) {
            out++;
        }
        cr_assert_eq(bitset_next(words, 130, from, true), in);
        cr_assert_eq(bitset_next(words, 130, from, false), out);
    }
}
