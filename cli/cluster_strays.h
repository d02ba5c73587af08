/* SPDX-License-Identifier: MIT */
/* Keys of a slot at a primary that neither owns it nor has it on the move: SETSLOT STABLE in the midst of a move by hand leaves such.
 * Nobody is sent there for them, and no list of slots on the move tells of them; only their count does.
 *
 * They are brought home to the slot's owner.  Where the owner has a key as well, the owner's stays: it has served that key, and
 * has let clients change it or make it anew, while the other one was out of sight.  What is dropped so and was
 * another value is told, key by key. */
#ifndef STARLING_CLI_CLUSTER_STRAYS_H
#define STARLING_CLI_CLUSTER_STRAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "base/vec.h"
#include "cli/cluster_fixing.h"
#include "cli/cluster_view.h"

struct stray {
    size_t slot;
    int64_t count;
};

/* Of one node; all-zero is empty. */
struct strays {
    VEC(struct stray) items;
};

/* Whose copy of a key counts when both have one. */
enum strays_precedence {
    STRAYS_OWNER_FIRST,
    STRAYS_HOLDER_FIRST, /* the slot had no owner, and this one had served it */
};

/* Append what the node has of slots that are not its own.  is_brief: none of them when the keys of its own slots are all that it has.
 * False when it does not say. */
MUST_USE bool strays_find(struct strays *strays, const struct view_node *node, bool is_brief,
                          struct errmsg *error);
/* Keys of a slot that is another's go to that one, and `from` has nothing of the slot on the move afterwards.  False, having said
 * why: some may be left. */
MUST_USE bool strays_bring(struct fixing *f, size_t slot, size_t from, size_t owner,
                           enum strays_precedence precedence);
/* All there are, in a cluster whose slots have owners.  False, having said why: some are left, or may be. */
MUST_USE bool strays_bring_all(struct fixing *f);

#endif
