/* SPDX-License-Identifier: MIT */
/* Fixed sets of small integers over an array of 64-bit words that the caller holds. */
#ifndef STARLING_BASE_BITSET_H
#define STARLING_BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BITSET_WORDS(bits) (((bits) + 63) / 64)

static inline bool bitset_has(const uint64_t *words, size_t bit)
{
    return (words[bit / 64] >> (bit % 64)) & 1;
}

static inline void bitset_add(uint64_t *words, size_t bit)
{
    words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitset_remove(uint64_t *words, size_t bit)
{
    words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

static inline size_t bitset_count(const uint64_t *words, size_t word_count)
{
    size_t count = 0;

    for (size_t i = 0; i < word_count; i++) {
        count += (size_t)__builtin_popcountll(words[i]);
    }
    return count;
}

/* The first bit from `from` on that is in the set, or is not (is_in false); bit_count: there is none. */
static inline size_t bitset_next(const uint64_t *words, size_t bit_count, size_t from, bool is_in)
{
    for (size_t bit = from; bit < bit_count; bit = (bit / 64 + 1) * 64) {
        uint64_t word = (is_in ? words[bit / 64] : ~words[bit / 64]) >> (bit % 64);

        if (word != 0) {
            size_t found = bit + (size_t)__builtin_ctzll(word);

            return found < bit_count ? found : bit_count;
        }
    }
    return bit_count;
}

#endif
