/* SPDX-License-Identifier: MIT */
/* Straight from the standard; messages here are small, so clarity wins over speed. */
#include "base/sha256.h"

#include "base/assert.h"

enum {
    BLOCK_SIZE = 64
};

struct sha256_state {
    uint32_t h[8];
    uint64_t total_len;
    uint8_t block[BLOCK_SIZE];
    size_t block_len;
};

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static void expand(const uint8_t *block, uint32_t w[64])
{
    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | (uint32_t)block[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ (w[i - 2] >> 10);

        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

static void compress(struct sha256_state *s, const uint8_t *block)
{
    uint32_t w[64];
    uint32_t v[8];

    expand(block, w);
    memcpy(v, s->h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
        uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choose + round_constants[i] + w[i];
        uint32_t s0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + s0 + majority;
    }
    for (int i = 0; i < 8; i++) {
        s->h[i] += v[i];
    }
}

static void start(struct sha256_state *s)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    *s = (struct sha256_state){0};
    memcpy(s->h, initial, sizeof(initial));
}

static void update(struct sha256_state *s, struct bytes b)
{
    s->total_len += b.len;
    while (b.len > 0) {
        size_t room = BLOCK_SIZE - s->block_len;
        size_t take = b.len < room ? b.len : room;

        memcpy(s->block + s->block_len, b.data, take);
        s->block_len += take;
        b = bytes_from(b, take);
        if (s->block_len == BLOCK_SIZE) {
            compress(s, s->block);
            s->block_len = 0;
        }
    }
}

static void finish(struct sha256_state *s, uint8_t out[SHA256_SIZE])
{
    uint64_t bit_len = s->total_len * 8;
    char length[8];

    update(s, BYTES_LITERAL("\x80"));
    while (s->block_len != BLOCK_SIZE - 8) {
        update(s, bytes_make("\0", 1));
    }
    for (int i = 0; i < 8; i++) {
        length[i] = (char)(bit_len >> (56 - 8 * i));
    }
    update(s, bytes_make(length, sizeof(length)));
    ASSERT(s->block_len == 0);
    for (int i = 0; i < SHA256_SIZE; i++) {
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
    }
}

void sha256(struct bytes message, uint8_t out[SHA256_SIZE])
{
    struct sha256_state s;

    start(&s);
    update(&s, message);
    finish(&s, out);
}

void sha256_hmac(struct bytes key, struct bytes message, uint8_t out[SHA256_SIZE])
{
    uint8_t padded[BLOCK_SIZE] = {0};
    uint8_t inner[BLOCK_SIZE];
    uint8_t outer[BLOCK_SIZE];
    struct sha256_state s;

    if (key.len > BLOCK_SIZE) {
        sha256(key, padded);
    } else if (key.len > 0) {
        memcpy(padded, key.data, key.len);
    }
    for (int i = 0; i < BLOCK_SIZE; i++) {
        inner[i] = padded[i] ^ 0x36;
        outer[i] = padded[i] ^ 0x5c;
    }
    start(&s);
    update(&s, bytes_make(inner, sizeof(inner)));
    update(&s, message);
    finish(&s, out);
    start(&s);
    update(&s, bytes_make(outer, sizeof(outer)));
    update(&s, bytes_make(out, SHA256_SIZE));
    finish(&s, out);
}
