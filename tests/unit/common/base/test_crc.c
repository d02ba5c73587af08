/* SPDX-License-Identifier: MIT */
/* base/crc: check values of the catalogue, and continuation. */
#include "base/crc.h"

#include "base/rng.h"
#include "tests/unit/seed.h"

#include <criterion/criterion.h>

#define CHECK BYTES_LITERAL("123456789")

Test(crc, check_values_are_those_of_the_catalogue)
{
    cr_assert_eq(crc16(0, CHECK), 0x31c3);
    cr_assert_eq(crc64(0, CHECK), UINT64_C(0xe9c6d914c4b8d9ca));
    cr_assert_eq(crc64_portable(0, CHECK), UINT64_C(0xe9c6d914c4b8d9ca));
    cr_assert_eq(crc32c(0, CHECK), 0xe3069283U);
    cr_assert_eq(crc32c_portable(0, CHECK), 0xe3069283U);
}

Test(crc, nothing_changes_nothing)
{
    cr_assert_eq(crc16(0, (struct bytes){0}), 0);
    cr_assert_eq(crc64(0, (struct bytes){0}), 0);
    cr_assert_eq(crc32c(0, (struct bytes){0}), 0);
    cr_assert_eq(crc32c_portable(0, (struct bytes){0}), 0);
}

Test(crc, pieces_give_the_same_as_the_whole)
{
    char text[100];

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * 37);
    }
    for (size_t cut = 0; cut <= sizeof(text); cut++) {
        struct bytes all = bytes_make(text, sizeof(text));
        struct bytes head = bytes_prefix(all, cut);
        struct bytes tail = bytes_from(all, cut);

        cr_assert_eq(crc16(crc16(0, head), tail), crc16(0, all));
        cr_assert_eq(crc64(crc64(0, head), tail), crc64(0, all));
        cr_assert_eq(crc32c(crc32c(0, head), tail), crc32c(0, all));
    }
}

/* RFC 3720, B.4. */
Test(crc, castagnoli_agrees_with_the_iscsi_examples)
{
    char text[32];

    memset(text, 0, sizeof(text));
    cr_assert_eq(crc32c(0, bytes_make(text, 32)), 0x8a9136aaU);
    memset(text, 0xff, sizeof(text));
    cr_assert_eq(crc32c(0, bytes_make(text, 32)), 0x62a8ab43U);
    for (int i = 0; i < 32; i++) {
        text[i] = (char)i;
    }
    cr_assert_eq(crc32c(0, bytes_make(text, 32)), 0x46dd794eU);
}

/* By the definition: a bit at a time. */
static uint32_t crc32c_by_bits(uint32_t crc, struct bytes b)
{
    crc = ~crc;
    for (size_t i = 0; i < b.len; i++) {
        crc ^= (unsigned char)b.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78U : 0);
        }
    }
    return ~crc;
}

static uint64_t crc64_by_bits(uint64_t crc, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        crc ^= (unsigned char)b.data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? UINT64_C(0x95ac9329ac4bc9b5) : 0);
        }
    }
    return crc;
}

/* Short and long, at any place, from any value on. */
Test(crc, both_are_the_same_by_instructions_by_table_and_by_definition)
{
    uint64_t seed = seed_get();
    struct rng rng;
    char text[3000];

    rng_init(&rng, seed);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)rng_u64(&rng);
    }
    for (int round = 0; round < 5000; round++) {
        size_t start = (size_t)rng_below(&rng, sizeof(text));
        size_t most = round % 2 == 0 ? 300 : sizeof(text);
        size_t left = sizeof(text) - start;
        size_t len = (size_t)rng_below(&rng, (left < most ? left : most) + 1);
        struct bytes piece = bytes_make(text + start, len);
        uint64_t before = rng_u64(&rng);
        uint32_t right = crc32c_by_bits((uint32_t)before, piece);

        SEED_ASSERT(crc32c((uint32_t)before, piece) == right, seed);
        SEED_ASSERT(crc32c_portable((uint32_t)before, piece) == right, seed);
        SEED_ASSERT(crc64(before, piece) == crc64_by_bits(before, piece), seed);
        SEED_ASSERT(crc64_portable(before, piece) == crc64_by_bits(before, piece), seed);
    }
}
