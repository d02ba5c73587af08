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
