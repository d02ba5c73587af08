/* SPDX-License-Identifier: MIT */
/* A node draws a number each time it is started.  Here is decided which start of another node is heeded, when two of them
 * speak: the folder of a node may have been copied, and then two processes are one node.
 *
 * A start that was not known yet comes after the one before: the node was restarted, and links of the one before are
 * closed as soon as they speak.  But should that one answer a challenge which is younger than the new start, it lives on: the node
 * runs twice.  Then the one that was here first is heeded, as long as it is heard, and the other is told why it is
 * not (FRAME_TWICE).  Leases do not depend on this: members grant them to starts (council.h, rule 2).
 *
 * Invariants:  (1) two starts are told apart: other is never the one that is heeded
 *              (2) no start is heeded since a challenge that was not made yet */
#ifndef STARLING_CLUSTER_STARTS_H
#define STARLING_CLUSTER_STARTS_H

#include "cluster/state.h"

enum starts_verdict {
    STARTS_HEEDED,
    STARTS_ENDED, /* by a later one; or it proves itself anew */
    STARTS_TWICE, /* another one is heeded, and both live */
};

/* The node speaks in this start, on a link whose challenge was that turn's, from this address. */
MUST_USE enum starts_verdict starts_heed(struct cluster *c, struct cluster_node *node,
                                         uint64_t start, uint64_t turn,
                                         const struct cluster_address *address);
/* The node with this id, which may be our own, has told or shown by what it is that another process runs as us. */
void starts_note_double(struct cluster *c, const struct cluster_id *teller,
                        const struct cluster_address *address);
void starts_check(const struct cluster *c);

#endif
