/* SPDX-License-Identifier: MIT */
/* Bus frames to bytes and back.  The layout is drawn in frame.h. */
#include "cluster/frame.h"

#include "base/assert.h"
#include "base/codec.h"
#include "cluster/gossip.h"
#include "cluster/identity_codec.h"
#include "cluster/message_part.h"

#include <string.h>

enum {
    LENGTH_AT = 8,
    FIXED_BYTES = 241,
    NEWS_BYTES = 28 + 48 + 37, /* of them: what brief frames leave out */
    /* The longest that everything but the body can be. */
    BODILESS_MAX = FIXED_BYTES + CLUSTER_RAW_NAMES_MAX + FRAME_SLOT_WORDS * 8 + 1 +
                   SHARD_DATA_ANCESTORS * (HISTORY_ID_LEN + 8) + FRAME_SEAL_BYTES,
};

_Static_assert((int)BODILESS_MAX + (int)GOSSIP_BYTES_MAX <= (int)FRAME_MAX_BYTES,
               "a frame holds as much gossip as there can be");
_Static_assert((int)BODILESS_MAX + (int)MESSAGE_BODY_MAX <= (int)FRAME_MAX_BYTES,
               "a frame holds a part of a message");
_Static_assert((int)BODILESS_MAX + (int)COUNCIL_MESSAGE_MAX <= (int)FRAME_MAX_BYTES,
               "a frame holds a message of the council");

static const char magic[] = {'S', 'T', 'R', 'L'};

/* The columns of messages.def. */
struct message {
    const char *name;
    enum frame_body body;
    bool needs_subject;
};

static const struct message messages[] = {
#define BODY_NONE                                FRAME_BODY_NONE
#define GOSSIP                                   FRAME_BODY_GOSSIP
#define MESSAGE_PART                             FRAME_BODY_MESSAGE
#define COUNCIL_MESSAGE                          FRAME_BODY_COUNCIL
#define SUBJECT                                  true
#define NO_SUBJECT                               false
#define MESSAGE(id, number, name, subject, body) [FRAME_##id] = {(name), (body), (subject)},
#include "cluster/messages.def"
#undef MESSAGE
#undef BODY_NONE
#undef GOSSIP
#undef MESSAGE_PART
#undef COUNCIL_MESSAGE
#undef SUBJECT
#undef NO_SUBJECT
};

static const struct message *message_of(enum frame_type type)
{
    ASSERT((size_t)type < ARRAY_COUNT(messages) && messages[type].name != NULL);
    return &messages[type];
}

const char *frame_type_name(enum frame_type type)
{
    return message_of(type)->name;
}

enum frame_body frame_body_of(enum frame_type type)
{
    return message_of(type)->body;
}

void frame_encode_head(struct buf *out, uint8_t type, uint16_t flags, size_t len)
{
    ASSERT(len <= FRAME_MAX_BYTES);
    buf_append(out, magic, sizeof(magic));
    encode_u8(out, FRAME_VERSION);
    encode_u8(out, type);
    encode_u16_be(out, flags);
    encode_u32_be(out, (uint32_t)len);
}

static void encode_fixed(const struct frame *frame, struct buf *out)
{
    frame_encode_head(out, (uint8_t)frame->type, frame->flags, 0);
    cluster_id_encode(out, &frame->sender);
    cluster_id_encode(out, &frame->shard);
    cluster_id_encode(out, &frame->primary);
    encode_u64_be(out, frame->start);
    encode_u64_be(out, frame->sequence);
    encode_u64_be(out, frame->current_epoch);
    encode_u64_be(out, frame->config_epoch);
    if (!frame_is_brief(frame)) {
        cluster_id_encode(out, &frame->subject);
        encode_u64_be(out, frame->subject_epoch);
        encode_u64_be(out, frame->data.offset);
        buf_append(out, frame->data.history.text, HISTORY_ID_LEN);
    }
    encode_u64_be(out, (uint64_t)frame->sent_us);
    encode_u64_be(out, (uint64_t)frame->echo_us);
    encode_u32_be(out, frame->timeout_ms);
    if (!frame_is_brief(frame)) {
        cluster_id_encode(out, &frame->hint.council);
        encode_u64_be(out, frame->hint.generation);
        encode_u64_be(out, frame->hint.seat_key);
        encode_u8(out, frame->hint.seat_count);
    }
    encode_u16_be(out, frame->address.port);
    encode_u16_be(out, frame->address.bus_port);
}

static void put_length(struct buf *out, size_t start, size_t len)
{
    ASSERT(len <= FRAME_MAX_BYTES);
    for (size_t i = 0; i < 4; i++) {
        out->data[start + LENGTH_AT + i] = (char)(len >> (8 * (3 - i)));
    }
}

static void encode_body(const struct frame *frame, struct buf *out)
{
    switch (frame_body_of(frame->type)) {
    case FRAME_BODY_NONE:
        ASSERT(frame->body.len == 0);
        break;
    case FRAME_BODY_GOSSIP:
        if (frame->body.len == 0) {
            gossip_begin(out);
        } else {
            buf_append_bytes(out, frame->body);
        }
        break;
    case FRAME_BODY_MESSAGE:
    case FRAME_BODY_COUNCIL:
        buf_append_bytes(out, frame->body);
        break;
    }
}

static bool is_body_valid(enum frame_body kind, struct bytes body)
{
    struct message_part part;
    struct council_message message;

    switch (kind) {
    case FRAME_BODY_NONE:
        return body.len == 0;
    case FRAME_BODY_GOSSIP:
        return gossip_is_valid(body);
    case FRAME_BODY_MESSAGE:
        return message_part_decode(body, &part);
    case FRAME_BODY_COUNCIL:
        return council_message_decode(body, &message);
    }
    return false;
}

