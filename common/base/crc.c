/* SPDX-License-Identifier: MIT */
/* Table-driven; see crc_tables.h for the tables' making.  Long input is first made short, where the processor can multiply
 * polynomials: sixteen bytes take the place of all before them, without changing what the remainder is (Gopal and others,
 * "Fast CRC computation for generic polynomials using PCLMULQDQ", 2009). */
#include "base/crc.h"

#include "base/crc_tables.h"

#ifdef __x86_64__
#include <wmmintrin.h>
#endif

uint16_t crc16(uint16_t crc, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        crc = (uint16_t)((crc << 8) ^ crc16_table[(crc >> 8) ^ (unsigned char)b.data[i]]);
    }
    return crc;
}

uint64_t crc64_portable(uint64_t crc, struct bytes b)
{
    while (b.len >= 8) {
        uint64_t word;

        memcpy(&word, b.data, sizeof(word));
        crc ^= word; /* little-endian, as every machine we run on */
        crc = crc64_table[7][crc & 0xff] ^ crc64_table[6][(crc >> 8) & 0xff] ^
              crc64_table[5][(crc >> 16) & 0xff] ^ crc64_table[4][(crc >> 24) & 0xff] ^
              crc64_table[3][(crc >> 32) & 0xff] ^ crc64_table[2][(crc >> 40) & 0xff] ^
              crc64_table[1][(crc >> 48) & 0xff] ^ crc64_table[0][crc >> 56];
        b = bytes_from(b, 8);
    }
    for (size_t i = 0; i < b.len; i++) {
        crc = crc64_table[0][(crc ^ (unsigned char)b.data[i]) & 0xff] ^ (crc >> 8);
    }
    return crc;
}

uint32_t crc32c_portable(uint32_t crc, struct bytes b)
{
    crc = ~crc;
    while (b.len >= 8) {
        uint32_t low;
        uint32_t high;

        memcpy(&low, b.data, sizeof(low)); /* little-endian, too */
        memcpy(&high, b.data + 4, sizeof(high));
        crc ^= low;
        crc = crc32c_table[7][crc & 0xff] ^ crc32c_table[6][(crc >> 8) & 0xff] ^
              crc32c_table[5][(crc >> 16) & 0xff] ^ crc32c_table[4][crc >> 24] ^
              crc32c_table[3][high & 0xff] ^ crc32c_table[2][(high >> 8) & 0xff] ^
              crc32c_table[1][(high >> 16) & 0xff] ^ crc32c_table[0][high >> 24];
        b = bytes_from(b, 8);
    }
    for (size_t i = 0; i < b.len; i++) {
        crc = crc32c_table[0][(crc ^ (unsigned char)b.data[i]) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

#ifdef __x86_64__
enum {
    LANE_BYTES = 16,
    LANES = 4, /* side by side, as a product takes longer than it takes to begin the next */
    FOLD_BYTES = LANES * LANE_BYTES,
    FOLD_LEAST_BYTES = 4 * FOLD_BYTES, /* below, it is not worth the beginning and the end */
};

/* Powers of x modulo the polynomial, reflected, in the upper bits: what a lane's first and second half is multiplied with to
 * get on by so many bytes.  With n bits: x^(n + 63) and x^(n - 1), as a product of reflected numbers is one power short. */
struct fold_keys {
    uint64_t lanes[2]; /* by FOLD_BYTES */
    uint64_t lane[2];  /* by LANE_BYTES */
};

static const struct fold_keys crc64_keys = {
    .lanes = {UINT64_C(0xaf86efb16d9ab4fb), UINT64_C(0xf49784a634f014e4)},
    .lane = {UINT64_C(0xd9d7be7d505da32c), UINT64_C(0x381d0015c96f4444)},
};
static const struct fold_keys crc32c_keys = {
    .lanes = {UINT64_C(0x1c19243b00000000), UINT64_C(0x75bba45b00000000)},
    .lane = {UINT64_C(0x3743f7bd00000000), UINT64_C(0x3171d43000000000)},
};

__attribute__((target("pclmul"))) static __m128i load_lane(const char *at)
{
    __m128i lane;

    memcpy(&lane, at, sizeof(lane));
    return lane;
}

__attribute__((target("pclmul"))) static __m128i fold_lane(__m128i lane, __m128i keys, __m128i next)
{
    __m128i first = _mm_clmulepi64_si128(lane, keys, 0x00);
    __m128i second = _mm_clmulepi64_si128(lane, keys, 0x11);

    return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

/* All whole folds off the front of *b, which has one at least: out has what they are worth.  state is what the remainder
 * was before. */
__attribute__((target("pclmul"))) static void
fold(struct bytes *b, uint64_t state, const struct fold_keys *keys, char out[LANE_BYTES])
{
    __m128i key = load_lane((const char *)keys->lanes);
    __m128i lanes[LANES];
    const char *at = b->data;
    size_t folds = b->len / FOLD_BYTES;

    for (int i = 0; i < LANES; i++) {
        lanes[i] = load_lane(at + (ptrdiff_t)i * LANE_BYTES);
    }
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)state));
    at += FOLD_BYTES;
    for (size_t left = folds - 1; left > 0; left--, at += FOLD_BYTES) {
        for (int i = 0; i < LANES; i++) {
            lanes[i] = fold_lane(lanes[i], key, load_lane(at + (ptrdiff_t)i * LANE_BYTES));
        }
    }
    key = load_lane((const char *)keys->lane);
    for (int i = 1; i < LANES; i++) {
        lanes[i] = fold_lane(lanes[i - 1], key, lanes[i]);
    }
    memcpy(out, &lanes[LANES - 1], LANE_BYTES);
    *b = bytes_from(*b, folds * FOLD_BYTES);
}

static bool is_worth_folding(struct bytes b)
{
    return b.len >= FOLD_LEAST_BYTES && __builtin_cpu_supports("pclmul");
}

uint64_t crc64(uint64_t crc, struct bytes b)
{
    if (is_worth_folding(b)) {
        char folded[LANE_BYTES];

        fold(&b, crc, &crc64_keys, folded);
        crc = crc64_portable(0, bytes_make(folded, sizeof(folded)));
    }
    return crc64_portable(crc, b);
}

/* The processor has an instruction for just this polynomial. */
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, struct bytes b)
{
    uint64_t wide = ~crc;

    while (b.len >= 8) {
        uint64_t word;

        memcpy(&word, b.data, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
        b = bytes_from(b, 8);
    }
    crc = (uint32_t)wide;
    for (size_t i = 0; i < b.len; i++) {
        crc = __builtin_ia32_crc32qi(crc, (unsigned char)b.data[i]);
    }
    return ~crc;
}

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    if (!__builtin_cpu_supports("sse4.2")) {
        return crc32c_portable(crc, b);
    }
    if (is_worth_folding(b)) {
        char folded[LANE_BYTES];

        fold(&b, ~crc, &crc32c_keys, folded);
        crc = crc32c_sse42(UINT32_MAX, bytes_make(folded, sizeof(folded)));
    }
    return crc32c_sse42(crc, b);
}
#else
uint64_t crc64(uint64_t crc, struct bytes b)
{
    return crc64_portable(crc, b);
}

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    return crc32c_portable(crc, b);
}
#endif
