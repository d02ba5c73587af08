/* SPDX-License-Identifier: MIT */
/* Ids are hex digits here and bytes there. */
#include "base/cluster_id.h"

#include "base/assert.h"

bool cluster_id_parse(struct bytes text, struct cluster_id *out)
{
    if (text.len != CLUSTER_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return false;
        }
    }
    bytes_to_text(text, out->text, sizeof(out->text));
    ASSERT(!cluster_id_is_none(out));
    return true;
}

static unsigned nibble(char digit)
{
    ASSERT((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'));
    return (unsigned)(unsigned char)digit - (digit <= '9' ? (unsigned)'0' : (unsigned)'a' - 10);
}

void cluster_id_encode(struct buf *out, const struct cluster_id *id)
{
    size_t start = out->len;

    for (size_t i = 0; i < CLUSTER_RAW_ID_BYTES; i++) {
        unsigned raw = 0;

        if (!cluster_id_is_none(id)) {
            raw = nibble(id->text[2 * i]) << 4 | nibble(id->text[2 * i + 1]);
        }
        encode_u8(out, (uint8_t)(raw & 0xff));
    }
    ASSERT(out->len - start == CLUSTER_RAW_ID_BYTES);
}

void cluster_id_decode(struct decoder *d, struct cluster_id *out)
{
    static const char digits[] = "0123456789abcdef";
    struct bytes raw = decode_bytes(d, CLUSTER_RAW_ID_BYTES);
    unsigned any = 0;

    ASSERT(raw.len == 0 || raw.len == CLUSTER_RAW_ID_BYTES);
    *out = (struct cluster_id){0};
    for (size_t i = 0; i < raw.len; i++) {
        any |= (unsigned char)raw.data[i];
    }
    if (any == 0) {
        return;
    }
    for (size_t i = 0; i < raw.len; i++) {
        out->text[2 * i] = digits[(unsigned char)raw.data[i] >> 4];
        out->text[2 * i + 1] = digits[(unsigned char)raw.data[i] & 15];
    }
    ASSERT(!cluster_id_is_none(out));
}