void frame_encode(const struct frame *frame, struct buf *out)
{
    size_t start = out->len;

    encode_fixed(frame, out);
    ASSERT(out->len - start == FIXED_BYTES - (frame_is_brief(frame) ? NEWS_BYTES : 0));
    cluster_names_encode(out, &frame->address);
    if ((frame->flags & FRAME_HAS_SLOTS) != 0) {
        for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
            encode_u64_be(out, frame->slots[i]);
        }
    }
    if ((frame->flags & FRAME_HAS_ANCESTORS) != 0) {
        shard_ancestors_encode(out, &frame->data);
    }
    encode_body(frame, out);
    put_length(out, start, out->len - start + FRAME_SEAL_BYTES);
    ASSERT(out->len - start + FRAME_SEAL_BYTES <= FRAME_MAX_BYTES);
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
    if (len < FRAME_HEAD_BYTES || len > FRAME_MAX_BYTES) {
        errmsg_set(error, "a frame of %u bytes is not possible", (unsigned)len);
        return FRAME_INVALID;
    }
    *out_len = len;
    return in.len < len ? FRAME_MORE : FRAME_OK;
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

static void decode_fixed(struct decoder *d, struct frame *out)
{
    out->subject = (struct cluster_id){0};
    out->subject_epoch = 0;
    out->data = (struct shard_data){0};
    out->hint = (struct council_hint){0};
    cluster_id_decode(d, &out->sender);
    cluster_id_decode(d, &out->shard);
    cluster_id_decode(d, &out->primary);
    out->start = decode_u64_be(d);
    out->sequence = decode_u64_be(d);
    out->current_epoch = decode_u64_be(d);
    out->config_epoch = decode_u64_be(d);
    if (!frame_is_brief(out)) {
        cluster_id_decode(d, &out->subject);
        out->subject_epoch = decode_u64_be(d);
        out->data.offset = decode_u64_be(d);
        decode_history(d, &out->data.history);
    }
    out->sent_us = (int64_t)decode_u64_be(d);
    out->echo_us = (int64_t)decode_u64_be(d);
    out->timeout_ms = decode_u32_be(d);
    if (!frame_is_brief(out)) {
        cluster_id_decode(d, &out->hint.council);
        out->hint.generation = decode_u64_be(d);
        out->hint.seat_key = decode_u64_be(d);
        out->hint.seat_count = decode_u8(d);
    }
    out->address.port = decode_u16_be(d);
    out->address.bus_port = decode_u16_be(d);
    cluster_names_decode(d, &out->address);
}

bool frame_makes_sense(const struct frame *frame)
{
    if (frame_is_brief(frame) && (frame_body_of(frame->type) != FRAME_BODY_COUNCIL ||
                                  (frame->flags & (FRAME_HAS_SLOTS | FRAME_HAS_ANCESTORS)) != 0)) {
        return false;
    }
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
    return !message_of(frame->type)->needs_subject || !cluster_id_is_none(&frame->subject);
}

uint8_t frame_version(struct bytes in)
{
    bool is_frame = in.len >= FRAME_HEAD_BYTES && memcmp(in.data, magic, sizeof(magic)) == 0;

    return is_frame ? (uint8_t)in.data[sizeof(magic)] : 0;
}

bool frame_decode_head(struct bytes in, struct frame_head *out, struct errmsg *error)
{
    struct decoder d = decoder_make(in);
    size_t len = 0;
    uint8_t version;
    enum frame_status status = frame_cut(in, &len, error);

    *out = (struct frame_head){0};
    if (status == FRAME_INVALID) {
        return false;
    }
    if (status != FRAME_OK || len != in.len) {
        errmsg_set(error, "the frame's length does not match");
        return false;
    }
    (void)decode_bytes(&d, sizeof(magic));
    version = decode_u8(&d);
    out->type = decode_u8(&d);
    out->flags = decode_u16_be(&d);
    if (version != FRAME_VERSION) {
        errmsg_set(error, "version %u of the bus protocol is not known here", version);
        return false;
    }
    return true;
}

bool frame_decode(struct bytes in, struct frame *out, struct errmsg *error)
{
    struct decoder d;
    struct frame_head head;

    out->body = (struct bytes){0};
    if (!frame_decode_head(in, &head, error)) {
        return false;
    }
    if (head.type == 0 || head.type >= FRAME_TYPE_END) {
        errmsg_set(error, "type %u of the bus protocol is not known here", head.type);
        return false;
    }
    if (in.len < FIXED_BYTES - NEWS_BYTES + FRAME_SEAL_BYTES) {
        errmsg_set(error, "the frame is too short");
        return false;
    }
    out->type = (enum frame_type)head.type;
    out->flags = head.flags;
    d = decoder_make(bytes_prefix(in, in.len - FRAME_SEAL_BYTES));
    (void)decode_bytes(&d, FRAME_HEAD_BYTES);
    decode_fixed(&d, out);
    for (size_t i = 0; i < FRAME_SLOT_WORDS; i++) {
        out->slots[i] = (out->flags & FRAME_HAS_SLOTS) != 0 ? decode_u64_be(&d) : 0;
    }
    out->data.ancestor_count = 0;
    if ((out->flags & FRAME_HAS_ANCESTORS) != 0) {
        shard_ancestors_decode(&d, &out->data);
    }
    out->body = decode_bytes(&d, decoder_left(&d));
    if (!decoder_is_ok(&d) || !is_body_valid(frame_body_of(out->type), out->body) ||
        !frame_makes_sense(out)) {
        errmsg_set(error, "the %s frame is malformed", frame_type_name(out->type));
        return false;
    }
    return true;
}
