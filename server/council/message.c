/* SPDX-License-Identifier: MIT */
/* One layout for all of them: what a type does not use is zero. */
#include "council/message.h"

#include "base/assert.h"

enum {
    FLAG_OWN = 1,
    FLAG_FORCED = 2,
};

static bool is_length(int64_t ms)
{
    return ms >= 0 && ms <= COUNCIL_LENGTH_MAX_MS;
}

void council_message_encode(struct buf *out, const struct council_message *message)
{
    size_t start = out->len;

    ASSERT(message->type > 0 && message->type < COUNCIL_TYPE_END);
    ASSERT(is_length(message->length_ms) && is_length(message->wait_ms));
    encode_u8(out, (uint8_t)message->type);
    encode_u8(out, (uint8_t)message->answer);
    encode_u8(out,
              (uint8_t)((message->is_own ? FLAG_OWN : 0) | (message->is_forced ? FLAG_FORCED : 0)));
    encode_u8(out, 0);
    cluster_id_encode(out, &message->council);
    encode_u64_be(out, message->generation);
    cluster_id_encode(out, &message->record);
    ballot_encode(out, &message->ballot);
    ballot_encode(out, &message->accepted);
    encode_u64_be(out, message->version);
    encode_u64_be(out, (uint64_t)message->sent_us);
    encode_u64_be(out, (uint64_t)message->length_ms);
    encode_u64_be(out, (uint64_t)message->wait_ms);
    encode_u64_be(out, message->start);
    cluster_id_encode(out, &message->holder);
    encode_u32_be(out, (uint32_t)message->value.len);
    buf_append_bytes(out, message->value);
    encode_u32_be(out, (uint32_t)message->claims.len);
    buf_append_bytes(out, message->claims);
    ASSERT(out->len - start <= COUNCIL_MESSAGE_MAX);
}

bool council_message_decode(struct bytes in, struct council_message *out)
{
    struct decoder d = decoder_make(in);
    unsigned type = decode_u8(&d);
    unsigned answer = decode_u8(&d);
    unsigned flags = decode_u8(&d);

    (void)decode_u8(&d);
    if (in.len > COUNCIL_MESSAGE_MAX || type == 0 || type >= COUNCIL_TYPE_END ||
        answer >= COUNCIL_ANSWER_END || flags > (FLAG_OWN | FLAG_FORCED)) {
        return false;
    }
    *out = (struct council_message){
        .type = (enum council_message_type)type,
        .answer = (enum council_answer)answer,
        .is_own = (flags & FLAG_OWN) != 0,
        .is_forced = (flags & FLAG_FORCED) != 0,
    };
    cluster_id_decode(&d, &out->council);
    out->generation = decode_u64_be(&d);
    cluster_id_decode(&d, &out->record);
    ballot_decode(&d, &out->ballot);
    ballot_decode(&d, &out->accepted);
    out->version = decode_u64_be(&d);
    out->sent_us = (int64_t)decode_u64_be(&d);
    out->length_ms = (int64_t)decode_u64_be(&d);
    out->wait_ms = (int64_t)decode_u64_be(&d);
    out->start = decode_u64_be(&d);
    cluster_id_decode(&d, &out->holder);
    out->value = decode_bytes(&d, decode_u32_be(&d));
    out->claims = decode_bytes(&d, decode_u32_be(&d));
    return decoder_is_ok(&d) && decoder_left(&d) == 0 && is_length(out->length_ms) &&
           is_length(out->wait_ms);
}

const char *council_message_name(enum council_message_type type)
{
    static const char *const names[] = {
        [COUNCIL_POLL] = "poll",
        [COUNCIL_OPINION] = "opinion",
        [COUNCIL_PREPARE] = "prepare",
        [COUNCIL_PROMISE] = "promise",
        [COUNCIL_ACCEPT] = "accept",
        [COUNCIL_ACCEPTED] = "accepted",
        [COUNCIL_LEASE] = "lease",
        [COUNCIL_GRANT] = "grant",
        [COUNCIL_LEARN] = "learn",
        [COUNCIL_ASK] = "ask",
        [COUNCIL_PULL] = "pull",
        [COUNCIL_STATE] = "state",
        [COUNCIL_STATE_END] = "end of state",
        [COUNCIL_READY] = "ready",
    };

    ASSERT(type > 0 && type < COUNCIL_TYPE_END);
    return names[type];
}

const char *council_answer_name(enum council_answer answer)
{
    static const char *const names[] = {
        [COUNCIL_YES] = "yes",     [COUNCIL_OUTBID] = "outbid", [COUNCIL_WAIT] = "wait",
        [COUNCIL_TAKEN] = "taken", [COUNCIL_OLDER] = "older",   [COUNCIL_BEHIND] = "behind",
    };

    ASSERT(answer < COUNCIL_ANSWER_END);
    return names[answer];
}
