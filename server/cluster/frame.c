/* SPDX-License-Identifier: MIT */
/* Bus frames to bytes and back.  The layout is drawn in frame.h. */
#include "cluster/frame.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/sha256.h"

#include <stdio.h>
#include <string.h>

enum {
    RAW_ID_BYTES = CLUSTER_ID_LEN / 2,
    LENGTH_AT = 8,
    FIXED_BYTES = 212,
    /* The longest one entry of gossip can be. */
    GOSSIP_ENTRY_MAX = RAW_ID_BYTES + 14 + 2 + CLUSTER_IP_SIZE + CLUSTER_HOSTNAME_SIZE,
};

static const char magic[] = {'S', 'T', 'R', 'L'};

const char *frame_type_name(enum frame_type type)
{
    static const char *const names[] = {
#define MESSAGE(id, number, name) [FRAME_##id] = (name),
#include "cluster/messages.def"
#undef MESSAGE
    };

    ASSERT((size_t)type < ARRAY_COUNT(names) && names[type] != NULL);
    return names[type];
}

static unsigned nibble(char digit)
{
    return (unsigned)(unsigned char)digit - (digit <= '9' ? (unsigned)'0' : (unsigned)'a' - 10);
}

static void encode_id(struct buf *out, const struct cluster_id *id)
{
    for (size_t i = 0; i < RAW_ID_BYTES; i++) {
        unsigned raw = 0;

        if (!cluster_id_is_none(id)) {
            raw = nibble(id->text[2 * i]) << 4 | nibble(id->text[2 * i + 1]);
        }
        encode_u8(out, (uint8_t)(raw & 0xff));
    }
}

static void decode_id(struct decoder *d, struct cluster_id *out)
{
    static const char digits[] = "0123456789abcdef";
    struct bytes raw = decode_bytes(d, RAW_ID_BYTES);
    unsigned any = 0;

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
}

static void encode_string(struct buf *out, const char *text)
{
    size_t len = strlen(text);

    ASSERT(len <= UINT8_MAX);
    encode_u8(out, (uint8_t)len);
    buf_append(out, text, len);
}

static void encode_names(struct buf *out, const struct cluster_address *address)
{
    encode_string(out, address->ip);
    encode_string(out, address->hostname);
}

static bool has_gossip(enum frame_type type)
{
    return type == FRAME_PING || type == FRAME_PONG || type == FRAME_MEET || type == FRAME_VOTE;
}

static void encode_gossip(const struct frame *frame, size_t start, struct buf *out)
{
    size_t count_at = out->len;
    uint16_t count = 0;

    encode_u16_be(out, 0);
    for (size_t i = 0; i < frame->gossip_count; i++) {
        const struct frame_gossip *entry = &frame->gossip[i];

        if (out->len - start + GOSSIP_ENTRY_MAX + SHA256_SIZE > FRAME_MAX_BYTES) {
            break;
        }
        encode_id(out, &entry->id);
        encode_u16_be(out, entry->flags);
        encode_u64_be(out, entry->contested_epoch);
        encode_u16_be(out, entry->address.port);
        encode_u16_be(out, entry->address.bus_port);
        encode_names(out, &entry->address);
        count++;
    }
    out->data[count_at] = (char)(count >> 8);
    out->data[count_at + 1] = (char)(count & 0xff);
}

static void encode_fixed(const struct frame *frame, uint16_t flags, struct buf *out)
{
    buf_append(out, magic, sizeof(magic));
    encode_u8(out, FRAME_VERSION);
    encode_u8(out, (uint8_t)frame->type);
    encode_u16_be(out, flags);
    encode_u32_be(out, 0);
    encode_id(out, &frame->sender);
    encode_id(out, &frame->shard);
    encode_id(out, &frame->primary);
    encode_u64_be(out, frame->boot);
    encode_u64_be(out, frame->sequence);
    encode_u64_be(out, frame->current_epoch);
    encode_u64_be(out, frame->config_epoch);
    encode_id(out, &frame->subject);
    encode_u64_be(out, frame->subject_epoch);
    encode_u64_be(out, frame->offset);
    buf_append(out, frame->history.text, HISTORY_ID_LEN);
    encode_u64_be(out, (uint64_t)frame->sent_us);
    encode_u64_be(out, (uint64_t)frame->echo_us);
    encode_u32_be(out, frame->timeout_ms);
    encode_u64_be(out, frame->voted_epoch);
    encode_u16_be(out, frame->address.port);
    encode_u16_be(out, frame->address.bus_port);
}

