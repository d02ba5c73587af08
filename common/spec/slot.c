/* SPDX-License-Identifier: MIT */
/* The two rules of slots, and the way back. */
#include "spec/slot.h"

#include "base/assert.h"
#include "base/attr.h"
#include "base/crc.h"

struct bytes slot_hash_tag(struct bytes key)
{
    size_t open = bytes_find_byte(key, '{');
    size_t len;

    if (open == SIZE_MAX) {
        return key;
    }
    len = bytes_find_byte(bytes_from(key, open + 1), '}');
    if (len == SIZE_MAX || len == 0) {
        return key;
    }
    return bytes_prefix(bytes_from(key, open + 1), len);
}

/* Out of line: who needs no slots does not carry it along. */
NOINLINE uint16_t slot_of_key(struct bytes key)
{
    return crc16(0, slot_hash_tag(key)) & (SLOT_COUNT - 1);
}

static const char tag_letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum {
    TAG_LETTERS = sizeof(tag_letters) - 1,
};

/* A CRC that begins with 0 is linear: that of three bytes is the sum of what each adds where it stands. */
static void part_of_tag(unsigned place, uint16_t out[TAG_LETTERS])
{
    for (unsigned i = 0; i < TAG_LETTERS; i++) {
        char text[SLOT_TAG_SIZE - 1] = {0};

        text[place] = tag_letters[i];
        out[i] = crc16(0, bytes_make(text, sizeof(text))) & (SLOT_COUNT - 1);
    }
}

void slot_tag(uint16_t slot, char out[SLOT_TAG_SIZE])
{
    uint16_t parts[SLOT_TAG_SIZE - 1][TAG_LETTERS];
    unsigned i = 0;
    unsigned last = TAG_LETTERS;

    ASSERT(slot < SLOT_COUNT);
    for (unsigned place = 0; place < SLOT_TAG_SIZE - 1; place++) {
        part_of_tag(place, parts[place]);
    }
    for (i = 0; i < TAG_LETTERS * TAG_LETTERS && last == TAG_LETTERS; i++) {
        uint16_t wanted = slot ^ parts[0][i / TAG_LETTERS] ^ parts[1][i % TAG_LETTERS];

        for (last = 0; last < TAG_LETTERS && parts[2][last] != wanted; last++) {
        }
    }
    ASSERT(last < TAG_LETTERS);
    out[0] = tag_letters[(i - 1) / TAG_LETTERS];
    out[1] = tag_letters[(i - 1) % TAG_LETTERS];
    out[2] = tag_letters[last];
    out[3] = '\0';
}
