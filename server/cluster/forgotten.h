/* SPDX-License-Identifier: MIT */
/* Nodes that an operator removed, so that nobody brings them back who had not heard of it.
 *
 * Each node counts how often it was let in again after it had been removed: its admission, 0 at
 * first.  A record of its removal has the number that the next admission would get.  So of a
 * record and a node the greater number is the newer one, and of equals the node; all nodes come to
 * the same end, in whatever order they hear.
 *
 * Whoever speaks of a node that we have a record of is told (FRAME_FORGOTTEN) and forgets it, too,
 * or knows of a newer admission and answers with that (FRAME_ADMITTED).  A node lets nobody go by
 * hearsay who owns slots, nor its own primary.  Only CLUSTER MEET, on either side,
 * lets a node in again.
 * Records are in the nodes file and end after CLUSTER_FORGOTTEN_MS.
 *
 * Invariants:  (1) at most CLUSTER_NODES_MAX records, none of nobody
 *              (2) none ends later than CLUSTER_FORGOTTEN_MS from now */
#ifndef STARLING_CLUSTER_FORGOTTEN_H
#define STARLING_CLUSTER_FORGOTTEN_H

#include "cluster/state.h"

/* Remove the node, and remember that. */
void forgotten_remove_node(struct cluster *c, struct cluster_node *node);
/* The same of one that is not in the table, whoever has let it in by now. */
void forgotten_note_gone(struct cluster *c, const struct cluster_id *id);
/* Remember a removal of this number until then, unless a newer one is known. */
void forgotten_note(struct cluster *c, const struct cluster_id *id, uint64_t admission,
                    struct mono_time until);
/* May this node be added to the table for what others say of it? */
bool forgotten_may_learn(struct cluster *c, const struct cluster_id *id);
/* Was it removed, and not let in again? */
static inline bool forgotten_has(const struct cluster *c, const struct cluster_id *id)
{
    for (size_t i = 0; i < c->forgotten.count; i++) {
        const struct forgotten *record = &c->forgotten.items[i];

        if (cluster_id_equal(&record->id, id)) {
            return !record->is_admitted && !mono_is_due(record->until, c->now);
        }
    }
    return false;
}
/* Somebody speaks of the node, which is not in our table: tell when it was removed here. */
void forgotten_tell(struct cluster *c, struct cluster_link link, const struct cluster_id *id);
/* Is the MEET newer than what its sender had said when it was removed?  One that was on its way then lets nobody
 * in. */
bool forgotten_may_return(struct cluster *c, const struct frame *meet);
/* The node is in the table from now on: by CLUSTER MEET, or since another node let it in. */
void forgotten_admit(struct cluster *c, struct cluster_node *node);
/* FRAME_FORGOTTEN and FRAME_ADMITTED. */
void forgotten_take_frame(struct cluster *c, struct cluster_link link, const struct frame *frame);
void forgotten_check(const struct cluster *c);

#endif
