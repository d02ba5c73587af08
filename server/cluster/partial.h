/* SPDX-License-Identifier: MIT */
/* Messages between clients (message.h) that have come in part, one of each node at most.
 *
 * Invariants:  (1) of all nodes there are at most PARTIAL_MAX_BYTES: beyond, what has waited longest for its
 *                  next part is dropped
 *              (2) what has come of one is shorter than the whole, which is no longer than MESSAGE_MAX_BYTES
 *              (3) start, number and place of the parts of a node rise: one that was recorded and is sent again
 *                  is not heeded
 * Owns the bytes; they are freed with their node. */
#ifndef STARLING_CLUSTER_PARTIAL_H
#define STARLING_CLUSTER_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"

struct cluster;
struct cluster_node;
struct message_part;

enum {
    PARTIAL_MAX_BYTES = 64 * 1024 * 1024,
};

/* What came so far, and the last part that was heeded. */
struct partial {
    uint64_t start; /* of the sender */
    uint64_t number;
    uint32_t before;
    uint32_t total;
    uint64_t turn; /* when it came, by parts of all nodes */
    struct buf bytes;
};

/* Take a part that the node sent in this life of it.  True: with it the message is whole; *whole is valid
 * until partial_forget, which has to come next, or as long as the part.  False: more has to come, or the part
 * does not continue what is here, which is dropped. */
MUST_USE bool partial_take(struct cluster *c, struct cluster_node *sender, uint64_t start,
                           const struct message_part *part, struct bytes *whole);
/* Drop what is here of the node. */
void partial_forget(struct cluster *c, struct cluster_node *sender);

void partial_check(const struct cluster *c);

#endif
