/* SPDX-License-Identifier: MIT */
/* Key to hash slot: CRC16 of the key, or of its hash tag, modulo 16384. */
#ifndef STARLING_SPEC_SLOT_H
#define STARLING_SPEC_SLOT_H

#include <stdint.h>

#include "base/bytes.h"

enum {
    SLOT_COUNT = 16384,
    SLOT_NONE = SLOT_COUNT, /* "no slot", where a slot is expected */
    SLOT_TAG_SIZE = 4,      /* of a tag with its terminator */
};

/* The part of the key that is hashed: between the first '{' and the first '}' behind it when
 * that is not empty, else all of it. */
struct bytes slot_hash_tag(struct bytes key);
uint16_t slot_of_key(struct bytes key);
/* The first key of three digits and letters, in the order of ASCII, that is in the slot; every slot has one. */
void slot_tag(uint16_t slot, char out[SLOT_TAG_SIZE]);

#endif
