/* SPDX-License-Identifier: MIT */
#include "cluster/message.h"

#include "base/assert.h"
#include "base/codec.h"
#include "cluster/bus.h"
#include "cluster/emit.h"
#include "cluster/frame.h"
#include "cluster/message_part.h"
#include "cluster/partial.h"
#include "cluster/step.h"

void cluster_message_split(struct bytes whole, struct bytes *channel, struct bytes *message)
{
    struct decoder d = decoder_make(whole);

    *channel = decode_bytes(&d, decode_u32_be(&d));
    *message = decode_bytes(&d, decoder_left(&d));
    ASSERT(decoder_is_ok(&d));
}

/* Has it a channel, of the length that it says? */
static bool is_whole_valid(struct bytes whole)
{
    struct decoder d = decoder_make(whole);

    (void)decode_bytes(&d, decode_u32_be(&d));
    return decoder_is_ok(&d);
}

static const enum frame_type types[] = {
    [MESSAGE_FOR_CHANNEL] = FRAME_PUBLISH,
    [MESSAGE_FOR_SHARD] = FRAME_PUBLISH_SHARD,
    [MESSAGE_FOR_NODES] = FRAME_ANNOUNCE,
};

/* ---- from here --------------------------------------------------------------------------------*/

static bool is_receiver(const struct cluster *c, const struct cluster_node *node,
                        enum message_kind kind)
{
    return node->link == LINK_UP && !node->is_in_handshake &&
           (kind != MESSAGE_FOR_SHARD || cluster_id_equal(&node->shard, &c->me->shard));
}

static size_t count_receivers(const struct cluster *c, enum message_kind kind)
{
    size_t count = 0;

    for (size_t i = 1; i < c->nodes.count; i++) {
        count += is_receiver(c, c->nodes.items[i], kind);
    }
    return count;
}

static void send_part(struct cluster *c, enum message_kind kind, const struct message_part *part)
{
    struct buf *body = &c->body_bytes;

    buf_clear(body);
    message_part_encode(part, body);
    bus_prepare_message(c, types[kind], buf_bytes(body));
    for (size_t i = 1; i < c->nodes.count; i++) {
        if (is_receiver(c, c->nodes.items[i], kind)) {
            bus_send_prepared(c, c->nodes.items[i], MESSAGE_QUEUE_BYTES + (size_t)part->total);
        }
    }
}

static void send_parts(struct cluster *c, enum message_kind kind, struct bytes whole)
{
    struct message_part part = {.number = ++c->message_number, .total = (uint32_t)whole.len};

    while (part.before < part.total) {
        struct bytes rest = bytes_from(whole, part.before);

        part.bytes = bytes_prefix(rest, rest.len < MESSAGE_PART_MAX ? rest.len : MESSAGE_PART_MAX);
        send_part(c, kind, &part);
        part.before += (uint32_t)part.bytes.len;
    }
}

bool cluster_publish(struct cluster *cluster, struct mono_time now, enum message_kind kind,
                     struct bytes channel, struct bytes message, struct actions *actions)
{
    struct cluster *c = cluster;
    struct buf *whole = &c->message_bytes;
    size_t receivers = count_receivers(c, kind);
    size_t most_bytes = MESSAGE_MAX_BYTES;

    if (receivers == 0) {
        return true;
    }
    /* So that the actions of one step stay within their bound. */
    if (CLUSTER_ACTIONS_MAX / 2 / receivers * MESSAGE_PART_MAX < most_bytes) {
        most_bytes = CLUSTER_ACTIONS_MAX / 2 / receivers * MESSAGE_PART_MAX;
    }
    if (channel.len > most_bytes || message.len > most_bytes - channel.len ||
        sizeof(uint32_t) > most_bytes - channel.len - message.len) {
        return false;
    }
    step_begin(c, now, actions);
    buf_clear(whole);
    encode_u32_be(whole, (uint32_t)channel.len);
    buf_append_bytes(whole, channel);
    buf_append_bytes(whole, message);
    send_parts(c, kind, buf_bytes(whole));
    buf_clear(whole);
    buf_shrink_when_empty(whole, 2 * MESSAGE_PART_MAX);
    step_end(c);
    return true;
}

bool cluster_announce(struct cluster *cluster, struct mono_time now, struct bytes message,
                      struct actions *actions)
{
    return cluster_publish(cluster, now, MESSAGE_FOR_NODES, (struct bytes){0}, message, actions);
}

/* ---- to here ----------------------------------------------------------------------------------*/

static void give_out(struct cluster *c, const struct cluster_node *sender,
                     const struct frame *frame, struct bytes whole)
{
    enum message_kind kind = MESSAGE_FOR_CHANNEL;

    while (kind < MESSAGE_FOR_NODES && types[kind] != frame->type) {
        kind++;
    }
    if (is_whole_valid(whole)) {
        emit_message(c, kind, sender, whole);
    }
}

void message_take(struct cluster *c, struct cluster_node *sender, const struct frame *frame)
{
    struct message_part part;
    struct bytes whole;
    bool is_ok = message_part_decode(frame->body, &part);

    ASSERT(is_ok); /* the frame was decoded */
    if (partial_take(c, sender, frame->start, &part, &whole)) {
        give_out(c, sender, frame, whole);
        partial_forget(c, sender);
    }
}

size_t cluster_message_bytes(const struct cluster *cluster)
{
    return cluster->partial_bytes;
}
