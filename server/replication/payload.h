/* SPDX-License-Identifier: MIT */
/* The framing of a snapshot on the wire: "$<size>" and so many bytes, or "$EOF:<marker>" and
 * bytes up to the marker, which is forty bytes that the primary drew at random.
 *
 * Invariants:  (1) of an $EOF payload the last 40 bytes so far are never given out: they may
 *                  be the marker
 *              (2) a payload of known size takes exactly its size off the input
 *              (3) received counts what was given out */
#ifndef STARLING_REPLICATION_PAYLOAD_H
#define STARLING_REPLICATION_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "replication/position.h"

enum {
    PAYLOAD_MARKER_LEN = 40
};

struct payload {
    uint64_t size; /* or REPLICATION_SIZE_UNKNOWN */
    uint64_t received;
    bool is_ended; /* the marker was seen */
    char marker[PAYLOAD_MARKER_LEN];
    char tail[PAYLOAD_MARKER_LEN]; /* the newest bytes, not given out */
    size_t tail_len;
    struct buf lent; /* bytes of an older tail, while they are lent out */
};

/* Payload bytes in their order; borrowed until the next call. */
struct payload_pieces {
    struct bytes held_back;
    struct bytes direct;
    bool is_whole;
};

void payload_clear(struct payload *payload);
void payload_deinit(struct payload *payload);
/* line: the head without its end.  False when it is none. */
MUST_USE bool payload_begin(struct payload *payload, struct bytes line);
/* Take payload bytes off the front of *in. */
struct payload_pieces payload_take(struct payload *payload, struct bytes *in);
bool payload_is_whole(const struct payload *payload);
void payload_check(const struct payload *payload);

#endif
