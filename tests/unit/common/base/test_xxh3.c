/* SPDX-License-Identifier: MIT */
/* Values of another implementation of the specification (libxxhash 0.8.1). */
#include "base/xxh3.h"

#include "base/attr.h"

#include <criterion/criterion.h>
#include <inttypes.h>

enum {
    TEXT_BYTES = 100000,
    EACH_MAX = 1200,
};

static char text[TEXT_BYTES];

static void fill(void)
{
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        text[i] = (char)(i * 151 + (i >> 5) + 7);
    }
}

Test(xxh3, texts_that_others_publish_the_hash_of_have_that_hash)
{
    cr_assert_eq(xxh3(BYTES_LITERAL("Hello world")), UINT64_C(0xb6acb9d84a38ff74));
    cr_assert_eq(xxh3(BYTES_LITERAL("myvalue")), UINT64_C(0x5a32b091fa5dafe7));
}

Test(xxh3, both_sides_of_every_change_of_method_give_what_others_give)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } cases[] = {
        {0,     UINT64_C(0x2d06800538d394c2)},
        {1,     UINT64_C(0x4c5cca45d0f4811f)},
        {2,     UINT64_C(0x284785811eedc33a)},
        {3,     UINT64_C(0x8c49b49f5ffc7b14)},
        {4,     UINT64_C(0x1b18e2929603a81e)},
        {7,     UINT64_C(0x1bcd0949fd76382f)},
        {8,     UINT64_C(0xf7865e29c2f0260f)},
        {9,     UINT64_C(0x2320e1cfa1092893)},
        {15,    UINT64_C(0x460c2036d47d43a6)},
        {16,    UINT64_C(0x8bb3bc0366e8342b)},
        {17,    UINT64_C(0xd4d6ea8edf6bac27)},
        {32,    UINT64_C(0xdc02e2615b3c5007)},
        {33,    UINT64_C(0xd026ede25058764c)},
        {64,    UINT64_C(0x386f842172fe73e2)},
        {65,    UINT64_C(0x7533566afb5748c0)},
        {96,    UINT64_C(0x92b401a63cacebf7)},
        {97,    UINT64_C(0xe9eb8f809af32f0a)},
        {127,   UINT64_C(0x5b93a3f4401b83f6)},
        {128,   UINT64_C(0xa34e5d71f791bfd4)},
        {129,   UINT64_C(0x1fa96977e399e997)},
        {144,   UINT64_C(0x9eb399870ad497ac)},
        {239,   UINT64_C(0xe47f7baa1c41fc70)},
        {240,   UINT64_C(0x80e5741dd31260cb)},
        {241,   UINT64_C(0x471343772f637e2b)},
        {255,   UINT64_C(0xdf4828f3c718b1d4)},
        {256,   UINT64_C(0x1cb78b558eec0d89)},
        {257,   UINT64_C(0x70ccb8ea887d2155)},
        {512,   UINT64_C(0xf7840a4324bcc0aa)},
        {1023,  UINT64_C(0x52e9de4dcc54986b)},
        {1024,  UINT64_C(0x6aecee8b89a7364b)},
        {1025,  UINT64_C(0x8f48d9029cd55a8c)},
        {1088,  UINT64_C(0xa644373f7be37d5b)},
        {1089,  UINT64_C(0x55fe27446798e9a6)},
        {2048,  UINT64_C(0x60d75175cb032d4b)},
        {2049,  UINT64_C(0xeba7863297beff87)},
        {5000,  UINT64_C(0x6ce934cd3fcd9bb3)},
        {99999, UINT64_C(0x2d0642f7e4567759)},
    };

    fill();
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t hash = xxh3(bytes_make(text, cases[i].len));

        cr_expect_eq(hash, cases[i].hash, "%zu bytes: %016" PRIx64, cases[i].len, hash);
    }
}

Test(xxh3, every_length_gives_what_others_give)
{
    uint64_t folded = 0;

    fill();
    for (size_t len = 0; len <= EACH_MAX; len++) {
        folded = folded * 31 ^ xxh3(bytes_make(text, len));
    }
    cr_assert_eq(folded, UINT64_C(0x5551330a65bbdf26));
}