static void put_length(struct buf *out, size_t start, size_t len)
{
    for (size_t i = 0; i < 4; i++) {
        out->data[start + LENGTH_AT + i] = (char)(len >> (8 * (3 - i)));
    }
}

void frame_encode(const struct frame *frame, struct bytes secret, struct buf *out)
{
    size_t start = out->len;
    size_t trailer = secret.len > 0 ? SHA256_SIZE : 0;
    uint16_t flags = frame->flags & (uint16_t)~FRAME_SIGNED;

    if (trailer > 0) {
        flags |= FRAME_SIGNED;
    }
    encode_fixed(frame, flags, out);
    ASSERT(out->len - start == FIXED_BYTES);
    encode_names(out, &frame->address);
    if ((flags & FRAME_HAS_SLOTS) != 0) {
        for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
            encode_u64_be(out, frame->slots[i]);
        }
    }
    if (has_gossip(frame->type)) {
        encode_gossip(frame, start, out);
    }
    put_length(out, start, out->len - start + trailer);
    if (trailer > 0) {
        uint8_t mac[SHA256_SIZE];

        sha256_hmac(secret, bytes_make(out->data + start, out->len - start), mac);
        buf_append(out, mac, sizeof(mac));
    }
    ASSERT(out->len - start <= FRAME_MAX_BYTES);
}

enum frame_status frame_cut(struct bytes in, size_t *out_len, struct errmsg *error)
{
    struct decoder d = decoder_make(in);
    uint32_t len;

    if (in.len > 0 &&
        memcmp(in.data, magic, in.len < sizeof(magic) ? in.len : sizeof(magic)) != 0) {
        errmsg_set(error, "the peer does not speak the cluster bus protocol");
        return FRAME_INVALID;
    }
    if (in.len < FRAME_HEAD_BYTES) {
        return FRAME_MORE;
    }
    (void)decode_bytes(&d, LENGTH_AT);
    len = decode_u32_be(&d);
    if (len < FIXED_BYTES + 2 || len > FRAME_MAX_BYTES) {
        errmsg_set(error, "a frame of %u bytes is not possible", (unsigned)len);
        return FRAME_INVALID;
    }
    *out_len = len;
    return in.len < len ? FRAME_MORE : FRAME_OK;
}

/* Refuse any text that could not have come from frame_encode. */
static void decode_names(struct decoder *d, struct cluster_address *out)
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

static void decode_history(struct decoder *d, struct history_id *out)
{
    struct bytes field = decode_bytes(d, HISTORY_ID_LEN);
    size_t len = field.len == 0 ? 0 : strnlen(field.data, field.len);

    for (size_t i = 0; i < len; i++) {
        if (field.data[i] <= ' ' || field.data[i] > '~') {
            d->failed = true;
            return;
        }
    }
    *out = (struct history_id){0};
    if (len > 0) {
        memcpy(out->text, field.data, len);
    }
}

static void decode_gossip(struct decoder *d, struct frame *out)
{
    size_t count = decode_u16_be(d);

    if (count > FRAME_GOSSIP_MAX) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < count && decoder_is_ok(d); i++) {
        struct frame_gossip *entry = &out->gossip[i];

        decode_id(d, &entry->id);
        entry->flags = decode_u16_be(d);
        entry->contested_epoch = decode_u64_be(d);
        entry->address.port = decode_u16_be(d);
        entry->address.bus_port = decode_u16_be(d);
        decode_names(d, &entry->address);
        if (cluster_id_is_none(&entry->id)) {
            d->failed = true;
        }
    }
    out->gossip_count = count;
}

