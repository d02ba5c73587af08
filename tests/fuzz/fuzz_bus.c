/* SPDX-License-Identifier: MIT */
/* Frames of the cluster bus and nodes files: whatever the bytes, nothing outside of them is read,
 * a frame that is accepted says the same when it is written again, and a core that
 * believes what it is told keeps its invariants.
 *
 * Input: one byte that chooses ('p': parts of messages, else odd: a nodes file, even: a stream of frames), then
 * the bytes.  Of a part there are nine: who sends it and in which of its lives, the number of the message, the bytes
 * before it and of the whole (3 each), and how many it has. */
#include "tests/fuzz/fuzz.h"

#include "base/assert.h"
#include "base/codec.h"
#include "base/mem.h"
#include "cluster/cluster.h"
#include "cluster/frame.h"
#include "cluster/message.h"
#include "cluster/message_part.h"
#include "cluster/partial.h"
#include "cluster/proof.h"
#include "cluster/report.h"

#include <stdlib.h>
#include <string.h>

#define MY_ID    "000102030405060708090a0b0c0d0e0f10111213"
#define OTHER_ID "ffeeddccbbaa99887766554433221100ffeeddcc"
#define THIRD_ID "1234123412341234123412341234123412341234"

enum {
    VOICES = 3,
    FRAMES_MAX = 64, /* of one input, so that each takes little time */
    PART_INPUT_BYTES = 9,
};

/* A cluster of three in which the sender of most seeds is known. */
static const char nodes_file[] =
    MY_ID " 10.0.0.1:7000@17000,one myself,master - 0 0 1 connected 0-5460\n" OTHER_ID
          " 10.0.0.2:7001@17001,two master - 0 0 2 connected 5461-10922\n" THIRD_ID
          " 10.0.0.3:7002@17002,,voted-against=2 slave " OTHER_ID " 0 0 2 connected\n"
          "vars currentEpoch 3 lastVoteEpoch 2\n";

static struct cluster *start(struct bytes file, struct mono_time now, struct errmsg *error)
{
    struct cluster_options options = {
        .settings = CLUSTER_SETTINGS_DEFAULT,
        .seed = 1,
        .nodes_file = file,
    };

    return cluster_new(&options, now, error);
}

/* Do at once what does not need another node. */
static void carry_out(struct cluster *cluster, struct mono_time now, struct actions *actions)
{
    uint64_t written = 0;

    for (size_t i = 0; i < actions->count; i++) {
        const struct cluster_action *action = cluster_action_at(actions, i);

        ASSERT(cluster_action_bytes(actions, action).len == action->bytes.len);
        written = action->type == CLUSTER_ACTION_WRITE_FILE ? action->sequence : written;
    }
    actions_clear(actions);
    if (written != 0) {
        struct cluster_event event = {.type = CLUSTER_EVENT_FILE_WRITTEN, .sequence = written};

        cluster_step(cluster, now, &event, actions);
        actions_clear(actions);
    }
}

/* What speaks on a link, which is proven by it in one life after the other. */
struct voice {
    struct proof proof;
    struct proof_self self;
    uint32_t link;
};

static struct rng nonces;
static uint32_t last_link;

static void step(struct cluster *cluster, struct mono_time now, uint32_t link, struct bytes frame,
                 struct actions *actions)
{
    struct cluster_event event = {
        .type = CLUSTER_EVENT_FRAME,
        .link = {.is_incoming = true, .number = link},
        .frame = frame,
        .peer_ip = "10.0.0.9",
        .local_ip = "10.0.0.1",
    };

    cluster_step(cluster, now, &event, actions);
}

static void prove(struct cluster *cluster, struct mono_time now, struct voice *voice,
                  const struct frame *frame)
{
    struct proof_secrets none = {0};
    struct actions actions = {0};
    struct errmsg error;
    struct buf hello = {0};
    bool is_proven = false;

    voice->self = (struct proof_self){.node = frame->sender, .start = frame->start};
    voice->link = ++last_link;
    proof_greet(&voice->proof, &voice->self, &none, &nonces, &hello);
    step(cluster, now, voice->link, buf_bytes(&hello), &actions);
    for (size_t i = 0; i < actions.count; i++) {
        const struct cluster_action *action = cluster_action_at(&actions, i);

        if (action->type == CLUSTER_ACTION_SEND && action->link.is_incoming &&
            action->link.number == voice->link) {
            is_proven = proof_take_welcome(&voice->proof, cluster_action_bytes(&actions, action),
                                           &none, &error);
        }
    }
    ASSERT(is_proven);
    carry_out(cluster, now, &actions);
    actions_deinit(&actions);
    buf_deinit(&hello);
}

/* The frame as one that has proven to be its sender says it. */
static void say(struct cluster *cluster, struct mono_time now, struct voice *voice,
                const struct frame *frame, struct actions *actions)
{
    struct buf bytes = {0};

    if (voice->link == 0 || voice->self.start != frame->start ||
        !cluster_id_equal(&voice->self.node, &frame->sender)) {
        prove(cluster, now, voice, frame);
    }
    frame_encode(frame, &bytes);
    proof_seal(&voice->proof, &bytes, 0);
    step(cluster, now, voice->link, buf_bytes(&bytes), actions);
    for (size_t i = 0; i < actions->count; i++) {
        if (cluster_action_at(actions, i)->type == CLUSTER_ACTION_CLOSE) {
            voice->link = 0; /* perhaps this one: it is opened again */
        }
    }
    buf_deinit(&bytes);
}

