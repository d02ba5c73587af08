/* SPDX-License-Identifier: MIT */
/* Who serves a hot slot besides its owner: other primaries that are well, chosen by how much room they have
 * (copies/placement.h).  A member is ready while it has a lease and says that it accepts the slot.
 *
 * node/hot_copies.h asks and is asked over the bus. */
#ifndef STARLING_NODE_HOT_MEMBERS_H
#define STARLING_NODE_HOT_MEMBERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/cluster_id.h"
#include "copies/hot_slots.h"
#include "copies/placement.h"

struct node;

struct hot_members {
    struct placement placement;
};

/* How many other primaries could be members, room or not; no more than a slot may have. */
size_t hot_members_count(const struct node *node);
/* Is it to be asked who has room?  Then the caller does, and this is told so. */
MUST_USE bool hot_members_are_to_ask(struct node *node);
bool hot_members_know_room(const struct node *node);
/* Add members up to so many; who is one stays one.  True when there are more than before. */
bool hot_members_choose(const struct node *node, struct hot_slot *hot, size_t wanted);
/* Members that are no more go, those who have become ready, or are not, are marked.  True when anything is otherwise. */
bool hot_members_look(const struct node *node, struct hot_slot *hot);

/* Another node looks for members: our answer, being so busy; false: we say nothing. */
MUST_USE bool hot_members_answer(const struct node *node, unsigned busy, struct buf *out);
void hot_members_take_answer(struct node *node, const struct cluster_id *sender,
                             struct bytes answer);

#endif
