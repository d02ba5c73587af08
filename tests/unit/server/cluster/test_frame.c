/* SPDX-License-Identifier: MIT */
#include "cluster/frame.h"

#include "base/crc.h"
#include "cluster/gossip.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct cluster_id id_of(const char *text)
{
    struct cluster_id id = {0};

    cr_assert(cluster_id_parse(bytes_from_text(text), &id));
    return id;
}

/* The message "mess" on channel "c", in one part. */
static const char message_body[] = {0, 0, 0, 0, 0, 0, 0, 7,   0,   0,   0,   9,  0,
                                    0, 0, 0, 0, 0, 0, 1, 'c', 'm', 'e', 's', 's'};

/* A question for what was agreed. */
static const struct buf *council_body(void)
{
    static struct buf body;
    struct council_message ask = {
        .type = COUNCIL_ASK, .council = id_of(ID_B), .generation = 3, .record = id_of(ID_A)};

    buf_clear(&body);
    council_message_encode(&body, &ask);
    return &body;
}

static struct frame sample(enum frame_type type)
{
    struct frame frame = {
        .type = type,
        .flags = FRAME_PRIMARY | FRAME_STATE_OK | FRAME_HAS_SLOTS | FRAME_HAS_ANCESTORS,
        .sender = id_of(ID_A),
        .shard = id_of(ID_B),
        .start = 77,
        .sequence = 12,
        .current_epoch = 9,
        .config_epoch = 8,
        .data = {.offset = UINT64_C(1) << 40, .ancestor_count = 2},
        .sent_us = 123456789,
        .echo_us = 987,
        .timeout_ms = 1000,
        .hint = { .council = id_of(ID_B), .generation = 3,                 .seat_key = 99, .seat_count = 5},
        .address = { .ip = "10.1.2.3",       .hostname = "a.example",                 .port = 6379, .bus_port = 16379},
        .subject = id_of(ID_B),
        .subject_epoch = 9,
    };

    memset(frame.data.history.text, 'h', HISTORY_ID_LEN);
    frame.data.ancestors[0] = (struct ancestor){.history = {.text = "oldest"}, .end = 5};
    frame.data.ancestors[1] = (struct ancestor){.history = {.text = "older"}, .end = 5000};
    if (frame_body_of(type) == FRAME_BODY_MESSAGE) {
        frame.body = bytes_make(message_body, sizeof(message_body));
    } else if (frame_body_of(type) == FRAME_BODY_COUNCIL) {
        frame.body = buf_bytes(council_body());
    }
    frame.slots[0] = 0xff00ff;
    frame.slots[FRAME_SLOT_WORDS - 1] = UINT64_C(1) << 63;
    return frame;
}

/* body is to live as long as the frame. */
static void add_gossip(struct frame *frame, const char *hostname, size_t count, struct buf *body)
{
    struct gossip_entry entry = {
        .id = id_of(ID_B),
        .address = {.ip = "fe80::1", .port = 1, .bus_port = 2},
        .flags = GOSSIP_FAILING,
    };

    bytes_to_text(bytes_from_text(hostname), entry.address.hostname,
                  sizeof(entry.address.hostname));
    gossip_begin(body);
    for (size_t i = 0; i < count; i++) {
        gossip_add(body, &entry);
    }
    frame->body = buf_bytes(body);
}

/* With a seal that says nothing. */
static void encode(const struct frame *frame, struct buf *out)
{
    static const char seal[FRAME_SEAL_BYTES];

    frame_encode(frame, out);
    buf_append(out, seal, sizeof(seal));
}

static bool decode(const struct buf *bytes, struct frame *out)
{
    struct errmsg error = {0};
    bool is_ok = frame_decode(buf_bytes(bytes), out, &error);

    cr_expect(is_ok == (error.text[0] == '\0'), "a refusal has a reason");
    return is_ok;
}

Test(bus_frame, comes_back_as_it_went)
{
    struct frame frame = sample(FRAME_PING);
    struct frame back;
    struct buf bytes = {0};
    struct buf body = {0};

    add_gossip(&frame, "", 3, &body);
    encode(&frame, &bytes);
    cr_assert(decode(&bytes, &back));
    cr_expect_eq(back.type, FRAME_PING);
    cr_expect_eq(back.flags, frame.flags);
    cr_expect(cluster_id_equal(&back.sender, &frame.sender));
    cr_expect(cluster_id_equal(&back.shard, &frame.shard));
    cr_expect_eq(back.sequence, 12);
    cr_expect_eq(back.data.offset, frame.data.offset);
    cr_expect_eq(back.sent_us, frame.sent_us);
    cr_expect(cluster_id_equal(&back.hint.council, &frame.hint.council));
    cr_expect_eq(back.hint.generation, 3);
    cr_expect_eq(back.hint.seat_key, 99);
    cr_expect_eq(back.hint.seat_count, 5);
    cr_expect_str_eq(back.data.history.text, frame.data.history.text);
    cr_assert_eq(back.data.ancestor_count, 2);
    cr_expect_str_eq(back.data.ancestors[0].history.text, "oldest");
    cr_expect_str_eq(back.data.ancestors[1].history.text, "older");
    cr_expect_eq(back.data.ancestors[1].end, 5000);
    cr_expect(cluster_address_equal(&back.address, &frame.address));
    cr_expect_arr_eq(back.slots, frame.slots, sizeof(frame.slots));
    cr_expect(bytes_equal(back.body, frame.body));
    buf_deinit(&bytes);
    buf_deinit(&body);
}

