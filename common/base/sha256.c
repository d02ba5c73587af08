/* SPDX-License-Identifier: MIT */
/* From the standard (FIPS 180-4); by the processor's own instructions where it has them, as each message between nodes is
 * proven by two of these. */
#include "base/sha256.h"

#include "base/assert.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

enum {
    BLOCK_SIZE = 64
};

/* Take a block into the state. */
typedef void compress_fn(uint32_t h[8], const uint8_t *block);

struct sha256_state {
    uint32_t h[8];
    uint64_t total_len;
    uint8_t block[BLOCK_SIZE];
    size_t block_len;
    compress_fn *compress;
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

static void compress_portable(uint32_t h[8], const uint8_t *block)
{
    uint32_t w[64];
    uint32_t v[8];

    expand(block, w);
    memcpy(v, h, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
        uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + s1 + choose + round_constants[i] + w[i];
        uint32_t s0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

        v[7] = v[6];
        v[6] = v[5];
        v[5] = v[4];
        v[4] = v[3] + t1;
        v[3] = v[2];
        v[2] = v[1];
        v[1] = v[0];
        v[0] = t1 + s0 + majority;
    }
    for (int i = 0; i < 8; i++) {
        h[i] += v[i];
    }
}

/* Clang has no name for the feature that the instructions are. */
#if defined(__x86_64__) && !defined(__clang__)
#define SHA_TARGET __attribute__((target("sha,sse4.1")))

SHA_TARGET static __m128i load_four(const void *at)
{
    __m128i four;

    memcpy(&four, at, sizeof(four));
    return four;
}

/* The words of four rounds, out of those of the sixteen before: w[i % 4] had the oldest four. */
SHA_TARGET static __m128i next_words(const __m128i w[4], int i)
{
    __m128i seven_before = _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4);
    __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]), seven_before);

    return _mm_sha256msg2_epu32(sum, w[(i + 3) % 4]);
}

/* The processor's instructions do two rounds each.  They want the state as abef and cdgh. */
SHA_TARGET static void compress_by_processor(uint32_t h[8], const uint8_t *block)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_shuffle_epi32(load_four(h), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(load_four(h + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, dcba, 0xf0);
    __m128i abef_before = abef;
    __m128i cdgh_before = cdgh;
    __m128i w[4];

    for (int i = 0; i < 16; i++) {
        __m128i sum;

        w[i % 4] =
            i < 4 ? _mm_shuffle_epi8(load_four(block + 16 * (size_t)i), swap) : next_words(w, i);
        sum = _mm_add_epi32(w[i % 4], load_four(round_constants + 4 * (size_t)i));
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
    abef = _mm_shuffle_epi32(_mm_add_epi32(abef, abef_before), 0x1b);
    cdgh = _mm_shuffle_epi32(_mm_add_epi32(cdgh, cdgh_before), 0xb1);
    dcba = _mm_blend_epi16(abef, cdgh, 0xf0);
    hgfe = _mm_alignr_epi8(cdgh, abef, 8);
    memcpy(h, &dcba, sizeof(dcba));
    memcpy(h + 4, &hgfe, sizeof(hgfe));
}

static compress_fn *choose_compress(void)
{
    bool is_there = __builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1");

    return is_there ? compress_by_processor : compress_portable;
}
#else
static compress_fn *choose_compress(void)
{
    return compress_portable;
}
#endif

static void start(struct sha256_state *s, compress_fn *compress)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    *s = (struct sha256_state){.compress = compress};
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
            s->compress(s->h, s->block);
            s->block_len = 0;
        }
    }
}

static void finish(struct sha256_state *s, uint8_t out[SHA256_SIZE])
{
    static const char zeros[BLOCK_SIZE] = {0};
    uint64_t bit_len = s->total_len * 8;
    char length[8];

    update(s, BYTES_LITERAL("\x80"));
    if (s->block_len > BLOCK_SIZE - sizeof(length)) {
        update(s, bytes_make(zeros, BLOCK_SIZE - s->block_len));
    }
    update(s, bytes_make(zeros, BLOCK_SIZE - sizeof(length) - s->block_len));
    for (int i = 0; i < 8; i++) {
        length[i] = (char)(bit_len >> (56 - 8 * i));
    }
    update(s, bytes_make(length, sizeof(length)));
    ASSERT(s->block_len == 0);
    for (int i = 0; i < SHA256_SIZE; i++) {
        out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
    }
}

static void digest(struct bytes message, compress_fn *compress, uint8_t out[SHA256_SIZE])
{
    struct sha256_state s;

    start(&s, compress);
    update(&s, message);
    finish(&s, out);
}

void sha256(struct bytes message, uint8_t out[SHA256_SIZE])
{
    digest(message, choose_compress(), out);
}

void sha256_portable(struct bytes message, uint8_t out[SHA256_SIZE])
{
    digest(message, compress_portable, out);
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
    start(&s, choose_compress());
    update(&s, bytes_make(inner, sizeof(inner)));
    update(&s, message);
    finish(&s, out);
    start(&s, choose_compress());
    update(&s, bytes_make(outer, sizeof(outer)));
    update(&s, bytes_make(out, SHA256_SIZE));
    finish(&s, out);
}
