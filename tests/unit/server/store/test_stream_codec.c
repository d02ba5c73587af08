/* SPDX-License-Identifier: MIT */
/* Serialized streams, written down as words:
 *
 *     17             a length                 r:5-1   an id of 16 bytes
 *     s:name         a string                 t:99    a time of 8 bytes
 *     z:             a byte 0, as a string
 *     n:5-1/3        a node with the entries 5-1, 5-2 and 5-3, the second of which is deleted if a d is behind */
#include "base/codec.h"
#include "base/crc.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/stream.h"
#include "store/stream_codec.h"
#include "store/stream_group.h"
#include "store/value.h"
#include "store/value_codec.h"
#include "store/value_space.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct stream_id parse_id(struct bytes *rest)
{
    struct bytes ms = bytes_next_field(rest, '-');
    struct bytes sequence = bytes_next_field(rest, '/');
    struct stream_id id = {0};

    cr_assert(num_parse_u64(ms, &id.ms) && num_parse_u64(sequence, &id.sequence));
    return id;
}

static void put_id(struct buf *out, struct stream_id id)
{
    encode_u64_be(out, id.ms);
    encode_u64_be(out, id.sequence);
}

static void put_integer(struct buf *out, int64_t integer)
{
    struct packed_item item = packed_item_integer(integer);

    packed_append(out, &item);
}

static void put_entry(struct buf *out, int64_t number, bool is_deleted)
{
    put_integer(out, is_deleted ? 3 : 2);
    put_integer(out, 0);
    put_integer(out, number);
    put_integer(out, number * 1000);
    put_integer(out, 4);
}

static void put_node(struct buf *out, struct bytes text)
{
    bool has_deleted = text.data[text.len - 1] == 'd';
    struct packed_item name = packed_item(BYTES_LITERAL("name"));
    struct buf elements = {0};
    struct stream_id id;
    int64_t count;

    text.len -= has_deleted ? 1 : 0;
    id = parse_id(&text);
    cr_assert(num_parse_i64(text, &count));
    put_integer(&elements, has_deleted ? count - 1 : count);
    put_integer(&elements, has_deleted ? 1 : 0);
    put_integer(&elements, 1);
    packed_append(&elements, &name);
    put_integer(&elements, 0);
    for (int64_t i = 0; i < count; i++) {
        put_entry(&elements, i, has_deleted && i == 1);
    }
    value_encode_len(out, 16);
    put_id(out, id);
    value_encode_len(out, elements.len + 7);
    encode_u32_le(out, (uint32_t)elements.len + 7);
    encode_u16_le(out, (uint16_t)(5 + 5 * count));
    buf_append_bytes(out, buf_bytes(&elements));
    encode_u8(out, 0xff);
    buf_deinit(&elements);
}

static void put_word(struct buf *out, struct bytes word)
{
    struct bytes text = bytes_from(word, 2);
    uint64_t number;

    if (word.data[1] != ':' || word.len < 2) {
        cr_assert(num_parse_u64(word, &number));
        value_encode_len(out, number);
    } else if (word.data[0] == 's') {
        value_encode_string(out, text);
    } else if (word.data[0] == 'z') {
        value_encode_string(out, bytes_make("", 1));
    } else if (word.data[0] == 'n') {
        put_node(out, text);
    } else if (word.data[0] == 'r') {
        put_id(out, parse_id(&text));
    } else {
        cr_assert(word.data[0] == 't' && num_parse_u64(text, &number));
        encode_u64_le(out, number);
    }
}

/* A payload of this type with these words. */
static struct buf payload_of(uint8_t type, const char *words)
{
    struct bytes rest = bytes_from_text(words);
    struct bytes word = bytes_next_word(&rest, ' ');
    struct buf out = {0};

    encode_u8(&out, type);
    for (; word.len > 0; word = bytes_next_word(&rest, ' ')) {
        put_word(&out, word);
    }
    return out;
}

static void put_trailer(struct buf *out)
{
    encode_u16_le(out, RDB_VERSION);
    encode_u64_le(out, crc64(0, buf_bytes(out)));
}

struct restored {
    struct keyspace *ks;
    struct key_ref ref;
    struct errmsg error;
};

