/* SPDX-License-Identifier: MIT */
/* What a member tells an owner with each lease that it asks for: which of its slots it accepts, and how often they were read here
 * since it was told last (copies/spread.h says what for).
 *
 * An owner has PROMOTION_SLOTS_MAX slots that are hot, and a member accepts those that were until a minute ago as well.
 * When there are too many to be told of, those that are hot go first: of each of them the owner waits to hear that it is
 * accepted.
 *
 * Invariant:  (1) a slot stands there once */
#ifndef STARLING_NODE_COPY_USES_H
#define STARLING_NODE_COPY_USES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cluster_id.h"

struct node;

enum {
    COPY_USES_MAX = 64,
};

struct copy_use {
    uint16_t slot;
    uint64_t reads;
};

/* All-zero is empty. */
struct copy_uses {
    struct copy_use items[COPY_USES_MAX];
    size_t count;
};

/* A read of the slot was served. */
void copy_uses_note(struct copy_uses *uses, uint16_t slot);
/* All slots of that owner that we accept stand there, also those of which nothing was read. */
void copy_uses_gather(const struct node *node, const struct cluster_id *owner,
                      struct copy_uses *uses);

#endif
