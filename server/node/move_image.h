/* SPDX-License-Identifier: MIT */
/* The image of some slots for one who fetches them: a walk over them alone, as requests (RESTORE, or some for a large value), which the receiver
 * executes and puts into its log like any others.
 *
 * It is a walk like that of node/image.h, and of both one is on at a time.  It goes on as the receiver asks for more; entries
 * that are about to change are written early by the store.  A large value is written in slices (store/value_image.h), and
 * becomes one request when it is whole.
 *
 * Invariants:  (1) at most one at a time, and none while an image is on
 *              (2) values and out are empty while none is on
 * The slots are borrowed from who began it. */
#ifndef STARLING_NODE_MOVE_IMAGE_H
#define STARLING_NODE_MOVE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/vec.h"
#include "node/move_pieces.h"

struct node;
struct value_image;

/* A large value that is being written, or waits for that. */
struct move_value {
    struct value_image *image;
    int64_t expire_at_ms;
    struct buf key;
    struct move_pieces pieces;
};

struct move_image {
    bool is_on;
    const void *owner; /* who began it */
    struct buf out;    /* requests that were not taken yet */
    VEC(struct move_value) values;
};

/* Neither one of these nor an image is on. */
void move_image_begin(struct node *node, const void *owner, const uint64_t *slots);
/* Append about max_bytes of requests, or what a slice of work gives.  True when that was all. */
bool move_image_read(struct node *node, size_t max_bytes, struct buf *out);
/* End it; does nothing when none is on. */
void move_image_cancel(struct node *node);
void move_image_check(const struct node *node);

#endif