static void begin(struct restored *r)
{
    *r = (struct restored){
        .ks = keyspace_new(&(struct keyspace_options){.database_count = 1, .hash_seed = 7})};
    r->ref = keyspace_ref(r->ks, 0, BYTES_LITERAL("stream"));
}

static void end(struct restored *r)
{
    keyspace_check(r->ks);
    keyspace_free(r->ks);
    cr_assert_eq(mem_used(MEM_STORE), 0);
}

/* The stream of the payload in the key space, or NULL and an error. */
static const struct stream *restore(struct restored *r, struct bytes payload)
{
    struct value_reader reader = {0};
    const struct stream *s = NULL;

    if (value_restore(keyspace_values(r->ks), payload, &reader, &r->error)) {
        struct value value = value_reader_take(&reader);

        s = stream_of(&value);
        keyspace_put(r->ks, &r->ref, &value, EXPIRE_NEVER);
    }
    value_reader_deinit(&reader);
    return s;
}

static const struct stream *restore_words(struct restored *r, uint8_t type, const char *words)
{
    struct buf payload = payload_of(type, words);
    const struct stream *s;

    put_trailer(&payload);
    s = restore(r, buf_bytes(&payload));
    buf_deinit(&payload);
    return s;
}

/* Two nodes, the first with a deleted entry; two groups, one of which is empty. */
#define WHOLE                                                                                      \
    "2 n:5-1/3d n:7-0/2 4  7 1  5 1  5 2  5  2 "                                                   \
    "s:g 7 0 4  2  r:5-1 t:100 1 r:7-0 t:200 3  2 s:bob t:300 1 r:7-0 s:eve t:301 1 r:5-1 "        \
    "s:none 0 0 0 0 0"

static void expect_whole(const struct stream *s)
{
    struct stream_group *g = stream_group_find(s, BYTES_LITERAL("g"));
    struct stream_pending p;

    cr_assert_eq(stream_count(s), 4);
    cr_assert(stream_find(s, (struct stream_id){5, 3}, NULL));
    cr_assert_not(stream_find(s, (struct stream_id){5, 2}, NULL));
    cr_assert_eq(stream_marks(s).last_id.ms, 7);
    cr_assert_eq(stream_group_count(s), 2);
    cr_assert(stream_pending_find(g, (struct stream_id){7, 0}, &p));
    cr_assert(bytes_equal_text(stream_consumer_name(p.consumer), "bob"));
    cr_assert_eq(p.delivered_at_ms, 200);
    cr_assert_eq(p.delivery_count, 3);
    cr_assert_eq(stream_consumer_seen_at_ms(p.consumer), 300);
}

Test(stream_codec, a_stream_is_read_with_its_groups)
{
    struct restored r;
    const struct stream *s;

    begin(&r);
    s = restore_words(&r, 19, WHOLE);
    cr_assert_not_null(s, "%s", r.error.text);
    expect_whole(s);
    cr_assert_eq(stream_marks(s).entries_added, 5);
    cr_assert_eq(stream_marks(s).max_deleted_id.sequence, 2);
    cr_assert_eq(stream_group_entries_read(stream_group_find(s, BYTES_LITERAL("g"))), 4);
    end(&r);
}

Test(stream_codec, what_was_written_is_what_was_read)
{
    struct buf payload = payload_of(19, WHOLE);
    struct buf again = {0};
    struct restored r;

    begin(&r);
    put_trailer(&payload);
    cr_assert_not_null(restore(&r, buf_bytes(&payload)));
    value_dump(keyspace_types(r.ks), keyspace_find_any(r.ks, &r.ref), &again);
    cr_assert(bytes_equal(buf_bytes(&payload), buf_bytes(&again)));
    end(&r);
    buf_deinit(&payload);
    buf_deinit(&again);
}

/* As a consumer who was seen before 1970: 18446744073709551608 is -8, the last place in the order being 7. */
#define RELEASED "18446744073709551608"
#define GROUP_OF_THREE                                                                             \
    "0 0 9 9 0 0 0 0 9 1 s:g 9 9 9 3 r:1-1 t:7 1 r:2-1 t:100 1 r:3-1 t:4 9223372036854775807 "

