/* SPDX-License-Identifier: MIT */
/* xoshiro256** seeded through splitmix64, as its authors advise. */
#include "base/rng.h"

#include "base/assert.h"

static uint64_t rotate_left(uint64_t x, int n)
{
    return (x << n) | (x >> (64 - n));
}

void rng_init(struct rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        rng->s[i] = z ^ (z >> 31);
    }
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    uint64_t limit;
    uint64_t value;

    ASSERT(bound > 0);
    limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        value = rng_u64(rng);
    } while (value >= limit);
    return value % bound;
}

bool rng_one_in(struct rng *rng, uint64_t n)
{
    return rng_below(rng, n) == 0;
}

void rng_hex(struct rng *rng, char *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        out[i] = "0123456789abcdef"[rng_below(rng, 16)];
    }
}
