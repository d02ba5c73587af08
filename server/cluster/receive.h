/* SPDX-License-Identifier: MIT */
/* What arrives on the bus. */
#ifndef STARLING_CLUSTER_RECEIVE_H
#define STARLING_CLUSTER_RECEIVE_H

#include "cluster/state.h"

void receive_frame(struct cluster *c, const struct cluster_event *event);

#endif
