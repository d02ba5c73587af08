/* SPDX-License-Identifier: MIT */
/* Which slots go from which node to which: for a number of slots that one node shall get, and for shares that
 * shall be even by some measure.  Pure.
 *
 * A measure gives each slot a cost: 1 each, or its keys, its bytes, its load.  Nodes have weights; a node's share of
 * the cost is that of its weight.  A node of weight 0 gives up all its slots, whatever they cost. */
#ifndef STARLING_CLI_SLOT_PLAN_H
#define STARLING_CLI_SLOT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/bitset.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "spec/slot.h"

enum {
    SLOT_PLAN_WORDS = BITSET_WORDS(SLOT_COUNT),
};

/* A node that has slots, or may get some. */
struct slot_holder {
    const uint64_t *slots; /* borrowed */
    bool gives;            /* reshard: some of its slots may go */
    double weight;         /* rebalance */
};

/* Slots that go from one holder to another; both are indexes. */
struct slot_move {
    size_t from;
    size_t to;
    uint64_t slots[SLOT_PLAN_WORDS];
    size_t slot_count;
};

/* All-zero is empty. */
struct slot_plan {
    VEC(struct slot_move) moves;
};

void slot_plan_deinit(struct slot_plan *plan);
/* `count` slots for the target from all that give, in proportion to what they have, the lowest of each.  False when they do
 * not have so many. */
MUST_USE bool slot_plan_reshard(struct slot_plan *plan, const struct slot_holder *holders,
                                size_t holder_count, size_t target, size_t count,
                                struct errmsg *error);
/* Even shares.  costs: of each slot.  Empty when no holder is further than threshold_percent from its share. */
void slot_plan_rebalance(struct slot_plan *plan, const struct slot_holder *holders,
                         size_t holder_count, const double costs[SLOT_COUNT],
                         double threshold_percent);

#endif