Test(stream_codec, what_is_released_travels_as_of_a_consumer_with_a_name_of_its_own)
{
    static const char *const cases[] = {
        GROUP_OF_THREE "2 s:c t:50 1 r:2-1 s: t:" RELEASED " 2 r:1-1 r:3-1",
        GROUP_OF_THREE "2 s: t:50 1 r:2-1 z: t:" RELEASED " 2 r:1-1 r:3-1",
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf payload = payload_of(19, cases[i]);
        struct buf again = {0};
        struct stream_pending p;
        struct stream_group *g;
        struct restored r;
        const struct stream *s;

        begin(&r);
        put_trailer(&payload);
        s = restore(&r, buf_bytes(&payload));
        cr_assert_not_null(s, "%s", r.error.text);
        g = stream_group_at(s, 0);
        cr_assert_eq(stream_group_released_count(g), 2);
        cr_assert_eq(stream_group_consumer_count(g), 1);
        cr_assert(stream_pending_find(g, (struct stream_id){3, 1}, &p));
        cr_assert(p.consumer == NULL && p.delivered_at_ms == 4);
        value_dump(keyspace_types(r.ks), keyspace_find_any(r.ks, &r.ref), &again);
        cr_assert(bytes_equal(buf_bytes(&payload), buf_bytes(&again)));
        end(&r);
        buf_deinit(&payload);
        buf_deinit(&again);
    }
}

