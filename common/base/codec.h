/* SPDX-License-Identifier: MIT */
/* Cursors over bytes of files and wires.  Integers go through here, never through memcpy of
 * a struct.
 *
 * A decoder never reads beyond its input: the first read that would makes it fail for good,
 * and every later read then gives zeros; ask decoder_is_ok() once at the end. */
#ifndef STARLING_BASE_CODEC_H
#define STARLING_BASE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"

struct decoder {
    struct bytes in;
    size_t at;
    bool failed;
};

void encode_u8(struct buf *out, uint8_t value);
void encode_u16_be(struct buf *out, uint16_t value);
void encode_u32_be(struct buf *out, uint32_t value);
void encode_u64_be(struct buf *out, uint64_t value);
void encode_u16_le(struct buf *out, uint16_t value);
void encode_u32_le(struct buf *out, uint32_t value);
void encode_u64_le(struct buf *out, uint64_t value);

static inline struct decoder decoder_make(struct bytes in)
{
    return (struct decoder){.in = in};
}

uint8_t decode_u8(struct decoder *d);
uint16_t decode_u16_be(struct decoder *d);
uint32_t decode_u32_be(struct decoder *d);
uint64_t decode_u64_be(struct decoder *d);
uint16_t decode_u16_le(struct decoder *d);
uint32_t decode_u32_le(struct decoder *d);
uint64_t decode_u64_le(struct decoder *d);
/* Borrow the next len bytes of the input; empty when there are fewer. */
struct bytes decode_bytes(struct decoder *d, size_t len);

static inline bool decoder_is_ok(const struct decoder *d)
{
    return !d->failed;
}

static inline size_t decoder_left(const struct decoder *d)
{
    return d->in.len - d->at;
}

#endif
