/* SPDX-License-Identifier: MIT */
/* A part of a message between clients, as the body of a frame:
 *
 *      0   8  number of the message: rising with each that its node sends
 *      8   4  bytes of the whole
 *     12   4  bytes that came before this part
 *     16      the part
 *
 * A part is a plain value that borrows its bytes. */
#ifndef STARLING_CLUSTER_MESSAGE_PART_H
#define STARLING_CLUSTER_MESSAGE_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

enum {
    MESSAGE_PART_MAX = 48 * 1024,
    MESSAGE_HEAD_BYTES = 16,
    MESSAGE_BODY_MAX = MESSAGE_HEAD_BYTES + MESSAGE_PART_MAX,
    MESSAGE_MAX_BYTES = 16 * 1024 * 1024, /* of the whole; longer ones stay where they are */
};

struct message_part {
    uint64_t number;
    uint32_t total;
    uint32_t before;
    struct bytes bytes;
};

void message_part_encode(const struct message_part *part, struct buf *out);
/* False when no node could have sent it. */
MUST_USE bool message_part_decode(struct bytes body, struct message_part *out);

#endif