/* Others know neither the order nor the last place: a consumer of theirs is a consumer. */
Test(stream_codec, only_the_last_consumer_of_our_own_form_stands_for_what_is_released)
{
    static const struct {
        uint8_t type;
        const char *words;
    } cases[] = {
        {19, GROUP_OF_THREE "2 s: t:" RELEASED " 1 r:2-1 s:c t:50 2 r:1-1 r:3-1"          },
        {19, GROUP_OF_THREE "2 s:c t:50 1 r:2-1 s:d t:" RELEASED " 2 r:1-1 r:3-1"         },
        {19, GROUP_OF_THREE "2 s:c t:50 1 r:2-1 s: t:18446744073709551615 2 r:1-1 r:3-1"  },
        {21, GROUP_OF_THREE "2 s:c t:50 t:50 1 r:2-1 s: t:" RELEASED " t:50 2 r:1-1 r:3-1"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct restored r;
        const struct stream *s;

        begin(&r);
        s = restore_words(&r, cases[i].type, cases[i].words);
        cr_assert_not_null(s, "%s", r.error.text);
        cr_assert_eq(stream_group_released_count(stream_group_at(s, 0)), 0);
        cr_assert_eq(stream_group_consumer_count(stream_group_at(s, 0)), 2);
        end(&r);
    }
}

Test(stream_codec, the_oldest_form_knows_less_and_the_numbers_follow_from_the_entries)
{
    struct restored r;
    const struct stream *s;

    begin(&r);
    s = restore_words(&r, 15,
                      "2 n:5-1/3d n:7-0/2 4  7 1  2  s:g 7 1 0 0  s:first 5 1 0 1 s:bob t:300 0");
    cr_assert_not_null(s, "%s", r.error.text);
    cr_assert_eq(stream_marks(s).entries_added, 4);
    cr_assert(stream_id_is_zero(stream_marks(s).max_deleted_id));
    cr_assert_eq(stream_group_entries_read(stream_group_find(s, BYTES_LITERAL("g"))), 4);
    cr_assert_eq(stream_group_entries_read(stream_group_find(s, BYTES_LITERAL("first"))), 1);
    end(&r);
}

Test(stream_codec, the_newer_form_says_when_consumers_were_active)
{
    struct restored r;
    const struct stream *s;
    const struct stream_group *g;

    begin(&r);
    s = restore_words(&r, 21,
                      "0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 0 2 s:a t:300 t:200 0 s:b t:5 "
                      "t:18446744073709551615 0");
    cr_assert_not_null(s, "%s", r.error.text);
    g = stream_group_at(s, 0);
    cr_assert_eq(stream_consumer_active_at_ms(stream_consumer_at(g, 0)), 200);
    cr_assert_eq(stream_consumer_active_at_ms(stream_consumer_at(g, 1)), STREAM_NEVER);
    end(&r);
}

Test(stream_codec, an_empty_stream_stays_one)
{
    struct restored r;
    const struct stream *s;

    begin(&r);
    s = restore_words(&r, 19, "0 0 9 9 0 0 9 9 1 0");
    cr_assert_not_null(s, "%s", r.error.text);
    cr_assert_eq(stream_count(s), 0);
    cr_assert_eq(stream_marks(s).last_id.sequence, 9);
    end(&r);
}

Test(stream_codec, what_could_not_have_come_about_is_refused)
{
    static const struct {
        const char *words;
        const char *error;
    } cases[] = {
        {"1 n:5-1/1 2 5 1 5 1 0 0 1 0",                                                   "a stream claims 2 entries, it has 1"         },
        {"1 n:5-1/2 2 5 1 5 1 0 0 2 0",                                                   "a stream has entries behind its last id"     },
        {"2 n:5-1/2 n:5-2/1 3 9 9 0 0 0 0 3 0",
         "the nodes of a stream are not in the order of their ids"                                                                      },
        {"2 n:5-1/1 n:5-1/1 2 9 9 0 0 0 0 2 0",
         "the nodes of a stream are not in the order of their ids"                                                                      },
        {"1 n:0-0/2 2 9 9 0 0 0 0 2 0",                                                   "a stream has an entry with the id 0-0"       },
        {"1 s:shortid s:x 0",                                                             "damaged node of a stream: its id has 7 bytes"},
        {"0 0 0 0 0 0 0 0 0 2 s:g 0 0 0 0 0 s:g 0 0 0 0 0",                               "a stream has a group twice"                  },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 2 r:1-1 t:1 1 r:1-1 t:1 1 0",
         "a group of a stream has a pending entry twice"                                                                                },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 0 2 s:c t:1 0 s:c t:1 0",
         "a group of a stream has a consumer twice"                                                                                     },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 0 1 s:c t:1 1 r:1-1",
         "a consumer of a stream has a pending entry that its group has not"                                                            },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 1 r:1-1 t:1 1 2 s:c t:1 1 r:1-1 s:d t:1 1 r:1-1",
         "a pending entry of a stream is of two consumers"                                                                              },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 1 r:1-1 t:1 1 1 s:c t:1 2 r:1-1 r:1-1",
         "a pending entry of a stream is of two consumers"                                                                              },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 1 r:1-1 t:1 1 1 s:c t:1 0",
         "a group of a stream has pending entries without a consumer"                                                                   },
        {"0 0 0 0 0 0 0 0 0 1 s:g 0 0 0 1 r:1-1 t:1 1 0",
         "a group of a stream has pending entries without a consumer"                                                                   },
        {GROUP_OF_THREE "1 s: t:" RELEASED " 0",
         "a stream claims that nothing, or too much, was released"                                                                      },
        {GROUP_OF_THREE "1 s: t:9223372036854775808 3 r:1-1",
         "a stream claims that nothing, or too much, was released"                                                                      },
        {GROUP_OF_THREE "1 s: t:" RELEASED " 3 r:1-1 r:2-1",
         "what is released in a group of a stream has no place in the order"                                                            },
        {GROUP_OF_THREE "1 s: t:" RELEASED " 3 r:3-1 r:1-1",
         "what is released in a group of a stream is not in order"                                                                      },
        {GROUP_OF_THREE "1 s: t:" RELEASED " 3 r:1-1 r:1-1",
         "what is released in a group of a stream is not in order"                                                                      },
        {GROUP_OF_THREE "1 s: t:" RELEASED " 3 r:1-2",
         "what is released in a group of a stream is not pending there"                                                                 },
        {GROUP_OF_THREE "2 s:c t:50 1 r:1-1 s: t:" RELEASED " 1 r:1-1",
         "what is released in a group of a stream is not pending there"                                                                 },
        {GROUP_OF_THREE "2 s:c t:50 1 r:2-1 s: t:" RELEASED " 1 r:1-1",
         "a group of a stream has pending entries without a consumer"                                                                   },
        {"0 0 0 0 0 0 0 0 0 0 0",                                                         "1 bytes are left behind the value"           },
        {"18446744073709551615",                                                          "the value is cut off"                        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct restored r;

        begin(&r);
        cr_assert_null(restore_words(&r, 19, cases[i].words), "%s", cases[i].words);
        cr_assert_str_eq(r.error.text, cases[i].error);
        end(&r);
    }
}

