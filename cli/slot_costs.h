/* SPDX-License-Identifier: MIT */
/* What each slot of a node costs: 1, its keys, its bytes, or the commands and bytes that it has had so far. */
#ifndef STARLING_CLI_SLOT_COSTS_H
#define STARLING_CLI_SLOT_COSTS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/errmsg.h"
#include "cli/cluster_view.h"
#include "cli/options.h"
#include "resp/value.h"
#include "spec/slot.h"

/* Fill in costs of the node's slots, and of no others.  False when the server does not tell what is to be measured. */
MUST_USE bool slot_costs_fetch(const struct view_node *node, enum cluster_measure measure,
                               double costs[SLOT_COUNT], struct errmsg *error);
/* The reply of CLUSTER SLOT-STATS; false when it has not what is to be measured, or makes no sense.  Pure. */
MUST_USE bool slot_costs_parse(const struct resp_value *reply, enum cluster_measure measure,
                               double costs[SLOT_COUNT], struct errmsg *error);

#endif
