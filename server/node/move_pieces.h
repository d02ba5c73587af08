/* SPDX-License-Identifier: MIT */
/* A large value on its way to another node: what its image gives (store/value_image.h) becomes requests of some elements each,
 * so that neither side puts in, or holds, all of it at once, nor anybody that follows the receiver.
 *
 *     UNLINK key      RPUSH | SADD | ZADD | HSET key elements      HPEXPIREAT key time FIELDS 1 field      PEXPIREAT key time
 *     once            for each piece                               for those that expire                   once, if it expires
 *
 * Of a stream the elements are its nodes (store/stream_codec.h), which are taken over as they are, at the cost of a copy: a piece is
 * RESTORE key 0 payload APPEND, with some of them as a stream that has ended; the last has the marks and the groups, whose pending
 * entries are not in pieces.
 *
 * Until the last of them the key is less than the value: they are for slots that nobody sees (node/staging.h).
 *
 * Invariants:  (1) no element is in two requests, and elements keep their order
 *              (2) what is held of the value is less than a piece and a part of an element, after each call, but for the groups of a
 *                  stream */
#ifndef STARLING_NODE_MOVE_PIECES_H
#define STARLING_NODE_MOVE_PIECES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/vec.h"

struct move_pieces {
    uint8_t rdb_type;
    bool has_begun;  /* the number of elements was read, and UNLINK written */
    int64_t base_ms; /* what the times of fields count from */
    uint64_t left;   /* elements that were not read yet */
    struct buf
        given;       /* by the image and not read yet: less than an element, or a stream's groups */
    struct buf text; /* of the words of the piece that is being gathered, */
    VEC(size_t) ends;   /* where each ends */
    VEC(int64_t) times; /* of fields: when each of them expires, 0 for never */
    uint64_t entries;   /* of a stream: in the nodes of the piece */
};

void move_pieces_init(struct move_pieces *pieces, uint8_t rdb_type);
void move_pieces_deinit(struct move_pieces *pieces);
/* Where the image is to append what it gives. */
struct buf *move_pieces_room(struct move_pieces *pieces);
/* Append the requests that can be made of that for the key. */
void move_pieces_take(struct move_pieces *pieces, struct bytes key, struct buf *out);
/* The image has given all: append the rest.  EXPIRE_NEVER for keys that do not expire. */
void move_pieces_end(struct move_pieces *pieces, struct bytes key, int64_t expire_at_ms,
                     struct buf *out);
/* A value in one request. */
void move_pieces_whole(struct bytes key, struct bytes payload, int64_t expire_at_ms,
                       struct buf *out);

#endif