/* Is it a frame, whatever its seal?  Then it is the same when it is written again. */
static bool check_frame(struct bytes bytes, struct frame *frame)
{
    static const char seal[FRAME_SEAL_BYTES];
    struct errmsg error;
    struct buf first = {0};
    struct buf again = {0};

    if (!frame_decode(bytes, frame, &error)) {
        return false;
    }
    frame_encode(frame, &first);
    buf_append(&first, seal, sizeof(seal));
    ASSERT(frame_decode(buf_bytes(&first), frame, &error));
    frame_encode(frame, &again);
    buf_append(&again, seal, sizeof(seal));
    ASSERT(bytes_equal(buf_bytes(&first), buf_bytes(&again)));
    buf_deinit(&first);
    buf_deinit(&again);
    return frame_decode(bytes, frame, &error); /* what it borrows is alive */
}

static void run_frames(struct bytes in)
{
    struct actions actions = {0};
    struct mono_time now = {.us = 5000000};
    struct errmsg error;
    struct cluster *cluster = start(BYTES_LITERAL(nodes_file), now, &error);
    struct frame *frame = mem_alloc_zeroed(MEM_TEST, sizeof(*frame));
    struct voice voices[VOICES] = {0};
    size_t len;

    ASSERT(cluster != NULL);
    for (int i = 0; i < FRAMES_MAX && frame_cut(in, &len, &error) == FRAME_OK; i++) {
        struct bytes bytes = bytes_prefix(in, len);

        now = mono_add_ms(now, 40);
        step(cluster, now, ++last_link, bytes, &actions);
        carry_out(cluster, now, &actions);
        if (check_frame(bytes, frame) && frame->start != 0) {
            say(cluster, now, &voices[i % VOICES], frame, &actions);
        }
        carry_out(cluster, now, &actions);
        cluster_check(cluster);
        in = bytes_from(in, len);
    }
    mem_free(MEM_TEST, frame);
    actions_deinit(&actions);
    cluster_free(cluster);
}

static void take_frame(struct cluster *cluster, const struct frame *frame, uint32_t who,
                       struct voice *voice, struct mono_time now)
{
    struct actions actions = {0};

    say(cluster, now, voice, frame, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        const struct cluster_action *action = cluster_action_at(&actions, i);
        struct bytes channel;
        struct bytes message;

        if (action->type == CLUSTER_ACTION_MESSAGE) {
            cluster_message_split(cluster_action_bytes(&actions, action), &channel, &message);
            ASSERT(who < 2); /* the third is a stranger's */
        }
    }
    carry_out(cluster, now, &actions);
    cluster_check(cluster);
    ASSERT(cluster_message_bytes(cluster) <= PARTIAL_MAX_BYTES);
    actions_deinit(&actions);
}

/* Frames as they should be, of parts that may be anything. */
static void run_parts(struct bytes in)
{
    static const char *const ids[] = {OTHER_ID, THIRD_ID,
                                      "3333333333333333333333333333333333333333"};
    static char text[256]; /* the length of a channel's name: 0 */
    struct mono_time now = {.us = 5000000};
    struct errmsg error;
    struct cluster *cluster = start(BYTES_LITERAL(nodes_file), now, &error);
    struct frame *frame = mem_alloc_zeroed(MEM_TEST, sizeof(*frame));
    struct voice voices[VOICES] = {0};

    for (int i = 0; i < FRAMES_MAX && in.len >= PART_INPUT_BYTES; i++) {
        struct decoder d = decoder_make(in);
        uint32_t who = decode_u8(&d);
        struct message_part part = {.number = decode_u8(&d)};
        struct buf body = {0};

        part.before = (uint32_t)decode_u8(&d) << 16 | decode_u16_be(&d);
        part.total = (uint32_t)decode_u8(&d) << 16 | decode_u16_be(&d);
        part.bytes = bytes_make(text, decode_u8(&d));
        message_part_encode(&part, &body);
        *frame = (struct frame){.type = who & 16 ? FRAME_PUBLISH_SHARD : FRAME_PUBLISH,
                                .flags = FRAME_PRIMARY,
                                .start = 1 + (who >> 5),
                                .sequence = (uint64_t)i,
                                .body = buf_bytes(&body)};
        memcpy(frame->sender.text, ids[who % 3], CLUSTER_ID_LEN);
        frame->shard = frame->sender;
        take_frame(cluster, frame, who % 3, &voices[who % 3], now);
        buf_deinit(&body);
        in = bytes_from(in, PART_INPUT_BYTES);
    }
    mem_free(MEM_TEST, frame);
    cluster_free(cluster);
}

/* A file that is accepted is told again in a form that is accepted. */
static void run_file(struct bytes file)
{
    struct mono_time now = {.us = 5000000};
    struct errmsg error = {0};
    struct cluster *cluster = start(file, now, &error);
    struct actions actions = {0};
    struct cluster_event tick = {.type = CLUSTER_EVENT_TICK};

    if (cluster == NULL) {
        ASSERT(error.text[0] != '\0');
        return;
    }
    cluster_check(cluster);
    cluster_step(cluster, now, &tick, &actions);
    for (size_t i = 0; i < actions.count; i++) {
        const struct cluster_action *action = cluster_action_at(&actions, i);

        if (action->type == CLUSTER_ACTION_WRITE_FILE) {
            struct bytes text = cluster_action_bytes(&actions, action);
            struct cluster *second = start(text, now, &error);

            ASSERT(second != NULL);
            cluster_free(second);
        }
    }
    cluster_check(cluster);
    actions_deinit(&actions);
    cluster_free(cluster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t used = mem_used_total();
    struct bytes in = bytes_make(data, size);

    if (size == 0) {
        return 0;
    }
    if (data[0] == 'p') {
        run_parts(bytes_from(in, 1));
    } else if ((data[0] & 1) != 0) {
        run_file(bytes_from(in, 1));
    } else {
        run_frames(bytes_from(in, 1));
    }
    ASSERT(mem_used_total() == used);
    return 0;
}
