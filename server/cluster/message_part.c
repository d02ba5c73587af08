/* SPDX-License-Identifier: MIT */
#include "cluster/message_part.h"

#include "base/codec.h"

void message_part_encode(const struct message_part *part, struct buf *out)
{
    encode_u64_be(out, part->number);
    encode_u32_be(out, part->total);
    encode_u32_be(out, part->before);
    buf_append_bytes(out, part->bytes);
}

bool message_part_decode(struct bytes body, struct message_part *out)
{
    struct decoder d = decoder_make(body);

    out->number = decode_u64_be(&d);
    out->total = decode_u32_be(&d);
    out->before = decode_u32_be(&d);
    out->bytes = decode_bytes(&d, decoder_left(&d));
    return decoder_is_ok(&d) && out->bytes.len > 0 && out->total >= sizeof(uint32_t) &&
           out->total <= MESSAGE_MAX_BYTES && out->before < out->total &&
           out->bytes.len <= out->total - out->before;
}