Test(stream_codec, numbers_have_to_be_encoded_as_such)
{
    struct buf payload = payload_of(19, "");
    struct restored r;

    encode_u8(&payload, 0xc0);
    encode_u8(&payload, 1);
    put_trailer(&payload);
    begin(&r);
    cr_assert_null(restore(&r, buf_bytes(&payload)));
    cr_assert_str_eq(r.error.text, "a number of a stream is not encoded as one");
    end(&r);
    buf_deinit(&payload);
}

Test(stream_codec, a_stream_that_is_cut_off_anywhere_is_refused)
{
    struct buf whole = payload_of(19, WHOLE);

    for (size_t len = 1; len < whole.len; len++) {
        struct buf cut = {0};
        struct restored r;

        begin(&r);
        buf_append(&cut, whole.data, len);
        put_trailer(&cut);
        cr_assert_null(restore(&r, buf_bytes(&cut)));
        cr_assert_str_eq(r.error.text, "the value is cut off");
        buf_deinit(&cut);
        end(&r);
    }
    buf_deinit(&whole);
}

/* Any byte of it: what is read all the same is sound. */
Test(stream_codec, a_stream_with_a_changed_byte_is_refused_or_sound)
{
    struct buf whole = payload_of(19, WHOLE);

    for (size_t at = 1; at < whole.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct buf changed = {0};
            struct restored r;

            begin(&r);
            buf_append_bytes(&changed, buf_bytes(&whole));
            changed.data[at] = (char)(changed.data[at] ^ 1 << bit);
            put_trailer(&changed);
            (void)restore(&r, buf_bytes(&changed));
            buf_deinit(&changed);
            end(&r);
        }
    }
    buf_deinit(&whole);
}

/* ---- nodes of others that are not as ours would be ----------------------------------------------------------- */

static struct buf node_payload(struct bytes elements, uint64_t live)
{
    struct buf out = {0};

    encode_u8(&out, RDB_TYPE_STREAM_OLD);
    value_encode_len(&out, 1);
    value_encode_len(&out, 16);
    put_id(&out, (struct stream_id){1, 1});
    value_encode_len(&out, elements.len + 7);
    encode_u32_le(&out, (uint32_t)elements.len + 7);
    encode_u16_le(&out, UINT16_MAX);
    buf_append_bytes(&out, elements);
    encode_u8(&out, 0xff);
    value_encode_len(&out, live);
    for (int i = 0; i < 2; i++) {
        value_encode_len(&out, 99);
    }
    value_encode_len(&out, 0);
    put_trailer(&out);
    return out;
}

static void expect_pair(const struct stream *s, struct stream_id id, const char *name,
                        const char *value)
{
    struct stream_entry e;
    struct packed_item item;
    struct packed_item second;
    char scratch[PACKED_SCRATCH];

    cr_assert(stream_find(s, id, &e));
    cr_assert_eq(e.pair_count, 1);
    cr_assert(stream_entry_next(&e, &item, &second));
    cr_assert(bytes_equal_text(packed_item_text(&item, scratch), name));
    cr_assert(bytes_equal_text(packed_item_text(&second, scratch), value));
}

Test(stream_codec, integers_and_flags_in_unusual_codings_are_understood_and_can_be_deleted)
{
    /* "7" as a string; flags of three bytes. */
    static const char elements[] = "\x02\x01\x00\x01\x01\x01\x81n\x02\x00\x01"
                                   "\x02\x01\x00\x01\x00\x01\x81"
                                   "7\x02\x04\x01"
                                   "\xf1\x02\x00\x03\x00\x01\x01\x01\x81"
                                   "8\x02\x04\x01";
    struct buf payload = node_payload(bytes_make(elements, sizeof(elements) - 1), 2);
    struct restored r;
    struct value_edit edit;
    const struct stream *s;

    begin(&r);
    s = restore(&r, buf_bytes(&payload));
    cr_assert_not_null(s, "%s", r.error.text);
    expect_pair(s, (struct stream_id){1, 1}, "n", "7");
    expect_pair(s, (struct stream_id){1, 2}, "n", "8");
    keyspace_open(r.ks, &r.ref, keyspace_find_any(r.ks, &r.ref), VALUE_STREAM, &edit);
    cr_assert(stream_delete(&edit.draft, (struct stream_id){1, 1}));
    (void)keyspace_close(r.ks, &edit);
    cr_assert_eq(stream_count(s), 1);
    end(&r);
    buf_deinit(&payload);
}

