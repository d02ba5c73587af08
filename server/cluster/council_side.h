/* SPDX-License-Identifier: MIT */
/* The cluster's side of the council (council/council.h): its messages travel in frames, what it has to keep stands in the
 * nodes file, and what it says is handed to whom it concerns.
 *
 * Invariants:  (1) of changes of the council none counts as saved before a file that has it is on disk */
#ifndef STARLING_CLUSTER_COUNCIL_SIDE_H
#define STARLING_CLUSTER_COUNCIL_SIDE_H

#include "cluster/state.h"

/* Begin as a council of our own, under our id; what there was is forgotten. */
void council_side_found(struct cluster *c);
/* FRAME_COUNCIL of a node that is known. */
void council_side_take_frame(struct cluster *c, const struct cluster_node *sender,
                             const struct frame *frame);
/* A heartbeat says of which council its sender is. */
void council_side_hear(struct cluster *c, struct cluster_node *sender,
                       const struct council_hint *hint);
void council_side_tick(struct cluster *c);
/* At the end of a step: hand out news and messages, until there are none. */
void council_side_settle(struct cluster *c);
/* A nodes file is given out, or is on disk. */
/* The nodes file that was read is on disk. */
void council_side_note_saved(struct cluster *c);
void council_side_file_given(struct cluster *c, uint64_t sequence);
void council_side_file_written(struct cluster *c, uint64_t sequence);
struct mono_time council_side_wake_at(const struct cluster *c);
void council_side_deinit(struct cluster *c);

#endif
