/* SPDX-License-Identifier: MIT */
/* store/value_codec. */
#include "store/value_codec.h"

#include "base/attr.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct {
    uint64_t len;
    struct bytes encoded;
} lens[] = {
    {0,                 {"\x00", 1}                                },
    {63,                {"\x3f", 1}                                },
    {64,                {"\x40\x40", 2}                            },
    {16383,             {"\x7f\xff", 2}                            },
    {16384,             {"\x80\x00\x00\x40\x00", 5}                },
    {UINT32_MAX,        {"\x80\xff\xff\xff\xff", 5}                },
    {UINT64_C(1) << 32, {"\x81\x00\x00\x00\x01\x00\x00\x00\x00", 9}},
    {UINT64_MAX,        {"\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9}},
};

Test(value_codec, lengths_take_the_fewest_bytes_and_come_back)
{
    for (size_t i = 0; i < ARRAY_COUNT(lens); i++) {
        struct buf out = {0};
        struct decoder d;
        uint64_t len;
        bool is_encoding;

        value_encode_len(&out, lens[i].len);
        cr_assert(bytes_equal(buf_bytes(&out), lens[i].encoded), "case %zu", i);
        for (size_t part = 0; part < out.len; part++) {
            d = decoder_make(bytes_prefix(buf_bytes(&out), part));
            cr_assert_eq(value_decode_len(&d, &len, &is_encoding), VALUE_CODEC_MORE);
        }
        d = decoder_make(buf_bytes(&out));
        cr_assert_eq(value_decode_len(&d, &len, &is_encoding), VALUE_CODEC_OK);
        cr_assert(len == lens[i].len && !is_encoding && decoder_left(&d) == 0);
        buf_deinit(&out);
    }
}

Test(value_codec, length_bytes_that_mean_nothing_are_refused)
{
    struct decoder d = decoder_make(BYTES_LITERAL("\x82\x00\x00\x00\x00\x00\x00\x00\x00"));
    uint64_t len;
    bool is_encoding;

    cr_assert_eq(value_decode_len(&d, &len, &is_encoding), VALUE_CODEC_ERROR);
    d = decoder_make(BYTES_LITERAL("\xc3"));
    cr_assert_eq(value_decode_len(&d, &len, &is_encoding), VALUE_CODEC_OK);
    cr_assert(is_encoding && len == 3);
}

static const struct {
    const char *text;
    struct bytes encoded;
} strings[] = {
    {"",            {"\x00", 1}                },
    {"abc",
     {"\x03"
      "abc",
      4}                                       },
    {"0",           {"\xc0\x00", 2}            },
    {"-1",          {"\xc0\xff", 2}            },
    {"127",         {"\xc0\x7f", 2}            },
    {"128",         {"\xc1\x80\x00", 3}        },
    {"-32768",      {"\xc1\x00\x80", 3}        },
    {"32768",       {"\xc2\x00\x80\x00\x00", 5}},
    {"-2147483648", {"\xc2\x00\x00\x00\x80", 5}},
    {"2147483648",
     {"\x0a"
      "2147483648",
      11}                                      },
    {"007",
     {"\x03"
      "007",
      4}                                       },
    {"-0",          {"\x02-0", 3}              },
    {"+1",          {"\x02+1", 3}              },
};

static enum value_codec_status decode(struct bytes in, uint64_t limit, struct buf *out,
                                      uint64_t *needed, struct errmsg *error)
{
    struct decoder d = decoder_make(in);

    buf_clear(out);
    return value_decode_string(&d, limit, out, needed, error);
}

Test(value_codec, strings_and_canonical_integers_come_back)
{
    for (size_t i = 0; i < ARRAY_COUNT(strings); i++) {
        struct buf out = {0};
        struct buf back = {0};
        uint64_t needed;

        value_encode_string(&out, bytes_from_text(strings[i].text));
        cr_assert(bytes_equal(buf_bytes(&out), strings[i].encoded), "%s", strings[i].text);
        for (size_t part = 0; part < out.len; part++) {
            cr_assert_eq(decode(bytes_prefix(buf_bytes(&out), part), 100, &back, &needed, NULL),
                         VALUE_CODEC_MORE);
            cr_assert(needed > part && needed <= out.len);
        }
        cr_assert_eq(decode(buf_bytes(&out), 100, &back, &needed, NULL), VALUE_CODEC_OK);
        cr_assert(bytes_equal_text(buf_bytes(&back), strings[i].text), "%s", strings[i].text);
        buf_deinit(&out);
        buf_deinit(&back);
    }
}

Test(value_codec, compressed_strings_are_expanded)
{
    struct bytes in = BYTES_LITERAL("\xc3\x05\x0a\x00z\xe0\x00\x00");
    struct buf out = {0};
    uint64_t needed;

    for (size_t part = 0; part < in.len; part++) {
        cr_assert_eq(decode(bytes_prefix(in, part), 100, &out, &needed, NULL), VALUE_CODEC_MORE);
        cr_assert(needed > part && needed <= in.len);
    }
    cr_assert_eq(decode(in, 100, &out, &needed, NULL), VALUE_CODEC_OK);
    cr_assert(bytes_equal_text(buf_bytes(&out), "zzzzzzzzzz"));
    buf_deinit(&out);
}

static const struct bytes refused[] = {
    {"\x40\x65",                             2}, /* 101 bytes, limit 100 */
    {"\x81\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    {"\xc4",                                 1}, /* no such encoding */
    {"\xff",                                 1},
    {"\xc3\x01\x00\x00",                     4}, /* compressed nothing */
    {"\xc3\x40\x65\x01",                     4}, /* compressed beyond the limit */
    {"\xc3\x01\x40\x65",                     4}, /* expanded beyond the limit */
    {"\xc3\xc0\x01",                         3}, /* a length that is a string */
    {"\xc3\x00\x40\x5f",                     4}, /* nothing cannot expand */
    {"\xc3\x03\x0a\x00z\x01",                6}, /* damaged */
    {"\x82",                                 1},
};

Test(value_codec, what_cannot_be_a_string_is_refused_with_a_reason)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        struct buf out = {0};
        struct errmsg error = {0};
        uint64_t needed;

        cr_assert_eq(decode(refused[i], 100, &out, &needed, &error), VALUE_CODEC_ERROR, "case %zu",
                     i);
        cr_assert(error.text[0] != '\0', "case %zu", i);
        buf_deinit(&out);
    }
}

Test(value_codec, a_declared_size_takes_no_memory)
{
    struct buf out = {0};
    uint64_t needed;

    cr_assert_eq(decode(BYTES_LITERAL("\x80\x10\x00\x00\x00"
                                      "abc"),
                        1U << 30, &out, &needed, NULL),
                 VALUE_CODEC_MORE);
    cr_assert_eq(needed, 5 + (UINT64_C(1) << 28));
    cr_assert_eq(mem_used(MEM_BUFFER), 0);
}
