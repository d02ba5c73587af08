/* SPDX-License-Identifier: MIT */
/* Byte by byte, so that neither alignment nor the machine's byte order matters; compilers
 * turn each into one load or store. */
#include "base/codec.h"

#include "base/assert.h"

static void encode_be(struct buf *out, uint64_t value, unsigned size)
{
    char *at = buf_reserve(out, size);

    for (unsigned i = 0; i < size; i++) {
        at[i] = (char)(value >> (8 * (size - 1 - i)));
    }
    out->len += size;
}

static void encode_le(struct buf *out, uint64_t value, unsigned size)
{
    char *at = buf_reserve(out, size);

    for (unsigned i = 0; i < size; i++) {
        at[i] = (char)(value >> (8 * i));
    }
    out->len += size;
}

static uint64_t decode_be(struct decoder *d, unsigned size)
{
    struct bytes b = decode_bytes(d, size);
    uint64_t value = 0;

    for (size_t i = 0; i < b.len; i++) {
        value = value << 8 | (unsigned char)b.data[i];
    }
    return value;
}

static uint64_t decode_le(struct decoder *d, unsigned size)
{
    struct bytes b = decode_bytes(d, size);
    uint64_t value = 0;

    for (size_t i = 0; i < b.len; i++) {
        value |= (uint64_t)(unsigned char)b.data[i] << (8 * i);
    }
    return value;
}

void encode_u8(struct buf *out, uint8_t value)
{
    encode_be(out, value, 1);
}

void encode_u16_be(struct buf *out, uint16_t value)
{
    encode_be(out, value, 2);
}

void encode_u32_be(struct buf *out, uint32_t value)
{
    encode_be(out, value, 4);
}

void encode_u64_be(struct buf *out, uint64_t value)
{
    encode_be(out, value, 8);
}

void encode_u16_le(struct buf *out, uint16_t value)
{
    encode_le(out, value, 2);
}

void encode_u32_le(struct buf *out, uint32_t value)
{
    encode_le(out, value, 4);
}

void encode_u64_le(struct buf *out, uint64_t value)
{
    encode_le(out, value, 8);
}

uint8_t decode_u8(struct decoder *d)
{
    return (uint8_t)decode_be(d, 1);
}

uint16_t decode_u16_be(struct decoder *d)
{
    return (uint16_t)decode_be(d, 2);
}

uint32_t decode_u32_be(struct decoder *d)
{
    return (uint32_t)decode_be(d, 4);
}

uint64_t decode_u64_be(struct decoder *d)
{
    return decode_be(d, 8);
}

uint16_t decode_u16_le(struct decoder *d)
{
    return (uint16_t)decode_le(d, 2);
}

uint32_t decode_u32_le(struct decoder *d)
{
    return (uint32_t)decode_le(d, 4);
}

uint64_t decode_u64_le(struct decoder *d)
{
    return decode_le(d, 8);
}

struct bytes decode_bytes(struct decoder *d, size_t len)
{
    struct bytes b;

    ASSERT(d->at <= d->in.len);
    if (d->failed || d->in.len - d->at < len) {
        d->failed = true;
        return (struct bytes){0};
    }
    b = bytes_make(d->in.data + d->at, len);
    d->at += len;
    return b;
}
