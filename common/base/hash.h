/* SPDX-License-Identifier: MIT */
/* A keyed 64-bit hash of bytes: 128-bit multiplications folded, after the idea of
 * wyhash (Wang Yi, public domain).  Fast, well spread; with a secret seed hard to collide
 * from outside.  Not cryptographic, not stable across versions: never store it.
 *
 * Both factors of each product depend on the seed.  Were one of them known but for the key, a key could make
 * it zero, and the product would forget the other: as many keys as one likes would have one hash, whatever the
 * seed is. */
#ifndef STARLING_BASE_HASH_H
#define STARLING_BASE_HASH_H

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_read64(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t hash_read32(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint64_t hash_turn(uint64_t word)
{
    return word << 32 | word >> 32;
}

static inline uint64_t hash_bytes(struct bytes b, uint64_t seed)
{
    const uint64_t odd1 = UINT64_C(0xa0761d6478bd642f);
    const uint64_t odd2 = UINT64_C(0xe7037ed1a0b428db);
    const char *at = b.data;
    size_t left = b.len;
    uint64_t head;
    uint64_t tail;

    seed ^= odd1;
    while (left > 16) {
        seed = hash_fold(hash_read64(at) ^ seed, hash_read64(at + 8) ^ hash_turn(seed));
        at += 16;
        left -= 16;
    }
    if (left >= 8) {
        head = hash_read64(at);
        tail = hash_read64(at + left - 8);
    } else if (left >= 4) {
        head = hash_read32(at);
        tail = hash_read32(at + left - 4);
    } else if (left > 0) {
        head = ((uint64_t)(unsigned char)at[0] << 16) |
               ((uint64_t)(unsigned char)at[left / 2] << 8) | (unsigned char)at[left - 1];
        tail = 0;
    } else {
        head = 0;
        tail = 0;
    }
    return hash_fold(odd2 ^ b.len, hash_fold(head ^ seed, tail ^ hash_turn(seed)));
}

#endif
