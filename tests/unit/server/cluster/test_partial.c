/* SPDX-License-Identifier: MIT */
/* Parts of messages from whoever sends what it likes: what is believed, what is kept, how much. */
#include "cluster/partial.h"

#include "base/codec.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cluster/frame.h"
#include "cluster/message.h"
#include "cluster/message_part.h"
#include "cluster/state.h"
#include "tests/unit/seed.h"
#include "tests/unit/server/cluster/core.h"

#include <criterion/criterion.h>

#include <string.h>

enum {
    NODES = 9,  /* known ones, numbered from 1 on; more of them are strangers */
    HONEST = 1, /* the one that sends as it should */
    STRANGER = NODES + 1,
    RANDOM_STEPS = 20000,
};

/* What a node says, in one of its lives, on a link that it has proven. */
struct voice {
    struct proof proof;
    uint64_t start; /* 0: it has no link */
    uint32_t link;
};

/* Nodes of ids 111..., 222... and so on, which are known to a core. */
struct company {
    struct core core;
    struct voice voices[STRANGER + 1];
    struct rng rng;
    uint32_t last_link;
    struct buf body;
    struct buf bytes;
    uint64_t sequence;
    struct buf got; /* the channel of each message that came out, and a blank */
};

static struct company *company_new(void)
{
    struct company *w = mem_alloc_zeroed(MEM_TEST, sizeof(*w));
    struct buf file = {0};

    buf_append_text(&file, CORE_ID " 10.0.0.100:7000@17000 myself,master - 0 0 1 connected\n");
    for (int i = 1; i <= NODES; i++) {
        for (int k = 0; k < CLUSTER_ID_LEN; k++) {
            buf_append_byte(&file, (char)('0' + i));
        }
        buf_printf(&file, " 10.0.0.%d:7000@17000 master - 0 0 %d connected\n", i, i + 1);
    }
    buf_append_text(&file, "vars currentEpoch 99 lastVoteEpoch 0\n");
    w->core = core_new(buf_text(&file));
    cr_assert_not_null(w->core.cluster, "%s", w->core.error.text);
    core_tick(&w->core, 1);
    rng_init(&w->rng, 1);
    w->sequence = 1;
    buf_deinit(&file);
    return w;
}

static void company_free(struct company *w)
{
    buf_deinit(&w->body);
    buf_deinit(&w->bytes);
    buf_deinit(&w->got);
    core_deinit(&w->core);
    mem_free(MEM_TEST, w);
}

/* Note what came out; was the link closed? */
static bool carry_out(struct company *w)
{
    struct actions *actions = &w->core.actions;
    bool is_closed = false;

    for (size_t i = 0; i < actions->count; i++) {
        const struct cluster_action *action = cluster_action_at(actions, i);
        struct bytes channel;
        struct bytes message;

        is_closed = is_closed || action->type == CLUSTER_ACTION_CLOSE;
        if (action->type == CLUSTER_ACTION_MESSAGE) {
            cluster_message_split(cluster_action_bytes(actions, action), &channel, &message);
            buf_append_bytes(&w->got, bytes_prefix(channel, channel.len < 40 ? channel.len : 40));
            buf_append_byte(&w->got, ' ');
        }
    }
    actions_clear(actions);
    cluster_check(w->core.cluster);
    return is_closed;
}

static void step(struct company *w, int node, struct bytes bytes)
{
    struct cluster_event event = {
        .type = CLUSTER_EVENT_FRAME,
        .link = {.is_incoming = true, .number = w->voices[node].link},
        .frame = bytes,
        .peer_ip = "10.0.0.9",
        .local_ip = "10.0.0.100"
    };

    cluster_step(w->core.cluster, w->core.now, &event, &w->core.actions);
}

/* The bytes come over the link of the node; false: they were refused, and the link was closed. */
static bool take_bytes(struct company *w, int node, struct bytes bytes)
{
    bool is_closed;

    step(w, node, bytes);
    is_closed = carry_out(w);
    if (is_closed) {
        w->voices[node].start = 0;
    }
    return !is_closed;
}

