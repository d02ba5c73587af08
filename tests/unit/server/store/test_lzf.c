/* SPDX-License-Identifier: MIT */
/* store/lzf. */
#include "store/lzf.h"

#include "base/attr.h"
#include "base/rng.h"

#include "tests/unit/seed.h"

static bool expands(struct bytes in, const char *expected)
{
    char out[600];
    size_t len = strlen(expected);

    return lzf_expand(in, out, len) && memcmp(out, expected, len) == 0;
}

Test(lzf, literals_and_copies_are_expanded)
{
    cr_assert(expands(BYTES_LITERAL("\x04hello"), "hello"));
    cr_assert(expands(BYTES_LITERAL("\x02"
                                    "abc\x20\x02"),
                      "abcabc"));
    cr_assert(expands(BYTES_LITERAL("\x00z\xe0\x00\x00"), "zzzzzzzzzz"),
              "a copy may overlap itself");
    cr_assert(expands(BYTES_LITERAL(""), ""));
}

static const struct {
    struct bytes in;
    size_t out_len;
} damaged[] = {
    {{"\x04hell", 5},      5 },
    {{"\x04hello", 6},     4 },
    {{"\x04hello", 6},     6 },
    {{"\x20\x00", 2},      3 },
    {{"\x00z\x20\x01", 4}, 4 },
    {{"\x00z\x20", 3},     4 },
    {{"\x00z\xe0", 3},     10},
    {{"\x00z\xe0\x00", 4}, 10},
    {{"\x00z\x40\x00", 4}, 4 },
    {{"", 0},              1 },
};

Test(lzf, damaged_input_is_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(damaged); i++) {
        char *out = malloc(damaged[i].out_len);

        cr_assert(!lzf_expand(damaged[i].in, out, damaged[i].out_len), "case %zu", i);
        free(out);
    }
}

Test(lzf, random_bytes_stay_within_their_output)
{
    uint64_t seed = seed_get();
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < 20000; round++) {
        char in[24];
        size_t len = rng_below(&rng, sizeof(in) + 1);
        size_t out_len = rng_below(&rng, 64);
        char out[64 + 1];

        for (size_t i = 0; i < len; i++) {
            in[i] = (char)(rng_one_in(&rng, 2) ? rng_below(&rng, 8) : rng_u64(&rng));
        }
        out[out_len] = '#';
        (void)!lzf_expand(bytes_make(in, len), out, out_len);
        SEED_ASSERT(out[out_len] == '#', seed);
    }
}
