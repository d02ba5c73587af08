/* SPDX-License-Identifier: MIT */
/* The first byte of a length says with its two upper bits what follows:
 *
 *     00xxxxxx                 6 bits
 *     01xxxxxx xxxxxxxx        14 bits, high bits first
 *     10000000 + 4 bytes       32 bits, big-endian
 *     10000001 + 8 bytes       64 bits, big-endian
 *     11xxxxxx                 a special string: int8, int16, int32 (little-endian), LZF */
#include "store/value_codec.h"

#include "base/assert.h"
#include "base/num.h"
#include "store/lzf.h"
#include "store/packed.h"

#include <inttypes.h>

enum {
    LEN_14_BIT = 0x40,
    LEN_32_BIT = 0x80,
    LEN_64_BIT = 0x81,
    LEN_SPECIAL = 0xc0,
    LEN_KIND_MASK = 0xc0,
    LEN_VALUE_MASK = 0x3f,

    SPECIAL_INT8 = 0,
    SPECIAL_INT16 = 1,
    SPECIAL_INT32 = 2,
    SPECIAL_LZF = 3,

    INTEGER_TEXT_LIMIT = 11, /* "-2147483648" */
};

/* ---- encoding -------------------------------------------------------------------------------- */

void value_encode_len(struct buf *out, uint64_t len)
{
    if (len <= LEN_VALUE_MASK) {
        encode_u8(out, (uint8_t)len);
    } else if (len < (1U << 14)) {
        encode_u16_be(out, (uint16_t)(LEN_14_BIT << 8 | len));
    } else if (len <= UINT32_MAX) {
        encode_u8(out, LEN_32_BIT);
        encode_u32_be(out, (uint32_t)len);
    } else {
        encode_u8(out, LEN_64_BIT);
        encode_u64_be(out, len);
    }
}

/* False when it takes more than 32 bits. */
static bool encode_integer(struct buf *out, int64_t value)
{
    if (value >= INT8_MIN && value <= INT8_MAX) {
        encode_u8(out, LEN_SPECIAL | SPECIAL_INT8);
        encode_u8(out, (uint8_t)value);
    } else if (value >= INT16_MIN && value <= INT16_MAX) {
        encode_u8(out, LEN_SPECIAL | SPECIAL_INT16);
        encode_u16_le(out, (uint16_t)value);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        encode_u8(out, LEN_SPECIAL | SPECIAL_INT32);
        encode_u32_le(out, (uint32_t)value);
    } else {
        return false;
    }
    return true;
}

void value_encode_string(struct buf *out, struct bytes value)
{
    int64_t integer;

    if (value.len <= INTEGER_TEXT_LIMIT && num_parse_i64(value, &integer) &&
        encode_integer(out, integer)) {
        return;
    }
    value_encode_len(out, value.len);
    buf_append_bytes(out, value);
}

void value_encode_integer(struct buf *out, int64_t value)
{
    char text[NUM_I64_TEXT + 1];

    if (!encode_integer(out, value)) {
        size_t len = num_format_i64(text, value);

        value_encode_len(out, len);
        buf_append(out, text, len);
    }
}

void value_encode_field_expiry(struct buf *out, int64_t expire_at_ms, int64_t base_ms)
{
    ASSERT(expire_at_ms == 0 || (base_ms > 0 && expire_at_ms >= base_ms));
    value_encode_len(out, expire_at_ms == 0 ? 0 : (uint64_t)(expire_at_ms - base_ms) + 1);
}

void value_encode_item(struct buf *out, const struct packed_item *item)
{
    if (item->is_integer) {
        value_encode_integer(out, item->integer);
    } else {
        value_encode_string(out, item->text);
    }
}

/* ---- decoding -------------------------------------------------------------------------------- */

enum value_codec_status value_decode_len(struct decoder *d, uint64_t *out, bool *is_encoding)
{
    size_t left = decoder_left(d);
    uint8_t first;

    *is_encoding = false;
    if (left < 1) {
        return VALUE_CODEC_MORE;
    }
    first = (uint8_t)d->in.data[d->at];
    if (first == LEN_32_BIT || first == LEN_64_BIT) {
        if (left < (first == LEN_32_BIT ? 5U : 9U)) {
            return VALUE_CODEC_MORE;
        }
        d->at++;
        *out = first == LEN_32_BIT ? decode_u32_be(d) : decode_u64_be(d);
        return VALUE_CODEC_OK;
    }
    switch (first & LEN_KIND_MASK) {
    case 0:
    case LEN_SPECIAL:
        d->at++;
        *out = first & LEN_VALUE_MASK;
        *is_encoding = (first & LEN_KIND_MASK) == LEN_SPECIAL;
        return VALUE_CODEC_OK;
    case LEN_14_BIT:
        if (left < 2) {
            return VALUE_CODEC_MORE;
        }
        *out = decode_u16_be(d) & ((1U << 14) - 1);
        return VALUE_CODEC_OK;
    default:
        return VALUE_CODEC_ERROR;
    }
}