static void decode_fixed(struct decoder *d, struct frame *out)
{
    decode_id(d, &out->sender);
    decode_id(d, &out->shard);
    decode_id(d, &out->primary);
    out->boot = decode_u64_be(d);
    out->sequence = decode_u64_be(d);
    out->current_epoch = decode_u64_be(d);
    out->config_epoch = decode_u64_be(d);
    decode_id(d, &out->subject);
    out->subject_epoch = decode_u64_be(d);
    out->offset = decode_u64_be(d);
    decode_history(d, &out->history);
    out->sent_us = (int64_t)decode_u64_be(d);
    out->echo_us = (int64_t)decode_u64_be(d);
    out->timeout_ms = decode_u32_be(d);
    out->voted_epoch = decode_u64_be(d);
    out->address.port = decode_u16_be(d);
    out->address.bus_port = decode_u16_be(d);
    decode_names(d, &out->address);
}

/* On success *unsigned_part is the frame without its trailer. */
static bool check_signature(struct bytes in, uint16_t flags, struct bytes secret,
                            struct bytes *unsigned_part, struct errmsg *error)
{
    bool is_signed = (flags & FRAME_SIGNED) != 0;
    uint8_t mac[SHA256_SIZE];

    *unsigned_part = in;
    if (is_signed != (secret.len > 0)) {
        errmsg_set(error, is_signed ? "the frame is signed, but no cluster-secret is set here"
                                    : "the frame is not signed with the cluster-secret");
        return false;
    }
    if (!is_signed) {
        return true;
    }
    if (in.len < FIXED_BYTES + SHA256_SIZE) {
        errmsg_set(error, "the frame is too short for a signature");
        return false;
    }
    *unsigned_part = bytes_prefix(in, in.len - SHA256_SIZE);
    sha256_hmac(secret, *unsigned_part, mac);
    if (!bytes_equal_constant_time(bytes_make(mac, sizeof(mac)),
                                   bytes_from(in, in.len - SHA256_SIZE))) {
        errmsg_set(error, "the frame is signed with another cluster-secret");
        return false;
    }
    return true;
}

static bool needs_subject(enum frame_type type)
{
    return type == FRAME_FAIL || type == FRAME_VOTE_REQUEST || type == FRAME_VOTE ||
           type == FRAME_UPDATE || type == FRAME_FORGOTTEN || type == FRAME_ADMITTED;
}

static bool fields_make_sense(const struct frame *frame)
{
    if (cluster_id_is_none(&frame->sender) || cluster_id_is_none(&frame->shard)) {
        return false;
    }
    if (((frame->flags & FRAME_PRIMARY) != 0) != cluster_id_is_none(&frame->primary)) {
        return false;
    }
    if (frame->config_epoch > frame->current_epoch ||
        cluster_id_equal(&frame->primary, &frame->sender)) {
        return false;
    }
    return !needs_subject(frame->type) || !cluster_id_is_none(&frame->subject);
}

bool frame_decode(struct bytes in, struct bytes secret, struct frame *out, struct errmsg *error)
{
    struct decoder d;
    size_t len = 0;
    uint8_t version;
    uint8_t type;
    enum frame_status status = frame_cut(in, &len, error);

    out->gossip_count = 0;
    if (status == FRAME_INVALID) {
        return false;
    }
    if (status != FRAME_OK || len != in.len) {
        errmsg_set(error, "the frame's length does not match");
        return false;
    }
    d = decoder_make(in);
    (void)decode_bytes(&d, sizeof(magic));
    version = decode_u8(&d);
    type = decode_u8(&d);
    out->flags = decode_u16_be(&d);
    if (version != FRAME_VERSION || type == 0 || type >= FRAME_TYPE_END) {
        errmsg_set(error, "version %u, type %u of the bus protocol is not known here", version,
                   type);
        return false;
    }
    out->type = (enum frame_type)type;
    if (!check_signature(in, out->flags, secret, &d.in, error)) {
        return false;
    }
    (void)decode_u32_be(&d);
    decode_fixed(&d, out);
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        out->slots[i] = (out->flags & FRAME_HAS_SLOTS) != 0 ? decode_u64_be(&d) : 0;
    }
    if (has_gossip(out->type)) {
        decode_gossip(&d, out);
    }
    if (!decoder_is_ok(&d) || decoder_left(&d) > 0 || !fields_make_sense(out)) {
        errmsg_set(error, "the %s frame is malformed", frame_type_name(out->type));
        return false;
    }
    return true;
}