static struct cluster_id id_of(int node)
{
    struct cluster_id id = {0};

    memset(id.text, node < STRANGER ? '0' + node : 'a', CLUSTER_ID_LEN);
    return id;
}

static void prove(struct company *w, int node, uint64_t start)
{
    struct voice *voice = &w->voices[node];
    struct proof_self self = {.node = id_of(node), .start = start};
    struct proof_secrets none = {0};
    struct errmsg error;

    voice->start = start;
    voice->link = ++w->last_link;
    buf_clear(&w->bytes);
    proof_greet(&voice->proof, &self, &none, &w->rng, &w->bytes);
    actions_clear(&w->core.actions);
    step(w, node, buf_bytes(&w->bytes));
    cr_assert(proof_take_welcome(
        &voice->proof,
        cluster_action_bytes(&w->core.actions, core_find(&w->core, CLUSTER_ACTION_SEND)), &none,
        &error));
    actions_clear(&w->core.actions);
}

static struct bytes frame_of(struct company *w, int node, uint64_t start, struct bytes body,
                             uint64_t flip)
{
    struct frame frame = {.type = FRAME_PUBLISH,
                          .flags = FRAME_PRIMARY,
                          .start = start,
                          .sequence = w->sequence++,
                          .body = body};

    frame.sender = id_of(node);
    frame.shard = frame.sender;
    if (w->voices[node].start != start) {
        prove(w, node, start);
    }
    buf_clear(&w->bytes);
    frame_encode(&frame, &w->bytes);
    if (flip > 0) { /* one bit of what it is, not of what it is sealed with */
        w->bytes.data[flip / 8 % w->bytes.len] ^= (char)(1 << flip % 8);
    }
    proof_seal(&w->voices[node].proof, &w->bytes, 0);
    return buf_bytes(&w->bytes);
}

static bool take_part(struct company *w, int node, uint64_t start, const struct message_part *part)
{
    buf_clear(&w->body);
    message_part_encode(part, &w->body);
    return take_bytes(w, node, frame_of(w, node, start, buf_bytes(&w->body), 0));
}

/* Send all parts of a whole but for the last ones, which begin at until. */
static void take_whole(struct company *w, int node, uint64_t number, struct bytes whole,
                       size_t until)
{
    struct message_part part = {.number = number, .total = (uint32_t)whole.len};

    while (part.before < until) {
        struct bytes rest = bytes_from(whole, part.before);

        part.bytes = bytes_prefix(rest, rest.len < MESSAGE_PART_MAX ? rest.len : MESSAGE_PART_MAX);
        cr_assert(take_part(w, node, 1, &part));
        part.before += (uint32_t)part.bytes.len;
    }
}

/* A whole of so many bytes; the channel's name takes all of it but the last byte. */
static void make_whole(struct buf *out, size_t len, char name)
{
    buf_clear(out);
    encode_u32_be(out, (uint32_t)(len - 5));
    memset(buf_reserve(out, len), name, len - 4);
    out->len = len;
}

Test(partial, of_many_nodes_that_never_end_theirs_takes_bounded_memory)
{
    struct company *w = company_new();
    struct buf whole = {0};
    size_t used;

    make_whole(&whole, MESSAGE_MAX_BYTES, 'x');
    used = mem_used(MEM_BUFFER);
    for (int node = 1; node <= NODES; node++) {
        take_whole(w, node, 1, buf_bytes(&whole), MESSAGE_MAX_BYTES - MESSAGE_PART_MAX);
        cr_expect_leq(cluster_message_bytes(w->core.cluster), PARTIAL_MAX_BYTES);
    }
    cr_expect_gt(cluster_message_bytes(w->core.cluster), PARTIAL_MAX_BYTES / 2);
    cr_expect_lt(mem_used(MEM_BUFFER) - used, PARTIAL_MAX_BYTES / 2 * 3);
    cr_expect_eq(w->got.len, 0);
    buf_deinit(&whole);
    company_free(w);
}

