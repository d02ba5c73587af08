/* SPDX-License-Identifier: MIT */
/* Ids are hex digits here and bytes there. */
#include "cluster/identity_codec.h"

#include "base/assert.h"

#include <string.h>

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

static void encode_string(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    ASSERT(len <= UINT8_MAX);
    encode_u8(out, (uint8_t)len);
    buf_append(out, text, len);
}

void cluster_names_encode(struct buf *out, const struct cluster_address *address)
{
    encode_string(out, address->ip);
    encode_string(out, address->hostname);
}

/* Refuse any text that could not have come from frame_encode. */
void cluster_names_decode(struct decoder *d, struct cluster_address *out)
{
    struct bytes ip = decode_bytes(d, decode_u8(d));
    struct bytes hostname = decode_bytes(d, decode_u8(d));

    if ((ip.len > 0 && !cluster_ip_is_valid(ip)) ||
        (hostname.len > 0 && !cluster_hostname_is_valid(hostname))) {
        d->failed = true;
        return;
    }
    bytes_to_text(ip, out->ip, sizeof(out->ip));
    bytes_to_text(hostname, out->hostname, sizeof(out->hostname));
}