Test(bus_frame, of_every_type_comes_back)
{
    for (int type = 1; type < FRAME_TYPE_END; type++) {
        struct frame frame = sample((enum frame_type)type);
        struct frame back;
        struct buf bytes = {0};

        encode(&frame, &bytes);
        cr_assert(decode(&bytes, &back));
        cr_expect_eq(back.type, (enum frame_type)type);
        cr_expect(cluster_id_equal(&back.subject, &frame.subject));
        cr_expect_eq(back.subject_epoch, 9);
        buf_deinit(&bytes);
    }
}

Test(bus_frame, is_cut_from_a_stream_in_pieces_of_every_size)
{
    struct frame frame = sample(FRAME_FAIL);
    struct buf bytes = {0};
    struct errmsg error;
    size_t len;

    encode(&frame, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        cr_assert_eq(frame_cut(bytes_make(bytes.data, i), &len, &error), FRAME_MORE);
    }
    buf_append_text(&bytes, "STRLnext");
    cr_assert_eq(frame_cut(buf_bytes(&bytes), &len, &error), FRAME_OK);
    cr_expect_eq(len, bytes.len - 8);
    buf_deinit(&bytes);
}

Test(bus_frame, of_another_protocol_or_an_impossible_length_is_invalid)
{
    struct errmsg error;
    size_t len;
    char head[FRAME_HEAD_BYTES] = {'S', 'T', 'R', 'L', 1, 1, 0, 0, 0, 2, 0, 0};

    cr_expect_eq(frame_cut(BYTES_LITERAL("RCmb"), &len, &error), FRAME_INVALID);
    cr_expect_eq(frame_cut(BYTES_LITERAL("X"), &len, &error), FRAME_INVALID);
    cr_expect_eq(frame_cut(bytes_make(head, sizeof(head)), &len, &error), FRAME_INVALID);
    head[9] = 0;
    cr_expect_eq(frame_cut(bytes_make(head, sizeof(head)), &len, &error), FRAME_INVALID);
}

Test(bus_frame, with_all_the_gossip_it_may_hold_stays_below_its_bound)
{
    struct frame frame = sample(FRAME_PING);
    struct frame back;
    struct buf bytes = {0};
    struct buf body = {0};
    char hostname[CLUSTER_HOSTNAME_SIZE] = {0};

    memset(hostname, 'h', sizeof(hostname) - 1);
    add_gossip(&frame, hostname, GOSSIP_ENTRIES_MAX, &body);
    encode(&frame, &bytes);
    cr_expect_leq(bytes.len, FRAME_MAX_BYTES);
    cr_assert(decode(&bytes, &back));
    cr_expect_eq(gossip_count(back.body), GOSSIP_ENTRIES_MAX);
    buf_deinit(&bytes);
    buf_deinit(&body);
}

Test(bus_frame, is_small_enough_for_any_stack)
{
    cr_expect_lt(sizeof(struct frame), 4096);
}

/* Lengths and checksums of what version 5 of the protocol sends. */
Test(bus_frame, of_every_type_has_the_bytes_that_other_nodes_send)
{
    static const struct {
        size_t len;
        uint64_t crc;
    } sent[FRAME_TYPE_END] = {
        [FRAME_PING] = {2552, UINT64_C(0x1b48906b5e939b2d)},
        [FRAME_PONG] = {2552, UINT64_C(0xbcb13790feee2196)},
        [FRAME_MEET] = {2552, UINT64_C(0xde19aac6613ab7ff)},
        [FRAME_FAIL] = {2445, UINT64_C(0x5650a97bf05fc65b)},
        [FRAME_COUNCIL] = {2621, UINT64_C(0xe69afbf0561b7439)},
        [FRAME_CAUGHT_UP] = {2445, UINT64_C(0x119e63f354b84e06)},
        [FRAME_UPDATE] = {2445, UINT64_C(0xa7d5959eaa80439d)},
        [FRAME_FAILOVER_START] = {2445, UINT64_C(0xedaf301b729964fe)},
        [FRAME_FORGOTTEN] = {2445, UINT64_C(0x5be4c6768ca16965)},
        [FRAME_ADMITTED] = {2445, UINT64_C(0xaa61fa93d67eeca3)},
        [FRAME_PUBLISH] = {2470, UINT64_C(0x1a9beb75ac0d6068)},
        [FRAME_TWICE] = {2445, UINT64_C(0xd4795367c56e79df)},
        [FRAME_PUBLISH_SHARD] = {2470, UINT64_C(0x642d1914d7481802)},
        [FRAME_ANNOUNCE] = {2470, UINT64_C(0x87df4cb57bc45fb4)},
    };

    for (int type = 1; type < FRAME_TYPE_END; type++) {
        struct frame frame = sample((enum frame_type)type);
        struct buf bytes = {0};
        struct buf body = {0};

        if (frame_body_of(frame.type) == FRAME_BODY_GOSSIP) {
            add_gossip(&frame, "", 3, &body);
        }
        encode(&frame, &bytes);
        cr_expect_eq(bytes.len, sent[type].len, "%s", frame_type_name(frame.type));
        cr_expect_eq(crc64(0, buf_bytes(&bytes)), sent[type].crc, "%s: %llx",
                     frame_type_name(frame.type), (unsigned long long)crc64(0, buf_bytes(&bytes)));
        buf_deinit(&bytes);
        buf_deinit(&body);
    }
}

