/* SPDX-License-Identifier: MIT */
/* One function reads an entry, for those who check a body and those who want to know. */
#include "cluster/gossip.h"

#include "base/assert.h"

enum {
    COUNT_BYTES = 2
};

void gossip_begin(struct buf *body)
{
    encode_u16_be(body, 0);
}

size_t gossip_count(struct bytes body)
{
    struct decoder d = decoder_make(body);

    ASSERT(body.len == 0 || body.len >= COUNT_BYTES);
    return body.len == 0 ? 0 : decode_u16_be(&d);
}

void gossip_add(struct buf *body, const struct gossip_entry *entry)
{
    size_t count = gossip_count(buf_bytes(body)) + 1;
    size_t len = body->len;

    ASSERT(len >= COUNT_BYTES);
    ASSERT(count <= GOSSIP_ENTRIES_MAX);
    ASSERT(!cluster_id_is_none(&entry->id));
    cluster_id_encode(body, &entry->id);
    encode_u16_be(body, entry->flags);
    encode_u16_be(body, entry->address.port);
    encode_u16_be(body, entry->address.bus_port);
    cluster_names_encode(body, &entry->address);
    ASSERT(body->len - len <= GOSSIP_ENTRY_BYTES_MAX);
    body->data[0] = (char)(count >> 8);
    body->data[1] = (char)(count & 0xff);
}

static void decode_entry(struct decoder *d, struct gossip_entry *out)
{
    cluster_id_decode(d, &out->id);
    out->flags = decode_u16_be(d);
    out->address.port = decode_u16_be(d);
    out->address.bus_port = decode_u16_be(d);
    cluster_names_decode(d, &out->address);
    if (cluster_id_is_none(&out->id)) {
        d->failed = true;
    }
}

bool gossip_is_valid(struct bytes body)
{
    struct decoder d = decoder_make(body);
    size_t count = decode_u16_be(&d);
    struct gossip_entry entry;

    if (count > GOSSIP_ENTRIES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count && decoder_is_ok(&d); i++) {
        decode_entry(&d, &entry);
    }
    return decoder_is_ok(&d) && decoder_left(&d) == 0;
}

struct gossip_reader gossip_read(struct bytes body)
{
    struct gossip_reader reader = {.decoder = decoder_make(body), .left = gossip_count(body)};

    if (body.len > 0) {
        (void)decode_u16_be(&reader.decoder);
    }
    ASSERT(reader.left <= GOSSIP_ENTRIES_MAX);
    return reader;
}

bool gossip_next(struct gossip_reader *reader, struct gossip_entry *out)
{
    if (reader->left == 0) {
        return false;
    }
    reader->left--;
    decode_entry(&reader->decoder, out);
    ASSERT(decoder_is_ok(&reader->decoder));
    return true;
}
