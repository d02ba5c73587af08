/* SPDX-License-Identifier: MIT */
#include "base/attr.h"
#include "base/codec.h"
#include "base/crc.h"
#include "store/usage.h"
#include "tests/unit/server/command/fixture.h"

#include <criterion/criterion.h>

/* The payload of DUMP k, as an owned copy. */
static struct buf dump(struct fixture *f)
{
    struct buf payload = {0};
    size_t start = 1;

    fixture_run(f, "DUMP k");
    while (f->reply.data[start - 1] != '\n') {
        start++;
    }
    buf_append(&payload, f->reply.data + start, f->reply.len - start - 2);
    return payload;
}

/* RESTORE key ttl payload and the options behind it. */
static void expect_restore(struct fixture *f, const char *ttl, const struct buf *payload,
                           const char *option, const char *reply)
{
    struct bytes words[5] = {BYTES_LITERAL("RESTORE"), BYTES_LITERAL("r"), bytes_from_text(ttl),
                             buf_bytes(payload)};
    struct bytes left = bytes_from_text(option);
    size_t count = 4;

    if (left.len > 0) {
        words[count++] = left;
    }
    fixture_run_words(f, words, count);
    cr_assert_str_eq(fixture_reply(f), reply);
}

Test(dump, what_was_dumped_is_restored)
{
    static const char *const values[] = {"text", "12345", "-99999999999", "\"\""};

    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        struct fixture *f = fixture_new(false);
        struct bytes set[] = {BYTES_LITERAL("SET"), BYTES_LITERAL("k"), bytes_from_text(values[i])};
        struct buf payload;

        fixture_run_words(f, set, 3);
        payload = dump(f);
        expect_restore(f, "0", &payload, "", "+OK|");
        fixture_run(f, "GET k");
        cr_assert_gt(f->reply.len, 4);
        set[0] = BYTES_LITERAL("GET");
        set[1] = BYTES_LITERAL("r");
        fixture_run_words(f, set, 2);
        cr_assert(strstr(fixture_reply(f), values[i]) != NULL);
        buf_deinit(&payload);
        fixture_free(f);
    }
}

Test(dump, a_key_that_is_not_there_gives_null)
{
    struct fixture *f = fixture_new(false);

    fixture_expect(f, "DUMP k", "$-1|");
    fixture_free(f);
}

Test(dump, restoring_sets_the_expiry_and_travels_with_it)
{
    struct fixture *f = fixture_new(false);
    struct buf payload;

    fixture_run(f, "SET k v");
    payload = dump(f);
    expect_restore(f, "5000", &payload, "", "+OK|");
    cr_assert(
        bytes_equal(bytes_prefix(effects_bytes(&f->effects), 41),
                    BYTES_LITERAL("*6\r\n$7\r\nRESTORE\r\n$1\r\nr\r\n$10\r\n1000005000\r\n")));
    fixture_expect(f, "PTTL r", ":5000|");
    expect_restore(f, "1000009000", &payload, "ABSTTL",
                   "-BUSYKEY Target key name already exists.|");
    fixture_run(f, "DEL r");
    expect_restore(f, "1000009000", &payload, "ABSTTL", "+OK|");
    fixture_expect(f, "PTTL r", ":9000|");
    expect_restore(f, "0", &payload, "REPLACE", "+OK|");
    fixture_expect(f, "PTTL r", ":-1|");
    buf_deinit(&payload);
    fixture_free(f);
}

Test(dump, an_expiry_in_the_past_removes_what_was_there)
{
    struct fixture *f = fixture_new(false);
    struct buf payload;
    struct bytes words[6];

    fixture_run(f, "SET k v");
    payload = dump(f);
    fixture_run(f, "SET r old");
    words[0] = BYTES_LITERAL("RESTORE");
    words[1] = BYTES_LITERAL("r");
    words[2] = BYTES_LITERAL("77");
    words[3] = buf_bytes(&payload);
    words[4] = BYTES_LITERAL("ABSTTL");
    words[5] = BYTES_LITERAL("REPLACE");
    fixture_run_words(f, words, 6);
    cr_assert_str_eq(fixture_reply(f), "+OK|");
    cr_assert_str_eq(fixture_effects(f), "DEL r");
    fixture_expect(f, "EXISTS r", ":0|");
    buf_deinit(&payload);
    fixture_free(f);
}

