/* SPDX-License-Identifier: MIT */
/* Names as strings with their length. */
#include "cluster/identity_codec.h"

#include "base/assert.h"

#include <string.h>

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