Test(stream_codec, a_very_large_node_becomes_several)
{
    struct buf elements = {0};
    struct packed_item name = packed_item(BYTES_LITERAL("n"));
    struct restored r;
    const struct stream *s;
    struct buf payload;

    put_integer(&elements, 40000);
    put_integer(&elements, 0);
    put_integer(&elements, 1);
    packed_append(&elements, &name);
    put_integer(&elements, 0);
    for (int64_t i = 0; i < 40000; i++) {
        put_entry(&elements, i, false);
    }
    payload = node_payload(buf_bytes(&elements), 40000);
    begin(&r);
    s = restore(&r, buf_bytes(&payload));
    cr_assert_not_null(s, "%s", r.error.text);
    cr_assert_eq(stream_node_count(s), 400);
    expect_pair(s, (struct stream_id){1, 40000}, "n", "39999000");
    end(&r);
    buf_deinit(&payload);
    buf_deinit(&elements);
}

/* ---- in pieces ------------------------------------------------------------------------------------------------- */

Test(stream_codec, a_node_is_found_when_all_of_it_is_there_with_how_many_entries_live)
{
    struct buf nodes = payload_of(0, "n:5-1/3d n:7-0/200");
    struct bytes in = bytes_from(buf_bytes(&nodes), 1);
    struct bytes node;
    struct decoder d = decoder_make(in);
    uint64_t entries;
    size_t first;

    cr_assert(stream_decode_node(&d, &node, &entries));
    cr_expect_eq(entries, 2);
    first = d.at;
    cr_expect_eq(node.len, first);
    cr_assert(stream_decode_node(&d, &node, &entries));
    cr_expect_eq(entries, 200);
    cr_expect(node.data == in.data + first);
    cr_expect_eq(decoder_left(&d), 0);
    for (size_t len = 0; len < first; len++) {
        d = decoder_make(bytes_prefix(in, len));
        cr_expect_not(stream_decode_node(&d, &node, &entries), "%zu bytes", len);
        cr_expect_eq(d.at, 0);
    }
    buf_deinit(&nodes);
}

static const struct stream *restore_body(struct restored *r, struct buf *body)
{
    const struct stream *s;

    put_trailer(body);
    s = restore(r, buf_bytes(body));
    cr_assert_not_null(s, "%s", r->error.text);
    buf_deinit(body);
    return s;
}

Test(stream_codec, a_piece_has_the_nodes_and_the_last_one_the_marks_and_groups)
{
    struct buf nodes = payload_of(0, "n:5-1/3d n:7-0/2");
    struct buf rest = payload_of(0, "4  7 1  5 1  5 2  5  1  s:g 7 0 4  1  r:5-1 t:100 1  1 s:bob "
                                    "t:300 1 r:5-1");
    struct buf body = payload_of(19, "");
    struct restored r;
    const struct stream *s;

    begin(&r);
    stream_encode_nodes(bytes_from(buf_bytes(&nodes), 1), 2, 4, &body);
    s = restore_body(&r, &body);
    cr_expect_eq(stream_count(s), 4);
    cr_expect_eq(stream_marks(s).last_id.ms, UINT64_MAX, "whatever comes behind it may come");
    cr_expect_eq(stream_group_count(s), 0);
    encode_u8(&body, 19);
    stream_encode_rest(bytes_from(buf_bytes(&rest), 1), &body);
    s = restore_body(&r, &body);
    cr_expect_eq(stream_count(s), 0);
    cr_expect_eq(stream_marks(s).last_id.ms, 7);
    cr_expect_eq(stream_marks(s).entries_added, 5);
    cr_expect_eq(stream_group_count(s), 1);
    end(&r);
    buf_deinit(&nodes);
    buf_deinit(&rest);
}
