/* SPDX-License-Identifier: MIT */
/* One function for each range of lengths, as the specification has it.  All of them mix the input with
 * pieces of one secret text of 192 bytes; sums wrap. */
#include "base/xxh3.h"

#include "base/hash.h"

#include <string.h>

enum {
    SHORT_MAX = 16,
    MIDDLE_MAX = 128,
    LONG_MAX_BYTES = 240, /* beyond: by stripes */
    STRIPE_BYTES = 64,
    LANES = 8,
    BLOCK_STRIPES = 16,
    BLOCK_BYTES = BLOCK_STRIPES * STRIPE_BYTES,
    SECRET_BYTES = 192,
    SECRET_LEAST_BYTES = 136,
};

#define PRIME32_1 UINT64_C(0x9e3779b1)
#define PRIME32_2 UINT64_C(0x85ebca77)
#define PRIME32_3 UINT64_C(0xc2b2ae3d)
#define PRIME64_1 UINT64_C(0x9e3779b185ebca87)
#define PRIME64_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define PRIME64_3 UINT64_C(0x165667b19e3779f9)
#define PRIME64_4 UINT64_C(0x85ebca77c2b2ae63)
#define PRIME64_5 UINT64_C(0x27d4eb2f165667c5)
#define MIX_1     UINT64_C(0x165667919e3779f9)
#define MIX_2     UINT64_C(0x9fb21c651e98df25)

static const unsigned char secret[SECRET_BYTES] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
    0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
    0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
    0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
    0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
    0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
    0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
    0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
    0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

static uint64_t read32(const void *at)
{
    const unsigned char *p = at;

    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static uint64_t read64(const void *at)
{
    const unsigned char *p = at;

    return read32(p) | read32(p + 4) << 32;
}

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t finish(uint64_t hash)
{
    hash = (hash ^ hash >> 37) * MIX_1;
    return hash ^ hash >> 32;
}

/* Of the shortest: that of XXH64. */
static uint64_t finish_short(uint64_t hash)
{
    hash = (hash ^ hash >> 33) * PRIME64_2;
    hash = (hash ^ hash >> 29) * PRIME64_3;
    return hash ^ hash >> 32;
}

static uint64_t of_1_to_3(const unsigned char *p, size_t len)
{
    uint64_t word =
        (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 24 | p[len - 1] | (uint64_t)len << 8;

    return finish_short(word ^ read32(secret) ^ read32(secret + 4));
}

static uint64_t of_4_to_8(const unsigned char *p, size_t len)
{
    uint64_t hash = read32(p + len - 4) + (read32(p) << 32);

    hash ^= read64(secret + 8) ^ read64(secret + 16);
    hash = (hash ^ rotate(hash, 49) ^ rotate(hash, 24)) * MIX_2;
    hash = (hash ^ ((hash >> 35) + len)) * MIX_2;
    return hash ^ hash >> 28;
}

static uint64_t of_9_to_16(const unsigned char *p, size_t len)
{
    uint64_t low = read64(p) ^ read64(secret + 24) ^ read64(secret + 32);
    uint64_t high = read64(p + len - 8) ^ read64(secret + 40) ^ read64(secret + 48);

    return finish(len + __builtin_bswap64(low) + high + hash_fold(low, high));
}

static uint64_t mix_16(const unsigned char *p, const unsigned char *key)
{
    return hash_fold(read64(p) ^ read64(key), read64(p + 8) ^ read64(key + 8));
}

/* Pairs of 16 bytes from both ends, which may overlap. */
static uint64_t of_17_to_128(const unsigned char *p, size_t len)
{
    uint64_t hash = len * PRIME64_1;

    for (size_t i = 0; i <= (len - 1) / 32; i++) {
        hash += mix_16(p + 16 * i, secret + 32 * i);
        hash += mix_16(p + len - 16 * (i + 1), secret + 32 * i + 16);
    }
    return finish(hash);
}

static uint64_t of_129_to_240(const unsigned char *p, size_t len)
{
    uint64_t hash = len * PRIME64_1;

    for (size_t i = 0; i < 8; i++) {
        hash += mix_16(p + 16 * i, secret + 16 * i);
    }
    hash = finish(hash);
    for (size_t i = 8; i < len / 16; i++) {
        hash += mix_16(p + 16 * i, secret + 16 * (i - 8) + 3);
    }
    return finish(hash + mix_16(p + len - 16, secret + SECRET_LEAST_BYTES - 17));
}

static void add_stripe(uint64_t *lanes, const unsigned char *p, const unsigned char *key)
{
    for (size_t i = 0; i < LANES; i++) {
        uint64_t word = read64(p + 8 * i);
        uint64_t mixed = word ^ read64(key + 8 * i);

        lanes[i ^ 1] += word;
        lanes[i] += (mixed & UINT32_MAX) * (mixed >> 32);
    }
}

static void scramble(uint64_t *lanes)
{
    const unsigned char *key = secret + SECRET_BYTES - STRIPE_BYTES;

    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (lanes[i] ^ lanes[i] >> 47 ^ read64(key + 8 * i)) * PRIME32_1;
    }
}

static uint64_t of_more(const unsigned char *p, size_t len)
{
    uint64_t lanes[LANES] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3,
                             PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
    size_t stripes = (len - 1) / STRIPE_BYTES; /* whole ones, but for the last bytes */
    uint64_t hash = len * PRIME64_1;

    for (size_t i = 0; i < stripes; i++) {
        add_stripe(lanes, p + i * STRIPE_BYTES, secret + 8 * (i % BLOCK_STRIPES));
        if (i % BLOCK_STRIPES == BLOCK_STRIPES - 1) {
            scramble(lanes);
        }
    }
    add_stripe(lanes, p + len - STRIPE_BYTES, secret + SECRET_BYTES - STRIPE_BYTES - 7);
    for (size_t i = 0; i < LANES; i += 2) {
        const unsigned char *key = secret + 11 + 8 * i;

        hash += hash_fold(lanes[i] ^ read64(key), lanes[i + 1] ^ read64(key + 8));
    }
    return finish(hash);
}

uint64_t xxh3(struct bytes b)
{
    const unsigned char *p = (const unsigned char *)b.data;

    if (b.len == 0) {
        return finish_short(read64(secret + 56) ^ read64(secret + 64));
    }
    if (b.len <= 3) {
        return of_1_to_3(p, b.len);
    }
    if (b.len <= 8) {
        return of_4_to_8(p, b.len);
    }
    if (b.len <= SHORT_MAX) {
        return of_9_to_16(p, b.len);
    }
    if (b.len <= MIDDLE_MAX) {
        return of_17_to_128(p, b.len);
    }
    return b.len <= LONG_MAX_BYTES ? of_129_to_240(p, b.len) : of_more(p, b.len);
}
