/* SPDX-License-Identifier: MIT */
/* base/codec. */
#include "base/codec.h"

#include <criterion/criterion.h>

Test(codec, byte_orders_are_as_named)
{
    struct buf out = {0};

    encode_u8(&out, 0x01);
    encode_u16_be(&out, 0x0203);
    encode_u32_be(&out, 0x04050607);
    encode_u16_le(&out, 0x0908);
    encode_u32_le(&out, 0x0d0c0b0a);
    cr_assert(bytes_equal(buf_bytes(&out),
                          BYTES_LITERAL("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d")));
    buf_deinit(&out);
}

Test(codec, what_was_encoded_is_decoded)
{
    struct buf out = {0};
    struct decoder d;

    encode_u64_be(&out, UINT64_MAX - 1);
    encode_u64_le(&out, UINT64_C(0x0102030405060708));
    encode_u32_le(&out, 77);
    buf_append_text(&out, "tail");
    d = decoder_make(buf_bytes(&out));
    cr_assert_eq(decode_u64_be(&d), UINT64_MAX - 1);
    cr_assert_eq(decode_u64_le(&d), UINT64_C(0x0102030405060708));
    cr_assert_eq(decode_u32_le(&d), 77);
    cr_assert(bytes_equal_text(decode_bytes(&d, 4), "tail"));
    cr_assert(decoder_is_ok(&d));
    cr_assert_eq(decoder_left(&d), 0);
    buf_deinit(&out);
}

Test(codec, a_read_beyond_the_input_fails_for_good)
{
    struct decoder d = decoder_make(BYTES_LITERAL("\x01\x02\x03"));

    cr_assert_eq(decode_u32_be(&d), 0);
    cr_assert(!decoder_is_ok(&d));
    cr_assert_eq(decode_u8(&d), 0, "later reads give zeros though a byte is there");
    cr_assert_eq(decode_bytes(&d, 1).len, 0);
}
