/* SPDX-License-Identifier: MIT */
/* Carrying out a plan of moves over the nodes of a view; holders of the plan are nodes, by index.  Returns the exit code. */
#ifndef STARLING_CLI_CLUSTER_CARRY_OUT_H
#define STARLING_CLI_CLUSTER_CARRY_OUT_H

#include "cli/cluster_view.h"
#include "cli/options.h"
#include "cli/slot_plan.h"

/* Nobody can be asked to move anything: nodes cannot be reached, disagree, or slots are on the move already.  Says why. */
MUST_USE bool cluster_may_move(const struct cluster_view *view);
/* Show the plan: with each_slot a line a slot, as stock tools do, else a line a move. */
void cluster_show_plan(const struct cluster_view *view, const struct slot_plan *plan,
                       bool each_slot);
int cluster_carry_out(const struct options *options, const struct cluster_view *view,
                      const struct slot_plan *plan);

#endif
