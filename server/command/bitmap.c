/* SPDX-License-Identifier: MIT */
/* Loops over words; the ends, which are no whole words, are done by bytes and masks. */
#include "command/bitmap.h"

#include "base/assert.h"
#include "base/attr.h"

#include <string.h>

enum {
    CHUNK_WORDS = 512, /* of what is combined at a time: it stays in the nearest cache */
    COUNT_WORDS = 31,  /* whose set bits are added up byte by byte: 31 * 8 fit into a byte */
};

static uint64_t load_word(const char *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

bool bitmap_get(struct bytes b, uint64_t bit)
{
    uint64_t at = bit / 8;

    return at < b.len && (((unsigned char)b.data[at] >> (7 - bit % 8)) & 1) != 0;
}

void bitmap_put(char *data, uint64_t bit, bool is_set)
{
    unsigned char mask = (unsigned char)(0x80U >> (bit % 8));
    unsigned char byte = (unsigned char)data[bit / 8];

    data[bit / 8] = (char)(is_set ? byte | mask : byte & ~mask);
}

uint64_t bitmap_get_number(struct bytes b, uint64_t first, unsigned bits)
{
    uint64_t number = 0;

    ASSERT(bits >= 1 && bits <= 64);
    for (unsigned done = 0; done < bits;) {
        unsigned at = (unsigned)((first + done) % 8);
        unsigned here = 8 - at < bits - done ? 8 - at : bits - done;
        uint64_t place = (first + done) / 8;
        unsigned byte = place < b.len ? (unsigned char)b.data[place] : 0;

        number = (number << here) | ((byte >> (8 - at - here)) & ((1U << here) - 1));
        done += here;
    }
    return number;
}

void bitmap_put_number(char *data, uint64_t first, unsigned bits, uint64_t number)
{
    ASSERT(bits >= 1 && bits <= 64);
    for (unsigned left = bits; left > 0;) {
        uint64_t bit = first + bits - left;
        unsigned at = (unsigned)(bit % 8);
        unsigned here = 8 - at < left ? 8 - at : left;
        unsigned shift = 8 - at - here;
        unsigned mask = ((1U << here) - 1) << shift;
        unsigned part = (unsigned)((number >> (left - here)) & ((1U << here) - 1)) << shift;

        data[bit / 8] = (char)(((unsigned char)data[bit / 8] & ~mask) | part);
        left -= here;
    }
}

/* Set bits of each byte of the word, as bytes. */
static uint64_t count_in_bytes(uint64_t word)
{
    const uint64_t twos = UINT64_C(0x5555555555555555);
    const uint64_t fours = UINT64_C(0x3333333333333333);
    const uint64_t eights = UINT64_C(0x0f0f0f0f0f0f0f0f);

    word -= (word >> 1) & twos;
    word = (word & fours) + ((word >> 2) & fours);
    return (word + (word >> 4)) & eights;
}

static uint64_t sum_of_bytes(uint64_t word)
{
    const uint64_t low = UINT64_C(0x00ff00ff00ff00ff);

    word = (word & low) + ((word >> 8) & low);
    return (word * UINT64_C(0x0001000100010001)) >> 48;
}

static uint64_t count_bytes(const char *data, size_t len)
{
    uint64_t count = 0;

    while (len >= 8) {
        size_t words = len / 8 < COUNT_WORDS ? len / 8 : COUNT_WORDS;
        uint64_t sums = 0;

        for (size_t i = 0; i < words; i++) {
            sums += count_in_bytes(load_word(data + 8 * i));
        }
        count += sum_of_bytes(sums);
        data += 8 * words;
        len -= 8 * words;
    }
    for (size_t i = 0; i < len; i++) {
        count += sum_of_bytes(count_in_bytes((unsigned char)data[i]));
    }
    return count;
}

/* The bits of the byte that are not before bit first of it, and not behind bit last. */
static unsigned char masked(char byte, unsigned first, unsigned last)
{
    unsigned from = 0xffU >> first;
    unsigned to = 0xffU << (7 - last);

    return (unsigned char)((unsigned char)byte & from & to);
}

uint64_t bitmap_count(struct bytes b, uint64_t first, uint64_t last)
{
    size_t first_byte = (size_t)(first / 8);
    size_t last_byte = (size_t)(last / 8);
    unsigned from = (unsigned)(first % 8);
    unsigned to = (unsigned)(last % 8);

    ASSERT(first <= last && last_byte < b.len);
    if (first_byte == last_byte) {
        return sum_of_bytes(count_in_bytes(masked(b.data[first_byte], from, to)));
    }
    return sum_of_bytes(count_in_bytes(masked(b.data[first_byte], from, 7))) +
           count_bytes(b.data + first_byte + 1, last_byte - first_byte - 1) +
           sum_of_bytes(count_in_bytes(masked(b.data[last_byte], 0, to)));
}

int64_t bitmap_find(struct bytes b, uint64_t first, uint64_t last, bool is_set)
{
    /* What there is of the other value alone is passed over: as bits that are set when they differ. */
    const uint64_t other = is_set ? 0 : UINT64_MAX;
    uint64_t bit = first;

    ASSERT(first <= last && last / 8 < b.len);
    while (bit <= last) {
        if (bit % 8 == 0 && last - bit >= 63 && load_word(b.data + bit / 8) == other) {
            bit += 64;
            continue;
        }
        /* Words are passed over once a byte is whole; within one of interest, bytes and then bits. */
        if (bit % 8 == 0 && last - bit >= 7 && b.data[bit / 8] == (char)other) {
            bit += 8;
            continue;
        }
        if (bitmap_get(b, bit) == is_set) {
            return (int64_t)bit;
        }
        bit++;
    }
    return -1;
}

/* A piece of a source, with zeros for what it does not have. */
static void load_chunk(struct bytes source, size_t at, size_t len, uint64_t *words)
{
    size_t there = at < source.len ? source.len - at : 0;

    there = there < len ? there : len;
    if (there < len || len % 8 != 0) {
        memset(words, 0, (len + 7) / 8 * 8);
    }
    if (there > 0) {
        memcpy(words, source.data + at, there);
    }
}

/* What has been found in the words of the sources so far. */
struct chunk {
    uint64_t first[CHUNK_WORDS]; /* of the first source, or the result so far */
    uint64_t other[CHUNK_WORDS]; /* in one of the others at least; ONE: in more than one */
    uint64_t next[CHUNK_WORDS];
};

static void add_source(enum bitmap_op op, struct chunk *c, size_t words)
{
    switch (op) {
    case BITMAP_AND:
        for (size_t i = 0; i < words; i++) {
            c->first[i] &= c->next[i];
        }
        break;
    case BITMAP_OR:
        for (size_t i = 0; i < words; i++) {
            c->first[i] |= c->next[i];
        }
        break;
    case BITMAP_XOR:
        for (size_t i = 0; i < words; i++) {
            c->first[i] ^= c->next[i];
        }
        break;
    case BITMAP_ONE:
        for (size_t i = 0; i < words; i++) {
            c->other[i] |= c->first[i] & c->next[i];
            c->first[i] |= c->next[i];
        }
        break;
    case BITMAP_DIFF:
    case BITMAP_DIFF1:
    case BITMAP_ANDOR:
        for (size_t i = 0; i < words; i++) {
            c->other[i] |= c->next[i];
        }
        break;
    case BITMAP_NOT:
        break;
    }
}

static void finish(enum bitmap_op op, struct chunk *c, size_t words)
{
    for (size_t i = 0; i < words; i++) {
        switch (op) {
        case BITMAP_AND:
        case BITMAP_OR:
        case BITMAP_XOR:
            return;
        case BITMAP_NOT:
            c->first[i] = ~c->first[i];
            break;
        case BITMAP_ONE:
        case BITMAP_DIFF:
            c->first[i] &= ~c->other[i];
            break;
        case BITMAP_DIFF1:
            c->first[i] = ~c->first[i] & c->other[i];
            break;
        case BITMAP_ANDOR:
            c->first[i] &= c->other[i];
            break;
        }
    }
}

void bitmap_combine(enum bitmap_op op, const struct bytes *sources, size_t count, char *out,
                    size_t len)
{
    struct chunk c;

    ASSERT(count > 0);
    for (size_t at = 0; at < len;) {
        size_t here = len - at < sizeof(c.first) ? len - at : sizeof(c.first);
        size_t words = (here + 7) / 8;

        load_chunk(sources[0], at, here, c.first);
        memset(c.other, 0, words * 8);
        for (size_t i = 1; i < count; i++) {
            load_chunk(sources[i], at, here, c.next);
            add_source(op, &c, words);
        }
        finish(op, &c, words);
        memcpy(out + at, c.first, here);
        at += here;
    }
}
