/* SPDX-License-Identifier: MIT */
/* Pseudo-random numbers from a seed: xoshiro256** (Blackman and Vigna, public domain).
 * The same seed gives the same numbers on every machine.  Not for secrets unless the seed
 * came from the kernel. */
#ifndef STARLING_BASE_RNG_H
#define STARLING_BASE_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *rng, uint64_t seed);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, bound); bound > 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);
/* True once in n calls on average. */
bool rng_one_in(struct rng *rng, uint64_t n);
/* Fill out with len lower-case hex digits, not terminated. */
void rng_hex(struct rng *rng, char *out, size_t len);

#endif