Test(dump, bad_payloads_and_options_are_told_apart)
{
    struct fixture *f = fixture_new(false);
    struct buf payload;
    struct buf other = {0};

    fixture_run(f, "SET k v");
    payload = dump(f);
    expect_restore(f, "-1", &payload, "", "-ERR Invalid TTL value, must be >= 0|");
    expect_restore(f, "x", &payload, "", "-ERR value is not an integer or out of range|");
    expect_restore(f, "0", &payload, "OVER", "-ERR syntax error|");
    expect_restore(f, "0", &payload, "IDLETIME", "-ERR syntax error|");
    payload.data[2] ^= 1;
    expect_restore(f, "0", &payload, "", "-ERR DUMP payload version or checksum are wrong|");
    payload.len = 5;
    expect_restore(f, "0", &payload, "", "-ERR DUMP payload version or checksum are wrong|");
    buf_append(&other, "\x63\x01x\x09\x00", 5);
    encode_u64_le(&other, crc64(0, buf_bytes(&other)));
    expect_restore(f, "0", &other, "", "-ERR Bad data format|");
    fixture_expect(f, "EXISTS r", ":0|");
    buf_deinit(&payload);
    buf_deinit(&other);
    fixture_free(f);
}

Test(dump, a_hint_counts_where_use_is_known_in_its_way)
{
    struct fixture *f = fixture_new(false);
    struct buf payload;
    struct bytes words[6] = {BYTES_LITERAL("RESTORE"), BYTES_LITERAL("r"), BYTES_LITERAL("0")};

    fixture_run(f, "SET k v");
    payload = dump(f);
    words[3] = buf_bytes(&payload);
    words[4] = BYTES_LITERAL("FREQ");
    words[5] = BYTES_LITERAL("77");
    fixture_run_words(f, words, 6);
    fixture_expect(f, "OBJECT IDLETIME r", ":0|");
    fixture_run(f, "DEL r");
    keyspace_set_usage(f->x.keyspace, &(struct usage_rule){true, 10, 1});
    fixture_run_words(f, words, 6);
    fixture_expect(f, "OBJECT FREQ r", ":77|");
    fixture_run(f, "DEL r");
    words[4] = BYTES_LITERAL("IDLETIME");
    fixture_run_words(f, words, 6);
    fixture_expect(f, "OBJECT FREQ r", ":5|");
    buf_deinit(&payload);
    fixture_free(f);
}

Test(dump, hints_of_use_are_checked_and_taken)
{
    static const struct {
        const char *option;
        const char *number;
        const char *reply;
    } cases[] = {
        {"IDLETIME", "-1",  "-ERR Invalid IDLETIME value, must be >= 0|"       },
        {"IDLETIME", "x",   "-ERR value is not an integer or out of range|"    },
        {"FREQ",     "256", "-ERR Invalid FREQ value, must be >= 0 and <= 255|"},
        {"IDLETIME", "40",  "+OK|"                                             },
    };
    struct fixture *f = fixture_new(false);
    struct buf payload;

    fixture_run(f, "SET k v");
    payload = dump(f);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes words[6] = {BYTES_LITERAL("RESTORE"),
                                 BYTES_LITERAL("r"),
                                 BYTES_LITERAL("0"),
                                 buf_bytes(&payload),
                                 bytes_from_text(cases[i].option),
                                 bytes_from_text(cases[i].number)};

        fixture_run_words(f, words, 6);
        cr_assert_str_eq(fixture_reply(f), cases[i].reply);
    }
    fixture_expect(f, "OBJECT IDLETIME r", ":40|");
    buf_deinit(&payload);
    fixture_free(f);
}

/* Times of streams that no server writes, instead of those at which the test runs. */
static void replace_times(struct buf *payload, int64_t now_ms, int64_t at_ms)
{
    struct buf old = {0};
    struct buf new = {0};

    encode_u64_le(&old, (uint64_t)now_ms);
    encode_u64_le(&new, (uint64_t)at_ms);
    payload->len -= sizeof(uint64_t);
    for (size_t i = 0; i + old.len <= payload->len; i++) {
        if (memcmp(payload->data + i, old.data, old.len) == 0) {
            memcpy(payload->data + i, new.data, new.len);
        }
    }
    encode_u64_le(payload, crc64(0, buf_bytes(payload)));
    buf_deinit(&old);
    buf_deinit(&new);
}

