/* SPDX-License-Identifier: MIT */
/* base/hash. */
#include "base/hash.h"

#include "base/codec.h"
#include "base/rng.h"

#include "tests/unit/seed.h"

Test(hash, depends_on_every_byte_the_length_and_the_seed)
{
    char text[40] = {0};

    for (size_t len = 1; len <= sizeof(text); len++) {
        uint64_t plain = hash_bytes(bytes_make(text, len), 1);

        cr_assert_neq(plain, hash_bytes(bytes_make(text, len - 1), 1));
        cr_assert_neq(plain, hash_bytes(bytes_make(text, len), 2));
        for (size_t i = 0; i < len; i++) {
            text[i] = 1;
            cr_assert_neq(plain, hash_bytes(bytes_make(text, len), 1), "byte %zu of %zu", i, len);
            text[i] = 0;
        }
    }
}

Test(hash, spreads_similar_keys_evenly)
{
    uint64_t seed = seed_get();
    unsigned fill[64] = {0};

    for (unsigned i = 0; i < 64 * 1000; i++) {
        struct buf key = {0};

        buf_printf(&key, "user:%u", i);
        fill[hash_bytes(buf_bytes(&key), seed) & 63]++;
        buf_deinit(&key);
    }
    for (int i = 0; i < 64; i++) {
        SEED_ASSERT(fill[i] > 800 && fill[i] < 1200, seed); /* six standard deviations */
    }
}

/* What a factor of a product would have to be for a key to make it zero, whatever the seed is. */
Test(hash, no_known_word_in_a_key_hides_what_stands_beside_it)
{
    static const uint64_t words[] = {0, UINT64_MAX, UINT64_C(0xa0761d6478bd642f),
                                     UINT64_C(0xe7037ed1a0b428db),
                                     UINT64_C(0xa0761d6478bd642f) ^ UINT64_C(0xe7037ed1a0b428db)};
    uint64_t seed = seed_get();

    for (size_t len = 16; len <= 40; len += 4) {
        for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
            for (size_t at = 0; at + 8 <= len; at += 4) {
                char text[40] = {0};
                uint64_t plain;
                size_t other = at < 8 ? len - 1 : 0;

                memcpy(text + at, &words[i], sizeof(words[i]));
                plain = hash_bytes(bytes_make(text, len), seed);
                text[other] = 1;
                SEED_ASSERT(plain != hash_bytes(bytes_make(text, len), seed), seed);
                memset(text + (at >= 8 ? 0 : 8), 'x', at >= 8 ? at : len - 8);
                SEED_ASSERT(plain != hash_bytes(bytes_make(text, len), seed), seed);
            }
        }
    }
}

Test(hash, two_words_of_a_key_do_not_change_places)
{
    uint64_t seed = seed_get();

    SEED_ASSERT(hash_bytes(BYTES_LITERAL("12345678abcdefgh"), seed) !=
                    hash_bytes(BYTES_LITERAL("abcdefgh12345678"), seed),
                seed);
}
