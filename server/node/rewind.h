/* SPDX-License-Identifier: MIT */
/* Going back: our primary's history was left by all others before our end, so what we have behind that is nobody's.  The
 * snapshot and the log on disk bring the data back to that place, as at a start, and from there we go on: a
 * partial resync instead of a full one.
 *
 * It can be done while the snapshot on disk is not behind that place.
 *
 * Invariant:  (1) what is wanted is taken up, or given up, in the pass that it came in, or waits for a save to end */
#ifndef STARLING_NODE_REWIND_H
#define STARLING_NODE_REWIND_H

#include <stdbool.h>

#include "replication/position.h"

struct node;

enum rewind_chance {
    REWIND_NOW,
    REWIND_LATER, /* a file is being written */
    REWIND_NEVER, /* only a full resync helps */
};

struct rewind {
    bool is_wanted;
    struct replication_position to;
};

void rewind_want(struct node *node, const struct replication_position *to);
void rewind_forget(struct node *node);
enum rewind_chance rewind_chance(const struct node *node);
/* The data goes, and is loaded up to the place; the node is as at its start until then.  Whoever we followed was let
 * go before. */
void rewind_begin(struct node *node);

#endif