Test(dump, pending_entries_of_a_stream_may_have_been_delivered_at_any_time)
{
    static const struct {
        int64_t at_ms;
        const char *pending;
        const char *claimed;
    } cases[] = {
        {INT64_MIN, "*1|*4|$3|1-1|$1|c|:9223372036854775807|:1|", "*3|$3|0-0|*1|$3|1-1|*0|"},
        {-1,        "*1|*4|$3|1-1|$1|c|:1000000001|:1|",          "*3|$3|0-0|*1|$3|1-1|*0|"},
        {INT64_MAX, "*1|*4|$3|1-1|$1|c|:0|:1|",                   "*3|$3|0-0|*0|*0|"       },
    };

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fixture *f = fixture_new(false);
        struct buf payload;

        fixture_expect(f, "XADD k 1-1 a b", "$3|1-1|");
        fixture_expect(f, "XGROUP CREATE k g 0", "+OK|");
        fixture_run(f, "XREADGROUP GROUP g c STREAMS k >");
        payload = dump(f);
        replace_times(&payload, f->x.now.unix_ms, cases[i].at_ms);
        expect_restore(f, "0", &payload, "", "+OK|");
        fixture_expect(f, "XPENDING r g - + 10", cases[i].pending);
        fixture_run(f, "XINFO CONSUMERS r g");
        fixture_expect(f, "XAUTOCLAIM r g d 5 0 JUSTID", cases[i].claimed);
        buf_deinit(&payload);
        fixture_free(f);
    }
}

static void append(struct fixture *f, const struct buf *payload, const char *reply)
{
    expect_restore(f, "0", payload, "APPEND", reply);
}

Test(dump, a_stream_comes_behind_what_there_is_of_it)
{
    struct fixture *f = fixture_new(false);
    struct buf first;
    struct buf overlapping;
    struct buf rest;

    fixture_expect(f, "XADD k 1-1 a b", "$3|1-1|");
    first = dump(f);
    fixture_expect(f, "XADD k 2-1 c d", "$3|2-1|");
    fixture_expect(f, "XDEL k 1-1", ":1|");
    overlapping = dump(f); /* what was deleted is in its node still */
    fixture_expect(f, "DEL k", ":1|");
    fixture_expect(f, "XADD k 2-1 c d", "$3|2-1|");
    fixture_expect(f, "XGROUP CREATE k g 0", "+OK|");
    fixture_run(f, "XREADGROUP GROUP g ann STREAMS k >");
    rest = dump(f);
    append(f, &first, "+OK|");
    append(f, &overlapping, "-ERR APPEND takes what is behind a stream without groups|");
    fixture_expect(f, "PEXPIREAT r 99999999999999", ":1|");
    append(f, &rest, "+OK|");
    fixture_expect(f, "XRANGE r - +", "*2|*2|$3|1-1|*2|$1|a|$1|b|*2|$3|2-1|*2|$1|c|$1|d|");
    fixture_expect(f, "XPENDING r g", "*4|:1|$3|2-1|$3|2-1|*1|*2|$3|ann|$1|1|");
    fixture_expect(f, "PEXPIRETIME r", ":99999999999999|");
    buf_deinit(&first);
    buf_deinit(&overlapping);
    buf_deinit(&rest);
    fixture_free(f);
}

Test(dump, what_does_not_come_behind_a_stream_leaves_it_as_it_is)
{
    static const char behind[] = "-ERR APPEND takes what is behind a stream without groups|";
    struct fixture *f = fixture_new(false);
    struct buf stream;
    struct buf text;

    fixture_expect(f, "SET k text", "+OK|");
    text = dump(f);
    append(f, &text, "-ERR APPEND takes the payload of a stream|");
    fixture_expect(f, "EXISTS r", ":0|");
    fixture_expect(f, "DEL k", ":1|");
    fixture_expect(f, "XADD k 5-1 a b", "$3|5-1|");
    stream = dump(f);
    fixture_expect(f, "SET r text", "+OK|");
    append(f, &stream, "-WRONGTYPE Operation against a key holding the wrong kind of value|");
    fixture_expect(f, "DEL r", ":1|");
    append(f, &stream, "+OK|");
    append(f, &stream, behind);
    fixture_expect(f, "DEL r", ":1|");
    fixture_expect(f, "XADD r 1-1 a b", "$3|1-1|");
    fixture_expect(f, "XGROUP CREATE r g 0", "+OK|");
    append(f, &stream, behind);
    fixture_expect(f, "XLEN r", ":1|");
    expect_restore(f, "1000", &stream, "APPEND", "-ERR Invalid TTL value, must be 0 with APPEND|");
    fixture_run(f, "RESTORE r 0 payload REPLACE APPEND");
    cr_expect_str_eq(fixture_reply(f), "-ERR syntax error|");
    buf_deinit(&stream);
    buf_deinit(&text);
    fixture_free(f);
}
