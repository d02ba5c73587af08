/* SPDX-License-Identifier: MIT */
/* base/sha256: examples of FIPS 180-4 and RFC 4231. */
#include "base/sha256.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *hex(const uint8_t digest[SHA256_SIZE], char out[2 * SHA256_SIZE + 1])
{
    for (int i = 0; i < SHA256_SIZE; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
    return out;
}

static void expect_sha(struct bytes message, const char *expected)
{
    uint8_t digest[SHA256_SIZE];
    char text[2 * SHA256_SIZE + 1];

    sha256(message, digest);
    cr_assert_str_eq(hex(digest, text), expected);
    sha256_portable(message, digest);
    cr_assert_str_eq(hex(digest, text), expected);
}

static void expect_hmac(struct bytes key, struct bytes message, const char *expected)
{
    uint8_t digest[SHA256_SIZE];
    char text[2 * SHA256_SIZE + 1];

    sha256_hmac(key, message, digest);
    cr_assert_str_eq(hex(digest, text), expected);
}

Test(sha256, digests_are_those_of_the_standard)
{
    expect_sha(BYTES_LITERAL(""),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_sha(BYTES_LITERAL("abc"),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_sha(BYTES_LITERAL("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, a_million_letters)
{
    static char text[1000000];

    memset(text, 'a', sizeof(text));
    expect_sha(bytes_make(text, sizeof(text)),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(sha256, is_the_same_by_the_processor_s_instructions_at_every_length)
{
    char text[300];

    for (size_t i = 0; i < sizeof(text); i++) {
        uint8_t one[SHA256_SIZE];
        uint8_t other[SHA256_SIZE];

        text[i] = (char)(i * 37);
        sha256(bytes_make(text, i + 1), one);
        sha256_portable(bytes_make(text, i + 1), other);
        cr_assert_arr_eq(one, other, SHA256_SIZE, "%zu bytes", i + 1);
    }
}

Test(sha256, hmac_agrees_with_rfc_4231)
{
    char key[131];
    char data[50];

    memset(key, 0x0b, 20);
    expect_hmac(bytes_make(key, 20), BYTES_LITERAL("Hi There"),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect_hmac(BYTES_LITERAL("Jefe"), BYTES_LITERAL("what do ya want for nothing?"),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(data, 0xdd, sizeof(data));
    expect_hmac(bytes_make(key, 20), bytes_make(data, sizeof(data)),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    expect_hmac(bytes_make(key, 131),
                BYTES_LITERAL("Test Using Larger Than Block-Size Key - Hash Key First"),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}
