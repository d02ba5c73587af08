/* SPDX-License-Identifier: MIT */
/* What a source of slots sends is executed here, and put into our log as it came, so that our replicas and our disk have it:
 * as effects of our own, though the source has decided (call_for_move).
 *
 * Nothing in it may be about other slots. */
#ifndef STARLING_NODE_MOVE_APPLY_H
#define STARLING_NODE_MOVE_APPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bytes.h"
#include "base/errmsg.h"

struct node;

/* Whole requests, and whole transactions.  The log must be open to us.  False with a reason: what came before the one that is to
 * blame was executed. */
MUST_USE bool move_apply(struct node *node, const uint64_t *slots, struct bytes requests,
                         struct errmsg *error);

#endif
