/* SPDX-License-Identifier: MIT */
/* Words against single bits. */
#include "command/bitmap.h"

#include "base/attr.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    BYTES_MAX = 600,
    ROUNDS = 4000,
    SOURCES = 4,
};

/* Long runs of equal bits, as words are passed over for, and others. */
static void fill(struct rng *rng, char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint64_t kind = rng_below(rng, 8);

        data[i] = (char)(kind < 4 ? 0 : kind < 7 ? 0xff : (int)rng_below(rng, 256));
    }
    if (len > 0 && rng_below(rng, 2) == 0) {
        memset(data, rng_below(rng, 2) == 0 ? 0 : 0xff, len);
        data[rng_below(rng, len)] ^= 0x10;
    }
}

static int bit_of(const char *data, size_t len, uint64_t bit)
{
    return bit / 8 < len ? ((unsigned char)data[bit / 8] >> (7 - bit % 8)) & 1 : 0;
}

Test(bitmap, counts_and_finds_what_single_bits_tell)
{
    static char data[BYTES_MAX];
    struct rng rng;

    rng_init(&rng, 1);
    for (int round = 0; round < ROUNDS; round++) {
        size_t len = 1 + rng_below(&rng, rng_below(&rng, 2) == 0 ? 20 : BYTES_MAX);
        uint64_t first = rng_below(&rng, len * 8);
        uint64_t last = first + rng_below(&rng, len * 8 - first);
        bool is_set = rng_below(&rng, 2) == 0;
        uint64_t count = 0;
        int64_t found = -1;

        fill(&rng, data, len);
        for (uint64_t bit = first; bit <= last; bit++) {
            count += (uint64_t)bit_of(data, len, bit);
            found = found < 0 && bit_of(data, len, bit) == is_set ? (int64_t)bit : found;
        }
        cr_assert_eq(bitmap_count(bytes_make(data, len), first, last), count);
        cr_assert_eq(bitmap_find(bytes_make(data, len), first, last, is_set), found);
    }
}

Test(bitmap, numbers_of_any_width_at_any_bit_are_read_as_written_and_nothing_else_changes)
{
    static char data[64];
    static char before[64];
    struct rng rng;

    rng_init(&rng, 2);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned bits = 1 + (unsigned)rng_below(&rng, 64);
        uint64_t first = rng_below(&rng, 8 * sizeof(data) - bits + 1);
        uint64_t number = rng_u64(&rng) >> (64 - bits);

        fill(&rng, data, sizeof(data));
        memcpy(before, data, sizeof(data));
        bitmap_put_number(data, first, bits, number);
        cr_assert_eq(bitmap_get_number(bytes_make(data, sizeof(data)), first, bits), number);
        for (uint64_t bit = 0; bit < 8 * sizeof(data); bit++) {
            bool is_inside = bit >= first && bit < first + bits;
            int wanted = is_inside ? (int)((number >> (first + bits - 1 - bit)) & 1)
                                   : bit_of(before, sizeof(before), bit);

            cr_assert_eq(bit_of(data, sizeof(data), bit), wanted);
        }
    }
}

Test(bitmap, behind_the_end_all_bits_are_zero)
{
    const struct bytes ones = BYTES_LITERAL("\xff\xff");

    cr_assert(bitmap_get(ones, 15));
    cr_assert_not(bitmap_get(ones, 16));
    cr_assert_not(bitmap_get(ones, UINT64_C(1) << 40));
    cr_assert_eq(bitmap_get_number(ones, 12, 8), 0xf0);
    cr_assert_eq(bitmap_get_number(ones, 16, 64), 0);
    cr_assert_eq(bitmap_get_number((struct bytes){0}, 0, 64), 0);
}

/* What one bit of the result is by the words of bitmap.h. */
static int combined(enum bitmap_op op, const int *bits, size_t count)
{
    int others = 0;
    int sum = bits[0];

    for (size_t i = 1; i < count; i++) {
        others |= bits[i];
        sum += bits[i];
    }
    switch (op) {
    case BITMAP_AND:
        return sum == (int)count;
    case BITMAP_OR:
        return sum > 0;
    case BITMAP_XOR:
        return sum % 2;
    case BITMAP_NOT:
        return !bits[0];
    case BITMAP_DIFF:
        return bits[0] && !others;
    case BITMAP_DIFF1:
        return !bits[0] && others;
    case BITMAP_ANDOR:
        return bits[0] && others;
    case BITMAP_ONE:
        return sum == 1;
    }
    return -1;
}

static void compare_combined(struct rng *rng, enum bitmap_op op, size_t len_max)
{
    static char data[SOURCES][10000];
    static char out[10000];
    struct bytes sources[SOURCES];
    size_t count = op == BITMAP_NOT ? 1 : 1 + rng_below(rng, SOURCES);
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        sources[i] = bytes_make(data[i], rng_below(rng, len_max));
        fill(rng, data[i], sources[i].len);
        longest = sources[i].len > longest ? sources[i].len : longest;
    }
    bitmap_combine(op, sources, count, out, longest);
    for (uint64_t bit = 0; bit < longest * 8; bit++) {
        int bits[SOURCES];

        for (size_t i = 0; i < count; i++) {
            bits[i] = bit_of(data[i], sources[i].len, bit);
        }
        cr_assert_eq(bit_of(out, longest, bit), combined(op, bits, count), "%d: bit %d", (int)op,
                     (int)bit);
    }
}

Test(bitmap, combining_is_done_for_each_bit_whatever_the_lengths)
{
    struct rng rng;

    rng_init(&rng, 3);
    for (int op = BITMAP_AND; op <= BITMAP_ONE; op++) {
        for (int round = 0; round < 50; round++) {
            compare_combined(&rng, (enum bitmap_op)op, 40);
        }
        /* More than is combined at a time. */
        compare_combined(&rng, (enum bitmap_op)op, 10000);
        compare_combined(&rng, (enum bitmap_op)op, 10000);
    }
}