Test(bus_frame, that_is_brief_says_nothing_of_data_and_council)
{
    struct frame frame = sample(FRAME_COUNCIL);
    struct frame back = sample(FRAME_COUNCIL);
    struct buf whole = {0};
    struct buf brief = {0};

    frame.flags &= (uint16_t) ~(FRAME_HAS_SLOTS | FRAME_HAS_ANCESTORS);
    encode(&frame, &whole);
    frame.flags |= FRAME_BRIEF;
    encode(&frame, &brief);
    cr_expect_eq(brief.len, whole.len - 113);
    cr_assert(decode(&brief, &back));
    cr_expect(cluster_id_equal(&back.sender, &frame.sender));
    cr_expect_eq(back.sequence, 12);
    cr_expect_eq(back.timeout_ms, 1000);
    cr_expect(cluster_address_equal(&back.address, &frame.address));
    cr_expect(bytes_equal(back.body, frame.body));
    cr_expect(cluster_id_is_none(&back.subject));
    cr_expect(cluster_id_is_none(&back.hint.council));
    cr_expect_eq(back.data.offset, 0);
    cr_expect_eq(back.data.ancestor_count, 0);
    buf_deinit(&whole);
    buf_deinit(&brief);
}

Test(bus_frame, that_is_brief_is_of_the_council_and_has_neither_slots_nor_ancestors)
{
    for (int type = 1; type < FRAME_TYPE_END; type++) {
        for (int i = 0; i < 3; i++) {
            struct frame frame = sample((enum frame_type)type);
            struct frame back;
            struct buf bytes = {0};

            frame.flags &= (uint16_t) ~(FRAME_HAS_SLOTS | FRAME_HAS_ANCESTORS);
            frame.flags |= FRAME_BRIEF;
            frame.flags |= i == 1 ? FRAME_HAS_SLOTS : i == 2 ? FRAME_HAS_ANCESTORS : 0;
            encode(&frame, &bytes);
            cr_expect_eq(decode(&bytes, &back), type == FRAME_COUNCIL && i == 0, "%s",
                         frame_type_name(frame.type));
            buf_deinit(&bytes);
        }
    }
}

/* Append one byte and mend the length: the frame is whole, but longer than its type has it. */
Test(bus_frame, with_a_body_that_its_type_does_not_have_is_refused)
{
    for (int type = 1; type < FRAME_TYPE_END; type++) {
        struct frame frame = sample((enum frame_type)type);
        struct frame back;
        struct buf bytes = {0};

        encode(&frame, &bytes);
        cr_expect(decode(&bytes, &back));
        buf_append_byte(&bytes, '\0'); /* the seal moves, and the body ends with one byte of it */
        bytes.data[10] = (char)(bytes.len >> 8);
        bytes.data[11] = (char)bytes.len;
        cr_expect_not(decode(&bytes, &back), "%s", frame_type_name(frame.type));
        buf_deinit(&bytes);
    }
}

Test(bus_frame, that_contradicts_itself_is_refused)
{
    struct frame back;
    struct buf bytes = {0};
    struct frame cases[4];

    for (size_t i = 0; i < 4; i++) {
        cases[i] = sample(FRAME_PING);
    }
    cases[0].flags &= (uint16_t)~FRAME_PRIMARY; /* a replica of nobody */
    cases[1].primary = id_of(ID_B);             /* a primary with a primary */
    cases[2].config_epoch = 10;                 /* beyond its current epoch */
    cases[3].sender = (struct cluster_id){0};   /* from nobody */
    for (size_t i = 0; i < 4; i++) {
        buf_clear(&bytes);
        encode(&cases[i], &bytes);
        cr_expect_not(decode(&bytes, &back), "case %zu", i);
    }
    buf_deinit(&bytes);
}

Test(bus_frame, text_that_is_no_address_is_refused)
{
    struct frame frame = sample(FRAME_PING);
    struct frame back;
    struct buf bytes = {0};
    char *at;

    encode(&frame, &bytes);
    at = memmem(bytes.data, bytes.len, "10.1.2.3", 8);
    cr_assert_not_null(at);
    at[2] = '\n';
    cr_expect_not(decode(&bytes, &back));
    buf_deinit(&bytes);
}
