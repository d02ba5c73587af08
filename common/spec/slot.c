/* SPDX-License-Identifier: MIT */
/* The two rules of slots. */
#include "spec/slot.h"

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