enum value_codec_status value_decode_count(struct decoder *d, const char *what, uint64_t *out,
                                           uint64_t *needed, struct errmsg *error)
{
    bool is_encoding;
    enum value_codec_status status = value_decode_len(d, out, &is_encoding);

    *needed = (uint64_t)d->in.len + 1;
    if (status == VALUE_CODEC_MORE) {
        return status;
    }
    if (status == VALUE_CODEC_ERROR || is_encoding || *out == 0) {
        errmsg_set(error, "%s has no number of elements", what);
        return VALUE_CODEC_ERROR;
    }
    return VALUE_CODEC_OK;
}

/* A length that must not be a special string; its message when it is damaged. */
static enum value_codec_status decode_plain_len(struct decoder *d, uint64_t max_bytes,
                                                uint64_t *out, struct errmsg *error)
{
    bool is_encoding;
    enum value_codec_status status = value_decode_len(d, out, &is_encoding);

    if (status == VALUE_CODEC_ERROR || (status == VALUE_CODEC_OK && is_encoding)) {
        errmsg_set(error, "a length is not encoded as one");
        return VALUE_CODEC_ERROR;
    }
    if (status == VALUE_CODEC_OK && *out > max_bytes) {
        errmsg_set(error, "a string of %" PRIu64 " bytes is beyond the limit of %" PRIu64, *out,
                   max_bytes);
        return VALUE_CODEC_ERROR;
    }
    return status;
}

/* Are so many bytes there?  Else *needed is how many there must be, from start on. */
static bool has_left(const struct decoder *d, size_t start, uint64_t len, uint64_t *needed)
{
    if (decoder_left(d) >= len) {
        return true;
    }
    *needed = (uint64_t)(d->at - start) + len;
    return false;
}

static enum value_codec_status decode_integer(struct decoder *d, size_t start, uint64_t encoding,
                                              struct buf *out, uint64_t *needed)
{
    int64_t value;

    if (!has_left(d, start, UINT64_C(1) << encoding, needed)) {
        return VALUE_CODEC_MORE;
    }
    if (encoding == SPECIAL_INT8) {
        value = (int16_t)(decode_u8(d) << 8) / 256;
    } else if (encoding == SPECIAL_INT16) {
        value = (int16_t)decode_u16_le(d);
    } else {
        value = (int32_t)decode_u32_le(d);
    }
    buf_append_i64(out, value);
    return VALUE_CODEC_OK;
}

/* Memory for the text is taken only when all of the compressed bytes are there, and they could
 * expand to it. */
static enum value_codec_status decode_lzf(struct decoder *d, size_t start, uint64_t max_bytes,
                                          struct buf *out, uint64_t *needed, struct errmsg *error)
{
    uint64_t packed_len;
    uint64_t len;
    enum value_codec_status status = decode_plain_len(d, max_bytes, &packed_len, error);

    *needed = (uint64_t)(d->in.len - start) + 1;
    if (status == VALUE_CODEC_OK) {
        status = decode_plain_len(d, max_bytes, &len, error);
    }
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (len / LZF_MAX_EXPANSION > packed_len) {
        errmsg_set(error,
                   "a compressed string claims to expand from %" PRIu64 " to %" PRIu64 " bytes",
                   packed_len, len);
        return VALUE_CODEC_ERROR;
    }
    if (!has_left(d, start, packed_len, needed)) {
        return VALUE_CODEC_MORE;
    }
    /* Nobody compresses nothing. */
    if (len == 0 || !lzf_expand(decode_bytes(d, (size_t)packed_len), buf_reserve(out, (size_t)len),
                                (size_t)len)) {
        errmsg_set(error, "a compressed string is damaged");
        return VALUE_CODEC_ERROR;
    }
    out->len += (size_t)len;
    return VALUE_CODEC_OK;
}

enum value_codec_status value_decode_string(struct decoder *d, uint64_t max_bytes, struct buf *out,
                                            uint64_t *needed, struct errmsg *error)
{
    size_t start = d->at;
    uint64_t len;
    bool is_encoding;
    enum value_codec_status status = value_decode_len(d, &len, &is_encoding);

    *needed = (uint64_t)(d->in.len - start) + 1;
    if (status == VALUE_CODEC_ERROR) {
        errmsg_set(error, "a length is not encoded as one");
    }
    if (status != VALUE_CODEC_OK) {
        return status;
    }
    if (is_encoding && len <= SPECIAL_INT32) {
        return decode_integer(d, start, len, out, needed);
    }
    if (is_encoding && len == SPECIAL_LZF) {
        return decode_lzf(d, start, max_bytes, out, needed, error);
    }
    if (is_encoding) {
        errmsg_set(error, "string encoding %" PRIu64 " is unknown", len);
        return VALUE_CODEC_ERROR;
    }
    if (len > max_bytes) {
        errmsg_set(error, "a string of %" PRIu64 " bytes is beyond the limit of %" PRIu64, len,
                   max_bytes);
        return VALUE_CODEC_ERROR;
    }
    if (!has_left(d, start, len, needed)) {
        return VALUE_CODEC_MORE;
    }
    buf_append_bytes(out, decode_bytes(d, (size_t)len));
    return VALUE_CODEC_OK;
}
