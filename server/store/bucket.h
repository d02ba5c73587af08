/* SPDX-License-Identifier: MIT */
/* A bucket: one cache line with nine references and sixteen hash bits of each.
 *
 *     u16 tag[9] | u8 meta | u8 reference[9][5]
 *
 * A reference of 0 is an empty place.  meta counts the entries that found this bucket full
 * on the way from their home and went on (BUCKET_PASSED_MAX: so many or more, for good): when it
 * is 0, a search ends here.  Its highest bit is the walk's mark (store/walk.h). */
#ifndef STARLING_STORE_BUCKET_H
#define STARLING_STORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    BUCKET_PLACES = 9,
    BUCKET_BYTES = 64,
    BUCKET_REF_BYTES = 5,
    BUCKET_PASSED_MAX = 127,
    BUCKET_WALKED = 128,
};

struct bucket {
    _Alignas(BUCKET_BYTES) uint16_t tags[BUCKET_PLACES];
    uint8_t meta;
    uint8_t refs[BUCKET_PLACES][BUCKET_REF_BYTES];
};

_Static_assert(sizeof(struct bucket) == BUCKET_BYTES, "a bucket is one cache line");

static inline uint64_t bucket_ref(const struct bucket *b, unsigned place)
{
    uint32_t low;

    memcpy(&low, b->refs[place], sizeof(low));
    return low | ((uint64_t)b->refs[place][4] << 32);
}

static inline void bucket_put_ref(struct bucket *b, unsigned place, uint64_t ref)
{
    uint32_t low = (uint32_t)ref;

    memcpy(b->refs[place], &low, sizeof(low));
    b->refs[place][4] = (uint8_t)(ref >> 32);
}

/* A bit for each place whose tag is equal; the place may be empty. */
static inline unsigned bucket_match(const struct bucket *b, uint16_t tag)
{
    unsigned last = b->tags[8] == tag ? 1U << 8 : 0;

#if defined(__SSE2__)
    __m128i tags = _mm_load_si128((const __m128i *)(const void *)b->tags);
    __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag));

    return last | ((unsigned)_mm_movemask_epi8(_mm_packs_epi16(equal, equal)) & 255U);
#else
    for (unsigned i = 0; i < 8; i++) {
        last |= (b->tags[i] == tag ? 1U : 0U) << i;
    }
    return last;
#endif
}

/* An empty place, or BUCKET_PLACES. */
static inline unsigned bucket_empty_place(const struct bucket *b)
{
    unsigned place = 0;

    while (place < BUCKET_PLACES && bucket_ref(b, place) != 0) {
        place++;
    }
    return place;
}

static inline unsigned bucket_passed(const struct bucket *b)
{
    return b->meta & BUCKET_PASSED_MAX;
}

static inline void bucket_add_passed(struct bucket *b)
{
    if (bucket_passed(b) < BUCKET_PASSED_MAX) {
        b->meta++;
    }
}

static inline void bucket_remove_passed(struct bucket *b)
{
    if (bucket_passed(b) < BUCKET_PASSED_MAX) {
        b->meta--;
    }
}

static inline bool bucket_is_walked(const struct bucket *b)
{
    return (b->meta & BUCKET_WALKED) != 0;
}

#endif