Test(partial, that_waits_longest_gives_way_to_one_that_goes_on)
{
    struct company *w = company_new();
    struct buf whole = {0};

    make_whole(&whole, MESSAGE_MAX_BYTES, 'h');
    take_whole(w, HONEST, 1, buf_bytes(&whole), MESSAGE_PART_MAX);
    make_whole(&whole, MESSAGE_MAX_BYTES, 'x');
    for (int node = HONEST + 1; node <= NODES; node++) {
        take_whole(w, node, 1, buf_bytes(&whole), MESSAGE_MAX_BYTES - MESSAGE_PART_MAX);
    }
    take_whole(w, 2, 2, bytes_prefix(buf_bytes(&whole), MESSAGE_MAX_BYTES - 1), MESSAGE_PART_MAX);
    cr_expect_eq(w->core.cluster->nodes.items[HONEST]->partial.bytes.len, 0);
    make_whole(&whole, 4 * MESSAGE_PART_MAX, 'h');
    take_whole(w, HONEST, 2, buf_bytes(&whole), whole.len);
    cr_expect_eq(w->got.len, 41, "a message that nothing stood in the way of is not there");
    buf_deinit(&whole);
    company_free(w);
}

Test(partial, memory_is_given_back_when_the_message_is_whole_or_its_node_forgotten)
{
    struct company *w = company_new();
    struct buf whole = {0};
    size_t used = mem_used_total();
    struct cluster_call call;

    make_whole(&whole, MESSAGE_MAX_BYTES, 'x');
    take_whole(w, 1, 1, buf_bytes(&whole), MESSAGE_MAX_BYTES);
    cr_expect_eq(w->got.len, 41);
    take_whole(w, 2, 1, buf_bytes(&whole), MESSAGE_PART_MAX);
    cr_expect_eq(cluster_message_bytes(w->core.cluster), MESSAGE_PART_MAX);
    call = core_call(&w->core);
    cr_assert(cluster_forget(w->core.cluster, &call,
                             BYTES_LITERAL("2222222222222222222222222222222222222222")));
    carry_out(w);
    cr_expect_eq(cluster_message_bytes(w->core.cluster), 0);
    buf_deinit(&whole);
    cr_expect_lt(mem_used_total(), used + 1024 * 1024);
    company_free(w);
}

Test(partial, whose_parts_do_not_agree_is_dropped)
{
    static const struct {
        const char *what;
        uint64_t start, number;
        uint32_t before, total;
    } seconds[] = {
        {"a hole",                1, 1, 7, 11},
        {"an overlap",            1, 1, 4, 11},
        {"another message",       1, 2, 6, 11},
        {"an older message",      1, 0, 6, 11},
        {"another start",         2, 1, 6, 11},
        {"another length",        1, 1, 6, 12},
        {"the first part again",  1, 1, 0, 11},
        {"one that is too short", 1, 1, 6, 10},
    };

    for (size_t i = 0; i < ARRAY_COUNT(seconds); i++) {
        struct company *w = company_new();
        struct message_part part = {.number = 1, .total = 11, .bytes = bytes_make("\0\0\0\4ch", 6)};

        cr_assert(take_part(w, 1, 1, &part));
        part.number = seconds[i].number;
        part.before = seconds[i].before;
        part.total = seconds[i].total;
        part.bytes = bytes_prefix(BYTES_LITERAL("annel"),
                                  part.total - part.before < 5 ? part.total - part.before : 5);
        cr_assert(take_part(w, 1, seconds[i].start, &part));
        cr_expect_eq(w->got.len, 0, "%s", seconds[i].what);
        company_free(w);
    }
}

Test(partial, of_a_stranger_is_not_kept_and_malformed_ones_end_their_link)
{
    struct company *w = company_new();
    struct message_part part = {.number = 1, .total = 9, .bytes = bytes_make("\0\0\0\1c1", 6)};
    struct buf garbled = {0};

    cr_expect(take_part(w, STRANGER, 1, &part));
    cr_expect_eq(cluster_message_bytes(w->core.cluster), 0);
    part.total = 6;
    cr_expect(take_part(w, STRANGER, 1, &part));
    cr_expect_eq(w->got.len, 0);
    part.total = UINT32_MAX;
    cr_expect_not(take_part(w, 1, 1, &part));
    part.total = 5;
    cr_expect_not(take_part(w, 1, 1, &part));
    part = (struct message_part){.number = 1, .total = 6};
    cr_expect_not(take_part(w, 1, 1, &part));
    cr_expect_not(take_bytes(w, 1, frame_of(w, 1, 1, BYTES_LITERAL("\0"), 0)));
    cr_expect_eq(w->core.cluster->stats.refused_frames, 4);
    buf_deinit(&garbled);
    company_free(w);
}

