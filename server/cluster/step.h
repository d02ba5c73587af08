/* SPDX-License-Identifier: MIT */
/* Around every entry from outside: cluster_step and the calls of admin.h. */
#ifndef STARLING_CLUSTER_STEP_H
#define STARLING_CLUSTER_STEP_H

#include "cluster/state.h"

void step_begin(struct cluster *c, struct mono_time now, struct actions *actions);
/* Do what is due, give out what changed, set wake_at. */
void step_end(struct cluster *c);

#endif
