/* SPDX-License-Identifier: MIT */
/* Failure detection, and what it means for the cluster as a whole.
 *
 * Invariants:  (1) nobody reports a node twice, nor from the future
 *              (2) what was told last of our state is what it was at the end of a step */
#ifndef STARLING_CLUSTER_FAILURE_H
#define STARLING_CLUSTER_FAILURE_H

#include "cluster/state.h"

/* Look at every node: silent for too long, reported by a majority, back again. */
void failure_tick(struct cluster *c);
/* We were not running for a while: that nobody answered says nothing about them. */
void failure_forgive_silence(struct cluster *c);
/* It has answered. */
void failure_on_answer(struct cluster *c, struct cluster_node *node);
/* reporter says how node looks from there. */
void failure_take_report(struct cluster *c, const struct cluster_node *reporter,
                         struct cluster_node *node, bool is_unreachable);
/* A majority has found it failed (we, or who told us). */
void failure_mark_failed(struct cluster *c, struct cluster_node *node);
/* Reports that still count. */
size_t failure_count_reports(const struct cluster *c, const struct cluster_node *node,
                             struct mono_time now);
/* Can a majority of the council be reached, and, while seats are handed on, of those who had them before? */
bool failure_sees_majority(const struct cluster *c);
/* For some time slots have lacked an owner, and nothing else keeps the cluster from being ok: what is waited for does not come by itself. */
bool failure_only_lacks_slots(const struct cluster *c, struct mono_time now);
/* Set is_ok from coverage and majority. */
void failure_update_state(struct cluster *c);
void failure_check(const struct cluster *c);

#endif