/* A whole that is no longer than a frame and says that its channel's name goes beyond. */
Test(partial, whose_channel_does_not_end_in_it_is_told_to_nobody)
{
    static const char *const wholes[] = {"\0\0\0\3ab", "\377\377\377\377ab", "\0\0\1\0ab"};
    struct company *w = company_new();
    struct message_part part = {.number = 0, .total = 6};

    for (size_t i = 0; i < ARRAY_COUNT(wholes); i++) {
        part.number++;
        part.bytes = bytes_make(wholes[i], 6);
        cr_expect(take_part(w, 1, 1, &part));
        cr_expect_eq(w->got.len, 0, "whole %zu", i);
    }
    company_free(w);
}

/* ---- at random ---------------------------------------------------------------------------------*/

/* What somebody sends who knows the format and the ids. */
static void take_hostile(struct company *w, struct rng *rng)
{
    static char bytes[MESSAGE_PART_MAX];
    uint32_t len = rng_one_in(rng, 8) ? MESSAGE_PART_MAX : 1 + (uint32_t)rng_below(rng, 9);
    uint32_t total = rng_one_in(rng, 3) ? (uint32_t)rng_below(rng, MESSAGE_MAX_BYTES + 2)
                                        : (uint32_t)rng_below(rng, 24);
    struct message_part part = {.number = rng_below(rng, 4),
                                .total = total,
                                .before = rng_one_in(rng, 2) ? len * (uint32_t)rng_below(rng, 3)
                                                             : (uint32_t)rng_below(rng, total + 1),
                                .bytes = bytes_make(bytes, len)};
    int node = HONEST + 1 + (int)rng_below(rng, NODES);
    struct bytes frame;

    memset(bytes, rng_one_in(rng, 2) ? 0 : 'x', len < 4 ? len : 4);
    buf_clear(&w->body);
    message_part_encode(&part, &w->body);
    frame = frame_of(w, node, 1 + rng_below(rng, 3), buf_bytes(&w->body),
                     rng_one_in(rng, 4) ? 1 + rng_below(rng, 100000) : 0);
    (void)take_bytes(w, node, frame);
}

static size_t count_of(struct bytes text, struct bytes word)
{
    size_t count = 0;

    while (text.len > 0) {
        count += bytes_equal(bytes_next_word(&text, ' '), word);
    }
    return count;
}

Test(partial, hostile_ones_keep_no_message_of_others_from_coming_once)
{
    uint64_t seed = seed_get();
    struct rng rng;
    struct company *w = company_new();
    struct buf whole = {0};
    uint64_t sent = 0;

    rng_init(&rng, seed);
    for (int i = 0; i < RANDOM_STEPS; i++) {
        if (rng_one_in(&rng, 10)) {
            size_t len = rng_one_in(&rng, 20) ? 3 * MESSAGE_PART_MAX : 10;

            buf_clear(&whole);
            encode_u32_be(&whole, 5);
            buf_append_text(&whole, "h-o-n");
            memset(buf_reserve(&whole, len), 'm', len);
            whole.len += len;
            take_whole(w, HONEST, ++sent, buf_bytes(&whole), whole.len);
        } else {
            take_hostile(w, &rng);
        }
        SEED_ASSERT(cluster_message_bytes(w->core.cluster) <= PARTIAL_MAX_BYTES, seed);
    }
    SEED_ASSERT(count_of(buf_bytes(&w->got), BYTES_LITERAL("h-o-n")) == sent, seed);
    buf_deinit(&whole);
    company_free(w);
}
